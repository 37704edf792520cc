"""CatalogueView: its arithmetic in the browser, its controls by mouse and keyboard, and what it refuses."""

import pytest
from browser import chromium, imported, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from lmkit.widgets.base import bundle
from lmkit.widgets.catalogue import CatalogueView

ROWS = [
    {"name": "Beta", "kind": "open", "size": 7.0, "url": "https://example.org/beta", "note": "<b>bold</b> & 通义千问"},
    {"name": "alpha", "kind": "closed", "size": None, "url": "", "note": ""},
    {"name": "Gamma 10", "kind": "open", "size": 671.0, "url": "", "note": "second"},
    {"name": "Gamma 9", "kind": "", "size": 0.135, "url": "", "note": "a long note " * 8},
]
COLUMNS = {"name": "Name", "kind": "Kind", "size": "Size", "note": "Note"}
HOW = {"kinds": {"kind": "choice", "size": "number"}, "links": {"name": "url"}}

show = shower(".ct-table tbody tr")


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "catalogue", bundle("catalogue.js")) as page:
        yield page


def names(page):
    return page.locator(".ct-table tbody th").evaluate_all(
        "(cells) => cells.map((cell) => cell.firstChild.firstChild?.data ?? cell.textContent)"
    )


def test_rows_are_sorted_with_empty_cells_last_and_numbers_as_numbers(module):
    rows = [[[n, ""]] for n in ("b", "", "a 10", "a 9", "A")]
    for descending, wanted in ((False, ["A", "a 9", "a 10", "b", ""]), (True, ["b", "a 10", "a 9", "A", ""])):
        found = module.evaluate(
            "([rows, down]) => catalogue.rowsInOrder(rows, 0, down).map((row) => row[0][0])", [rows, descending]
        )
        assert found == wanted
    sizes = [[[n, ""]] for n in (7, None, 671, 0.135, 7)]
    assert module.evaluate("(rows) => catalogue.rowsInOrder(rows, 0, true).map((row) => row[0][0])", sizes) == [
        671,
        7,
        7,
        0.135,
        None,
    ]


def test_search_wants_every_word_and_filters_are_joined(module):
    rows = [[[a, ""], [b, ""]] for a, b in (("Qwen", "open"), ("Kimi 月之暗面", "open"), ("Kimi", "closed"))]
    fit = "([rows, query, chosen]) => catalogue.rowsThatFit(rows, query, chosen).map((row) => row[0][0])"
    assert module.evaluate(fit, [rows, "kimi 月", {}]) == ["Kimi 月之暗面"]
    assert module.evaluate(fit, [rows, "kimi", {"1": "closed"}]) == ["Kimi"]
    assert module.evaluate(fit, [rows, "  ", {}]) == [row[0][0] for row in rows]
    assert module.evaluate("(rows) => catalogue.valuesOf(rows, 1)", rows) == ["closed", "open"]


def test_heads_sort_by_mouse_and_by_keyboard(show):
    page = show(CatalogueView(COLUMNS, ROWS, title="Models", **HOW))
    assert names(page) == ["Beta", "alpha", "Gamma 10", "Gamma 9"]
    page.get_by_role("button", name="Name").click()
    assert names(page) == ["alpha", "Beta", "Gamma 9", "Gamma 10"]
    head = page.locator("thead th").first
    expect(head).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Size").focus()
    page.keyboard.press("Space")
    assert names(page) == ["Gamma 9", "Beta", "Gamma 10", "alpha"]
    assert page.locator("[aria-sort]").count() == 1


def test_search_and_filter_and_back(show):
    page = show(CatalogueView(COLUMNS, ROWS, **HOW))
    page.get_by_label("Search").fill("gamma")
    expect(page.locator(".ct-count")).to_have_text("2 of 4 rows")
    page.get_by_label("Kind").select_option("open")
    assert names(page) == ["Gamma 10"]
    page.get_by_label("Search").fill("nothing at all")
    expect(page.locator(".ct-count")).to_contain_text("No row fits")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".ct-count")).to_have_text("4 rows")
    assert page.get_by_label("Search").input_value() == "" and page.get_by_label("Kind").input_value() == ""


def test_texts_stay_texts_and_links_open_elsewhere_safely(show):
    page = show(CatalogueView(COLUMNS, ROWS, **HOW))
    assert page.locator("tbody b").count() == 0
    expect(page.locator("tbody tr").first).to_contain_text("<b>bold</b> & 通义千问")
    link = page.locator("tbody a")
    assert link.count() == 1 and link.get_attribute("href") == "https://example.org/beta"
    assert set(link.get_attribute("rel").split()) == {"noopener", "noreferrer"}


@pytest.mark.parametrize("width", [1280, 360])
def test_the_rows_scroll_in_their_box_and_the_page_does_not(show, width):
    page = show(CatalogueView(COLUMNS, [row | {"note": "word " * 60} for row in ROWS], title="Wide", **HOW), width=width)
    assert not scrolls_sideways(page)
    box = page.get_by_role("region", name="Wide: the rows")
    box.focus()
    assert box.evaluate("(box) => box === document.activeElement && box.scrollWidth >= box.clientWidth")
    slot = page.locator(".lmkit-slot").evaluate(
        "(slot) => [slot.getBoundingClientRect().height, parseFloat(getComputedStyle(slot).minHeight)]"
    )
    assert abs(slot[0] - slot[1]) < 60


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kinds": {"colour": "choice"}}, "kinds names the column 'colour', which is not shown"),
        ({"kinds": {"name": "colour"}}, "is of the kind 'colour'"),
        ({"links": {"name": "address"}}, "row 1 has no 'address'"),
        ({"sort": "url"}, "sort names the column 'url'"),
        ({"kinds": {"name": "number"}}, "is to be a number and is 'Beta'"),
        ({"links": {"name": "note"}}, "is no address"),
    ],
)
def test_what_does_not_fit_is_named(change, words):
    with pytest.raises(ValueError, match=words):
        CatalogueView(COLUMNS, ROWS, **change)


def test_it_says_what_it_shows():
    assert repr(CatalogueView(COLUMNS, ROWS, **HOW)) == "CatalogueView(4 rows: Name, Kind, Size, Note)"
    with pytest.raises(ValueError, match="1 to 400 rows"):
        CatalogueView(COLUMNS, [])
