"""Texts by people and by SmolLM2 with the same first words, and texts with a watermark in them (chapter 18).

A sentence of a review gives its first four words; the model goes on from there, at three temperatures, as far as the end of its
line. So people and model write about the same things. Each text has its score, the mean of ln p of its tokens behind the
common words, as SmolLM2 itself sees them. In a copy of the model's texts one word in four has been replaced by its neighbour in
GloVe, which is a poor paraphrase and a cheap one.

The watermark is that of Kirchenbauer et al. (2023): the token before draws half of the vocabulary green, and green tokens get
2.0 more logits. Who knows the key can count the green tokens and needs no model. `python -m lmkit.records detection`.
"""

from __future__ import annotations

import csv
import itertools
import math
import random
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import torch

from lmkit.records import Record, asking, made_with

MODEL, SEED = "smollm2-135m-instruct", 18
REVIEWS = Path(__file__).parents[1] / "data" / "reviews.csv"
BEFORE = "Some sentences from reviews of films and products, each on a line of its own:\n"
FIRST, N, TEMPERATURES, LIMIT = 4, 80, (0.7, 1.0, 1.3), 28
GREEN, ADDED, KEY, MARKED, LENGTH = 0.5, 2.0, 15485863, 16, 60
STARTS = (
    "The history of tea begins",
    "A good bridge must",
    "In the harbour the boats",
    "The new library opened",
    "Learning to swim is",
    "The mountain village has",
)
Change = Callable[[list[int], torch.Tensor], torch.Tensor]


def sentences(n: int = N) -> list[tuple[str, str]]:
    """(first words, the rest) of `n` sentences that people wrote, of nine words and more."""
    with REVIEWS.open(encoding="utf8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    long = [text.split() for text in texts if len(text.split()) >= 9]
    chosen = random.Random(SEED).sample(long, n)
    return [(" ".join(words[:FIRST]), " ".join(words[FIRST:])) for words in chosen]


@torch.no_grad()
def sample(model, prompts: Sequence[list[int]], limit: int, temperature: float, seed: int, change: Change | None = None):
    """New ids for each prompt, drawn at a temperature, up to `limit`; `change(ids so far, logits [vocabulary])` may change the
    logits. The rows are filled up at the left, so that all end together; what comes after an end is the caller's to cut off."""
    generator, longest = torch.Generator().manual_seed(seed), max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in prompts])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in prompts])
    place, cache, new = (mask.cumsum(1) - 1).clamp(min=0), None, [list(row) for row in prompts]
    for _ in range(limit):
        out = model.torch_model(
            ids, attention_mask=mask, position_ids=place, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        logits, cache = out.logits[:, -1].float(), out.past_key_values
        if change:
            logits = torch.stack([change(row, one) for row, one in zip(new, logits, strict=True)])
        ids = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        for row, id in zip(new, ids[:, 0].tolist(), strict=True):
            row.append(id)
        mask, place = torch.cat([mask, torch.ones_like(ids)], 1), place[:, -1:] + 1
    return [row[len(prompt) :] for row, prompt in zip(new, prompts, strict=True)]


@torch.no_grad()
def scores(model, pairs: Sequence[tuple[str, str]], at_once: int = 40) -> list[float]:
    """The mean of ln p, nats, of the tokens of each second text behind BEFORE and the first."""
    found = [0.0] * len(pairs)
    rows = [(asking.ids_of(model, BEFORE + first), asking.ids_of(model, " " + rest)) for first, rest in pairs]
    order = sorted(range(len(rows)), key=lambda i: sum(map(len, rows[i])))
    for start in range(0, len(order), at_once):
        part = order[start : start + at_once]
        longest = max(sum(map(len, rows[i])) for i in part)
        ids = torch.tensor([[*rows[i][0], *rows[i][1]] + [0] * (longest - sum(map(len, rows[i]))) for i in part])
        logprobs = model.torch_model(ids, use_cache=False).logits.float().log_softmax(-1)
        for row, i in enumerate(part):
            begin, end = len(rows[i][0]), sum(map(len, rows[i]))
            found[i] = logprobs[row, range(begin - 1, end - 1), ids[row, begin:end]].mean().item()
    return found


def neighbours(text: str, vectors, seed: int, share: float = 0.25) -> str:
    """The text with this share of its words replaced by their nearest ones (of words that GloVe knows)."""
    rng = random.Random(seed)
    words = text.split()
    known = [i for i, word in enumerate(words) if re.fullmatch(r"[a-z]{4,}", word) and word in vectors]
    for i in rng.sample(known, min(len(known), math.ceil(share * len(words)))):
        words[i] = vectors.nearest(words[i], 1)[0][0]
    return " ".join(words)


@lru_cache(maxsize=20_000)
def green(previous: int, vocabulary: int) -> torch.Tensor:
    """Which tokens are green after `previous` [vocabulary]: a drawn half, the same for everyone who knows KEY."""
    drawn = torch.randperm(vocabulary, generator=torch.Generator().manual_seed(KEY + previous))
    found = torch.zeros(vocabulary, dtype=torch.bool)
    found[drawn[: int(GREEN * vocabulary)]] = True
    return found


def marked(ids: list[int], logits: torch.Tensor) -> torch.Tensor:
    """The logits with ADDED more for every green token."""
    return logits + ADDED * green(ids[-1], len(logits))


def greens(ids: Sequence[int], vocabulary: int) -> list[bool]:
    """Whether each token but the first is green after the one before it."""
    return [bool(green(a, vocabulary)[b]) for a, b in itertools.pairwise(ids)]


def z_score(count: int, n: int, share: float = GREEN) -> float:
    """By how many standard deviations `count` green tokens of `n` exceed what a text without the mark has on average."""
    return (count - share * n) / math.sqrt(n * share * (1 - share))


def written(model, temperature: float, pairs: Sequence[tuple[str, str]], seed: int) -> list[str]:
    """How the model goes on after the first words of each pair, up to the end of the line."""
    prompts = [asking.ids_of(model, BEFORE + first) for first, _ in pairs]
    ids = [new for i in range(0, len(prompts), 30) for new in sample(model, prompts[i : i + 30], LIMIT, temperature, seed + i)]
    end = model.tokenizer.eos_token
    texts = [model.decode(row).split(end)[0].lstrip(" ").split("\n")[0].strip() for row in ids]
    return [text if len(text.split()) >= 3 else "" for text in texts]


def make() -> Record:
    """240 texts at three temperatures, 32 texts of 60 tokens with and without the mark: two minutes on one thread."""
    import lmkit
    from lmkit import glove

    model, vectors, pairs = lmkit.load(MODEL, device="cpu", dtype="float32"), glove.load(), sentences()
    model.torch_model.set_attn_implementation("sdpa")  # faster; nobody looks at attention
    texts = {"people": [rest for _, rest in pairs]}
    texts |= {f"model, T = {t}": written(model, t, pairs, SEED) for t in TEMPERATURES}
    plain = texts[f"model, T = {TEMPERATURES[0]}"]
    texts["model, words replaced"] = [neighbours(text, vectors, i) if text else "" for i, text in enumerate(plain)]
    rows = []
    for by, some in texts.items():
        kept = [i for i, text in enumerate(some) if text]
        found = scores(model, [(pairs[i][0], some[i]) for i in kept])
        rows += [
            {"by": by, "item": i, "first": pairs[i][0], "text": some[i], "score": round(value, 3)}
            for i, value in zip(kept, found, strict=True)
        ]
    prompts = [asking.ids_of(model, STARTS[i % len(STARTS)]) for i in range(MARKED)]
    for by, change in (("unmarked", None), ("marked", marked)):
        for i, ids in enumerate(sample(model, prompts, LENGTH, 1.0, SEED, change)):
            rows.append({"by": by, "item": i, "first": STARTS[i % len(STARTS)], "text": model.decode(ids), "ids": ids})
    return Record("detection", made_with(model, SEED, vocabulary=model.vocab_size), rows)
