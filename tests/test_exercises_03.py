"""Chapter 3's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import numpy as np
from exercises import exercise_tests

NOTEBOOK = "03_kinds_of_machine_learning.ipynb"
EXERCISES = ["3.1", "3.2", "3.3", "3.4", "3.5"]


def halfway(values, labels):
    ones = [v for v, label in zip(values, labels, strict=True) if label]
    zeros = [v for v, label in zip(values, labels, strict=True) if not label] or [0.0]
    return (np.mean(ones) + np.mean(zeros)) / 2


def squared(points, centres):
    return ((points[:, None] - centres) ** 2).sum(-1)


def scaled(x, like):
    return (x - like.mean(0)) / like.std(0)


def changed(Q, s, a, r, after, over, alpha, gamma):
    Q[s, a] += alpha * (r + (0 if over else gamma * Q[after].max()) - Q[s, a])
    return Q[s, a]


OR_AND = [[1, 1], [1, 1]], [-0.5, -1.5]
WRONG = {
    "3.1": [
        (lambda values, labels: np.mean(values), "does not look at the labels"),
        (halfway, "count errors instead"),
        (lambda values, labels: max(values), "nothing would be called 1"),
        (lambda values, labels: -1.0, "can be had"),
        (lambda values, labels: [1.0], "return one number"),
        (lambda values, labels: 0, "number of errors"),
    ],
    "3.2": [
        (lambda train, test: (scaled(train, train), scaled(test, test)), "test set's own mean"),
        (lambda train, test: [scaled(x, np.vstack([train, test])) for x in (train, test)], "both sets together"),
        (lambda train, test: [(x - train.mean(0)) / train.var(0) for x in (train, test)], "not by the variance"),
        (lambda train, test: [(x - train.mean()) / train.std() for x in (train, test)], "Every column".lower()),
        (lambda train, test: (train - train.mean(0), test - train.mean(0)), "now divide"),
        (lambda train, test: (scaled(train, train), test), "training set is right"),
        (lambda train, test: scaled(train, train), "return two arrays"),
    ],
    "3.3": [
        (lambda points, centres: np.sqrt(squared(points, centres)).min(1).mean(), "no square root"),
        (lambda points, centres: squared(points, centres).min(1).sum(), "divide by their number"),
        (lambda points, centres: squared(points, centres).mean(), "only the nearest one"),
        (lambda points, centres: squared(points, centres).min(0).mean(), "the other way round"),
        (lambda points, centres: ((points[:, None] - centres) ** 2).mean(-1).min(1).mean(), "sum the squares"),
        (lambda points, centres: 1.0, "yours is 1.0000"),
    ],
    "3.4": [
        (lambda Q, s, a, r, n, over, alpha, gamma: r + (0 if over else gamma * Q[n].max()), "share α"),
        (lambda Q, s, a, r, n, over, alpha, gamma: Q[s, a] + alpha * (r + gamma * Q[n].max() - Q[s, a]), "episode is over"),
        (lambda Q, s, a, r, n, over, alpha, gamma: Q[s, a] + alpha * (r + Q[n].max() * (not over) - Q[s, a]), "discounted"),
        (
            lambda Q, s, a, r, n, over, alpha, gamma: Q[s, a] + alpha * (r + gamma * Q[s].max() * (not over) - Q[s, a]),
            "came *to*",
        ),
        (lambda Q, s, a, r, n, over, alpha, gamma: Q[s, a] + alpha * (r + gamma * Q[n, a] * (not over) - Q[s, a]), "same action"),
        (changed, "changed Q"),
        (lambda Q, s, a, r, n, over, alpha, gamma: 7.0, "yours is 7.0000"),
    ],
    "3.5": [
        (lambda: (*OR_AND, [1, 0], -0.5), "that is OR"),
        (lambda: (*OR_AND, [0, 1], -0.5), "that is AND"),
        (lambda: (*OR_AND, [-1, 2], 0.5), "upside down"),
        (lambda: ([[1, 1], [1, 1]], [-0.5, -0.5], [1, -2], 0.5), "say the same"),
        (lambda: ([[1, 1], [1, 1]], [1, 1], [1, -2], 0.5), "every corner"),
        (lambda: ([[1, 1]], [0, 0], [1, 1], 0), "should have the shape (2, 2)"),
        (lambda: ([[1, 1], [1, 1]], [-0.5, -1.5]), "four things"),
        (lambda: ([[1, -1], [-1, 1]], [-0.5, -0.5], [1, 0], -0.5), "the hidden neurons give"),
    ],
}

TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, np=np)
