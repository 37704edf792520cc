"""Chapter 13's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import itertools

import pytest
import torch
from exercises import numbers, run
from torch.nn import functional as F

from lmkit.exercises import check

NOTEBOOK = "13_preferences_and_alignment.ipynb"
EXERCISES = ["13.1", "13.2", "13.3", "13.4", "13.5"]



def test_the_notebook_has_these_exercises_and_no_others():
    assert numbers(NOTEBOOK) == set(EXERCISES)


@pytest.mark.parametrize("number", EXERCISES)
def test_solution_passes(number):
    feedback = run(NOTEBOOK, f"solution-{number}", torch=torch, F=F)
    assert feedback.passed, feedback.message


@pytest.mark.parametrize("number", EXERCISES)
def test_stub_runs_and_is_told_that_it_is_empty(number):
    feedback = run(NOTEBOOK, f"exercise-{number}", torch=torch, F=F)
    assert not feedback.passed and "returns nothing yet" in feedback.message


def backwards(rewards, values, gamma, lam, last=0.0):
    found, after, following = [], 0.0, last
    for reward, value in zip(reversed(rewards), reversed(values), strict=True):
        after = reward + gamma * following - value + gamma * lam * after
        following = value
        found.append(after)
    return found[::-1]


def ratio(new, old):
    return (new - old).exp()


MISTAKES = [
    ("13.1", lambda r: list(itertools.permutations(r, 2)), "both orders"),
    ("13.1", lambda r: list(itertools.pairwise(r)), "only neighbours"),
    ("13.1", lambda r: [(b, a) for a, b in itertools.combinations(r, 2)], "wrong way round"),
    ("13.1", lambda r: list(itertools.combinations_with_replacement(r, 2)), "with itself"),
    ("13.2", lambda b, w: -(b - w).mean(), "grow without end"),
    ("13.2", lambda b, w: -torch.log(torch.sigmoid(b - w)).mean(), "underflows"),
    ("13.2", lambda b, w: -F.logsigmoid(w - b).mean(), "better minus worse"),
    ("13.2", lambda b, w: -F.logsigmoid(b - w), "return one number"),
    ("13.3", lambda n, o, a, c: (ratio(n, o) * a).mean(), "nothing is clipped"),
    ("13.3", lambda n, o, a, c: (ratio(n, o).clamp(1 - c, 1 + c) * a).mean(), "always clip"),
    ("13.3", lambda n, o, a, c: -torch.minimum(ratio(n, o) * a, ratio(n, o).clamp(1 - c, 1 + c) * a).mean(), "the sign"),
    ("13.3", lambda n, o, a, c: torch.minimum(n / o * a, (n / o).clamp(1 - c, 1 + c) * a).mean(), "divided log-probabilities"),
    ("13.4", lambda r, v, g, lam: backwards(r, v, g, lam)[::-1], "reverse order"),
    ("13.4", lambda r, v, g, lam: backwards(r, v, g, 0), "one-step surprises"),
    ("13.4", lambda r, v, g, lam: backwards(r, v, g, lam, v[-1]), "nothing is expected"),
    ("13.4", lambda r, v, g, lam: backwards(r, v, 1, lam), "γ has no effect"),
    ("13.5", lambda pb, pw, rb, rw, beta: -F.logsigmoid(beta * (pb - pw)).mean(), "the reference is missing"),
    ("13.5", lambda pb, pw, rb, rw, beta: -beta * F.logsigmoid(pb - rb - pw + rw).mean(), "inside σ"),
    ("13.5", lambda pb, pw, rb, rw, beta: -F.logsigmoid(beta * (pw - rw - pb + rb)).mean(), "better minus worse"),
]


@pytest.mark.parametrize(("number", "answer", "words"), MISTAKES)
def test_mistake_is_named(number, answer, words):
    feedback = check(number, answer)
    assert not feedback.passed and words in feedback.message, feedback.message


def test_every_exercise_has_wrong_answers():
    assert {number for number, _, _ in MISTAKES} == set(EXERCISES)


@pytest.mark.parametrize("number", EXERCISES)
def test_something_that_is_no_function_is_told_so(number):
    assert "the function itself" in check(number, 3).message
