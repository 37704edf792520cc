"""A scaling law and how sure it is: the loss of a model as a function of its size and of the text it reads, fitted to
measured points, and what it foretells of another point. This module knows nothing of how the points were measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Law:
    """L(N, D) = E + A / N^α + B / D^β (Hoffmann et al. 2022, equation 2), in nats per token."""

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    def __call__(self, n, d):
        return self.E + self.A / np.asarray(n, float) ** self.alpha + self.B / np.asarray(d, float) ** self.beta


EXPONENTS = np.linspace(0.02, 1.5, 75)


def fit(n: Sequence[float], d: Sequence[float], loss: Sequence[float], times: Sequence[int] | None = None) -> Law:
    """The law with the least mean squared relative error; `times` says how often each point counts (once).

    For given α and β the law is linear in E, A and B: so every pair of exponents on a grid is tried, and for each the best E,
    A, B are solved for. None of them may be negative.
    """
    n, d, loss = (np.asarray(values, float) for values in (n, d, loss))
    weight = np.ones(len(loss)) if times is None else np.asarray(times, float)
    alpha, beta = (grid.ravel() for grid in np.meshgrid(EXPONENTS, EXPONENTS, indexing="ij"))
    by_n, by_d = (n / n.mean()) ** -alpha[:, None], (d / d.mean()) ** -beta[:, None]
    x = np.stack([np.ones_like(by_n), by_n, by_d], -1) / loss[:, None]  # [exponents, point, (E, A, B)]; the aim is 1 everywhere
    squares, sums = x.mT @ (weight[:, None] * x), (weight[:, None] * x).sum(1)
    best, law = math.inf, None
    for free in ([0, 1, 2], [1, 2], [0, 2], [0, 1]):  # all three, or one of them at its limit 0
        solved = np.linalg.solve(squares[:, free][:, :, free] + 1e-12 * np.eye(len(free)), sums[:, free, None])[..., 0]
        error = weight.sum() - (solved * sums[:, free]).sum(1)  # of least squares, at its minimum
        error[(solved < 0).any(1)] = math.inf
        i = int(error.argmin())
        if error[i] < best:
            best, values = error[i], np.zeros(3)
            values[free] = solved[i]
            E, A, B = values
            law = Law(float(E), float(A * n.mean() ** alpha[i]), float(B * d.mean() ** beta[i]), float(alpha[i]), float(beta[i]))
    return law


def resampled(
    n: Sequence[float], d: Sequence[float], loss: Sequence[float], times: int = 200, seed: int = 0
) -> list[tuple[Law, float]]:
    """The bootstrap: laws fitted to points drawn with replacement, each with one drawn relative error of the fit to all, by
    which a new measurement may miss (Efron 1979)."""
    n, d, loss = (np.asarray(values, float) for values in (n, d, loss))
    missed = loss / fit(n, d, loss)(n, d) - 1
    rng = np.random.default_rng(seed)
    drawn = [np.bincount(rng.integers(len(n), size=len(n)), minlength=len(n)) for _ in range(times)]
    return [(fit(n, d, loss, counts), float(rng.choice(missed))) for counts in drawn]


def interval(laws: Sequence[tuple[Law, float]], n: float, d: float, level: float = 0.95) -> tuple[float, float]:
    """Between which losses a new run of size n on d tokens should fall, by the bootstrap."""
    values = [float(law(n, d)) * (1 + error) for law, error in laws]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
