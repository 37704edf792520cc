"""A page on paper: the text and its figures, black on white, at the width of a sheet, and where its links lead."""

import plotly.graph_objects as go
import pytest

from book.figures import MIME
from tests.book.small import cell, notebook, small_book
from tests.browser import as_file, visit

ROW = "| " + " | ".join(["some words"] * 9) + " |"
WIDE = f"{ROW}\n|{'---|' * 9}\n{ROW}"
TEXT = f"# One\n\nSee [the paper](https://arxiv.org/abs/1706.03762), [this](two.md) and $x$.\n\n## Table\n\n{WIDE}\n"
LONG_LINE = "print('" + "a long line " * 30 + "')"


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    figure = {MIME: go.Figure(go.Scatter(x=[0, 1], y=[0, 1])).to_plotly_json()}
    one = notebook(TEXT, cell(LONG_LINE), cell("figure", figure))
    return small_book(tmp_path_factory.mktemp("print"), {"index": "# Home", "one": one, "two": "# Two"})


def test_paper_shows_the_text_and_nothing_that_only_a_screen_can_use(html, chromium):
    with visit(chromium, as_file(html) + "one.html", dark=True, width=700) as seen:
        page = seen.page
        page.locator(".plotly-figure .main-svg").first.wait_for()
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        for selector in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer", ".copybtn", ".headerlink"):
            assert not [one for one in page.locator(selector).all() if one.is_visible()], selector
        assert page.locator(".plotly-figure .main-svg").first.is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.querySelector('.bd-article td')).color") == "rgb(0, 0, 0)"
        after = "(s) => getComputedStyle(document.querySelector(s), '::after').content"
        assert page.evaluate(after, '.bd-article a[href^="http"]') == '" (https://arxiv.org/abs/1706.03762)"'
        assert page.evaluate(after, '.bd-article a[href^="two"]') == "none"
        room, needed = page.evaluate("[document.documentElement.clientWidth, document.querySelector('.bd-article').scrollWidth]")
        assert needed <= room, "nothing is cut off at the right"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert seen.clean()


def test_a_page_becomes_a_pdf(html, chromium):
    with visit(chromium, as_file(html) + "one.html") as seen:
        pdf = seen.page.pdf(format="A4")
        assert pdf[:5] == b"%PDF-" and len(pdf) > 10_000


def test_by_the_keys_a_print_waits_for_its_figures(html, chromium):
    before = "window.print = () => { window.printed = document.querySelectorAll('.plotly-figure[data-drawn]').length; };"
    with visit(chromium, as_file(html) + "one.html", before=before) as seen:
        seen.page.keyboard.press("Control+p")
        seen.page.wait_for_function("'printed' in window", timeout=20_000)
        assert seen.page.evaluate("window.printed") == 1 and seen.page.locator(".plotly-figure .main-svg").count() >= 1
        assert seen.clean()
