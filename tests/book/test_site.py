"""The built site as a reader meets it: every page, over http and from a folder, light and dark, wide and narrow.

`make book` builds it; these tests look at what lies in `_build/html` and at nothing else.
"""

from __future__ import annotations

import gzip
import importlib
import json
import pkgutil
import re
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

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
HEAVY = {"mathjax": "mathjax", "plotly": "plotly-", "html-manager": "embed-amd.js", "fontawesome": "fontawesome"}
BUDGET = 1.5e6  # bytes transferred before a reader does anything


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


AXE = """async (chosen) => (await axe.run(document, { resultTypes: ["violations"], preload: false, ...chosen })).violations"""

# What axe would look at thousands of times: drawings that are hidden from screen readers and, where their colours have been
# seen on another page, the coloured words of code. And it does not count MathML as the text of a table's header.
SPARE = """(code) => {
  document.querySelectorAll("th mjx-container").forEach((e) => e.replaceWith("a formula"));
  document.querySelectorAll('svg[aria-hidden="true"], .plotly-figure .main-svg').forEach((e) => e.replaceChildren());
  if (code) document.querySelectorAll("div.highlight pre").forEach((e) => { e.textContent = e.textContent; });
}"""
ON_A_PHONE = ["scrollable-region-focusable", "region", "landmark-unique", "aria-hidden-focus", "button-name", "label"]

# Before the page's own scripts: every shift of what is shown, and when the widgets are ready.
WATCH = """
  window.shifts = [];
  window.ready = null;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
  }).observe({ type: "layout-shift", buffered: true });
"""

# Nothing is nameless: pictures, drawings and canvases have words or are marked as decoration; no id stands twice.
NAMELESS = """() => {
  const named = (e) => e.closest('[aria-hidden="true"], mjx-container, .plotly-figure-plot')
    || e.getAttribute("aria-label")?.trim() || e.getAttribute("aria-labelledby") || e.getAttribute("alt")?.trim()
    || e.querySelector(":scope > title")
    || e.closest('[role="img"], [role="application"], [role="group"]')?.getAttribute("aria-label")
    || e.closest('[role="listbox"]')?.getAttribute("aria-label");
  const pictures = [...document.querySelectorAll("main :is(img, svg, canvas)")].filter((e) => !e.parentElement.closest("svg"));
  const ids = [...document.querySelectorAll("[id]")].filter((e) => !e.closest(".plotly-figure-plot")).map((e) => e.id);
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
  return [...pictures.filter((e) => !named(e)).map((e) => e.outerHTML.slice(0, 160)), ...twice.map((id) => `id ${id} twice`)];
}"""

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

STILL = """() => new Promise((done) => {
  const shape = () => document.body.scrollHeight + " " + document.querySelectorAll("main *").length;
  let [last, same] = [shape(), 0];
  const look = () => {
    const now = shape();
    [last, same] = [now, now === last ? same + 1 : 0];
    same < 3 ? setTimeout(look, 60) : done();
  };
  look();
})"""


def settled(page, site: Path, name: str) -> None:
    """Waits until what the page draws by itself is drawn, and all its widgets are there."""
    expected = views_on(site, name)
    if expected:
        wait_for_widgets(page)
        assert page.locator("[data-mounted]").count() == expected
    page.evaluate(STILL)
    assert page.get_by_role("heading", level=1).first.text_content().strip()


def draw_figures(page) -> None:
    for figure in page.locator(".plotly-figure").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".main-svg").first.wait_for(timeout=30_000)


def axe_finds_nothing(page, theme: str, rules: str = "all rules") -> None:
    """What axe-core finds, by `rules`: "all rules", or "colours", its slowest, or those that a narrow page may break."""
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    if not page.evaluate("'axe' in window"):
        page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    chosen = {
        "all rules": {},
        "colours": {"runOnly": ["color-contrast"]},
        "on a phone": {"runOnly": ON_A_PHONE},
    }[rules]
    found = page.evaluate(AXE, chosen)
    lines = [f"{v['impact']}: {v['help']}: {node['html'][:160]}" for v in found for node in v["nodes"][:4]]
    assert not lines, f"{page.url}, {theme}:\n  " + "\n  ".join(lines)


def theme_button_changes_every_widget(page) -> None:
    light = page.evaluate(PAINT)
    page.locator(".theme-switch-button:visible").first.click()
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate(STILL)
    for before, after in zip(light, page.evaluate(PAINT), strict=True):
        assert before[0] != after[0] and before[1] != after[1]
        assert not before[2] or before[2] != after[2], "what is drawn follows the page too"


def by_themselves(chromium, site: Path, name: str, width: float, folder: Path) -> list:
    """How the widgets of a page look in a page that holds nothing else."""
    page = (site / name).read_text("utf8")
    views = re.findall(rf'<script type="{re.escape(VIEW)}">.*?</script>', page, re.DOTALL)
    states = re.findall(rf'<script type="{re.escape(STATE)}">.*?</script>', page, re.DOTALL)
    alone = folder / "alone.html"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><body style="width: {width}px; margin: 0">'
    slots = [f'<div class="lmkit-slot">{view}</div>' for view in views]
    mount = (WIDGETS / "mount.js").read_text("utf8")
    alone.write_text("\n".join([head, *slots, *states, f"<script>{mount}</script>"]), "utf8")
    with visit(chromium, alone.as_uri()) as seen:
        wait_for_widgets(seen.page)
        return seen.page.evaluate(LOOKS)


def transferred(site: Path, seen) -> int:
    """Bytes of everything the page has loaded so far, each file compressed as servers of static sites do it."""
    addresses = {urlsplit(url).path.lstrip("/") or "index.html" for url in seen.loaded if url.startswith("http")}
    return sum(compressed(site / unquote(address)) for address in addresses)


@cache
def compressed(path: Path) -> int:
    """The file's size by gzip, unless it is compressed already."""
    content = path.read_bytes()
    return len(content) if path.suffix in {".png", ".jpg", ".woff2"} else len(gzip.compress(content, 6))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_on_a_desktop(chromium, site, name, tmp_path):
    """Light enough, still, whole, without help from elsewhere, and good to read for everybody in both themes."""
    with opened(chromium, site, name, before=WATCH) as seen:
        page = seen.page
        settled(page, site, name)
        page.wait_for_timeout(300)
        assert transferred(site, seen) <= BUDGET, f"{name}: {sorted(seen.loaded)}"
        assert sum(page.evaluate("window.shifts")) < 0.1, "mounting does not shift the page"
        assert page.evaluate(NAMELESS) == []
        if name in CHAPTERS:
            looks, width = page.evaluate(LOOKS), page.locator(".lmkit-slot").first.bounding_box()["width"]
            for here, there in zip(looks, by_themselves(chromium, site, name, width, tmp_path), strict=True):
                assert here == there, "the style of the book leaves the widgets alone"
        draw_figures(page)
        page.evaluate(SPARE, name != CHAPTERS[0])
        axe_finds_nothing(page, "light")
        theme_button_changes_every_widget(page)
        axe_finds_nothing(page, "dark", "colours")
        heavy = {kind for kind, mark in HEAVY.items() if any(mark in url for url in seen.loaded)}
        assert heavy == ({"plotly"} if 'class="plotly-figure"' in (site / name).read_text("utf8") else set())
        assert seen.clean()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_from_a_folder_on_a_dark_phone_and_a_tablet(chromium, site, name):
    with opened(chromium, site, name, "file", width=360, dark=True, before=WATCH) as seen:
        page = seen.page
        settled(page, site, name)
        page.wait_for_timeout(300)
        assert sum(page.evaluate("window.shifts")) < 0.1, "mounting does not shift the page"
        assert not scrolls_sideways(page)
        page.evaluate(SPARE, True)
        axe_finds_nothing(page, "dark", "on a phone")
        page.set_viewport_size({"width": 768, "height": 900})
        page.evaluate(STILL)
        assert not scrolls_sideways(page)
        assert seen.clean()


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
        assert shown == 163 and f"{shown} of 371 ideas" in page.locator(".concept-filter output").text_content()
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
