"""Asking a model many prompts at once: what comes next after each, or what it writes, greedily, and how sure each choice was.

Prompts of like length share a batch, and what all of a batch begin with is read once. The answers are those that each prompt
gets alone, but for the last bits. It knows nothing of questions or answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

Prompt = str | list[int]  # a text, or ids that were put together with care


def ids_of(model, prompt: Prompt) -> list[int]:
    """Ids of a text, in which a mark such as <|im_end|> becomes the mark's token, as in most programs; ids stay."""
    return prompt if isinstance(prompt, list) else model.tokenizer(prompt, add_special_tokens=False)["input_ids"]


def harmless(model, text: str) -> list[int]:
    """Ids of a text in which a mark is spelled out in ordinary tokens: it cannot end a turn."""
    return model.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def batches(rows: list[list[int]], at_once: int) -> list[tuple[list[int], list[int], list[list[int]]]]:
    """(places, the ids that all rows of the batch begin with, the rest of each row): rows of like lengths together."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found = []
    for start in range(0, len(order), at_once):
        part = order[start : start + at_once]
        common = 0
        while all(len(rows[i]) > common + 1 and rows[i][common] == rows[part[0]][common] for i in part):
            common += 1
        found.append((part, rows[part[0]][:common], [rows[i][common:] for i in part]))
    return found


def read(model, begin: list[int], copies: int):
    """The cache of a beginning, read once, for so many rows that go on from there."""
    if not begin:
        return None
    cache = model.torch_model(torch.tensor([begin], device=model.device), use_cache=True, logits_to_keep=1).past_key_values
    cache.batch_repeat_interleave(copies)
    return cache


@torch.no_grad()
def next_logits(model, prompts: Sequence[Prompt], at_once: int = 60) -> torch.Tensor:
    """Logits [prompt, vocabulary] of the next token. What all prompts begin with is read once.

    Rows are filled up at the right: a causal model has not read what stands there when it reads the prompt's last token.
    """
    found = torch.empty(len(prompts), model.vocab_size)
    for part, begin, rows in batches([ids_of(model, prompt) for prompt in prompts], at_once):
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=model.device)
        states = model.torch_model.model(ids, past_key_values=read(model, begin, len(rows))).last_hidden_state
        last = states[range(len(rows)), [len(row) - 1 for row in rows]]
        found[part] = model.torch_model.lm_head(last).float().cpu()
    return found


@torch.no_grad()
def write(
    model, prompts: Sequence[Prompt], limit: int, stop: str = "\n", watch: Sequence[int] = (), at_once: int = 60
) -> list[tuple[str, float, list[float]]]:
    """For each prompt its greedy continuation up to `stop`, the end token or `limit` tokens; its smallest gap, by how much,
    in logits, the second-best token was beaten (nearly 0: another processor may write another text); and the logits that
    the ids of `watch` had as its first token."""
    found = [("", 0.0, [])] * len(prompts)
    for part, begin, rows in batches([ids_of(model, prompt) for prompt in prompts], at_once):
        for i, one in zip(part, _write(model, begin, rows, limit, stop, list(watch)), strict=True):
            found[i] = one
    return found


def _write(model, begin: list[int], rows: list[list[int]], limit: int, stop: str, watch: list[int]) -> list:
    """`write` for one batch: rows are filled up at the left, so that all of them end together."""
    longest, device, end = max(map(len, rows)), model.device, model.tokenizer.eos_token_id
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[1] * len(begin) + [0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    place = (mask.cumsum(1) - 1).clamp(min=0)[:, len(begin) :]
    cache, watched, going = read(model, begin, len(rows)), [], list(range(len(rows)))
    new, gaps = [[] for _ in rows], [float("inf")] * len(rows)
    for _ in range(limit):
        out = model.torch_model(
            ids, attention_mask=mask, position_ids=place, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        logits, cache = out.logits[:, -1].float(), out.past_key_values
        watched, best = watched or logits[:, watch].tolist(), logits.topk(2)
        keep = []
        for place_in_batch, i in enumerate(going):
            id, (first, second) = best.indices[place_in_batch, 0].item(), best.values[place_in_batch].tolist()
            new[i].append(id)
            gaps[i] = min(gaps[i], first - second)
            if not (id == end or (stop and stop in model.decode(new[i]).lstrip())):
                keep.append(place_in_batch)
        if not keep:
            break
        ids, place = best.indices[keep, :1], place[keep, -1:] + 1
        mask = torch.cat([mask[keep], torch.ones_like(ids)], 1)
        if len(keep) < len(going):  # what has ended is not computed any longer
            going = [going[i] for i in keep]
            cache.batch_select_indices(torch.tensor(keep, device=device))
    texts = [_until(model.decode(row), stop, model.tokenizer.eos_token) for row in new]
    return list(zip(texts, gaps, watched, strict=True))


def _until(text: str, stop: str, end: str) -> str:
    text = text.split(end)[0].strip()
    return text.split(stop)[0].strip() if stop else text
