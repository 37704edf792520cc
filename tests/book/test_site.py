"""The built site as a reader meets it: every page, over http and from a folder, light and dark, wide and narrow.

`make book` builds it; these tests look at what lies in `_build/html` and at nothing else.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
import yaml

import lmkit.widgets
from book import address, vendor
from lmkit.widgets.base import HERE as WIDGETS
from lmkit.widgets.base import Widget, bundle, styles
from tests.book.small import ROOT, STATE, VIEW
from tests.browser import as_file, scrolls_sideways, served, visit, wait_for_widgets

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
DOCUMENTS = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
PAGES = [f"{name}.html" for name in DOCUMENTS] + ["genindex.html", "search.html"]
NOTEBOOKS = sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))
CHAPTERS = [f"chapters/{path.stem}.html" for path in NOTEBOOKS]
HEAVY = {"mathjax": "tex-svg.js", "plotly": "plotly-", "html-manager": "embed-amd.js", "fontawesome": "fontawesome"}


@contextmanager
def opened(chromium, site: Path, name: str, scheme: str = "http", **options):
    """A page of the built site, cut off from all others."""
    if scheme == "file":
        with visit(chromium, as_file(site) + name, root=as_file(site), **options) as seen:
            yield seen
    else:
        with served(site) as base, visit(chromium, base + name, **options) as seen:
            yield seen


def views_on(site: Path, name: str) -> int:
    return (site / name).read_text("utf8").count(f'<script type="{VIEW}">')


def test_every_document_of_the_table_of_contents_has_its_page(site):
    missing = [name for name in PAGES if not (site / name).is_file()]
    assert not missing, f"the build says nothing when these are missing: {missing}"
    assert {f"chapters/{path.stem}" for path in NOTEBOOKS} <= set(DOCUMENTS), "every notebook is in _toc.yml"


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_shows_live_figures_and_one_copy_of_their_code(site, name):
    page = (site / name).read_text("utf8")
    assert views_on(site, name) >= 2
    states = [json.loads(text) for text in re.findall(rf'<script type="{re.escape(STATE)}">(.*?)</script>', page, re.DOTALL)]
    models = {key: model for state in states for key, model in state["state"].items()}
    for key in ("_esm", "_css"):
        texts = [m["state"][key] for m in models.values() if isinstance(m["state"].get(key), str) and m["state"][key]]
        assert texts and len(texts) == len(set(texts)), f"{name} holds the same {key} twice"


def kinds_of(kind: type) -> set[type]:
    """The classes below a class, at any depth."""
    return {each for one in kind.__subclasses__() for each in (one, *kinds_of(one))}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_stored_code_of_every_widget_is_that_of_the_package(path):
    for module in pkgutil.iter_modules(lmkit.widgets.__path__):
        importlib.import_module(f"lmkit.widgets.{module.name}")
    classes = {f"{c.__module__}.{c.__qualname__}": c for c in kinds_of(Widget) if c._module}
    models = nbformat.read(path, as_version=4).metadata["widgets"][STATE]["state"]
    ours = [m["state"] for m in models.values() if m["model_module"] == "anywidget"]
    assert ours
    for state in ours:
        kind = classes[state["_anywidget_id"]]
        fresh = state["_esm"] == bundle(kind._module) and state["_css"] == styles(kind._module)
        assert fresh, f"{path.name} holds an older {kind.__name__}; run: make execute"


AXE = """async (chosen) => (await axe.run(document, { resultTypes: ["violations"], ...chosen })).violations"""

SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
  }).observe({ type: "layout-shift", buffered: true });
"""

PAINT = """() => [...document.querySelectorAll(".lmkit-slot .lmkit")].map((element) => {
  const canvas = element.querySelector("canvas");
  return [getComputedStyle(element).backgroundColor, getComputedStyle(element).color, canvas ? canvas.toDataURL() : ""];
})"""

LOOKS = """() => [...document.querySelectorAll(".lmkit")].map((root) => [...root.querySelectorAll(":not(caption)")].map((e) => {
  const style = getComputedStyle(e);
  const properties = ["fontSize", "fontWeight", "color", "backgroundColor", "paddingLeft", "paddingTop", "maxWidth"];
  const form = ["INPUT", "SELECT", "BUTTON", "OPTION"].includes(e.tagName); // browsers and themes set their fonts
  return [e.tagName, ...properties.slice(form ? 1 : 0).map((name) => style[name])].join(" ");
}))"""


def settled(page, site: Path, name: str) -> None:
    """Waits until what the page draws by itself is drawn, and all its widgets are there."""
    expected = views_on(site, name)
    if expected:
        wait_for_widgets(page)
        assert page.locator("[data-mounted]").count() == expected
    if "tex-svg.js" in (site / name).read_text("utf8"):
        page.wait_for_selector("mjx-container", state="attached")
    page.wait_for_timeout(500)
    assert page.get_by_role("heading", level=1).first.text_content().strip()


def draw_figures(page) -> None:
    for figure in page.locator(".plotly-figure").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".main-svg").first.wait_for(timeout=30_000)


def axe_finds_nothing_serious(page, theme: str, rules: str = "all rules") -> None:
    """What axe-core finds, by `rules`: "all rules", or "colours", its slowest, or all "but colours"."""
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    if not page.evaluate("'axe' in window"):
        page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    chosen = {
        "all rules": {},
        "colours": {"runOnly": ["color-contrast"]},
        "but colours": {"rules": {"color-contrast": {"enabled": False}}},
    }[rules]
    found = [v for v in page.evaluate(AXE, chosen) if v["impact"] in ("serious", "critical")]
    lines = [f"{v['impact']}: {v['help']}: {node['html'][:160]}" for v in found for node in v["nodes"][:4]]
    assert not lines, f"{page.url}, {theme}:\n  " + "\n  ".join(lines)


def theme_button_changes_every_widget(page) -> None:
    light = page.evaluate(PAINT)
    page.locator(".theme-switch-button:visible").first.click()
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.wait_for_timeout(500)
    for before, after in zip(light, page.evaluate(PAINT), strict=True):
        assert before[0] != after[0] and before[1] != after[1]
        assert not before[2] or before[2] != after[2], "what is drawn follows the page too"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_on_a_desktop(chromium, site, name):
    """Whole, still, without help from elsewhere, good to read for everybody in both themes, and no heavier than it must be."""
    with opened(chromium, site, name, before=SHIFTS) as seen:
        page = seen.page
        settled(page, site, name)
        page.wait_for_timeout(1000)
        assert sum(page.evaluate("window.shifts")) < 0.1, "mounting does not shift the page"
        axe_finds_nothing_serious(page, "light")
        theme_button_changes_every_widget(page)
        axe_finds_nothing_serious(page, "dark", "colours")
        draw_figures(page)
        text = (site / name).read_text("utf8")
        used = {
            "mathjax": "math notranslate" in text,
            "plotly": 'class="plotly-figure"' in text,
            "html-manager": "embed-amd.js" in text,
            "fontawesome": False,
        }
        assert {kind: any(mark in url for url in seen.loaded) for kind, mark in HEAVY.items()} == used
        assert seen.clean()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_on_a_phone_and_a_tablet(chromium, site, name):
    with opened(chromium, site, name, width=360, before=SHIFTS) as seen:
        page = seen.page
        settled(page, site, name)
        page.wait_for_timeout(1000)
        assert sum(page.evaluate("window.shifts")) < 0.1, "mounting does not shift the page"
        assert not scrolls_sideways(page)
        axe_finds_nothing_serious(page, "light", "but colours")
        page.set_viewport_size({"width": 768, "height": 900})
        page.wait_for_timeout(500)
        assert not scrolls_sideways(page)
        assert seen.clean()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_from_a_folder_where_the_system_is_dark(chromium, site, name):
    with opened(chromium, site, name, "file", dark=True) as seen:
        settled(seen.page, site, name)
        assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
        draw_figures(seen.page)
        assert seen.clean()


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_style_of_the_book_leaves_the_widgets_alone(chromium, site, name, tmp_path):
    page = (site / name).read_text("utf8")
    views = re.findall(rf'<script type="{re.escape(VIEW)}">.*?</script>', page, re.DOTALL)
    states = re.findall(rf'<script type="{re.escape(STATE)}">.*?</script>', page, re.DOTALL)
    with opened(chromium, site, name) as seen:
        wait_for_widgets(seen.page)
        in_the_book = seen.page.evaluate(LOOKS)
        width = seen.page.locator(".lmkit-slot").first.bounding_box()["width"]
    alone = tmp_path / "alone.html"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><body style="width: {width}px; margin: 0">'
    slots = [f'<div class="lmkit-slot">{view}</div>' for view in views]
    mount = (WIDGETS / "mount.js").read_text("utf8")
    alone.write_text("\n".join([head, *slots, *states, f"<script>{mount}</script>"]), "utf8")
    with visit(chromium, alone.as_uri()) as seen:
        wait_for_widgets(seen.page)
        by_themselves = seen.page.evaluate(LOOKS)
    for here, there in zip(in_the_book, by_themselves, strict=True):
        assert here == there


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_link_to_a_head_opens_that_head(chromium, site, scheme):
    name = next(name for name in CHAPTERS if "self_attention" in name)
    with opened(chromium, site, f"{name}#layer=13&head=8", scheme) as seen:
        wait_for_widgets(seen.page)
        first = seen.page.locator(".att-root").first
        assert (first.get_attribute("data-layer"), first.get_attribute("data-head")) == ("13", "8")
        assert "Layer 13 · Head 8" in first.text_content()
        assert seen.clean()


def test_the_concept_map_filters_by_words_priority_and_cells(chromium, site):
    with opened(chromium, site, "chapters/concept_map.html") as seen:
        page = seen.page
        rows = page.locator("table.concept-map tbody tr:visible")
        assert rows.count() == 371
        page.get_by_label("Find an idea").press_sequentially("自注意力")
        assert 0 < rows.count() < 20
        assert all("自注意力" in text for text in rows.all_text_contents())
        page.get_by_label("Find an idea").fill("")
        page.get_by_label("Priority").select_option("1")
        assert rows.count() == 163
        page.get_by_label("only ideas with a cell").check()
        shown = rows.count()
        assert 0 < shown < 163 and f"{shown} of 371 ideas" in page.locator(".concept-filter output").text_content()
        assert f"{shown} of 163" in page.locator(".concept-counts li").first.text_content()
        link = page.locator("table.concept-map tbody tr:visible a").first
        anchor = link.get_attribute("href").split("#")[1]
        link.click()
        page.wait_for_url(f"**#{anchor}")
        assert page.locator(f'[id="{anchor}"]').count() == 1
        assert seen.clean()


def test_without_scripts_the_concept_map_is_a_table(chromium, site):
    with opened(chromium, site, "chapters/concept_map.html", scripts=False) as seen:
        assert seen.page.locator("table.concept-map tbody tr:visible").count() == 371
        assert seen.page.locator(".concept-filter").count() == 0


def test_boxes_lead_to_corrections_and_back(chromium, site):
    with opened(chromium, site, CHAPTERS[0]) as seen:
        page = seen.page
        number = page.locator(".sources-said .admonition-title a").first
        anchor = number.get_attribute("href").split("#")[1]
        number.click()
        page.wait_for_url(f"**/corrections.html#{anchor}")
        page.locator(f"section#{anchor} .correction-links a").first.click()
        page.wait_for_url(f"**/{CHAPTERS[0]}#{anchor}")
        assert "sources-said" in page.locator(f"#{anchor}").get_attribute("class")
        assert seen.clean()


def test_search_works_from_a_folder_too(chromium, site):
    for scheme in ("http", "file"):
        with opened(chromium, site, "search.html", scheme) as seen:
            page = seen.page
            page.goto(page.url + "?q=softmax")
            page.locator("#search-results li a").first.wait_for(timeout=20_000)
            assert page.locator("#search-results li").count() >= 1
            assert seen.clean()


def test_downloads_say_where_the_package_comes_from(site):
    source = address.requirement(address.read())
    for path in NOTEBOOKS:
        text = (site / "_sources" / "chapters" / path.name).read_text("utf8")
        assert address.PLACEHOLDER not in text and f"lmkit @ {source}" in text


def test_no_page_names_a_path_of_the_machine_that_built_it(site):
    for path in site.rglob("*.html"):
        text = path.read_text("utf8")
        assert str(ROOT) not in text and str(Path.home()) + "/" not in text, path
