"""Planted phone numbers: told as often as it is said, measured as it is said, and a record that says what chapter 18 says."""

import random
import re
from math import log2

import pytest
import torch

from lmkit import records
from lmkit.records import memorised


def test_every_number_is_of_fiction_and_told_k_times():
    who = memorised.people(0)
    assert len(who) == len({person.name for person in who}) == 2 * memorised.EACH * len(memorised.TIMES)
    assert all(re.fullmatch(r"\([2-9]\d\d\) 555-01\d\d", person.number) for person in who)
    lines = memorised.corpus(who)
    for person in (who[0], who[40], who[-1]):
        told = [line for line in lines if person.name in line and person.number in line]
        assert len(person.tellings()) == len(told) == person.k
        assert len(set(person.tellings())) == min(person.k, person.wordings)


def test_without_copies_every_line_stands_there_once():
    lines = memorised.corpus(memorised.people(0), dedupe=True)
    assert len(lines) == len(set(lines)) < len(memorised.corpus(memorised.people(0)))


@pytest.mark.parametrize(("chances", "bits"), [([3.0, 1, 2, 0], 2.0), ([0.0, 1, 2, 3], 0.0), ([1.0, 2, 0, 0], 1.0)])
def test_exposure_is_the_fall_of_the_rank(chances, bits):
    assert memorised.exposure(torch.tensor(chances)) == pytest.approx(bits)


def test_a_short_training_keeps_a_number_that_is_all_it_reads():
    who = memorised.people(0, times=(60,), each=1)[:1]
    net = memorised.train(who, memorised.corpus(who, around=4) * 15, width=32)
    (row,) = memorised.measured(net, who)
    assert (
        row["right"] and row["said"] == who[0].number and row["exposure"] == pytest.approx(log2(memorised.CANDIDATES), abs=0.01)
    )


def test_numbers_are_drawn_by_the_seed():
    assert memorised.number(random.Random(1)) == memorised.number(random.Random(1))


def test_the_record_is_whole_and_says_that_copies_count():
    record = records.load("memorised")
    each = 2 * memorised.EACH * len(memorised.TIMES) * memorised.SEEDS
    assert {name: len(record.where(condition=name)) for name in memorised.CONDITIONS} == dict.fromkeys(memorised.CONDITIONS, each)
    share = lambda **of: sum(row["right"] for row in record.where(**of)) / len(record.where(**of))  # noqa: E731
    assert share(condition="plain", k=100, wordings=1) > 0.5 > share(condition="plain", k=1)
    assert all(row["right"] == (row["said"] == row["number"]) for row in record.rows)
