"""Chapter 11's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import math

import numpy as np
from exercises import exercise_tests

from lmkit.exercises.chapter11 import compute_optimal

NOTEBOOK = "11_scaling_and_emergence.ipynb"
EXERCISES = ["11.1", "11.2", "11.3", "11.4", "11.5"]


def scores(right):
    """Right: the share of tokens and the share of whole answers."""
    return sum(map(sum, right)) / sum(map(len, right)), sum(map(all, right)) / len(right)


def mean_of_means(right):
    return sum(sum(row) / len(row) for row in right) / len(right)


WRONG = {
    "11.1": [
        (lambda layers, width, tokens: 2 * 12 * layers * width**2 * tokens, "forward pass alone"),
        (lambda layers, width, tokens: 12 * layers * width**2 * tokens, "forward once and backward twice"),
        (lambda layers, width, tokens: 6 * 12 * layers * width**2, "for one token"),
        (lambda layers, width, tokens: 6 * 12 * width**2 * tokens, "one layer"),
        (lambda layers, width, tokens: 6 * 12 * layers * width * tokens, "square the width"),
        (lambda layers, width, tokens: [1.0], "return one number"),
    ],
    "11.2": [
        (lambda n1, l1, n2, l2, E: math.log(l1 / l2) / math.log(n2 / n1), "subtract E"),
        (lambda n1, l1, n2, l2, E: math.log((l2 - E) / (l1 - E)) / math.log(n2 / n1), "the sign"),
        (lambda n1, l1, n2, l2, E: (l1 - l2) / (n2 - n1), "ordinary paper"),
        (lambda n1, l1, n2, l2, E: math.log(n2 / n1) / math.log((l1 - E) / (l2 - E)), "upside down"),
        (lambda n1, l1, n2, l2, E: 0.3, "your function finds"),
    ],
    "11.3": [
        (lambda C, A, B, a, b: (math.sqrt(C / 6), math.sqrt(C / 6)), "the same *number*"),
        (lambda C, A, B, a, b: compute_optimal(C, A, B, a, b)[::-1], "swapped"),
        (lambda C, A, B, a, b: compute_optimal(6 * C, A, B, a, b), "divide it by 6"),
        (lambda C, A, B, a, b: compute_optimal(C, A / a, B / b, a, b), "bring α and β down"),
        (lambda C, A, B, a, b: (1e6, C / 6e6), "not the best"),
        (lambda C, A, B, a, b: (1e6, 1e6), "they must be equal"),
        (lambda C, A, B, a, b: compute_optimal(C, A, B, a, b)[0], "return two numbers"),
    ],
    "11.4": [
        (lambda right: scores(right)[::-1], "swapped"),
        (lambda right: (scores(right)[0], sum(map(any, right)) / len(right)), "*all* of its tokens"),
        (lambda right: (mean_of_means(right), scores(right)[1]), "do not average averages"),
        (lambda right: (scores(right)[0], scores(right)[0] ** (sum(map(len, right)) / len(right))), "Count the answers"),
        (lambda right: (sum(map(sum, right)), sum(map(all, right))), "these are counts"),
    ],
    "11.5": [
        (lambda p, share: math.ceil(math.log(share) / math.log(p)), "one fewer"),
        (lambda p, share: math.log(share) / math.log(p), "a number of tokens is whole"),
        (lambda p, share: int(math.log(p) / math.log(share)), "upside down"),
        (lambda p, share: 3, "yours is 3"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, math=math, np=np)
