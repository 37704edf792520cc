"""Chapter 10's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import math

import torch
from exercises import exercise_tests

NOTEBOOK = "10_learning_by_gradient.ipynb"
EXERCISES = ["10.1", "10.2", "10.3", "10.4", "10.5"]


def slope(gradient, sign=-1.0):
    """Gradient descent with the learner's gradient(w, x, y)."""

    def fit(x, y, w, rate, steps):
        for _ in range(steps):
            w += sign * rate * gradient(w, x, y)
        return w

    return fit


def right_gradient(w, x, y):
    return sum(2 * a * (w * a - b) for a, b in zip(x, y, strict=True)) / len(x)


def stale(x, y, w, rate, steps):
    return w - steps * rate * right_gradient(w, x, y)


def adam(step, mean=lambda m, g: 0.9 * m + 0.1 * g, square=lambda v, g: 0.999 * v + 0.001 * g**2):
    """An Adam step with the learner's step(θ, g, m, v, n, rate)."""

    def answer(theta, gradient, m, v, n, rate):
        m, v = mean(m, gradient), square(v, gradient)
        return step(theta, gradient, m, v, n, rate), m, v

    return answer


def corrected(theta, gradient, m, v, n, rate):
    return theta - rate * (m / (1 - 0.9**n)) / ((v / (1 - 0.999**n)).sqrt() + 1e-8)


def weighted(losses, tokens):
    return sum(a * b for a, b in zip(losses, tokens, strict=True)) / sum(tokens)


WRONG = {
    "10.1": [
        (slope(right_gradient, sign=1.0), "you went uphill"),
        (slope(lambda w, x, y: right_gradient(w, x, y) / 2), "the factor 2 is missing"),
        (slope(lambda w, x, y: right_gradient(w, x, y) * len(x)), "the *mean*"),
        (slope(lambda w, x, y: sum(2 * (w * a - b) for a, b in zip(x, y, strict=True)) / len(x)), "the inner derivative"),
        (stale, "computed again in every step"),
        (lambda x, y, w, rate, steps: w - rate * right_gradient(w, x, y), "you made one step"),
        (lambda x, y, w, rate, steps: w, "has not moved"),
        (lambda x, y, w, rate, steps: [w], "return one number"),
    ],
    "10.2": [
        (adam(lambda theta, g, m, v, n, rate: theta - rate * m / (v.sqrt() + 1e-8)), "bias correction is missing"),
        (adam(lambda theta, g, m, v, n, rate: theta - rate * (m / (1 - 0.9**n)) / (v / (1 - 0.999**n) + 1e-8)), "*square root*"),
        (adam(corrected, mean=lambda m, g: 0.1 * m + 0.9 * g), "*old* value"),
        (adam(corrected, mean=lambda m, g: 0.9 * m + g), "with the weight 1 − 0.9"),
        (adam(corrected, square=lambda v, g: 0.999 * v + 0.001 * g), "of the *squares*"),
        (adam(corrected, square=lambda v, g: 0.9 * v + 0.1 * g**2), "slower rate"),
        (adam(lambda theta, *rest: 2 * theta - corrected(theta, *rest)), "you went uphill"),
        (lambda *all: corrected(*all), "return three tensors"),
    ],
    "10.3": [
        (lambda z, ids: torch.nn.functional.cross_entropy(z, ids), "that it *reads*"),
        (lambda z, ids: torch.nn.functional.cross_entropy(z[1:], ids[:-1]), "the wrong way"),
        (lambda z, ids: torch.nn.functional.cross_entropy(z[:-1], ids[1:], reduction="sum"), "that is the sum"),
        (lambda z, ids: torch.nn.functional.cross_entropy(z[:-1], ids[1:], reduction="sum") / len(ids), "five targets"),
        (lambda z, ids: -torch.nn.functional.cross_entropy(z[:-1], ids[1:]), "the sign"),
        (lambda z, ids: torch.nn.functional.cross_entropy(z[:-1], ids[1:]) / math.log(2), "in bits"),
        (lambda z, ids: z.softmax(-1)[range(5), ids[1:]].mean(), "these are probabilities"),
        (lambda z, ids: -z[range(5), ids[1:]].mean(), "log_softmax first"),
    ],
    "10.4": [
        (weighted, "that is the mean loss"),
        (lambda losses, tokens: math.exp(sum(losses) / len(losses)), "weight each loss"),
        (lambda losses, tokens: sum(map(math.exp, losses)) / len(losses), "do not average perplexities"),
        (lambda losses, tokens: weighted(list(map(math.exp, losses)), tokens), "not even weighted"),
        (lambda losses, tokens: 2 ** weighted(losses, tokens), "not 2"),
    ],
    "10.5": [
        (lambda gradients, counts: sum(gradients) / len(gradients), "a plain mean"),
        (lambda gradients, counts: sum(gradients), "that is the sum"),
        (lambda gradients, counts: sum(g * n for g, n in zip(gradients, counts, strict=True)), "the number of all tokens"),
        (
            lambda gradients, counts: sum(g * n for g, n in zip(gradients, counts, strict=True)) / 3,
            "not by the number of workers",
        ),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, torch=torch, math=math)
