"""The corrections: every entry whole, every box and its entry tied together, and what was checked said of each."""

import re
from collections import Counter
from datetime import date

import pytest
from sphinx.errors import ExtensionError

from book.corrections import SEVERITY, VERDICT, read_errata
from tests.book.small import ROOT

ERRATA = read_errata(ROOT / "chapters" / "errata.csv")
BIB = (ROOT / "chapters" / "references.bib").read_text("utf8")
KEYS = re.findall(r"^@\w+\{([^,]+),", BIB, re.MULTILINE)
PAGES = {path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "chapters").glob("[0-9]*.ipynb")}
ROW = "E067,S1,Weights are computed,权重是习得的,They are not.,They are.,vaswani2017attention,one,yes: section 3.2,2026-11-23"
BOXES = re.compile(r":::\{admonition\} [^\n]*?\((E\d{3}(?:, E\d{3})*)\)\\n")
CORRECTIONS = "# Corrections\n\n```{corrections}\n```\n"
BIBLIOGRAPHY = "# References\n\n```{bibliography}\n:all:\n```\n"
BOX = ":::{{admonition}} The sources said: weights are learned ({})\n:class: sources-said\nThe projections are.\n:::\n"


@pytest.mark.parametrize("erratum", ERRATA.values(), ids=lambda e: e.id)
def test_an_entry_is_whole(erratum):
    assert re.fullmatch(r"E\d{3}", erratum.id) and erratum.severity in SEVERITY
    assert erratum.title and erratum.problem and erratum.correct
    assert all(re.search(r"[一-鿿]", quote) for quote in erratum.said), "quotes are in Chinese, as the sources are"
    assert erratum.sources and set(erratum.sources) <= set(KEYS)
    assert erratum.verdict in VERDICT and re.match(r"\w+: .{20,}", erratum.verified), "whether it was checked, and how or why not"

    assert not erratum.checked or date(2026, 1, 1) <= date.fromisoformat(erratum.checked) <= date.today()
    assert erratum.chapters


def test_the_entries_are_all_there_in_order():
    assert list(ERRATA) == [f"E{number:03}" for number in range(1, 128)]
    assert Counter(erratum.severity for erratum in ERRATA.values()) == {"S1": 32, "S2": 58, "S3": 10, "S4": 27}


def test_most_entries_were_read_in_their_sources():
    assert Counter(erratum.verdict for erratum in ERRATA.values())["yes"] >= 100
    assert sum(bool(erratum.checked) for erratum in ERRATA.values()) >= 100


def test_the_boxes_of_a_chapter_are_those_that_its_entries_name():
    """What the build checks too, without building, so that a missing box is found in a second."""
    for page in PAGES:
        text = (ROOT / f"{page}.ipynb").read_text("utf8")
        boxes = {number for numbers in BOXES.findall(text) for number in numbers.split(", ")}
        assert boxes == {erratum.id for erratum in ERRATA.values() if page in erratum.chapters}, page


def test_references_are_sorted_and_named_alike():
    assert sorted(KEYS) == KEYS and len(KEYS) == len(set(KEYS))
    assert all(re.fullmatch(r"[a-z][a-z0-9]+", key) for key in KEYS)


def test_box_and_entry_lead_to_each_other(build):
    pages = {
        "index": "# Home",
        "one": "# One\n\n" + BOX.format("E067"),
        "chapters/corrections": CORRECTIONS,
        "refs": BIBLIOGRAPHY,
    }
    html = build(pages, errata=(ROW,))
    chapter, page = ((html / f"{name}.html").read_text("utf8") for name in ("one", "chapters/corrections"))
    assert re.search(r'<div class="[^"]*sources-said[^"]*" id="e067">', chapter)
    assert 'href="chapters/corrections.html#e067"' in chapter
    assert 'id="e067"' in page and 'href="../one.html#e067"' in page
    assert "权重是习得的" in page and "teaches something false" in page and 'href="../refs.html#' in page
    assert '<span class="verdict yes">verified</span>' in page and "read again on 23 November 2026" in page
    assert "Verified: 1 of 1 entries" in page and "Not verified: 0 of 1 entries" in page
    assert re.search(r'<section class="correction verdict-yes severity-s1" id="e067">', page)


@pytest.mark.parametrize(
    ("body", "row", "message"),
    [
        (BOX.format("E999"), ROW, "one: a box names E999, which chapters/errata.csv does not hold"),
        ("words", ROW, "E067 names one, which has no sources-said box"),
        (BOX.format("sorry"), ROW, "must end in its number"),
    ],
)
def test_a_box_or_an_entry_alone_fails_the_build(build, body, row, message):
    pages = {"index": "# Home", "one": f"# One\n\n{body}", "chapters/corrections": CORRECTIONS, "refs": BIBLIOGRAPHY}
    with pytest.raises(ExtensionError, match=re.escape(message)):
        build(pages, errata=(row,))


def test_an_entry_may_wait_for_its_chapter(build):
    pages = {"index": "# Home", "chapters/corrections": CORRECTIONS, "refs": BIBLIOGRAPHY}
    page = (build(pages, errata=(ROW,)) / "chapters/corrections.html").read_text("utf8")
    assert "Not yet treated in a published chapter" in page
