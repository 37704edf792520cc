"""The reward model: a number for a question and its answer, learned from pairs in which one answer is preferred."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from torch.nn import functional as F
from transformers import LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast

from lmkit.tiny.preferences import Pair
from lmkit.tiny.run import Run, cosine, default_accelerator, set_rate
from lmkit.tiny.text import Packed, padded, text_loss


def with_score(model: LlamaForCausalLM) -> LlamaForSequenceClassification:
    """A copy of a language model's body with a new head of one number, which begins at zero."""
    config = type(model.config).from_dict({**model.config.to_dict(), "num_labels": 1})
    scorer = LlamaForSequenceClassification._from_config(config, dtype=torch.float32)
    scorer.model.load_state_dict(model.model.state_dict())
    torch.nn.init.zeros_(scorer.score.weight)
    return scorer


def scores(model: LlamaForSequenceClassification, rows: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The score of each row [row], read at the last token of its answer."""
    last = (labels >= 0).cumsum(1).argmax(1)
    hidden = model.model(rows).last_hidden_state
    return model.score(hidden[torch.arange(len(rows), device=rows.device), last])[:, 0]


def score(
    model: LlamaForSequenceClassification, tokenizer: PreTrainedTokenizerFast, pairs: Sequence[tuple[str, str]]
) -> list[float]:
    """The scores of (question, answer) pairs."""
    with torch.no_grad():
        rows, labels = padded(tokenizer, pairs)
        return scores(model, rows.to(model.device), labels.to(model.device)).tolist()


class Scorer(torch.nn.Module):
    """Both losses of a step in one forward pass, as several processes need it."""

    def __init__(self, model: LlamaForSequenceClassification) -> None:
        super().__init__()
        self.model = model

    def forward(self, rows: torch.Tensor, labels: torch.Tensor, old: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = scores(self.model, rows, labels)
        hidden = self.model.model(old[:, :-1]).last_hidden_state
        logits = hidden @ self.model.model.embed_tokens.weight.T  # the embeddings are tied: the language model is still in there
        return found, text_loss(logits, old)


def train_reward(
    model: LlamaForSequenceClassification,
    tokenizer: PreTrainedTokenizerFast,
    batches: Callable[[int, int], list[Pair]],
    replay: Packed,
    steps: int,
    batch: int = 32,
    replayed: int = 4,
    rate: float = 5e-4,
    folder: Path | None = None,
    accelerator: Accelerator | None = None,
) -> list[dict]:
    """Bradley–Terry: −ln σ(score of the better − score of the worse). Returns the log.

    Beside it the body goes on reading the old text, so that it still knows what it was never asked.
    """
    accelerator = accelerator or default_accelerator()
    both = Scorer(model).train()
    optimizer = torch.optim.AdamW(both.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
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
