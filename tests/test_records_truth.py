"""What SmolLM2 was asked about truth and limits: the questions are as they say, answers are judged as they should be, and the
stored records agree with both."""

import datetime
import random

import pytest

from lmkit import records, tiny
from lmkit.records import limits, truth


@pytest.fixture(scope="module")
def world():
    return tiny.load_world()


@pytest.mark.parametrize(
    ("said", "right", "verdict"),
    [
        ("Washington", "Washington, D.C.", True),
        ("the euro", "euro", True),
        ("St. John's", "St Johns", True),
        ("Paris, France", "Paris", True),
        ("Andorra", "Andorra la Vella", False),
        ("New Guinea", "New Delhi", False),
        ("", "Paris", False),
        ("Parisian", "Paris", False),
    ],
)
def test_names_are_compared_with_patience(said, right, verdict):
    assert truth.same(said, right) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Napoleon landed on the Moon in 1969.", "gives a year"),
        ("Napoleon never landed on the Moon.", "denies"),
        ("The Moon is not a planet. It was in 1804.", "gives a year"),
        ("Napoleon didn't land on the Moon in 1804.", "denies"),
        ("There is no record of that.", "denies"),
        ("On the Moon.", "other"),
        ("It happened in 12345.", "other"),
        ("A notable year, 1815.", "gives a year"),
    ],
)
def test_a_reply_denies_gives_a_year_or_neither(text, verdict):
    assert truth.verdict(text) == verdict


def test_premises_come_in_pairs():
    rows = truth.premises()
    assert len(rows) == 51 and "Napoleon" in rows[0]["false"]
    questions = [row[kind] for row in rows for kind in ("false", "true")]
    assert len(set(questions)) == 102 and all(one.startswith("In which year ") and one.endswith("?") for one in questions)
    assert all(1000 <= int(row["year"]) <= 2026 and len(row["year"]) == 4 for row in rows)


def test_quarrels_suggest_something_wrong(world):
    keys = [fact.key for fact in truth.asked(world, "capital")][:20]
    found = truth.quarrels(keys)
    assert len(found) == 50 and all(one["r"] != one["w"] for one in found)
    for one in found[20:]:
        a, b = (int(number) for number in one["q"].removeprefix("What is ").rstrip("?").split(" + "))
        assert int(one["r"]) == a + b and abs(int(one["w"]) - a - b) in (1, 2)


def test_a_vote_counts_spellings_of_one_answer():
    assert truth.vote(["Lima", "the Rome", "Rome.", "Oslo"]) == ("the Rome", 2)
    assert truth.vote(["Lima", "Oslo"]) == ("Lima", 1)


def test_reports_hold_what_they_were_made_of():
    found = truth.reports()
    assert len(found) == len(set(found)) == 24 and found == truth.reports()
    assert all(len(one.split()) > 25 and "{" not in one for one in found)


def test_the_chance_of_an_answer_is_that_of_the_chain_rule():
    model = tiny.load("base")
    prompts = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("The capital of France is", "Peru")]
    answers = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in (" Paris.", " is here")]
    for (sure, entropy), prompt, answer in zip(truth.chances(model, prompts, answers), prompts, answers, strict=True):
        total = 0.0
        for i, id in enumerate(answer):
            logprobs = model.next_token(prompt + answer[:i]).logits.log_softmax(-1)
            total += logprobs[id].item()
            if i == 0:
                assert entropy == pytest.approx(-(logprobs.exp() * logprobs).sum().item(), abs=1e-3)
        assert sure == pytest.approx(total, abs=1e-3)


def test_calculations_are_right_and_as_long_as_they_say():
    for sign in limits.SIGNS:
        for digits in limits.DIGITS:
            found = limits.calculations(sign, digits)
            assert len(found) == limits.EACH
            for a, b, result in found:
                assert eval(f"{a} {sign} {b}") == result and len(str(b)) == digits and result >= 0


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Today is March 5, 2026.", True),
        ("5th of March 2026", True),
        ("It is 05 March 2026", True),
        ("15 March 2026", False),
        ("5 March", False),
    ],
)
def test_a_date_is_read_in_any_order(text, right):
    assert limits.says_date(text, "05 March 2026") == right
    assert all(date >= datetime.date(2023, 1, 1) and 2 <= n <= 30 for date, n in limits.days())


def test_irony_and_misconceptions_are_in_pairs():
    rows = limits.rows_of("irony")
    assert [row["kind"] for row in rows].count("ironic") == [row["kind"] for row in rows].count("meant") == 20
    assert all((row["kind"] == "ironic") == (row["meant"] == "negative") for row in rows)
    rows = limits.rows_of("misconceptions")
    assert len(rows) == 20 and all(row["true"] != row["false"] and row["start"] for row in rows)


def test_the_records_are_whole_and_their_verdicts_are_those_of_their_texts(world):
    said, weak = records.load("truth"), records.load("limits")
    for row in random.Random(0).sample(said.where(part="facts"), 60):
        assert row["right"] == truth.same(row["said"], world.by_key[row["key"]].object["en"]) and 0 <= row["p"] <= 1
    assert {row["key"] for row in said.where(part="facts")} == {fact.key for fact in truth.asked(world)}
    half = [fact.key for fact in truth.asked(world)[::2]]
    for way in ("reworded", "page", "asked itself", "vote"):
        assert [row["key"] for row in said.where(part="ways", way=way)] == half
    for condition in truth.CONDITIONS:
        for kind in ("false", "true"):
            rows = said.where(part="premises", condition=condition, kind=kind)
            assert [row["question"] for row in rows] == [row[kind] for row in truth.premises()]
            assert all(row["verdict"] == truth.verdict(row["said"]) for row in rows)
    assert {row["said"] for row in said.where(part="summaries")} <= set(truth.judged())
    for sign in limits.SIGNS:
        for digits in limits.DIGITS:
            truths = [str(result) for *_, result in limits.calculations(sign, digits)]
            rows = weak.where(part="sums", sign=sign, digits=digits)
            assert [row["right"] for row in rows] == [row["said"] == one for row, one in zip(rows, truths, strict=True)]
    for length in limits.LENGTHS:
        for depth in limits.DEPTHS:
            assert len(weak.where(part="needle", length=length, depth=depth)) == limits.NEEDLES


def test_a_needle_stands_where_it_should():
    model = tiny.load("base")  # only its tokenizer is used
    for depth in limits.DEPTHS:
        text, code = limits.needle_prompt(model, 256, depth, 2)
        before = text.index(code) / text.index("\n\nQuestion")
        assert abs(before - depth) < 0.2 and text.count(code) == 1
