"""Chapter 4's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

from collections import Counter
from math import exp, log, log2, prod

import torch
from exercises import exercise_tests

from lmkit.exercises.chapter04 import states

NOTEBOOK = "04_modelling_language.ipynb"
EXERCISES = ["4.1", "4.2", "4.3", "4.4", "4.5"]


def total(pairs, before):
    return sum(n for (first, _), n in pairs.items() if first == before)


def right_mask(a, b):
    mask = torch.ones(a + b, a + b, dtype=torch.bool).tril()
    mask[:a, :a] = True
    return mask


def leaking(a, b):
    mask = right_mask(a, b)
    mask[:a] = True
    return mask


def blind(a, b):
    mask = right_mask(a, b)
    mask[a:, :a] = False
    return mask


def foreseeing(a, b):
    mask = right_mask(a, b)
    mask[a:, a:] = True
    return mask


def frequencies(pairs):
    counts = Counter()
    for (_, word), n in pairs.items():
        counts[word] += n
    return {word: n / counts.total() for word, n in counts.items()}


WRONG = {
    "4.1": [
        (lambda p: -sum(map(log, p)) / len(p), "raise e to it"),
        (lambda p: exp(-sum(map(log, p))), "divide the sum of the logarithms"),
        (lambda p: len(p) / sum(p), "the mean of their logarithms"),
        (lambda p: prod(p) ** (1 / len(p)), "upside down"),
        (lambda p: 2 ** (-sum(map(log, p)) / len(p)), "bases do not fit"),
        (lambda p: exp(-sum(map(log2, p)) / len(p)), "bases do not fit"),
        (lambda p: 3.5, "your function gives 3.5"),
    ],
    "4.2": [
        (lambda pairs, V, k, before, word: (pairs[before, word] + k) / (total(pairs, before) + k * V), "has no entry"),
        (lambda pairs, V, k, before, word: (pairs.get((before, word), 0) + k) / (total(pairs, before) + k), "add k·V below"),
        (lambda pairs, V, k, before, word: (pairs.get((before, word), 0) + k) / (total(pairs, before) + V), "k·V, not V"),
        (lambda pairs, V, k, before, word: pairs.get((before, word), 0) / (total(pairs, before) + k * V), "stays at 0"),
        (
            lambda pairs, V, k, before, word: (pairs.get((before, word), 0) + k) / (sum(pairs.values()) + k * V),
            "not by the number of all pairs",
        ),
        (lambda pairs, V, k, before, word: 0.5, "your function gives 0.5"),
    ],
    "4.3": [
        (lambda x, W, U, b: states(x, W, U, b, carry=False), "not carried on"),
        (lambda x, W, U, b: states(x, W, U, b, squash=lambda h: h), "tanh is missing"),
        (lambda x, W, U, b: states(x, W, U, 0 * b), "bias b is missing"),
        (lambda x, W, U, b: states(x, W, U.T, b), "turned over"),
        (lambda x, W, U, b: states(x, W, U, b)[-1], "last state alone"),
        (lambda x, W, U, b: list(states(x, W, U, b)), "torch.stack"),
        (lambda x, W, U, b: states(x, W, U, b) + 1, "not yet"),
    ],
    "4.4": [
        (lambda a, b: torch.ones(a + b, a + b, dtype=torch.bool).tril(), "one eye everywhere"),
        (lambda a, b: torch.ones(a + b, a + b, dtype=torch.bool), "two eyes everywhere"),
        (leaking, "part A sees part B"),
        (blind, "part B must see part A"),
        (foreseeing, "its own future"),
        (lambda a, b: right_mask(a, b).T, "rows and columns"),
        (lambda a, b: right_mask(a, b)[:-1], "should have the shape"),
    ],
    "4.5": [
        (frequencies, "plain frequencies"),
        (lambda pairs: dict(Counter(word for _, word in pairs)), "those are counts"),
        (lambda pairs: {first: 1 / len(pairs) for first, _ in pairs}, "second words"),
        (lambda pairs: {word: n / 3 for word, n in Counter(w for _, w in pairs).items()}, "not of different words"),
        (lambda pairs: [0.5], "return a dict"),
        (lambda pairs: {"sea": 1.0}, "there should be a share"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, torch=torch, Counter=Counter, exp=exp, log=log)
