"""Shares with their intervals, and two systems compared: against published values and against counting."""

import itertools
import random

import pytest

from lmkit.evaluate import accuracy, compare


def test_wilson_interval_against_published_values():
    """Newcombe 1998, Statistics in Medicine 17:857–872, table I, method 3: 81/263, 15/148, 0/20, 1/29."""
    published = ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718))
    for right, n, low, high in published:
        found = accuracy([True] * right + [False] * (n - right))
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
        assert found.low <= found.share <= found.high


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = random.Random(0)
    covered = 0
    for _ in range(2000):
        found = accuracy([rng.random() < 0.9 for _ in range(100)])
        covered += found.low <= 0.9 <= found.high
    assert 0.93 < covered / 2000 < 0.97


def test_it_reads_well_and_refuses_nothing():
    assert str(accuracy([True] * 9 + [False])) == "9/10 = 90.0% (59.6% to 98.2%)"
    with pytest.raises(ValueError, match="accuracy of nothing"):
        accuracy([])


def test_mcnemar_against_counting_all_outcomes():
    first, second = [1, 1, 1, 1, 1, 0, 1, 0], [1, 0, 0, 0, 0, 1, 1, 0]
    better, n = 4, 5
    outcomes = list(itertools.product([0, 1], repeat=n))
    extreme = sum(abs(sum(one) - n / 2) >= abs(better - n / 2) for one in outcomes)
    assert compare(first, second) == pytest.approx(extreme / len(outcomes)) == compare(second, first)
    assert compare([1, 0], [1, 0]) == 1.0
    with pytest.raises(ValueError, match="same items"):
        compare([1], [1, 0])
