"""What prompts do to SmolLM2-135M-Instruct, item by item: examples and their labels, wordings, digits, steps, an injected line.

`make()` asks everything, about half an hour on one processor core; `PARTS` are the questions one by one, and `add` makes
one part anew in a record that has the others. A row holds whether the answer was right and how near it was to being
another one; it holds no text. The functions that ask are those that chapter 14 shows.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from lmkit import records

SEED = 14
LABELS = ("positive", "negative")
REVIEWS = Path(__file__).parents[1] / "data" / "reviews.csv"


# Asking many prompts at once


@torch.no_grad()
def next_logits(model, shared: str, tails: Sequence[str], at_once: int = 40) -> torch.Tensor:
    """Logits [tail, vocabulary] of the token that follows shared + tail. The shared beginning is read once.

    Tails are filled up at the right: a causal model has not read what stands there when it reads the tail's last token.
    """
    net, tokenizer = model.torch_model, model.tokenizer
    rows = tokenizer(list(tails), add_special_tokens=False)["input_ids"]
    begin = tokenizer(shared, add_special_tokens=False)["input_ids"]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found = torch.empty(len(rows), model.vocab_size)
    for start in range(0, len(order), at_once):
        part = order[start : start + at_once]
        longest = len(rows[part[-1]])
        ids = torch.tensor([rows[i] + [0] * (longest - len(rows[i])) for i in part], device=model.device)
        cache = None
        if begin:
            cache = net(torch.tensor([begin], device=model.device), use_cache=True, logits_to_keep=1).past_key_values
            cache.batch_repeat_interleave(len(part))
        states = net.model(ids, past_key_values=cache, use_cache=bool(begin)).last_hidden_state
        last = states[range(len(part)), [len(rows[i]) - 1 for i in part]]
        found[part] = net.lm_head(last).float().cpu()
    return found


@torch.no_grad()
def write(
    model, shared: str, tails: Sequence[str], limit: int, stop: str = "\n", at_once: int = 50
) -> list[tuple[str, float]]:
    """The greedy continuation of each shared + tail up to `stop`, the end token or `limit` tokens, and its smallest gap: by
    how much, in logits, the second-best token was beaten. Where that is nearly 0, another processor may write another text."""
    found = [("", 0.0)] * len(tails)
    rows = model.tokenizer(list(tails), add_special_tokens=False)["input_ids"]
    begin = model.tokenizer(shared, add_special_tokens=False)["input_ids"]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for start in range(0, len(order), at_once):
        part = order[start : start + at_once]
        for i, one in zip(part, _write(model, begin, [rows[i] for i in part], limit, stop), strict=True):
            found[i] = one
    return found


def _write(model, begin: list[int], rows: list[list[int]], limit: int, stop: str) -> list[tuple[str, float]]:
    """`write` for one batch: rows are filled up at the left, so that all of them end together."""
    longest, device, end = max(map(len, rows)), model.device, model.tokenizer.eos_token_id
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[1] * len(begin) + [0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    place = (mask.cumsum(1) - 1).clamp(min=0)[:, len(begin) :]
    cache = None
    if begin:
        cache = model.torch_model(torch.tensor([begin], device=device), use_cache=True, logits_to_keep=1).past_key_values
        cache.batch_repeat_interleave(len(rows))
    new, gaps, done = [[] for _ in rows], [float("inf")] * len(rows), [False] * len(rows)
    for _ in range(limit):
        out = model.torch_model(
            ids, attention_mask=mask, position_ids=place, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        cache, best = out.past_key_values, out.logits[:, -1].float().topk(2)
        for i, (id, values) in enumerate(zip(best.indices[:, 0].tolist(), best.values.tolist(), strict=True)):
            if not done[i]:
                new[i].append(id)
                gaps[i] = min(gaps[i], values[0] - values[1])
                done[i] = id == end or bool(stop and stop in model.decode(new[i]).lstrip())
        if all(done):
            break
        ids, place = best.indices[:, :1], place[:, -1:] + 1
        mask = torch.cat([mask, torch.ones_like(ids)], 1)
    return [(_until(model.decode(row), stop, model.tokenizer.eos_token), gap) for row, gap in zip(new, gaps, strict=True)]


def _until(text: str, stop: str, end: str) -> str:
    text = text.split(end)[0].strip()
    return text.split(stop)[0].strip() if stop else text


def chat(model, user: str, system: str | None = None, begin: str = "") -> str:
    """A message in the model's chat form, ready for its answer, which begins with `begin`. Without `system` the template
    puts in its own."""
    messages = [{"role": "system", "content": system}] if system is not None else []
    messages += [{"role": "user", "content": user}]
    return model.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False) + begin


def labels_of(model, logits: torch.Tensor, words: Sequence[str]) -> torch.Tensor:
    """Log-probabilities [item, word] of words that are one token each, among all tokens of the vocabulary."""
    ids = [model.tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
    if any(len(one) != 1 for one in ids):
        raise ValueError(f"each label must be one token of {model.name}, and {words} have {[len(one) for one in ids]}.")
    return logits.log_softmax(-1)[:, [one[0] for one in ids]]


# Reviews: examples, their labels, and wordings


def reviews() -> tuple[list[dict], list[dict]]:
    """120 sentences to be judged, 30 of each kind, and the other 480, from which examples are drawn."""
    with REVIEWS.open(encoding="utf8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    random.Random(SEED).shuffle(rows)
    kinds: dict[tuple, list] = {}
    for row in rows:
        kinds.setdefault((row["domain"], row["label"]), []).append(row)
    tested = [row for kind in sorted(kinds) for row in kinds[kind][:30]]
    return tested, [row for kind in sorted(kinds) for row in kinds[kind][30:]]


def examples(k: int, draw: int, labels: str = "true") -> str:
    """k examples in front of a review. Half of them are positive; for k = 1 the draw decides.

    labels   "true"; "random": drawn by a coin; "flipped": all of them wrong; "format": true labels, but no review
    """
    rng = random.Random(f"{SEED} {draw}")
    pool = reviews()[1]
    rng.shuffle(pool)
    of = {label: [row for row in pool if row["label"] == label] for label in LABELS}
    first = draw % 2
    chosen = [of[LABELS[(i + first) % 2]].pop() for i in range(k)]
    rng.shuffle(chosen)
    said = {
        "true": lambda row: row["label"],
        "format": lambda row: row["label"],
        "random": lambda row: rng.choice(LABELS),
        "flipped": lambda row: LABELS[row["label"] == LABELS[0]],
    }[labels]
    text = "…" if labels == "format" else "{text}"
    return "".join(f"Review: {text.format(**row)}\nSentiment: {said(row)}\n\n" for row in chosen)


def ask_reviews(model, k: int, draw: int, labels: str, items: Sequence[int] | None = None) -> list[dict]:
    """One row for each review: was the most probable token the right label (`free`), was the right label the more probable
    of the two (`restricted`), how much probability both have together, and by how much (in logits) they differ."""
    tested = reviews()[0]
    items = range(len(tested)) if items is None else items
    tails = [f"Review: {tested[i]['text']}\nSentiment:" for i in items]
    logits = next_logits(model, examples(k, draw, labels), tails)
    return [
        {"part": "reviews", "labels": labels, "k": k, "draw": draw, **row}
        for row in judged(model, logits, [tested[i]["label"] for i in items], items)
    ]


def judged(model, logits: torch.Tensor, truth: Sequence[str], items: Sequence[int], words=(" positive", " negative")) -> list[dict]:
    scores = labels_of(model, logits, words)
    best = logits.argmax(-1).tolist()
    rows = []
    for item, label, (a, b), id in zip(items, truth, scores.tolist(), best, strict=True):
        said = model.token_string(id).strip().strip("*\"'.").lower()
        rows.append(
            {
                "item": item,
                "free": said == label,
                "restricted": (a > b) == (label == LABELS[0]),
                "mass": round(min(1.0, 2.718281828**a + 2.718281828**b), 3),
                "gap": round(a - b, 2),
            }
        )
    return rows
