"""Chapter 13's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import itertools

import torch
from exercises import exercise_tests
from torch.nn import functional as F

from lmkit.exercises.chapter13 import estimates

NOTEBOOK = "13_preferences_and_alignment.ipynb"
EXERCISES = ["13.1", "13.2", "13.3", "13.4", "13.5"]


def ratio(new, old):
    return (new - old).exp()


WRONG = {
    "13.1": [
        (lambda r: list(itertools.permutations(r, 2)), "both orders"),
        (lambda r: list(itertools.pairwise(r)), "only neighbours"),
        (lambda r: [(b, a) for a, b in itertools.combinations(r, 2)], "wrong way round"),
        (lambda r: list(itertools.combinations_with_replacement(r, 2)), "with itself"),
    ],
    "13.2": [
        (lambda b, w: -(b - w).mean(), "grow without end"),
        (lambda b, w: -torch.log(torch.sigmoid(b - w)).mean(), "underflows"),
        (lambda b, w: -F.logsigmoid(w - b).mean(), "better minus worse"),
        (lambda b, w: -F.logsigmoid(b - w), "return one number"),
    ],
    "13.3": [
        (lambda n, o, a, c: (ratio(n, o) * a).mean(), "nothing is clipped"),
        (lambda n, o, a, c: (ratio(n, o).clamp(1 - c, 1 + c) * a).mean(), "always clip"),
        (lambda n, o, a, c: -torch.minimum(ratio(n, o) * a, ratio(n, o).clamp(1 - c, 1 + c) * a).mean(), "the sign"),
        (lambda n, o, a, c: torch.minimum(n / o * a, (n / o).clamp(1 - c, 1 + c) * a).mean(), "divided log-probabilities"),
    ],
    "13.4": [
        (lambda r, v, g, lam: estimates(r, v, g, lam)[::-1], "reverse order"),
        (lambda r, v, g, lam: estimates(r, v, g, 0), "one-step surprises"),
        (lambda r, v, g, lam: estimates(r, v, g, lam, v[-1]), "nothing is expected"),
        (lambda r, v, g, lam: estimates(r, v, 1, lam), "γ has no effect"),
    ],
    "13.5": [
        (lambda pb, pw, rb, rw, beta: -F.logsigmoid(beta * (pb - pw)).mean(), "the reference is missing"),
        (lambda pb, pw, rb, rw, beta: -beta * F.logsigmoid(pb - rb - pw + rw).mean(), "inside σ"),
        (lambda pb, pw, rb, rw, beta: -F.logsigmoid(beta * (pw - rw - pb + rb)).mean(), "better minus worse"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, torch=torch, F=F)
