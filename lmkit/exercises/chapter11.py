"""Checkers for chapter 11, scaling. Each tries an answer on numbers that it has not seen and names the typical mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from lmkit.exercises import Mistake, answers, call
from lmkit.exercises.answers import single as number


def two(result: Any, names: str) -> tuple[float, float]:
    """`result` as two floats, else a `Mistake` that says which two are wanted."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake(f"return two numbers, {names}, as in `return a, b`.")
    return number(result[0]), number(result[1])


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-12))


name_mistake = partial(answers.name_mistake, close=close)


# 11.1 FLOPs from a shape


def training_flops(answer: Callable) -> None:
    for layers, width, tokens in ((24, 2048, 3e11), (3, 40, 1e6)):
        result = number(call(answer, layers, width, tokens))
        n = 12 * layers * width**2
        right = 6.0 * n * tokens
        if close(result, right):
            continue
        wrong = [
            (2.0 * n * tokens, "that is the forward pass alone. The backward pass costs twice as much again: 6, not 2."),
            (4.0 * n * tokens, "that is the backward pass alone: add the forward pass, 2 a parameter and token."),
            (n * tokens, "a parameter is used in a multiplication *and* an addition, forward once and backward twice: 6."),
            (6.0 * n, "that is for one token: multiply by their number."),
            (n, "that is the number of parameters: each costs 6 FLOPs for every token."),
            (6.0 * 12 * width**2 * tokens, "that is one layer: multiply by their number."),
            (6.0 * 12 * layers * width * tokens, "a weight matrix has width × width entries: square the width."),
            (
                6.0 * 5 * layers * width**2 * tokens,
                "the feed-forward layer is four times as wide: up 4·width², and down again 4·width².",
            ),
        ]
        name_mistake(
            result, wrong, f"not yet: for {layers} layers of width {width} and {tokens:g} tokens it should be {right:.4g}."
        )


# 11.2 the exponent between two points


def exponent(answer: Callable) -> None:
    for n1, n2, E, A, alpha in ((1e6, 8e6, 1.5, 40.0, 0.3), (5e4, 2e6, 0.4, 9.0, 0.21)):
        l1, l2 = (E + A / n**alpha for n in (n1, n2))
        result = number(call(answer, n1, l1, n2, l2, E))
        if close(result, alpha):
            continue
        steps = math.log(n2 / n1)
        wrong = [
            (-alpha, "the sign: the loss falls as N grows, and α in A/N^α is positive."),
            (math.log(l1 / l2) / steps, "subtract E from both losses first: only what is above E falls as a power of N."),
            (-math.log(l1 / l2) / steps, "subtract E from both losses first, and mind the sign."),
            ((l1 - l2) / steps, "take the logarithm of the losses above E as well: the line is straight on log-log paper."),
            ((l1 - l2) / (n2 - n1), "that is the slope on ordinary paper: take logarithms on both axes."),
            (1 / alpha, "upside down: how much ln(L − E) changes, divided by how much ln N changes."),
            (math.log((l1 - E) / (l2 - E)), "divide by ln(n2 / n1)."),
        ]
        name_mistake(result, wrong, f"not yet: for losses made with α = {alpha} your function finds {result:.4g}.")


# 11.3 the best use of a budget


def best_split(answer: Callable) -> None:
    for C, A, B, alpha, beta in ((6e20, 482.0, 2085.0, 0.35, 0.37), (1e15, 30.0, 900.0, 0.5, 0.4)):
        n, d = two(call(answer, C, A, B, alpha, beta), "N and D")
        best = compute_optimal(C, A, B, alpha, beta)
        if close((n, d), best):
            continue
        even = math.sqrt(C / 6)
        wrong = [
            (best[::-1], "N and D are swapped: return the parameters first."),
            ((even, even), "that gives both the same *number*. The law says where the loss is least; put 6ND = C into it."),
            (compute_optimal(6 * C, A, B, alpha, beta), "the budget is 6·N·D = C: divide it by 6."),
            (compute_optimal(C, B, A, alpha, beta), "A and B are swapped: A belongs to N."),
            (compute_optimal(C, A, B, beta, alpha), "α and β are swapped: α is the exponent of N."),
            (compute_optimal(C, 1 / alpha, 1 / beta, alpha, beta), "A and B have no effect yet."),
            (compute_optimal(C, A / alpha, B / beta, alpha, beta), "the derivatives bring α and β down: αA and βB, not A and B."),
        ]
        if not close(6 * n * d, C):
            name_mistake((n, d), wrong, f"your run costs 6ND = {6 * n * d:.3g}, and the budget is {C:.3g}: they must be equal.")
        loss = [A / x**alpha + B / y**beta for x, y in ((n, d), best)]
        name_mistake((n, d), wrong, f"not the best: above E your split leaves {loss[0]:.5g}, the best one {loss[1]:.5g}.")


def compute_optimal(C: float, A: float, B: float, alpha: float, beta: float) -> tuple[float, float]:
    """N and D with 6ND = C at which A/N^α + B/D^β is least (Hoffmann et al. 2022, equation 4)."""
    n = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * (C / 6) ** (beta / (alpha + beta))
    return n, C / 6 / n


# 11.4 two ways to score the same answers


def two_scores(answer: Callable) -> None:
    right = [[True] * 4, [True, False], [False, True, True, True, True, True], [True, True], [True, True, False]]
    result = two(call(answer, [list(row) for row in right]), "the share of right tokens and the share of right answers")
    tokens = sum(map(sum, right)) / sum(map(len, right))
    exact = sum(map(all, right)) / len(right)
    if close(result, (tokens, exact)):
        return
    mean_of_means = sum(sum(row) / len(row) for row in right) / len(right)
    length = sum(map(len, right)) / len(right)
    name_mistake(result, wrong_scores(right, tokens, exact, mean_of_means, length), "not yet: count tokens, then whole answers.")


def wrong_scores(right: Sequence, tokens: float, exact: float, mean_of_means: float, length: float) -> list:
    some = sum(map(any, right)) / len(right)
    return [
        ((exact, tokens), "the two are swapped: tokens first."),
        ((tokens, some), "an answer is right when *all* of its tokens are, not when any is."),
        (
            (mean_of_means, exact),
            "long answers have more tokens: divide all right tokens by all tokens, do not average averages.",
        ),
        ((mean_of_means, some), "use all(...) for an answer, and divide all right tokens by all tokens."),
        ((tokens, tokens**length), "that is what p^k foretells. Count the answers that are right."),
        ((sum(map(sum, right)), sum(map(all, right))), "these are counts: divide them, by the tokens and by the answers."),
        (
            (tokens, sum(map(all, right)) / sum(map(len, right))),
            "divide the right answers by the number of answers, not of tokens.",
        ),
    ]


# 11.5 how long an answer may be


def longest(answer: Callable) -> None:
    for p, share in ((0.9, 0.5), (0.99, 0.5), (0.6, 0.9), (0.95, 0.25)):
        result = number(call(answer, p, share))
        right = math.floor(math.log(share) / math.log(p))
        if close(result, right):
            continue
        exact = math.log(share) / math.log(p)
        wrong = [
            (right + 1, f"with {right + 1} tokens only {p ** (right + 1):.3f} of the answers are right: one fewer."),
            (exact, "a number of tokens is whole: the largest whole one that still reaches the share."),
            (math.floor(math.log(p) / math.log(share)), "upside down: p^k = share means k = ln share / ln p."),
        ]
        name_mistake(result, wrong, f"not yet: for p = {p} and a share of {share} it is {right}; yours is {result:g}.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "11.1": training_flops,
    "11.2": exponent,
    "11.3": best_split,
    "11.4": two_scores,
    "11.5": longest,
}
