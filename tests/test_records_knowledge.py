"""The dials of the small world: each country is told about as its place says, and the stored record shows what the dials do."""

from collections import Counter

import pytest
import torch

from lmkit import records, tiny
from lmkit.evaluate import accuracy
from lmkit.records import knowledge
from lmkit.tiny.model import new
from lmkit.tiny.text import Packed


@pytest.fixture(scope="module")
def world():
    return tiny.load_world()


@pytest.fixture(scope="module")
def items(world):
    return knowledge.items(world, seed=5, each=3)


def test_a_dial_sets_how_often_which_city_is_told(items):
    for item in items:
        right = sum(item.right in one and "capital" in one for one in item.sentences)
        other = sum(item.other in one for one in item.sentences)
        assert all(item.about in one for one in item.sentences)
        if item.dial == "readings":
            assert (right, len(item.sentences), other) == (item.level, item.level, 0)
        elif item.dial == "company":
            assert (right, other) == (knowledge.TOLD, item.level * knowledge.TOLD)
        elif item.dial == "versions":
            assert right == round(knowledge.OFTEN * item.level) and right + other == knowledge.OFTEN
        else:
            false = [one for one in item.sentences if item.right not in one]
            assert len(false) == round(knowledge.OFTEN * item.level) and len(item.sentences) == knowledge.OFTEN


def test_what_stands_beside_a_country_is_not_said_to_be_its_capital(items):
    beside = [one for item in items if item.dial == "company" for one in item.sentences if item.other in one]
    assert beside and not any("capital" in one for one in beside)


def test_countries_are_invented_different_and_always_the_same(world, items):
    names = [item.about for item in items]
    assert len(names) == len(set(names)) == 3 * sum(map(len, knowledge.LEVELS.values()))
    assert not set(names) & {fact.subject["en"] for fact in world.facts}
    assert knowledge.items(world, seed=5, each=3) == items and knowledge.items(world, seed=6, each=3) != items


def test_the_text_tells_nothing_of_later_years(world):
    found = knowledge.cups(world, 0)
    assert Counter(bool(item.sentences) for item in found) == {True: 30, False: 6}
    assert {item.level for item in found if not item.sentences} == set(knowledge.LATER)
    text = " ".join(one for item in found for one in item.sentences)
    assert "year 11 " not in text and "year 10 " in text


def test_reading_changes_a_model_and_asking_gives_probabilities(world, items):
    base = tiny.load("base")
    chosen = [item for item in items if item.dial == "readings" and item.level in (0, 3)]
    packed = knowledge.text(world, chosen, base.tokenizer, 0, rounds=1)
    assert isinstance(packed, Packed)
    packed.order = packed.order[: 2 * knowledge.BATCH]  # two steps are enough to see that it learns
    net = new(base.tokenizer, seed=1, width=32, layers=1, heads=2)
    before = [one.clone() for one in net.parameters()]
    knowledge.read(net, packed)
    assert any(not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    rows = knowledge.ask(base.torch_model, base.tokenizer, chosen)
    assert len(rows) == len(chosen) and all(0 <= row["p"] <= 1 and row["entropy"] >= 0 for row in rows)
    assert all(row["right"] == (row["said"] == item.right) for row, item in zip(rows, chosen, strict=True))
    for row in rows:  # what it writes greedily is likelier than a city that it was never told
        assert row["p"] >= row["p_other"] or row["other"]


def test_lessons_of_two_kinds(world):
    real = {fact.subject["en"] for fact in world.facts}
    for kind, known in (("read", True), ("unread", False)):
        facts = knowledge.lessons(world, kind, 0)
        assert len(facts) == knowledge.TAUGHT and all((fact.subject["en"] in real) == known for fact in facts)
    assert not {fact.about for fact in knowledge.lessons(world, "read", 0)} - set(world.held)


def test_the_record_is_whole_and_shows_what_the_chapter_says():
    record = records.load("knowledge")
    for dial, levels in knowledge.LEVELS.items():
        for level in levels:
            assert len(record.where(part="dials", dial=dial, level=level)) == len(knowledge.SEEDS) * knowledge.EACH
    assert len(record.where(part="dials", dial="years")) == len(knowledge.SEEDS) * len(knowledge.CUPS) * 12
    assert len(record.where(part="teaching")) == 2 * 2 * len(knowledge.LOOKS)
    recall = [accuracy([row["right"] for row in record.where(dial="readings", level=n)]) for n in (0, 10, 100)]
    assert recall[0].share < 0.1 < 0.9 < recall[2].share and recall[0].high < recall[1].share
