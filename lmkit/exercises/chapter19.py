"""Checkers for chapter 19, the landscape. Each tries an answer on numbers that it has not seen and names the typical mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, name_mistake, single, vector

# 19.1 room for it

MODELS = ((8_000_000_000, 16, 32, 8, 128, 4096, 1), (7_000_000_000, 4, 32, 32, 128, 2048, 8), (135_000_000, 8, 30, 3, 64, 0, 1))


def bytes_needed(answer: Callable) -> None:
    for numbers in MODELS:
        parameters, bits, layers, kv_heads, head_dim, tokens, batch = numbers
        result = single(call(answer, *numbers))
        weights, cache = parameters * bits / 8, 2 * layers * kv_heads * head_dim * tokens * batch * 2
        if close(result / 1e6, (weights + cache) / 1e6):
            continue
        wrong = [
            (parameters * bits + cache, "the weights come in bits: divide by 8."),
            (parameters * bits + 8 * cache, "that is in bits; a byte has 8."),
            (weights, "the cache is missing."),
            (weights + cache / 2, "keys *and* values are kept: twice as many numbers. Or: 16 bits are two bytes."),
            (weights + cache / 4, "keys and values are two numbers each, and each takes two bytes."),
            (weights + cache / max(batch, 1), "every text of the batch has a cache of its own."),
            (weights + cache * bits / 16, "the cache is kept in 16 bits, whatever the weights are kept in."),
            (weights + cache / layers, "every layer keeps keys and values of its own."),
        ]
        wanted = weights + cache
        name_mistake(
            result, wrong, f"for {numbers} it is {wanted:,.0f}; yours is {result:,.0f}.", lambda a, b: close(a / 1e6, b / 1e6)
        )


# 19.2 a long conversation

TALKS = ((1, 100, 300, 2.0, 0.2, 10.0), (5, 120, 80, 2.0, 0.2, 10.0), (12, 40, 200, 0.5, 0.05, 1.5))


def conversation(answer: Callable) -> None:
    for numbers in TALKS:
        turns, question, reply, price_in, price_cached, price_out = numbers
        result = single(call(answer, *numbers))
        old = sum(turn * (question + reply) for turn in range(turns))

        def bill(read, cached, written, a=price_in, b=price_cached, c=price_out):
            return read * a + cached * b + written * c

        right = bill(turns * question, old, turns * reply)
        if close(result * 1e6, right):
            continue
        wrong = [
            (right * 1e6, "prices are for a *million* tokens: divide."),
            (right * 1e3, "prices are for a million tokens, not for a thousand."),
            (bill(turns * question, 0, turns * reply), "the conversation so far is sent again at every turn: that is read too."),
            (bill(turns * question + old, 0, turns * reply), "what was sent before comes from the cache, at its own price."),
            (bill(0, turns * question + old, turns * reply), "the new question is not in the cache yet."),
            (bill(turns * question, sum(turn * question for turn in range(turns)), turns * reply),
             "the answers of earlier turns are sent again too, not only the questions."),
            (bill(turns * question, old, 0), "what the model writes costs, too."),
            (bill(turns * question, old + turns * (question + reply), turns * reply),
             "at the first turn nothing is old: count from 0."),
        ]  # fmt: skip
        name_mistake(result * 1e6, wrong, f"for {numbers} it is {right / 1e6:.6f}; yours is {result:.6f}.", close)


# 19.3 fewer bits

GROUPS = (([0.0, 0.3, 0.5, 1.0], 2), ([-1.0, -0.1, 0.2, 0.9, 3.0], 3), ([2.0, 2.1, 2.2, 2.9], 1), ([0.7, 0.7, 0.7], 4))


def levels(numbers: torch.Tensor, bits: int, count: int | None = None) -> torch.Tensor:
    low, high = numbers.min(), numbers.max()
    step = (high - low) / ((count or 2**bits) - 1)
    return ((numbers - low) / step).round() * step + low


def round_trip(answer: Callable) -> None:
    for values, bits in GROUPS:
        numbers = torch.tensor(values)
        before = numbers.clone()
        result = vector(call(answer, numbers, bits), (len(values),))
        if not torch.equal(numbers, before):
            raise Mistake("your function changes the tensor that it was given: make a new one.")
        if len(set(values)) == 1:
            if not np.allclose(result, before, atol=1e-5):
                raise Mistake(
                    "all numbers of this group are equal: the step is 0, and you divided by it. Give them back as they are."
                )
            continue
        if close(result, levels(before, bits)):
            continue
        span, most = before.max() - before.min(), before.abs().max()
        codes, steps = (before - before.min()) / span * (2**bits - 1), 2**bits - 1
        wrong = [
            (levels(before, bits, 2**bits + 1), "2^b levels have 2^b − 1 steps between them."),
            (codes.round(), "those are the codes: bring them back to the scale of the numbers."),
            (codes.round() / steps * span, "the lowest value is missing: add it again."),
            (codes.floor() / steps * span + before.min(),
             "take the *nearest* level: round, do not cut off."),
            ((before / most * (2 ** (bits - 1) - 1)).round() / max(2 ** (bits - 1) - 1, 1) * most,
             "that scale is symmetric about 0; here it runs from the lowest to the highest number."),
        ]  # fmt: skip
        name_mistake(result, wrong, f"for {values} in {bits} bits it is {[round(float(x), 3) for x in levels(before, bits)]}.")


# 19.4 choosing

OPTIONS = {
    "large": {"price": 0.1, "quality": 1.0, "privacy": 0.2},
    "small": {"price": 1.0, "quality": 0.3, "privacy": 1.0},
    "middle": {"price": 0.6, "quality": 0.7, "privacy": 0.7},
}
CHOICES = (
    ({"price": 1, "quality": 5, "privacy": 0}, {}, "large"),
    ({"price": 1, "quality": 5, "privacy": 0}, {"privacy": 0.5}, "middle"),
    ({"price": 5, "quality": 1, "privacy": 1}, {}, "small"),
    ({"price": 5, "quality": 1, "privacy": 1}, {"quality": 0.7}, "middle"),
    ({"price": 1, "quality": 1, "privacy": 1}, {"quality": 0.9, "privacy": 0.9}, None),
)


def best(answer: Callable) -> None:
    if not callable(answer):
        call(answer)  # says so
    for weights, least, right in CHOICES:
        try:
            result = answer({name: dict(marks) for name, marks in OPTIONS.items()}, dict(weights), dict(least))
        except Exception as error:
            if right is None:
                raise Mistake("where every option is out, return None; yours raised an error.") from error
            raise Mistake(f"your function raised {type(error).__name__}: {error}") from error
        if result is Ellipsis or (result is None and right is not None):
            raise Mistake(
                "your function returns nothing yet: replace the dots, and end with `return`."
                if not least
                else f"with least = {least} an option is left: {right!r}. A mark that is just enough is enough."
            )
        if result == right:
            continue
        if result not in OPTIONS:
            raise Mistake(f"return the name of an option; yours returns {result!r}.")
        if right is None:
            raise Mistake(f"no option has what {least} asks: return None, not {result!r}.")
        out = [key for key, limit in least.items() if OPTIONS[result][key] < limit]
        if out:
            raise Mistake(f"{result!r} is out: its {out[0]} is below {least[out[0]]}. First exclude, then weigh.")
        if right not in [name for name, marks in OPTIONS.items() if all(marks[key] > limit for key, limit in least.items())]:
            raise Mistake(f"with least = {least} {right!r} is not out: a mark that is just enough is enough.")
        raise Mistake(
            f"with the weights {weights} and least = {least} it is {right!r}, not {result!r}: multiply marks by weights."
        )


# 19.5 does it fall?


def violation(answer: Callable) -> None:
    for fps, speed, bend in ((24, 12.0, 0.0), (30, 5.0, 1.5), (10, 8.0, 4.0)):
        t = np.arange(20) / fps
        heights = 1.0 + speed * t - (9.81 - bend) / 2 * t**2 + (0.02 * np.sin(40 * t) if bend else 0)
        result = single(call(answer, heights.copy(), fps))
        acceleration = np.diff(heights, 2) * fps**2
        right = float(np.sqrt(((acceleration + 9.81) ** 2).mean()))
        if np.isclose(result, right, atol=1e-4):
            continue
        wrong = [
            (np.sqrt(((np.diff(heights, 2) + 9.81) ** 2).mean()), "differences are per frame: multiply by the square of fps."),
            (np.sqrt(((np.diff(heights, 2) * fps + 9.81) ** 2).mean()), "two differences, so fps twice: its square."),
            (np.sqrt(((np.diff(heights) * fps + 9.81) ** 2).mean()), "that is the speed: take the difference twice."),
            (np.sqrt(((acceleration - 9.81) ** 2).mean()), "gravity points down: −9.81."),
            (((acceleration + 9.81) ** 2).mean(), "the root is missing."),
            (np.abs(acceleration + 9.81).mean(), "that is the mean distance; square, average, take the root."),
            (abs((acceleration + 9.81).mean()), "pushes and pulls cancel in that mean: square before you average."),
        ]
        name_mistake(result, wrong, f"it is {right:.3f}; yours is {result:.3f}.", lambda a, b: np.isclose(a, b, atol=1e-4))


CHECKERS: dict[str, Callable[[Any], None]] = {
    "19.1": bytes_needed,
    "19.2": conversation,
    "19.3": round_trip,
    "19.4": best,
    "19.5": violation,
}
