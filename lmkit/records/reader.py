"""A very small language model that reads lines: every word, digit and mark is a token, the vocabulary is that of its text.

It is made for experiments in which every line is known: a hundred thousand parameters, trained in seconds on one processor. A
line is read from its beginning; what stands in another line is not seen. This module knows nothing of what the lines say.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from lmkit.records.decoder import Decoder

END = "⏎"  # stands before every line and behind it


def tokens(text: str) -> list[str]:
    """Words, single digits and single marks, in order: "Call 41!" is Call, 4, 1, !"""
    return re.findall(r"[^\W\d_]+|\d|[^\w\s]", text)


class Reader(Decoder):
    """A decoder with the words of its text for a vocabulary."""

    def __init__(self, vocabulary: Sequence[str], length: int, **shape: int) -> None:
        super().__init__(1 + len(vocabulary), length, **shape)
        self.vocabulary = [END, *vocabulary]
        self.index = {token: id for id, token in enumerate(self.vocabulary)}

    def ids(self, text: str) -> list[int]:
        """The ids of a text as the beginning of a line. Raises KeyError for a word that the training text does not have."""
        return [0, *(self.index[token] for token in tokens(text))]


def padded(rows: Sequence[Sequence[int]], fill: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])


def learn(net: Reader, lines: Sequence[str], steps: int, batch: int, rate: float = 2e-3, seed: int = 0) -> list[float]:
    """AdamW on `batch` lines a step, in an order drawn from the seed; read again in a new order when all have been read.
    Returns the losses, nats a token."""
    coded = [[*net.ids(line), 0] for line in lines]
    order = list(_again(len(coded), steps * batch, seed))
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 30) * (1 - 0.9 * step / steps)
        rows = [coded[i] for i in order[step * batch : (step + 1) * batch]]
        logits = net(padded([row[:-1] for row in rows], 0))
        loss = F.cross_entropy(logits.flatten(0, 1), padded([row[1:] for row in rows], -100).flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def _again(n: int, wanted: int, seed: int) -> Iterable[int]:
    rng = random.Random(f"order {seed}")
    for _ in range(-(-wanted // n)):
        yield from rng.sample(range(n), n)


def train(lines: Sequence[str], steps: int, batch: int, seed: int = 0, vocabulary_of: Sequence[str] = (), **shape: int) -> Reader:
    """A new model that has read the lines, in eval mode. `vocabulary_of`: more lines whose words it should know."""
    known = sorted({token for line in (*lines, *vocabulary_of) for token in tokens(line)})
    longest = max(len(tokens(line)) for line in (*lines, *vocabulary_of)) + 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Reader(known, longest, **shape)
    learn(net, lines, steps, batch, seed=seed)
    return net.eval()


@torch.no_grad()
def write(net: Reader, starts: Sequence[str], limit: int, temperature: float = 0.0, seed: int = 0) -> list[str]:
    """How each line goes on: at most `limit` tokens, joined by blanks, up to the end of the line. Temperature 0 is greedy."""
    generator, found = torch.Generator().manual_seed(seed), [""] * len(starts)
    by_length: dict[int, list[int]] = {}
    for i, start in enumerate(starts):
        by_length.setdefault(len(net.ids(start)), []).append(i)
    for places in by_length.values():
        ids = torch.tensor([net.ids(starts[i]) for i in places])
        begin = ids.shape[1]
        for _ in range(min(limit, len(net.mask) - begin)):
            logits = net(ids)[:, -1]
            if temperature:
                new = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
            else:
                new = logits.argmax(-1, keepdim=True)
            ids = torch.cat([ids, new], 1)
        for i, row in zip(places, ids[:, begin:].tolist(), strict=True):
            row = row[: row.index(0)] if 0 in row else row
            found[i] = " ".join(net.vocabulary[id] for id in row)
    return found


@torch.no_grad()
def log_chances(net: Reader, start: str, rest: Sequence[str]) -> torch.Tensor:
    """ln p of each text of `rest` behind the start [text]."""
    begin = net.ids(start)
    rows = [begin + net.ids(text)[1:] for text in rest]
    ids, targets = padded([row[:-1] for row in rows], 0), padded([row[1:] for row in rows], -100)
    targets[:, : len(begin) - 1] = -100
    return -F.cross_entropy(net(ids).transpose(1, 2), targets, ignore_index=-100, reduction="none").sum(1)
