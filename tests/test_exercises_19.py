"""Chapter 19's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import numpy as np
import torch
from exercises import exercise_tests

NOTEBOOK = "19_the_landscape.ipynb"
EXERCISES = ["19.1", "19.2", "19.3", "19.4", "19.5"]


def room(eighth=8, both=2, wide=2, texts=True, deep=True, cached=True):
    """An answer to 19.1, right but for what is switched."""

    def bytes_needed(parameters, bits, layers, kv_heads, head_dim, tokens, batch):
        cache = both * (layers if deep else 1) * kv_heads * head_dim * tokens * (batch if texts else 1) * wide
        return parameters * bits / eighth + (cache if cached else 0)

    return bytes_needed


def talk(per=1e6, again=True, cached=True, answers=True, written=True, first=0, fresh=True):
    """An answer to 19.2, right but for what is switched."""

    def conversation(turns, question, answer, price_in, price_cached, price_out):
        old = sum(turn * (question + (answer if answers else 0)) for turn in range(first, turns + first)) if again else 0
        total = turns * question * (price_in if fresh else price_cached) + old * (price_cached if cached else price_in)
        return (total + (turns * answer * price_out if written else 0)) / per

    return conversation


def levels(steps=-1, back=True, low=True, cut=False, equal=True, inside=False):
    """An answer to 19.3, right but for what is switched."""

    def round_trip(numbers, bits):
        least, most = numbers.min(), numbers.max()
        if equal and least == most:
            return numbers.clone()
        step = (most - least) / (2**bits + steps)
        codes = (numbers - least) / step
        codes = codes.floor() if cut else codes.round()
        if inside:
            numbers.copy_(codes * step + least)
            return numbers
        return (codes * step if back else codes) + (least if low and back else 0)

    return round_trip


def symmetric(numbers, bits):
    most, steps = numbers.abs().max(), 2 ** (bits - 1) - 1
    return (numbers / most * steps).round() / max(steps, 1) * most


def choose(exclude=True, weigh=True, strict=False, none=True):
    """An answer to 19.4, right but for what is switched."""

    def best(options, weights, least):
        enough = (lambda mark, limit: mark > limit) if strict else (lambda mark, limit: mark >= limit)
        left = [n for n, marks in options.items() if not exclude or all(enough(marks[k], limit) for k, limit in least.items())]
        score = lambda name: sum((weights[k] if weigh else 1) * mark for k, mark in options[name].items())  # noqa: E731
        return max(left, key=score, default=None) if none else max(left, key=score)

    return best


def gravity(times=2, power=2, sign=1, how="rms"):
    """An answer to 19.5, right but for what is switched."""

    def violation(heights, fps):
        off = np.diff(heights, times) * fps**power + sign * 9.81
        return {"rms": np.sqrt((off**2).mean()), "square": (off**2).mean(), "mean": np.abs(off).mean(), "sum": abs(off.mean())}[
            how
        ]

    return violation


WRONG = {
    "19.1": [
        (room(eighth=1), "divide by 8"),
        (room(cached=False), "the cache is missing"),
        (room(both=1), "keys *and* values"),
        (room(both=1, wide=1), "two bytes"),
        (room(texts=False), "every text of the batch"),
        (room(deep=False), "every layer"),
        (lambda *numbers: "14 GB", "return one number"),
    ],
    "19.2": [
        (talk(per=1), "*million*"),
        (talk(per=1e3), "not for a thousand"),
        (talk(again=False), "sent again at every turn"),
        (talk(cached=False), "at its own price"),
        (talk(fresh=False), "not in the cache yet"),
        (talk(answers=False), "answers of earlier turns"),
        (talk(written=False), "what the model writes"),
        (talk(first=1), "count from 0"),
    ],
    "19.3": [
        (levels(steps=0), "2^b − 1 steps"),
        (levels(back=False), "those are the codes"),
        (levels(low=False), "the lowest value is missing"),
        (levels(cut=True), "round, do not cut off"),
        (levels(equal=False), "all numbers of this group are equal"),
        (levels(inside=True), "changes the tensor"),
        (symmetric, "symmetric about 0"),
        (lambda numbers, bits: 0.5, "return a tensor"),
    ],
    "19.4": [
        (choose(exclude=False), "First exclude, then weigh"),
        (choose(weigh=False), "multiply marks by weights"),
        (choose(strict=True), "just enough is enough"),
        (choose(none=False), "yours raised an error"),
        (lambda options, weights, least: "large", "is out"),
        (lambda options, weights, least: 0.5, "return the name"),
    ],
    "19.5": [
        (gravity(power=0), "multiply by the square of fps"),
        (gravity(power=1), "its square"),
        (gravity(times=1, power=1), "take the difference twice"),
        (gravity(sign=-1), "points down"),
        (gravity(how="square"), "the root is missing"),
        (gravity(how="mean"), "the mean distance"),
        (gravity(how="sum"), "square before you average"),
    ],
}

TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, np=np, torch=torch)
