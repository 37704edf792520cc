"""The table of events: every row has a source, every verdict a reason, and the claims that chapters rest on it hold."""

import datetime
import re
from pathlib import Path

import pytest

from lmkit import history

ROOT = Path(__file__).parents[1]
ENTRY = re.compile(r"^@\w+\{([^,]+),.*?^\}", re.MULTILINE | re.DOTALL)
BIB = {found[1]: found[0] for found in ENTRY.finditer((ROOT / "chapters/references.bib").read_text("utf8"))}
EVENTS = history.events()
SAID = list(history.rows("timeline_said.csv"))


def test_rows_are_whole():
    assert len({one.id for one in EVENTS}) == len(EVENTS) >= 70
    for one in EVENTS:
        assert re.fullmatch(r"[a-z0-9-]+", one.id)
        assert one.title and one.text and one.organisation and one.dated and one.checked and one.cited, one.id
        assert one.kind in history.KINDS
        assert one.parameters is None or one.parameters > 1000, one.id
        assert one.url == "" or re.fullmatch(r"https?://\S+", one.url), one.id
        assert one.text == one.text.strip() and one.text.endswith((".", "?", ".”")), one.id


def test_dates_are_dates_and_rise():
    for one in EVENTS:
        assert re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", one.date), one.id
        year, month, day = [*map(int, one.date.split("-")), 1, 1][:3]
        assert datetime.date(1900, 1, 1) < datetime.date(year, month, day) < datetime.date(2027, 1, 1)
    assert [one.date for one in EVENTS] == sorted(one.date for one in EVENTS)


def test_every_source_is_in_the_bibliography_and_named_as_there():
    for one in EVENTS:
        assert one.source and len(one.source) == len(one.cited), one.id
        for key, cited in zip(one.source, one.cited, strict=True):
            assert key in BIB, f"{one.id}: {key}"
            year = re.search(r"year = \{(\d{4})\}", BIB[key])[1]
            author = re.search(r"author = \{\{?(\w+)", BIB[key])[1]
            assert f"({year}): " in cited and cited.startswith(author), f"{one.id}: {cited}"


def test_what_was_said_has_a_verdict_and_a_reason():
    ids = {one.id for one in EVENTS}
    for row in SAID:
        assert row["event"] in ids and row["seed"] in history.INTRODUCTIONS and row["verdict"] in history.VERDICTS, row
        assert 0 < len(row["quote"]) <= 40, row
        assert row["verdict"] == "right" or row["note"], f"{row}: say why it is {row['verdict']}"
        assert row["erratum"] == "" or re.fullmatch(r"E\d{3}", row["erratum"])
        assert row["verdict"] != "right" or not row["erratum"], f"{row}: right, and yet an erratum"
    pairs = [(row["event"], row["seed"], row["quote"]) for row in SAID]
    assert len(set(pairs)) == len(pairs)
    assert {len(one.said) for one in EVENTS} > {0, 1} and sum(len(one.said) for one in EVENTS) == len(SAID)


def test_an_event_names_the_errata_of_its_quotations():
    for one in EVENTS:
        assert set(one.errata) >= {row["erratum"] for row in SAID if row["event"] == one.id and row["erratum"]}, one.id


def test_models_above_a_hundred_million_before_bert():
    """An introduction says that 2018 was the first time, with BERT."""
    bert = history.event("bert").date
    before = {one.id: one.parameters for one in EVENTS if one.date < bert and (one.parameters or 0) > 1e8}
    assert {"seq2seq", "billion-lm", "sparse-moe", "transformer", "gpt-1"} <= set(before)
    assert before["sparse-moe"] > 1000 * 1e8


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("dartmouth-proposal", "dartmouth-workshop"),
        ("lstm", "crf"),
        ("gru", "attention"),
        ("attention", "seq2seq"),
        ("prelu", "resnet"),
        ("gpt-1", "bert"),
        ("ernie-1", "t5"),
        ("glm", "flan"),
        ("instructgpt", "chatgpt"),
        ("chatglm", "ernie-bot"),
        ("gpt-3", "chatgpt"),
    ],
)
def test_the_order_that_the_corrections_state(first, second):
    assert history.event(first).decimal < history.event(second).decimal


def test_decimal_years():
    assert history.decimal_year("1956") == 1956.5
    assert history.decimal_year("1956-06") == pytest.approx(1956 + 5.5 / 12)
    assert history.decimal_year("1956-01-01") == pytest.approx(1956 + 0.5 / 31 / 12)
    days = [f"2018-{month:02}-{day:02}" for month in range(1, 13) for day in (1, 15, 28)]
    assert [history.decimal_year(day) for day in days] == sorted(history.decimal_year(day) for day in days)
    for wrong in ("1956-13", "1956-02-30", "soon", "1956-06-18-1"):
        with pytest.raises(ValueError):
            history.decimal_year(wrong)


def test_an_unknown_event_is_answered_with_similar_ones():
    with pytest.raises(ValueError, match=r"no event 'gpt1': did you mean gpt-1"):
        history.event("gpt1")


def test_the_list_is_the_readers_own():
    history.events().clear()
    assert len(history.events()) == len(EVENTS)
