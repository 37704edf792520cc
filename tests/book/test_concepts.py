"""The ideas of the sources and the cells that show them."""

import re
from collections import Counter

import nbformat
import pytest
from sphinx.errors import ExtensionError

from book import concepts
from tests.book.small import ROOT, cell, notebook

IDEAS = concepts.read_ideas(ROOT / "chapters" / "concepts.csv")
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))
MAP = "# Map\n\n```{concept-map}\n```\n"


def test_the_list_holds_all_ideas_once():
    assert len(IDEAS) == 371
    assert Counter(idea.priority for idea in IDEAS.values()) == {1: 163, 2: 136, 3: 72}
    assert {idea.group for idea in IDEAS.values()} == set(concepts.GROUPS)
    assert {idea.type for idea in IDEAS.values()} == set(concepts.TYPES)
    assert all(re.fullmatch(r"[0-9A]\.\d\d", idea) for idea in IDEAS)
    assert sum(bool(re.search(r"[一-鿿]", idea.concept)) for idea in IDEAS.values()) > 150, "the Chinese terms stay"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_every_concept_tag_of_a_chapter_names_an_idea(path):
    cells = concepts.mark_cells(path.stem, nbformat.read(path, as_version=4))
    assert cells and not [c.idea for c in cells if c.idea not in IDEAS]
    assert len({c.anchor for c in cells}) == len(cells)


def test_cells_are_named_after_the_heading_above_them():
    made = notebook(
        "# One\n\ntext\n\n## First *part*",
        cell(tags=("concept-4.19", "other")),
        cell(tags=("concept-4.19", "concept-4.20")),
        "## Second\n\nwords",
    )
    made.cells[-1].metadata["tags"] = ["concept-0.02"]
    found = [(c.idea, c.anchor, c.heading, c.runs) for c in concepts.mark_cells("one", made)]
    assert found == [
        ("4.19", "concept-4.19", "First part", True),
        ("4.19", "concept-4.19-2", "First part", True),
        ("4.20", "concept-4.20", "First part", True),
        ("0.02", "concept-0.02", "Second", False),
    ]


def test_the_map_links_to_the_cells_and_counts_them(build):
    one = notebook(
        "# One", "## The <mask>", cell("x = 1", tags=("concept-4.29",)), cell("y", tags=("concept-4.29", "hide-input"))
    )
    html = build({"index": "# Home", "map": MAP, "chapters/one": one})
    page = (html / "map.html").read_text("utf8")
    assert page.count("<tr id=") == 371
    assert "<b>1 of 163</b> priority-1 ideas have a running cell" in page
    row = page[page.index('<tr id="idea-4.29"') :].split("</tr>")[0]
    assert 'href="chapters/one.html#concept-4.29"' in row and 'href="chapters/one.html#concept-4.29-2"' in row
    assert "The &lt;mask&gt;" in row and 'class="priority-1 shown"' in row
    chapter = (html / "chapters/one.html").read_text("utf8")
    assert chapter.count('id="concept-4.29"') == 1 and chapter.count('id="concept-4.29-2"') == 1


def test_the_map_follows_when_a_chapter_changes(build):
    pages = {"index": "# Home", "map": MAP, "one": notebook("# One", cell("x = 1", tags=("concept-4.29",)))}
    assert "one.html#concept-4.29" in (build(pages) / "map.html").read_text("utf8")
    pages["one"] = notebook("# One", cell("x = 1", tags=("concept-4.30",)))
    page = (build(pages) / "map.html").read_text("utf8")
    assert "one.html#concept-4.30" in page and "one.html#concept-4.29" not in page


@pytest.mark.parametrize("tag", ["concept-4.99", "concept-4.1", "concept-attention"])
def test_a_tag_that_names_no_idea_fails_the_build(build, tag):
    with pytest.raises(ExtensionError, match=rf"one: the tag {re.escape(tag)} names no idea"):
        build({"index": "# Home", "one": notebook("# One", cell("x = 1", tags=(tag,)))})


def test_every_idea_is_shown_as_its_priority_asks():
    cells = [cell for path in CHAPTERS for cell in concepts.mark_cells(path.stem, nbformat.read(path, as_version=4))]
    assert concepts.gaps(IDEAS.values(), cells) == []


def test_what_a_priority_asks():
    ideas = [concepts.Idea(f"4.0{number}", number, "Con", "an idea") for number in (1, 2, 3)]
    told = notebook("# One", "words", "words", "{cite:t}`vaswani2017attention` say so")
    for number, text in enumerate(told.cells[1:], 1):
        text.metadata["tags"] = [f"concept-4.0{number}"]
    cells = concepts.mark_cells("one", told)
    assert concepts.gaps(ideas, cells) == ["4.01 (an idea) needs a cell that runs"]
    told.cells[3].source = "as everybody knows"
    assert concepts.gaps(ideas, concepts.mark_cells("one", told))[1:] == ["4.03 (an idea) needs a sentence with a source"]
    run = notebook("# One", cell("x = 1", tags=("concept-4.01", "concept-4.03")))
    assert concepts.gaps(ideas, concepts.mark_cells("one", run)) == ["4.02 (an idea) needs a cell or a box"]
