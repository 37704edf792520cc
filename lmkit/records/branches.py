"""A sentence that SmolLM2-135M-Instruct goes on with, and where else it could have gone: the figure of the front page.

After each beginning stand the four most probable next tokens with their probabilities, and each of the four is a beginning
again. All beginnings of up to FULL chosen tokens are asked, then the likeliest ones of any length, until ASKED are. A row is
one beginning: `path` holds the places of its tokens among the four (`"02"`: the first, then the third), `ids`, `tokens` and
`probs` are those of the next four. An end token ends a path. `python -m lmkit.records branches` takes about a minute.
"""

from __future__ import annotations

import torch

import lmkit
from lmkit.records import Record, made_with
from lmkit.records.asking import next_logits

PROMPT = "A language model is like"
WIDTH, FULL, ASKED, AT_ONCE = 4, 4, 900, 100


def following(model, beginnings: list[list[int]]) -> list[list[tuple[int, float]]]:
    """For each beginning, as ids: its WIDTH most probable next tokens, as (id, probability), the likeliest first."""
    probs = next_logits(model, beginnings).double().softmax(-1)
    best = probs.topk(WIDTH)
    return [list(zip(*row, strict=True)) for row in zip(best.indices.tolist(), best.values.tolist(), strict=True)]


def grow(model, prompt: str = PROMPT, full: int = FULL, asked: int = ASKED) -> list[dict]:
    """The rows of a tree of at most `asked` beginnings, sorted by path."""
    rows: list[dict] = []
    waiting = {"": (1.0, model.encode(prompt))}  # path: how probable it is, all its ids
    while waiting and len(rows) < asked:
        order = sorted(waiting, key=lambda path: (len(path) > full, -waiting[path][0], path))
        chosen = order[: min(AT_ONCE, asked - len(rows))]
        taken = {path: waiting.pop(path) for path in chosen}
        for (path, (likely, ids)), nexts in zip(taken.items(), following(model, [ids for _, ids in taken.values()]), strict=True):
            tokens = [model.token_string(id) for id, _ in nexts]
            rows.append({"path": path, "ids": [i for i, _ in nexts], "tokens": tokens, "probs": [round(p, 4) for _, p in nexts]})
            for place, (id, p) in enumerate(nexts):
                if id != model.tokenizer.eos_token_id:
                    waiting[f"{path}{place}"] = (likely * p, [*ids, id])
    return sorted(rows, key=lambda row: row["path"])


def ids_along(rows: list[dict], path: str) -> list[int]:
    """The ids of the tokens chosen on a path."""
    by_path = {row["path"]: row for row in rows}
    return [by_path[path[:i]]["ids"][int(place)] for i, place in enumerate(path)]


def make() -> Record:
    model = lmkit.load("smollm2-135m-instruct", device="cpu", dtype=torch.float32)
    made = made_with(model, 0, prompt=PROMPT, vocabulary=model.vocab_size)
    return Record("branches", made, grow(model))
