"""How often something is right and how sure that is: shares and means with their intervals, two systems on the same items, and
whether a stated confidence is worth anything."""

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


def auroc(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """The area under the ROC curve: of a right and a wrong answer drawn by chance, the probability that the right one has the
    higher confidence; a tie counts half (Hanley and McNeil 1982, Radiology 143:29–36). 0.5 is chance, 1 a clean separation.

    Raises ValueError where the lengths differ, or all answers are right or all wrong.
    """
    if len(confidence) != len(right):
        raise ValueError(f"auroc needs one confidence for each answer: got {len(confidence)} and {len(right)}.")
    good = [c for c, ok in zip(confidence, right, strict=True) if ok]
    bad = [c for c, ok in zip(confidence, right, strict=True) if not ok]
    if not good or not bad:
        raise ValueError(f"auroc needs right and wrong answers: got {len(good)} right and {len(bad)} wrong ones.")
    return sum((g > b) + (g == b) / 2 for g in good for b in bad) / (len(good) * len(bad))


def reliability(confidence: Sequence[float], right: Sequence[bool], bins: int = 10) -> list[tuple[float, Accuracy]]:
    """Answers sorted into `bins` equally wide bins of confidence from 0 to 1: for each bin that is not empty, the mean confidence
    and how many were right. Calibrated means that the two agree (DeGroot and Fienberg 1983, The Statistician 32:12–22).

    Raises ValueError for a confidence outside 0 to 1, and where the lengths differ or are 0.
    """
    if len(confidence) != len(right) or not len(confidence):
        raise ValueError(f"reliability needs one confidence for each answer: got {len(confidence)} and {len(right)}.")
    sorted_in: dict[int, list[tuple[float, bool]]] = {}
    for c, ok in zip(confidence, right, strict=True):
        if not 0 <= c <= 1:
            raise ValueError(f"a confidence is a number from 0 to 1, not {c}.")
        sorted_in.setdefault(min(int(c * bins), bins - 1), []).append((c, ok))
    found = [list(zip(*sorted_in[place], strict=True)) for place in sorted(sorted_in)]
    return [(sum(stated) / len(stated), accuracy(truth)) for stated, truth in found]


def calibration_error(confidence: Sequence[float], right: Sequence[bool], bins: int = 10) -> float:
    """The expected calibration error: by how much confidence and share of right answers differ in a bin, on average over the
    answers (Naeini, Cooper and Hauskrecht 2015, AAAI). Errors as in `reliability`."""
    found = reliability(confidence, right, bins)
    return sum(abs(stated - truth.share) * truth.n for stated, truth in found) / len(confidence)
