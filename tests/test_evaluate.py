"""Shares with their intervals, and two systems compared: against published values and against counting."""

import itertools
import random

import pytest
from sklearn.metrics import roc_auc_score

from lmkit.evaluate import accuracy, auroc, calibration_error, compare, reliability


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


class TestConfidence:
    def test_auroc_is_the_share_of_pairs_in_the_right_order(self):
        assert auroc([0.9, 0.8, 0.3, 0.1], [True, True, False, False]) == 1
        assert auroc([0.1, 0.9], [True, False]) == 0
        assert auroc([0.5, 0.5, 0.7], [True, False, False]) == 0.25  # a tie and a lost pair

    def test_auroc_is_that_of_scikit_learn(self):
        rng = random.Random(0)
        sure = [round(rng.random(), 1) for _ in range(300)]
        right = [rng.random() < c for c in sure]
        assert auroc(sure, right) == pytest.approx(roc_auc_score(right, sure))

    def test_auroc_needs_both_kinds(self):
        with pytest.raises(ValueError, match="3 right and 0 wrong"):
            auroc([0.1, 0.2, 0.3], [True] * 3)
        with pytest.raises(ValueError, match="got 2 and 1"):
            auroc([0.1, 0.2], [True])

    def test_reliability_sorts_into_bins_and_keeps_the_last_edge(self):
        found = reliability([0.05, 0.95, 1.0, 0.91], [False, True, True, False])
        assert [(round(stated, 3), truth.right, truth.n) for stated, truth in found] == [(0.05, 0, 1), (0.953, 2, 3)]

    def test_calibration_error_weighs_bins_by_their_answers(self):
        # nine answers at 0.8 of which six are right, one at 0.2 that is right
        sure, right = [0.8] * 9 + [0.2], [True] * 6 + [False] * 3 + [True]
        assert calibration_error(sure, right) == pytest.approx((9 * (0.8 - 6 / 9) + 0.8) / 10)
        assert calibration_error([1.0, 0.0], [True, False]) == 0

    def test_a_confidence_is_a_share(self):
        with pytest.raises(ValueError, match=r"from 0 to 1, not 1\.5"):
            reliability([1.5], [True])
