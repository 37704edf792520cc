"""Checkers for chapter 12, supervised fine-tuning. Each tries an answer on inputs that it has not seen and names the
typical mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, draw, name_mistake, number, vector

# 12.1 the labels of a conversation


def labels_of(answer: Callable) -> None:
    user, assistant, end = 1, 2, 0
    turns = [([11, 12, 13], [21, 22]), ([14, 15], [23, 24, 25]), ([16], [26])]
    for conversation in (turns[:1], turns[:2], turns):
        ids = [id for asked, said in conversation for id in (user, *asked, end, assistant, *said, end)]
        given = list(ids)
        result = as_list(call(answer, given, user, assistant, end), len(ids))
        if given != ids:
            raise Mistake("the ids you were given have changed: build a new list.")
        if result != (right := mark(ids, user, assistant, end)):
            raise Mistake(mistake_in_labels(result, right, ids, user, assistant, end))


def mark(ids: list[int], user: int, assistant: int, end: int, with_mark: bool = False, with_end: bool = True) -> list[int]:
    """The right labels, or those of a learner who counts the assistant's mark or leaves the end token out."""
    labels, answering = [], False
    for id in ids:
        if id in (user, assistant):
            answering = id == assistant
            labels.append(id if with_mark and answering else -100)
        else:
            labels.append(id if answering and (id != end or with_end) else -100)
        answering = answering and id != end
    return labels


def mistake_in_labels(result: list[int], right: list[int], ids: list[int], user: int, assistant: int, end: int) -> str:
    ends = [id if id == end else label for id, label in zip(ids, right, strict=True)]
    last = len(ids) - 1 - ids[::-1].index(assistant)
    first = ids.index(assistant)
    wrong = [
        (mark(ids, user, assistant, end, with_end=False), "the end token of an answer is missing: it would never stop."),
        (mark(ids, user, assistant, end, with_mark=True), "the mark <|assistant|> itself is not part of an answer."),
        (ends, "the end tokens of the *user's* turns are counted too: only those that close an answer are the model's to write."),
        ([-100] * (last + 1) + ids[last + 1 :], "only the last answer counts so far: every answer of the conversation does."),
        ([-100] * (first + 1) + ids[first + 1 :], "from the first answer on everything counts: the later questions must not."),
        (ids, "everything counts: put −100 wherever the token is not part of an answer."),
        ([-100 if a != -100 else id for a, id in zip(right, ids, strict=True)], "it is the wrong way round: questions count."),
        ([0 if a == -100 else a for a in right], "use −100, not 0, for what does not count: 0 is a token."),
        ([1 if a != -100 else 0 for a in right], "these are zeros and ones: a label is the id of the token, or −100."),
        ([*right[1:], -100], "the labels are shifted by one: here they stand at the tokens themselves; the loss shifts them."),
    ]
    found = next((message for value, message in wrong if result == value), None)
    if found:
        return found
    at = next(i for i, (a, b) in enumerate(zip(result, right, strict=True)) if a != b)
    return f"not yet: for {ids} the label at place {at} should be {right[at]}, and yours is {result[at]}."


def as_list(result: Any, length: int) -> list[int]:
    if isinstance(result, torch.Tensor):
        result = result.tolist()
    if not isinstance(result, list | tuple):
        raise Mistake(f"return a list of labels; your function returns a {type(result).__name__}.")
    if len(result) != length:
        raise Mistake(f"there must be one label for each of the {length} tokens; you return {len(result)}.")
    return list(result)


# 12.2 the masked loss


def masked_loss(answer: Callable) -> None:
    logits, ids = draw(3, 7, 11, seed=2) * 2, draw(3, 7, seed=3).mul(100).long().remainder(11)
    labels = ids.clone()
    for row, count in enumerate((1, 3, 5)):  # labelled tokens of each row
        labels[row, : 7 - count] = -100
    result = number(call(answer, logits.clone(), labels.clone()))
    flat, targets = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    right = F.cross_entropy(flat, targets)
    if close(result, right):
        return
    each = F.cross_entropy(flat, targets.clamp(min=0), reduction="none")
    kept = (targets >= 0).float()
    by_row, rows = (each * kept).view(3, -1).sum(1), kept.view(3, -1).sum(1)
    wrong = [
        (F.cross_entropy(logits.flatten(0, 1), labels.flatten()), "the logits at place t predict token t + 1: shift by one."),
        (
            F.cross_entropy(logits[:, 1:].flatten(0, 1), labels[:, :-1].flatten()),
            "it is shifted the wrong way: drop the *last* logits and the *first* labels.",
        ),
        ((each * kept).sum() / len(targets), "divide by the number of labelled tokens, not by all of them."),
        ((each * kept).sum(), "that is the sum: divide by the number of labelled tokens."),
        ((by_row / rows).mean(), "that is the mean of the rows' means: here a token counts the same in every row."),
        (each.mean(), "tokens without a label count as if their label were 0: leave them out."),
        (-right, "the sign: a loss is minus a logarithm."),
        (right.exp(), "that is the perplexity: return the loss itself."),
    ]
    name_mistake(result, wrong, f"not yet: for this batch the loss is {right:.4f}, and yours is {result:.4f}.")


# 12.3 merging a LoRA


def merge(answer: Callable) -> None:
    W, A, B, alpha = draw(5, 4, seed=4), draw(2, 4, seed=5), draw(5, 2, seed=6), 6.0
    given = W.clone()
    result = vector(call(answer, given, A.clone(), B.clone(), alpha), (5, 4))
    if not torch.equal(given, W):
        raise Mistake("the weight you were given has changed: return a new matrix.")
    change = B @ A
    if close(result, W + alpha / 2 * change):
        return
    wrong = [
        (W + change, "the factor α/r is missing."),
        (W + alpha * change, "divide α by the rank r, the number of rows of A."),
        (W + alpha / 4 * change, "r is the number of *rows* of A (or of columns of B): the short side."),
        (W + alpha / 5 * change, "r is the number of rows of A (or of *columns* of B): the short side."),
        (W + change / 2, "the change is scaled by α/r, not by 1/r."),
        (W + 2 / alpha * change, "it is the wrong way round: α/r, not r/α."),
        (alpha / 2 * change, "that is the change alone: add it to W."),
        (W - alpha / 2 * change, "the sign: the change is added."),
        (W, "nothing has changed: add α/r · B · A."),
    ]
    name_mistake(result, wrong, "not yet: W + α/r · B · A.")


# 12.4 the parameters of a LoRA

SMOLLM2 = {"width": 576, "layers": 30, "heads": 9, "kv_heads": 3, "head_width": 64}
QWEN3 = {"width": 1024, "layers": 28, "heads": 16, "kv_heads": 8, "head_width": 128}
GPT3 = {"width": 12288, "layers": 96, "heads": 96, "kv_heads": 96, "head_width": 128}


def lora_parameters(answer: Callable) -> None:
    for name, shape in (("GPT-3", GPT3), ("Qwen3-0.6B", QWEN3), ("SmolLM2-135M", SMOLLM2)):
        for rank in (4, 16):
            result = number(call(answer, dict(shape), rank))
            if result != (right := counted(shape, rank)):
                raise Mistake(mistake_in_count(result, right, shape, rank, name))


def counted(shape: Mapping[str, int], rank: int) -> int:
    """A and B at the query and the value projection of every layer."""
    width, query, value = shape["width"], shape["heads"] * shape["head_width"], shape["kv_heads"] * shape["head_width"]
    return shape["layers"] * rank * ((width + query) + (width + value))


def mistake_in_count(result: float, right: int, shape: Mapping[str, int], rank: int, name: str) -> str:
    width, heads, head_width = shape["width"], shape["heads"], shape["head_width"]
    equal_heads = counted({**shape, "kv_heads": heads}, rank)
    square = counted({**shape, "heads": 1, "kv_heads": 1, "head_width": width}, rank)
    full = shape["layers"] * width * (heads + shape["kv_heads"]) * head_width
    wrong = [
        (right / shape["layers"], "count every layer: multiply by their number."),
        (right / 2, "there are two matrices at each projection, A and B."),
        (right / rank, "the rank is missing: A has r rows, B has r columns."),
        (full, "that is the full matrices: A and B together have r · (in + out) numbers, not in · out."),
        (full * rank, "A and B together have r · (in + out) numbers, not r · in · out."),
        (equal_heads, "the value projection is narrower: it has kv_heads heads, not heads (grouped-query attention)."),
        (square, "not every projection is width × width: queries have heads · head_width outputs, values kv_heads · head_width."),
        (right * 2, "that is bytes in 16 bit, or A and B counted twice: count numbers."),
    ]
    found = next((message for value, message in wrong if result == value), None)
    hint = found or "for each of the two projections r · (in + out), times the layers."
    return f"{name}, rank {rank}: yours is {result:,.0f}. {hint[0].upper()}{hint[1:]}"


CHECKERS: dict[str, Callable[[Any], None]] = {
    "12.1": labels_of,
    "12.2": masked_loss,
    "12.3": merge,
    "12.4": lora_parameters,
}
