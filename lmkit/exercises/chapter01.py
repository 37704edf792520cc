"""Checkers for chapter 1, what a large language model is. Each tries an answer on inputs that it has not seen and names the
typical mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from lmkit.exercises import Mistake, answers, call
from lmkit.exercises.answers import single as number


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-15)


name_mistake = partial(answers.name_mistake, close=close)


# 1.1 pairs for training


def training_pairs(answer: Callable) -> None:
    for tokens in (["Cats", " chase", " mice", "."], ["a", "b"], list("abcdefg")):
        result = call(answer, list(tokens))
        if not isinstance(result, list | tuple) or not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in result):
            raise Mistake("return a list of pairs, each (the tokens before, the next token).")
        given = [(list(before) if isinstance(before, list | tuple) else before, after) for before, after in result]
        if given != pairs_of(tokens):
            name_wrong_pairs(given, tokens)


def pairs_of(tokens: Sequence[str]) -> list[tuple[list[str], str]]:
    return [(list(tokens[:n]), tokens[n]) for n in range(1, len(tokens))]


def name_wrong_pairs(given: list, tokens: list[str]) -> None:
    n = len(tokens)
    wrong = [
        ([([], tokens[0]), *pairs_of(tokens)], "the first token has nothing before it: begin with the second."),
        (pairs_of(tokens)[:-1], "one is missing: the last token is a target too."),
        ([(tokens[:i], tokens[i - 1]) for i in range(1, n + 1)], "the target must not stand among the tokens before it."),
        ([(tokens[: i + 1], tokens[i]) for i in range(1, n)], "the target must not stand among the tokens before it."),
        (
            [([tokens[i - 1]], tokens[i]) for i in range(1, n)],
            "give *all* tokens before, not only the last. (One token before: that would be a bigram model.)",
        ),
        ([(tokens[i - 1], tokens[i]) for i in range(1, n)], "give a list of *all* tokens before, not only the last one."),
        ([("".join(tokens[:i]), tokens[i]) for i in range(1, n)], "leave the tokens before as a list; do not join them."),
        ([(tokens[i:], tokens[i - 1]) for i in range(1, n)], "that predicts backwards: what comes before is given."),
        ([(after, before) for before, after in pairs_of(tokens)], "the two are swapped: first what is read, then the target."),
    ]
    for pairs, message in wrong:
        if given == pairs:
            raise Mistake(message)
    raise Mistake(f"not yet: for {n} tokens there should be {n - 1} pairs, the first {pairs_of(tokens)[0]}; yours: {given[:2]}.")


# 1.2 memory


def memory(answer: Callable) -> None:
    for billions, bits in ((8.03, 6), (0.135, 32), (175.0, 4)):
        result = number(call(answer, billions, bits))
        right = billions * bits / 8
        if close(result, right):
            continue
        wrong = [
            (billions * bits, "these are gigabits: eight bits are a byte."),
            (billions * 1e9 * bits / 8, "these are bytes: a gigabyte has 10⁹ of them."),
            (billions * 1e9 * bits / 8 / 2**30, "these are gibibytes, of 2³⁰ bytes; the exercise wants 10⁹."),
            (billions * 8 / bits, "upside down: more bits need more memory."),
            (billions * bits / 4, "a byte has eight bits, not four."),
            (billions * 4, "`bits` has no effect yet: 4 bytes are only right for 32 bits."),
            (billions, "`bits` has no effect yet."),
        ]
        name_mistake(result, wrong, f"not yet: {billions} billion parameters of {bits} bits are {right:g} GB; yours: {result:g}.")


# 1.3 亿


def billions(answer: Callable) -> None:
    for text, right in (("1.17亿", 0.117), ("1750亿", 175.0), ("0.5万亿", 500.0), ("110万", 0.0011), ("3.4亿", 0.34)):
        result = number(call(answer, text))
        if close(result, right):
            continue
        digits = float(text.rstrip("万亿"))
        wrong = [
            (digits, "the unit has no effect: one 亿 is not one billion but a tenth of it. This is the slip of E024."),
            (right * 10, "ten times too much: one 亿 is 100 million, 0.1 B."),
            (right * 1e9, "this is the number itself: divide by a billion."),
            (right * 1e3, "these are millions: a billion has a thousand of them."),
            (digits / 10, f"{text} is read as 亿. Look for 万亿 before 亿, and for 万."),
            (digits * 1e4 / 1e9, f"{text} is read as 万. Look for 万亿 before 万."),
        ]
        name_mistake(result, wrong, f"not yet: {text} is {right:g} B; yours: {result:g}.")


# 1.4 one layer of GPT-2


def block(answer: Callable) -> None:
    for d in (768, 24):
        result = number(call(answer, d))
        right = 12 * d * d + 13 * d
        if close(result, right):
            continue
        wrong = [
            (12 * d * d, "these are the matrices alone: add the biases and the norms."),
            (12 * d * d + 9 * d, "the two norms are missing: each has two vectors."),
            (12 * d * d + 11 * d, "each norm has *two* vectors, and there are two norms."),
            (12 * d * d + 4 * d, "the biases are missing: one for each output of each of the six matrices."),
            (12 * d * d + 12 * d, "one bias is missing: the feed-forward layer has one on the way up and one on the way down."),
            (12 * d * d + 10 * d, "the feed-forward layer's first bias has 4·width numbers, one for each of its outputs."),
            (8 * d * d + 9 * d, "the feed-forward layer goes up *and* down again: two matrices of 4·width²."),
            (8 * d * d + 12 * d, "the feed-forward layer goes up *and* down again: two matrices of 4·width²."),
            (6 * d * d + 10 * d, "the feed-forward layer is four times as wide as the rest."),
            (11 * d * d + 12 * d, "attention has four matrices: queries, keys, values, and the output."),
            (12 * right, "that is all twelve layers: the exercise wants one."),
        ]
        name_mistake(result, wrong, f"not yet: for width {d} there are {right:,}; yours: {result:,.0f}.")


# 1.5 Bayes' rule on spam


def spam(answer: Callable) -> None:
    messages = ((0.2, [0.3, 0.1], [0.02, 0.08]), (0.5, [0.01], [0.04]), (0.1, [0.2, 0.2, 0.2], [0.1, 0.3, 0.05]))
    for prior, in_spam, in_ham in messages:
        result = number(call(answer, prior, list(in_spam), list(in_ham)))
        s, h = math.prod(in_spam), math.prod(in_ham)
        right = prior * s / (prior * s + (1 - prior) * h)
        if close(result, right):
            continue
        wrong = [
            (1 - right, "that is the chance that it is *not* spam."),
            (s / (s + h), "the share of spam among all messages, `prior`, has no effect yet."),
            (prior * s, "divide by the chance of the message, spam or not, so that the two add up to 1."),
            (s, "that is the chance of these words if it is spam; Bayes' rule turns it round."),
            (prior * s / (prior * s + h), "weight the normal messages too, by 1 − prior."),
            (prior * s / ((1 - prior) * h), "these are the odds: divide by the sum of both."),
            (
                prior * sum(in_spam) / (prior * sum(in_spam) + (1 - prior) * sum(in_ham)),
                "multiply the chances of the words; do not add them.",
            ),
            ((1 - prior) * s / ((1 - prior) * s + prior * h), "`prior` is the share of spam, not of normal messages."),
        ]
        name_mistake(result, wrong, f"not yet: for {prior}, {in_spam} and {in_ham} it is {right:.4f}; yours: {result:.4f}.")


CHECKERS: dict[str, Callable[[Any], None]] = {"1.1": training_pairs, "1.2": memory, "1.3": billions, "1.4": block, "1.5": spam}
