"""Chapter 2's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import math

import numpy as np
import torch
from exercises import exercise_tests

from lmkit.exercises.chapter02 import best, closure, greedy, pieces

NOTEBOOK = "02_a_history_in_running_programs.ipynb"
EXERCISES = ["2.1", "2.2", "2.3", "2.4", "2.5"]


def unseen(read, new, n):
    return [piece not in set(pieces(read, n)) for piece in pieces(new, n)]


def by_type(read, new, n):
    different = set(pieces(new, n))
    return len(different - set(pieces(read, n))) / len(different)


def mean_log(p, log=math.log):
    return sum(map(log, p)) / len(p)


def once_through(facts, rules):
    known = set(facts)
    for needs, then in rules:
        if needs <= known:
            known.add(then)
    return known


def changes_its_input(facts, rules):
    facts |= closure(facts, rules)
    return facts


def fit(years, values):
    return np.polyfit(years, values, 1)[0]


WRONG = {
    "2.1": [
        (lambda read, new, n: 1 - sum(unseen(read, new, n)) / len(unseen(read, new, n)), "*was* seen"),
        (by_type, "counts twice"),
        (lambda read, new, n: sum(unseen(read, new, n)) / len(new), "n − 1 fewer"),
        (lambda read, new, n: sum(unseen(read, new, n)), "divide it by all"),
        (lambda read, new, n: 0.123, "it should be"),
    ],
    "2.2": [
        (lambda p: -mean_log(p), "the loss in nats"),
        (lambda p: math.exp(mean_log(p)), "upside down"),
        (lambda p: math.exp(-sum(map(math.log, p))), "not their sum"),
        (lambda p: sum(1 / x for x in p) / len(p), "averages 1/p"),
        (lambda p: len(p) / sum(p), "averages p"),
        (lambda p: 2 ** -mean_log(p), "with natural logarithms it is e"),
        (lambda p: math.exp(-mean_log(p, math.log2)), "with log2 it is 2"),
        (lambda p: [1.0], "return one number"),
    ],
    "2.3": [
        (once_through, "once through"),
        (lambda facts, rules: closure(facts, rules, some=True), "*all* of its conditions"),
        (lambda facts, rules: closure(facts, rules) - facts, "only the new facts"),
        (changes_its_input, "begin with a copy"),
        (lambda facts, rules: set(), "it should be"),
        (lambda facts, rules: 3, "return a set"),
    ],
    "2.4": [
        (lambda first, step, emit: emit.argmax(1).tolist(), "its own best tag"),
        (greedy, "that is greedy"),
        (lambda first, step, emit: best(first, step, emit)[::-1], "backwards"),
        (lambda first, step, emit: best(torch.ones_like(first), step, emit), "use `first`"),
        (lambda first, step, emit: best(first, step.T, emit), "transposed"),
        (lambda first, step, emit: [0], "one tag for each"),
        (lambda first, step, emit: 1.0, "return a list of tags"),
    ],
    "2.5": [
        (lambda years, sizes: fit(years, np.log10(sizes)), "raise 10 to it"),
        (lambda years, sizes: fit(years, np.log(sizes)), "raise e to it"),
        (lambda years, sizes: math.exp(fit(years, np.log10(sizes))), "10 belongs to log10"),
        (lambda years, sizes: (sizes[-1] / sizes[0]) ** (1 / (years[-1] - years[0])), "first and the last"),
        (lambda years, sizes: fit(years, sizes), "take logarithms first"),
        (lambda years, sizes: 2.0, "it should be"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, math=math, np=np, torch=torch)
