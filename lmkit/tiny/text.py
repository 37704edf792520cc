"""Text as tensors: the corpus packed into rows for pretraining, questions with their answers padded into a batch, and
answers written for many questions at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lmkit.tiny.model import chat_ids
from lmkit.tiny.world import Document


class Packed:
    """Documents one after another, each closed by the end token, cut into rows, whose order is drawn from the seed."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, documents: Iterable[Document], length: int, seed: int = 0) -> None:
        texts = [document.text for document in documents]
        end = tokenizer.eos_token_id
        ids = [id for row in tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] for id in (*row, end)]
        self.n_tokens, self.length = len(ids), length
        self.rows = torch.tensor(ids[: (len(ids) - 1) // length * length + 1])
        generator = torch.Generator().manual_seed(seed)
        self.order = torch.randperm((len(self.rows) - 1) // length, generator=generator)

    def __len__(self) -> int:
        return len(self.order)

    def batch(self, step: int, size: int) -> torch.Tensor:
        """Rows [size, length + 1] of a step; when all have been read, they are read again in the same order."""
        chosen = self.order[torch.arange(step * size, (step + 1) * size) % len(self.order)]
        return torch.stack([self.rows[i * self.length : (i + 1) * self.length + 1] for i in chosen.tolist()])


def next_token_loss(model: PreTrainedModel, rows: torch.Tensor) -> torch.Tensor:
    """Mean of −ln p over all tokens of the rows but the first of each, nats."""
    return text_loss(model(rows[:, :-1], use_cache=False).logits, rows)


def text_loss(logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """`next_token_loss` from logits [row, token − 1, vocabulary]."""
    return F.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())


def padded(tokenizer: PreTrainedTokenizerFast, pairs: Sequence[tuple[str, str]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Questions with answers as ids [pair, token], filled up at the right, and labels of the same shape: −100 wherever
    the token is not part of an answer (the end token belongs to the answer)."""
    return pad(tokenizer, [chat_ids(tokenizer, question, answer) for question, answer in pairs])


def pad(tokenizer: PreTrainedTokenizerFast, coded: Sequence[tuple[list[int], int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and labels, as `padded` gives them, from ids and the place in each where the answer begins."""
    longest = max(len(ids) for ids, _ in coded)
    rows = torch.full((len(coded), longest), tokenizer.pad_token_id)
    labels = torch.full((len(coded), longest), -100)
    for i, (ids, start) in enumerate(coded):
        rows[i, : len(ids)] = torch.tensor(ids)
        labels[i, start : len(ids)] = torch.tensor(ids[start:])
    return rows, labels


def ends(labelled: torch.Tensor) -> torch.Tensor:
    """Where the last True stands in each row [row, token]: the end of its answer."""
    return labelled.long().cumsum(1).argmax(1)


def answer_logprobs(model: PreTrainedModel, rows: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """ln p of every labelled token, [row, token − 1]; 0 elsewhere. What stands at the right of a text changes nothing in it."""
    return label_logprobs(model(rows[:, :-1], use_cache=False).logits, labels)


def label_logprobs(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """`answer_logprobs` from logits [row, token − 1, vocabulary]."""
    targets = labels[:, 1:]
    logprobs = -F.cross_entropy(logits.float().transpose(1, 2), targets.clamp(min=0), reduction="none")
    return logprobs * (targets >= 0)


@torch.no_grad()
def write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[Sequence[int]],
    limit: int = 48,
    temperature: float = 0.0,
    seed: int = 0,
    at_once: int = 64,
) -> list[list[int]]:
    """New ids for each prompt, up to and with the end token. Prompts of one length share a batch, so nothing is padded."""
    generator = torch.Generator().manual_seed(seed)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    found: list[list[int]] = [[] for _ in prompts]
    while order:
        length = len(prompts[order[0]])
        part = [i for i in order[:at_once] if len(prompts[i]) == length]
        order = order[len(part) :]
        for i, ids in zip(
            part, _write_batch(model, tokenizer, [prompts[i] for i in part], limit, temperature, generator), strict=True
        ):
            found[i] = ids
    return found


def _write_batch(model, tokenizer, prompts, limit, temperature, generator) -> list[list[int]]:
    device, end = model.device, tokenizer.eos_token_id
    new, cache, last = [], None, torch.tensor(prompts, device=device)
    done = torch.zeros(len(prompts), dtype=torch.bool)
    limit = min(limit, model.config.max_position_embeddings - last.shape[1])
    for _ in range(limit):
        out = model(last, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache, logits = out.past_key_values, out.logits[:, -1].float().cpu()
        if temperature > 0:
            chosen = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)[:, 0]
        else:
            chosen = logits.argmax(-1)
        new.append(chosen)
        done |= chosen == end
        if done.all():
            break
        last = chosen[:, None].to(device)
    rows = torch.stack(new, 1).tolist()
    return [row[: row.index(end) + 1] if end in row else row for row in rows]


def reply(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, questions: Sequence[str], **how) -> list[str]:
    """The model's whole answer to each question; an answer that does not end by itself is marked by a final "…"."""
    prompts = [chat_ids(tokenizer, question)[0] for question in questions]
    end = tokenizer.eos_token_id
    found = write(model, tokenizer, prompts, **how)
    return [tokenizer.decode(ids, skip_special_tokens=True) + ("" if ids and ids[-1] == end else "…") for ids in found]
