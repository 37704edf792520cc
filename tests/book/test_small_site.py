"""What the extension makes of a small book, seen in a browser: over http and from a folder, with all else cut off."""

import json
from contextlib import contextmanager

import ipywidgets
import plotly.graph_objects as go
import pytest
import traitlets
from anywidget import AnyWidget

from book.figures import MIME
from lmkit.widgets.base import HERE as WIDGETS
from tests.book.small import cell, notebook, small_book, views
from tests.browser import as_file, scrolls_sideways, served, visit, wait_for_widgets

HOSTILE = "</script><img src=x onerror=alert(1)> <s> 猫 👩🏽‍🚀 مرحبا"
FORMULAS = r"""# Formulas

Inline $\boldsymbol{x} \in \mathbb{R}^d$ and $\text{注意力}$, $\cancel{y}$, and displayed:

$$
\mathrm{softmax}\left(\frac{QK^\top}{\sqrt{d}}\right)V
$$ (eq-softmax)

See {eq}`eq-softmax`.
"""


class Toy(AnyWidget):
    """A slider that paints a bar in the colour of the page's text."""

    _esm = """
    export default { render({ model, el }) {
      const root = Object.assign(document.createElement("div"), { className: "lmkit toy" });
      const label = Object.assign(document.createElement("label"), { textContent: model.get("text") });
      const input = Object.assign(document.createElement("input"), { type: "range", max: 10, value: model.get("value") });
      const output = document.createElement("output");
      const show = () => { output.textContent = `value ${model.get("value")}, ${model.get("data").byteLength} bytes`; };
      input.addEventListener("input", () => { model.set("value", Number(input.value)); model.save_changes(); });
      model.on("change:value", show);
      label.append(input);
      root.append(label, output);
      el.append(root);
      show();
    } };
    """
    _css = (WIDGETS / "base.css").read_text("utf8") + ".toy { min-height: 200px; }"
    text = traitlets.Unicode(HOSTILE).tag(sync=True)
    value = traitlets.Int(3).tag(sync=True)
    data = traitlets.Bytes(b"0123456789" * 100).tag(sync=True)
    _height = traitlets.List([200, 200]).tag(sync=True)

    def __repr__(self):
        return f"Toy: {HOSTILE}"


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    toys = [Toy(value=n) for n in range(3)]
    (*toy_views, slider_view), state = views(*toys, ipywidgets.IntSlider(value=5, description="plain"))
    figure = json.loads(go.Figure([go.Bar(y=[1, 2, 3], name=HOSTILE)], {"title": {"text": "Loss"}}).to_json())
    pages = {
        "index": "# Home",
        "formulas": FORMULAS,
        "chapters/toys": notebook("# Toys", *[cell("toy", view) for view in toy_views], state=state),
        "chapters/mixed": notebook("# Mixed", cell("toy", toy_views[0]), cell("slider", slider_view), state=state),
        "chapters/far": notebook("# Far" + "\n\ntext" * 60, cell("fig", {MIME: figure})),
        "chapters/figure": notebook("# Figure", cell("fig", {MIME: figure}), cell("fig", {MIME: figure})),
    }
    return small_book(tmp_path_factory.mktemp("small"), pages)


@pytest.fixture(params=["http", "file"])
def opened(request, html, chromium):
    """`opened("page.html", width=360)` opens a page over http or from the folder."""

    @contextmanager
    def open_page(name, **options):
        if request.param == "file":
            with visit(chromium, as_file(html) + name, root=as_file(html), **options) as seen:
                yield seen
        else:
            with served(html) as address, visit(chromium, address + name, **options) as seen:
                yield seen

    return open_page


def test_widgets_mount_and_answer(opened):
    with opened("chapters/toys.html") as seen:
        wait_for_widgets(seen.page)
        toys = seen.page.locator(".toy")
        assert [t.split("value ")[1] for t in toys.all_text_contents()] == [f"{n}, 1000 bytes" for n in range(3)]
        assert HOSTILE in toys.first.text_content()
        slider = toys.nth(1).get_by_role("slider")
        slider.press("ArrowRight")
        assert toys.nth(1).locator("output").text_content() == "value 2, 1000 bytes"
        slider.fill("9")
        assert toys.nth(1).locator("output").text_content() == "value 9, 1000 bytes"
        assert toys.nth(0).locator("output").text_content() == "value 0, 1000 bytes", "the widgets are apart"
        assert seen.page.locator("main img").count() == 0
        assert seen.clean()


def test_plain_widgets_work_beside_ours(opened):
    with opened("chapters/mixed.html") as seen:
        wait_for_widgets(seen.page)
        plain = seen.page.locator(".widget-slider")
        plain.wait_for(timeout=20_000)
        assert "plain" in plain.text_content() and "5" in plain.text_content()
        assert seen.page.locator(".toy").count() == 1
        assert seen.clean()


def test_formulas_need_no_script(opened):
    with opened("formulas.html", scripts=False) as seen:
        drawings = seen.page.locator("mjx-container svg")
        assert drawings.count() == 4
        assert all(one.bounding_box()["width"] > 5 for one in drawings.all())
        said = seen.page.locator("mjx-assistive-mml")
        assert "注意力" in said.nth(1).text_content() and all(one.bounding_box()["width"] <= 1 for one in said.all())
        assert seen.clean()


def test_figures_are_drawn_and_follow_the_page(opened):
    with opened("chapters/figure.html") as seen:
        page = seen.page
        page.wait_for_selector(".plotly-figure[data-drawn] .main-svg", timeout=30_000)
        assert page.locator(".plotly-figure").first.locator(".bars path").count() == 3
        colours = """() => [...document.querySelectorAll('.plotly-figure .ytick text, .plotly-figure .bars path')]
                            .map((e) => getComputedStyle(e).fill)"""
        light = page.evaluate(colours)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_function(f"JSON.stringify(({colours})()) !== {json.dumps(json.dumps(light, separators=(',', ':')))}")
        dark = page.evaluate(colours)
        assert all(before != after for before, after in zip(light, dark, strict=True))
        plot = page.locator(".plotly-figure-plot").first
        plot.focus()
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Figure: Loss")
        assert page.locator("main img").count() == 0
        assert seen.clean()


def test_the_script_of_the_figures_waits_for_a_reader_who_moves(opened):
    with opened("chapters/far.html") as seen:
        seen.page.wait_for_timeout(300)
        assert not any("/plotly-" in url for url in seen.loaded)
        seen.page.mouse.wheel(0, 3000)
        seen.page.wait_for_selector(".plotly-figure[data-drawn] .main-svg", state="attached", timeout=30_000)
        assert any("/plotly-flat-" in url for url in seen.loaded), "and is the small one"
        assert seen.clean()


def test_a_figure_keeps_its_place_and_fits_a_phone(opened):
    with opened("chapters/figure.html", width=360) as seen:
        plot = seen.page.locator(".plotly-figure-plot").first
        before = plot.bounding_box()
        seen.page.wait_for_selector(".plotly-figure[data-drawn] .main-svg", timeout=30_000)
        assert plot.bounding_box() == before and before["height"] == pytest.approx(450, abs=3)
        assert seen.page.locator(".plotly-figure .main-svg").first.bounding_box()["width"] <= before["width"]
        assert not scrolls_sideways(seen.page)


def test_without_scripts_a_page_says_what_its_figures_show(html, chromium):
    with served(html) as address, visit(chromium, address + "chapters/toys.html", scripts=False) as seen:
        texts = seen.page.locator(".needs-scripts").all_text_contents()
        assert len(texts) == 3 and all(f"Toy: {HOSTILE}" in text for text in texts)
        assert seen.page.locator("main img").count() == 0


def test_a_widget_that_cannot_start_says_so_and_leaves_the_others_alone(html, chromium, tmp_path):
    page = (html / "chapters/toys.html").read_text("utf8")
    broken = page.replace(
        "export default { render", "export default { rendre: 1 }; throw new Error('out of order'); export const x = { render"
    )
    assert broken != page
    (html / "chapters/broken.html").write_text(broken, "utf8")
    try:
        with served(html) as address, visit(chromium, address + "chapters/broken.html") as seen:
            seen.page.wait_for_function("document.documentElement.dataset.widgets === 'ready'")
            alerts = seen.page.get_by_role("alert").all_text_contents()
            assert alerts and all(text == "This figure could not start: out of order" for text in alerts)
            assert seen.page.get_by_role("heading", name="Toys").is_visible()
    finally:
        (html / "chapters/broken.html").unlink()


def test_the_theme_is_settled_before_anything_is_drawn(html, chromium):
    for dark in (False, True):
        with served(html) as address, visit(chromium, address + "index.html", dark=dark, wait="commit") as seen:
            seen.page.wait_for_selector("body", state="attached")
            assert seen.page.evaluate("document.documentElement.dataset.theme") == ("dark" if dark else "light")


def test_a_browser_that_keeps_nothing_still_shows_the_page(html, chromium):
    refuse = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
    with served(html) as address, visit(chromium, address + "chapters/toys.html", before=refuse) as seen:
        wait_for_widgets(seen.page)
        assert seen.page.locator(".toy").count() == 3
        assert seen.page.evaluate("document.documentElement.dataset.theme") == "light"
