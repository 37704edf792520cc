"""Checkers for chapter 14, prompting. Each tries an answer on inputs that it has not seen and names the typical mistakes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from lmkit.exercises import Mistake, answers, call
from lmkit.exercises.answers import draw
from lmkit.exercises.answers import single as number


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(a, b, rtol=1e-4, atol=1e-6))


name_mistake = partial(answers.name_mistake, close=close)


# 14.1 the form


def form(examples: list[tuple[str, str]], review: str, colon: str = "Sentiment:", gap: str = "\n\n") -> str:
    solved = "".join(f"Review: {text}\n{colon} {label}{gap}" for text, label in examples)
    return f"{solved}Review: {review}\n{colon}"


def few_shot(answer: Callable) -> None:
    two = [("Not a dull minute.", "positive"), ("The strap tore.", "negative")]
    for examples, review in ((two, "I would buy it again."), ([], "It hums.")):
        result = call(answer, list(examples), review)
        if not isinstance(result, str):
            raise Mistake(f"return the prompt as one text; your function returns a {type(result).__name__}.")
        right = form(examples, review)
        if result == right:
            continue
        wrong = [
            (
                right + " ",
                "it ends with a blank. The label's token has the blank inside, “ positive”: behind a blank of its own the model "
                "would need another token. End with the colon.",
            ),
            (right + "\n", "it ends with a line end: the label belongs behind the colon. End with the colon."),
            (form(examples, review, gap="\n"), "an empty line is missing between the examples."),
            (form(examples[::-1], review), "the examples are in another order than they were given in."),
            (form([], review), "the examples are missing."),
            (form(examples, review)[: -len("\nSentiment:")], "the last line is missing: `Sentiment:`, for the model to fill in."),
            ("".join(form([one], "")[: -len("Review: \nSentiment:")] for one in examples), "the review to be judged is missing."),
            (form([(t, label) for label, t in examples], review), "review and label of an example are swapped."),
        ]
        found = next((words for text, words in wrong if text == result and text != right), None)
        raise Mistake(found or f"not yet. For {examples!r} and {review!r} it should be {right!r}, and yours is {result!r}.")


# 14.2 free, restricted, label mass


def three_numbers(answer: Callable) -> None:
    for seed, labels in ((1, [7, 2]), (2, [4, 11, 0])):
        logits = 2 * draw(30, 13, seed=seed)
        logits[:, labels] += 1.0
        truth = [int(i) for i in draw(30, seed=seed + 10).abs().mul(10).long() % len(labels)]
        result = call(answer, logits.clone(), list(labels), list(truth))
        if not isinstance(result, tuple | list) or len(result) != 3:
            raise Mistake("return three numbers: `return free, restricted, mass`.")
        found = tuple(number(one) for one in result)
        right = scores(logits, labels, truth)
        if close(found, right):
            continue
        free, restricted, mass = right
        probs, target = logits.softmax(-1), torch.tensor(truth)
        biggest = probs[:, labels].max(-1).values.mean().item()
        correct = probs[range(30), torch.tensor(labels)[target]].mean().item()
        by_place = (probs.argmax(-1) == target).float().mean().item()
        renormalised = logits[:, labels].softmax(-1).sum(-1).mean().item()
        raw = logits[:, labels].sum(-1).mean().item()
        wrong = [
            ((restricted, free, mass), "free and restricted are swapped: return the free accuracy first."),
            ((by_place, restricted, mass), "free: compare with the id of the right label, labels[truth], not with its number."),
            ((restricted, restricted, mass), "free means among all tokens of the vocabulary: take the argmax of all logits."),
            ((free, free, mass), "restricted means among the labels only: take the argmax of logits[:, labels]."),
            (
                (free, restricted, renormalised),
                "softmax over all tokens, then take the labels: the other way it is 1.",
            ),
            ((free, restricted, correct), "that is the probability of the right label: the mass is that of all labels together."),
            ((free, restricted, biggest), "that is the more probable label alone: add up the probabilities of all labels."),
            ((free, restricted, raw), "logits are no probabilities: take the softmax first."),
            ((free * 30, restricted * 30, mass), "these are counts: divide by the number of items."),
        ]
        name_mistake(found, wrong, f"not yet: it should be {rounded(right)}, and yours is {rounded(found)}.")


def scores(logits: torch.Tensor, labels: list[int], truth: list[int]) -> tuple[float, float, float]:
    """Free and restricted accuracy and mean label mass."""
    probs, target = logits.softmax(-1), torch.tensor(truth)
    free = (probs.argmax(-1) == torch.tensor(labels)[target]).float().mean().item()
    restricted = (probs[:, labels].argmax(-1) == target).float().mean().item()
    return free, restricted, probs[:, labels].sum(-1).mean().item()


def rounded(values: tuple) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


# 14.3 calibration


def calibrated(answer: Callable) -> None:
    logprobs = (draw(40, 3, seed=5) + torch.tensor([1.5, 0.0, -1.0])).log_softmax(-1)
    empty = torch.tensor([1.6, 0.1, -1.1]).log_softmax(-1)
    result = call(answer, logprobs.clone(), empty.clone())
    result = result.tolist() if isinstance(result, torch.Tensor | np.ndarray) else result
    if (
        not isinstance(result, list)
        or len(result) != 40
        or not all(isinstance(i, int) and not isinstance(i, bool) for i in result)
    ):
        raise Mistake("return a list with one whole number for each item: the index of its label.")
    right = (logprobs - empty).argmax(-1)
    if result == right.tolist():
        return
    wrong = [
        (logprobs, "the empty review has no effect yet."),
        (logprobs + empty, "that favours the favourite even more: subtract the logarithms."),
        (logprobs / empty, "these are logarithms: dividing the probabilities means subtracting them."),
        (empty - logprobs, "the wrong way round: the items' log-probabilities minus those of the empty review."),
        (logprobs.exp() - empty.exp(), "divide the probabilities, do not subtract them."),
        ((logprobs.exp() / empty), "`empty` is a logarithm: take its exponential before you divide probabilities by it."),
    ]
    found = next((words for values, words in wrong if values.argmax(-1).tolist() == result), None)
    agree = sum(a == b for a, b in zip(result, right.tolist(), strict=True))
    raise Mistake(found or f"not yet: {agree} of 40 items have the right label.")


# 14.4 the vote


def majority(answer: Callable) -> None:
    cases = [
        (["12", "14", "14", "9", "12", "14"], "14"),
        (["7", None, "5", None, None, "5"], "5"),
        (["9", "10", "9", "10"], "9"),
        (["3", "20", None], "3"),
        ([None, None], "none"),
    ]
    for given, right in cases:
        result = call(lambda one: answer(one) or "", list(given)) if None in given else call(answer, list(given))
        if result == right:
            continue
        votes = [one for one in given if one is not None]
        wrong = [
            (not votes, "without any answer return the text 'none'."),
            (result is None or result not in votes, "None does not vote: leave it out before you count."),
            (
                votes.count(result) == votes.count(right),
                f"among equals the first wins: for {given} that is {right!r}.",
            ),
            (result == max(votes), "that is the largest answer: count how often each occurs."),
            (result == votes[-1], "that is the last answer: count how often each occurs."),
            (result == votes[0], "that is the first answer: count how often each occurs."),
        ]
        raise Mistake(
            next((words for is_so, words in wrong if is_so), f"for {given} it should be {right!r}; yours is {result!r}.")
        )


# 14.5 multiplications for one token


def multiplications(answer: Callable) -> None:
    shapes = [
        {"layers": 30, "width": 576, "heads": 9, "kv_heads": 3, "head_width": 64, "hidden": 1536, "vocabulary": 49152},
        {"layers": 2, "width": 40, "heads": 4, "kv_heads": 2, "head_width": 16, "hidden": 96, "vocabulary": 300},
    ]
    for shape in shapes:
        for read in (1, 50):
            result = number(call(answer, dict(shape), read))
            right = products(shape, read)
            if close(result, right) and result == int(result) and abs(result - right) < 0.5:
                continue
            s = shape
            attention = s["layers"] * 2 * read * s["heads"] * s["head_width"]
            head = s["width"] * s["vocabulary"]
            two = s["layers"] * 2 * s["width"] * s["hidden"]
            full = products(s | {"kv_heads": s["heads"]}, read)
            wrong = [
                (right - attention, "attention is missing: query · key and weight · value, for each token read."),
                (right - attention // 2, "attention multiplies twice: query · key, and weight · value."),
                (right - head, "the last matrix is missing, from the width to the vocabulary."),
                (right - two // 2, "the feed-forward layer has three matrices: gate, up and down."),
                (right - two, "the feed-forward layer has three matrices: gate, up and down."),
                (full, "keys and values have kv_heads heads, fewer than the queries."),
                (2 * right, "that counts additions as well: multiplications only."),
                (
                    (right - attention) * read + attention * read,
                    "that is for all tokens: the others are in the cache.",
                ),
                ((right - head) / s["layers"] + head, "that is one layer: multiply by their number."),
                (
                    right - attention + attention * s["kv_heads"] // s["heads"],
                    "every query head multiplies, also where keys are shared.",
                ),
            ]
            name_mistake(result, wrong, f"not yet: for {shape} and read = {read} it should be {right:,}; yours is {result:,.0f}.")


def products(shape: dict[str, int], read: int) -> int:
    """Multiplications of the matrices and of attention for one new token."""
    width, queries = shape["width"], shape["heads"] * shape["head_width"]
    keys = shape["kv_heads"] * shape["head_width"]
    layer = 2 * width * queries + 2 * width * keys + 2 * read * queries + 3 * width * shape["hidden"]
    return shape["layers"] * layer + width * shape["vocabulary"]


CHECKERS: dict[str, Callable[[Any], None]] = {
    "14.1": few_shot,
    "14.2": three_numbers,
    "14.3": calibrated,
    "14.4": majority,
    "14.5": multiplications,
}
