"""Plotly figures: drawn from unchanged notebooks, escaped, named, and paid for only where they stand."""

import json
import re
from html import unescape

import plotly.graph_objects as go

from book import vendor
from book.figures import MIME, bundle_for, container, to_html
from tests.book.small import cell, notebook

FIGURE = {
    "data": [{"type": "bar", "y": [1, 2], "name": "</script><b>x</b>"}],
    "layout": {"title": {"text": "Loss & <i>more</i>"}},
}


def content(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1])


def test_the_figure_stands_in_the_page_as_it_was_stored():
    html = container(FIGURE)
    shown = content(html)
    assert shown["data"] == FIGURE["data"] and shown["config"] == {}
    assert html.count("</script>") == 1 and "<b>" not in html
    assert "--figure-height:450px" in html
    assert "--figure-height:300px" in container({"data": [], "layout": {"height": 300}})


def test_it_has_a_name_and_its_words():
    layout = {"title": "Loss", "xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": "nats"}}}
    name = unescape(re.search(r'aria-label="([^"]*)"', container({"data": [{"name": "train"}], "layout": layout}))[1])
    assert name == "Figure: Loss; x: step; y: nats; shows train"
    assert 'tabindex="0"' in container(FIGURE)
    assert "<pre>a &lt; b</pre>" in container(FIGURE, "a < b")


def test_its_title_is_text_of_the_page_and_not_of_the_picture():
    html = container(FIGURE)
    assert '<p class="plotly-figure-title">Loss &amp;  more</p>' in html
    assert content(html)["layout"]["title"] is None and FIGURE["layout"]["title"]
    assert "plotly-figure-title" not in container({"data": []})


def test_other_outputs_are_left_alone():
    output = {"data": {"text/plain": "3"}}
    to_html(output)
    assert output == {"data": {"text/plain": "3"}}


def test_the_dump_that_plotly_prints_is_no_description():
    output = {"data": {MIME: FIGURE, "text/plain": "Figure({\n    'data': []})"}}
    to_html(output)
    assert "This figure in words" not in output["data"]["text/html"] and MIME not in output["data"]


def test_plotly_is_loaded_only_where_there_is_a_figure(build):
    figure = json.loads(go.Figure([go.Bar(y=[1, 2, 3])]).to_json())
    html = build({"index": "# Home", "one": notebook("# One", cell("fig", {MIME: figure})), "two": notebook("# Two", cell("1"))})
    pages = {name: (html / f"{name}.html").read_text("utf8") for name in ("index", "one", "two")}
    assert 'class="plotly-figure"' in pages["one"] and "figures.js" in pages["one"]
    assert "plotly" not in pages["index"] and "plotly" not in pages["two"]
    assert len(list((html / "_static" / "inside").glob("plotly-*.min.js"))) == 1


def test_another_kind_of_chart_brings_the_whole_of_plotly():
    flat = container({"data": [{"type": "bar", "y": [1]}, {"y": [2]}], "layout": {}})
    deep = container({"data": [{"type": "scatter3d", "x": [1], "y": [1], "z": [1]}], "layout": {}})
    (flat_name, flat_source), (name, source) = bundle_for(flat), bundle_for(flat + deep)
    assert "flat" in flat_name and "flat" not in name
    assert flat_source.stat().st_size < 1.6e6 < 4e6 < source.stat().st_size


def test_both_scripts_are_of_one_major_version():
    major = vendor.read_lock()["plotly.js-cartesian-dist-min"]["version"].split(".")[0]
    source = bundle_for(container({"data": [{"type": "scatter3d"}], "layout": {}}))[1]
    assert f"plotly.js v{major}." in source.read_text("utf8")[:500]
