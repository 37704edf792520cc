"""How often something is right and how sure that is: shares and means with their intervals, two systems on the same items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

Z95 = 1.959964  # the normal quantile of a two-sided 95 % interval


@dataclass(frozen=True)
class Accuracy:
    """`right` of `n`, with the Wilson 95 % interval from `low` to `high` (Wilson 1927, JASA 22:209–212)."""

    right: int
    n: int

    @property
    def share(self) -> float:
        return self.right / self.n

    @property
    def low(self) -> float:
        return self._ends()[0]

    @property
    def high(self) -> float:
        return self._ends()[1]

    def _ends(self) -> tuple[float, float]:
        p, n, z = self.share, self.n, Z95
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        return f"{self.right}/{self.n} = {self.share:.1%} ({self.low:.1%} to {self.high:.1%})"


@dataclass(frozen=True)
class Mean:
    """The mean of `n` independent values, with its 95 % interval from `low` to `high` (normal approximation: n ≥ 30)."""

    value: float
    half: float
    n: int

    @property
    def low(self) -> float:
        return self.value - self.half

    @property
    def high(self) -> float:
        return self.value + self.half

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f}, n = {self.n})"


def mean(values: Sequence[float]) -> Mean:
    """The mean of the values. Raises ValueError for fewer than two, of which no spread is known."""
    n = len(values)
    if n < 2:
        raise ValueError(f"mean needs at least two values to know their spread, got {n}.")
    middle = sum(values) / n
    spread = sqrt(sum((value - middle) ** 2 for value in values) / (n - 1))
    return Mean(middle, Z95 * spread / sqrt(n), n)


def accuracy(right: Sequence[bool]) -> Accuracy:
    """The share of True. Raises ValueError for an empty sequence, of which no share is defined."""
    if not len(right):
        raise ValueError("accuracy of nothing: give at least one True or False.")
    return Accuracy(sum(map(bool, right)), len(right))


def compare(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Exact two-sided McNemar test of two systems on the same items: the probability of a difference at least as large if
    both were equally good (McNemar 1947, Psychometrika 12:153–157). Raises ValueError where the lengths differ."""
    if len(first) != len(second):
        raise ValueError(f"compare needs the same items for both: got {len(first)} and {len(second)}.")
    better = sum(bool(a) and not b for a, b in zip(first, second, strict=True))
    worse = sum(bool(b) and not a for a, b in zip(first, second, strict=True))
    n = better + worse
    tail = sum(comb(n, k) for k in range(min(better, worse) + 1)) / 2**n
    return min(1.0, 2 * tail)
