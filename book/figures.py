"""Draws the plotly figures that stand in the notebooks' outputs, without changing the notebooks.

plotly stores a figure as `application/vnd.plotly.v1+json`, which myst-nb does not know. Here it becomes a container of
the right height with the figure's JSON inside; `static/figures.js` draws it in the colours of the page. Plotly's script is
loaded only where there is a figure, and when a reader comes near it: its bundle of flat charts (1.5 MB, vendored), or, on a
page with another kind of chart, the whole of it (4.8 MB, from the installed package).
"""

from __future__ import annotations

import html
import json
import re
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from sphinx.application import Sphinx

from book import vendor
from book.selfhost import STATIC, vendored
from book.widgets import script_json

MIME = "application/vnd.plotly.v1+json"
DEFAULT_HEIGHT = 450  # CSS pixels, plotly's own default
ROOM_FOR_BUTTONS = 32  # CSS pixels above the plot
CONTAINER = 'class="plotly-figure"'
CONTENT = re.compile(rf'<div {CONTAINER}.*?<script type="application/json">(.*?)</script>', re.DOTALL)
FLAT_BUNDLE = "plotly.js-cartesian-dist-min"
FLAT = {
    "bar", "box", "contour", "heatmap", "histogram", "histogram2d", "histogram2dcontour", "image", "pie", "scatter", "violin",
}  # fmt: skip


def to_html(output: dict) -> None:
    """Replaces the plotly form of an output by HTML. Other outputs are left alone."""
    figure = output["data"].pop(MIME, None)
    if figure is None:
        return
    text = "".join(output["data"].get("text/plain", ""))
    output["data"]["text/html"] = container(figure, "" if text.startswith("Figure(") else text)


def container(figure: dict, text: str = "") -> str:
    """The HTML of a figure: space reserved, reachable by keyboard, named, with `text` as its alternative in words."""
    layout = figure.get("layout") or {}
    height = int(layout.get("height") or DEFAULT_HEIGHT)
    heading = f'<p class="plotly-figure-title">{html.escape(title(layout))}</p>' if title(layout) else ""
    if heading:  # in the page it wraps where the window is narrow; plotly would cut it off
        layout = {**layout, "title": None, "margin": {**(layout.get("margin") or {}), "t": ROOM_FOR_BUTTONS}}
    content = {"data": figure.get("data") or [], "layout": layout, "config": figure.get("config") or {}}
    words = f"<details><summary>This figure in words</summary><pre>{html.escape(text)}</pre></details>" if text else ""
    return (
        f'<div {CONTAINER} style="--figure-height:{height}px">{heading}'
        f'<div class="plotly-figure-plot" role="group" tabindex="0" aria-label="{html.escape(label(figure))}">'
        "<noscript><p>This figure is drawn by a script: it needs JavaScript.</p></noscript></div>"
        f'<script type="application/json">{script_json(content)}</script>{words}</div>'
    )


def label(figure: dict) -> str:
    """A name for the figure: its title, its axes, its traces, as far as they have names."""
    layout = figure.get("layout") or {}
    axes = [f"{axis[0]}: {title(layout[axis])}" for axis in ("xaxis", "yaxis") if title(layout.get(axis) or {})]
    traces = [str(trace["name"]) for trace in figure.get("data") or [] if trace.get("name")]
    parts = [f"Figure: {title(layout) or 'chart'}", *axes, "shows " + ", ".join(traces[:8]) if traces else ""]
    return "; ".join(part for part in parts if part)


def title(element: dict) -> str:
    """The title of a layout or an axis, which plotly writes as text or as {"text": …}, without its markup."""
    value = element.get("title") or ""
    text = str(value.get("text") or "") if isinstance(value, dict) else str(value)
    return re.sub(r"<[^>]*>", " ", text).strip()


def kinds(body: str) -> set[str]:
    """The kinds of traces in the figures of a page."""
    figures = (json.loads(content) for content in CONTENT.findall(body))
    return {trace.get("type", "scatter") for figure in figures for trace in figure["data"]}


def bundle_for(body: str) -> tuple[str, Path]:
    """(name on the site, source) of the smallest script of plotly that draws every figure of a page."""
    if kinds(body) <= FLAT:
        number = vendor.read_lock()[FLAT_BUNDLE]["version"]
        return f"plotly-flat-{number}.min.js", vendored(FLAT_BUNDLE)["plotly-cartesian.min.js"]
    return f"plotly-{version('plotly')}.min.js", Path(str(files("plotly") / "package_data" / "plotly.min.js"))


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: loads plotly on the pages that hold a figure, and nowhere else."""
    body = context.get("body", "")
    if CONTAINER not in body:
        return
    bundle, source = bundle_for(body)
    target = Path(app.outdir) / "_static" / STATIC / bundle
    if not target.is_file():
        vendor.publish(source, target)
    app.add_js_file(f"{STATIC}/figures.js", priority=840, defer="defer", **{"data-plotly": bundle})
