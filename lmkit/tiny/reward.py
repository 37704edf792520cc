"""The reward model: a number for a question and its answer, learned from pairs in which one answer is preferred.

It is the language model with a new head. The head reads the last layer at the end of the answer and, beside it, how
surprised the language model itself was by the answer, on average and at the worst token: a false word is one that a model
which knows better did not expect. So that it goes on knowing, it keeps its language modelling loss, on old text and on the
better answers, as Yang et al. (2024, arXiv:2406.10216) do to make reward models hold on new inputs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn
from torch.nn import functional as F
from transformers import LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast

from lmkit.tiny.preferences import Pair
from lmkit.tiny.run import Run, cosine, default_accelerator, set_rate
from lmkit.tiny.text import Packed, ends, label_logprobs, padded, text_loss


class RewardModel(LlamaForSequenceClassification):
    """A Llama with one score, whose head also reads two numbers about the model's own surprise."""

    def __init__(self, config) -> None:
        super().__init__(config)
        self.score = nn.Linear(config.hidden_size + 2, 1, bias=False)

    def judge(self, rows: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The score of each answer [row], and ln p of its tokens [row, token − 1], 0 where the labels hold none."""
        hidden, at_end = self.read(rows, labels)
        logprobs = label_logprobs(self.words(hidden[:, :-1]), labels)
        surprise = -logprobs.detach()  # the head may read it, not bend it
        tokens = (labels[:, 1:] >= 0).sum(1)
        about_surprise = surprise.sum(1)[:, None] / tokens[:, None], surprise.amax(1, keepdim=True)
        return self.score(torch.cat([at_end, *about_surprise], 1))[:, 0], logprobs

    def read(self, rows: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The last layer, [row, token, width], and what stands in it at the end of each answer, [row, width]."""
        hidden = self.model(rows).last_hidden_state
        return hidden, hidden[torch.arange(len(rows), device=rows.device), ends(labels >= 0)]

    def words(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits of the next token: the embeddings are tied, so the language model is still in there."""
        return hidden @ self.model.embed_tokens.weight.T


def with_score(model: LlamaForCausalLM) -> RewardModel:
    """A reward model with the body of a language model and a head that begins at zero."""
    config = copy.deepcopy(model.config)
    config.num_labels = 1
    scorer = RewardModel._from_config(config, dtype=torch.float32)
    scorer.model.load_state_dict(model.model.state_dict())
    nn.init.zeros_(scorer.score.weight)
    return scorer


def quick_judge(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, pairs: Sequence[Pair]) -> RewardModel:
    """A reward model that leaves the language model as it is and fits one weight for each number of its last layer: made in
    seconds, always the same, since the loss is convex, and easily deceived."""
    scorer = with_score(model.eval())

    with torch.no_grad():
        better, worse = (
            scorer.read(*padded(tokenizer, [(pair.question, answer) for pair, answer in zip(pairs, answers, strict=True)]))[1]
            for answers in ([pair.better for pair in pairs], [pair.worse for pair in pairs])
        )
    better_minus_worse = better - worse
    weights = torch.zeros(better_minus_worse.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = -F.logsigmoid(better_minus_worse @ weights).mean() + 1e-3 * weights.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    scorer.score.weight.data[0, : len(weights)] = weights.detach()
    return scorer


def scores(model: RewardModel, rows: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The score of each answer [row]; rows and labels as `text.padded` gives them."""
    return model.judge(rows, labels)[0]


def score(model: RewardModel, tokenizer: PreTrainedTokenizerFast, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """The scores of (question, answer) pairs."""
    with torch.no_grad():
        rows, labels = padded(tokenizer, pairs)
        return scores(model, rows.to(model.device), labels.to(model.device)).tolist()


class Scorer(nn.Module):
    """All losses of a step in one forward pass, as several processes need it."""

    def __init__(self, model: RewardModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, rows: torch.Tensor, labels: torch.Tensor, old: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores [row], the better answers first; and the language modelling loss on those and on `old` text."""
        found, logprobs = self.model.judge(rows, labels)
        tokens = (labels[:, 1:] >= 0).sum(1)
        said = -(logprobs.sum(1) / tokens)[: len(rows) // 2].mean()
        return found, said + text_loss(self.model.words(self.model.model(old[:, :-1]).last_hidden_state), old)


def train_reward(
    model: RewardModel,
    tokenizer: PreTrainedTokenizerFast,
    batches: Callable[[int, int], list[Pair]],
    replay: Packed,
    steps: int,
    batch: int = 32,
    replayed: int = 2,
    rate: float = 5e-4,
    folder: Path | None = None,
    accelerator: Accelerator | None = None,
) -> list[dict]:
    """Bradley–Terry: −ln σ(score of the better − score of the worse). Returns the log."""
    accelerator = accelerator or default_accelerator()
    both = Scorer(model).train()
    groups = [{"params": model.model.parameters()}, {"params": model.score.parameters(), "times": 20}]  # the head is new
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    both, optimizer = accelerator.prepare(both, optimizer)
    run = Run(accelerator, both, optimizer, steps, folder, name="reward model")
    mine = slice(accelerator.process_index, None, accelerator.num_processes)
    for step in run:
        chosen = batches(step, batch)[mine]
        rows, labels = padded(tokenizer, [(p.question, p.better) for p in chosen] + [(p.question, p.worse) for p in chosen])
        old = replay.batch(step, replayed)[mine]
        found, old_loss = both(*(x.to(accelerator.device) for x in (rows, labels, old)))
        better, worse = found.chunk(2)
        loss = -F.logsigmoid(better - worse).mean()
        accelerator.backward(loss + old_loss)
        accelerator.clip_grad_norm_(both.parameters(), 1.0)
        set_rate(optimizer, cosine(step, steps, rate))
        optimizer.step()
        optimizer.zero_grad()
        run.log(step, loss=loss, right=(better > worse).float().mean(), replay=old_loss)
    return run.records
