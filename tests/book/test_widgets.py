"""How a page's widgets are put in order: one copy of everything, space reserved, nothing that is not needed."""

import json
import re

import ipywidgets
import pytest
import traitlets
from anywidget import AnyWidget
from sphinx.errors import ExtensionError

from book.widgets import closure, script_json, share, slot, split
from tests.book.small import cell, notebook, views

CODE = "export default { render({ model, el }) { el.textContent = model.get('text'); } };" + "\n// long" * 40


class Toy(AnyWidget):
    _esm = CODE
    _css = ".toy { color: red }" + " " * 300
    text = traitlets.Unicode("").tag(sync=True)
    data = traitlets.Bytes(b"").tag(sync=True)
    _height = traitlets.List([300, 420]).tag(sync=True)

    def __repr__(self):
        return f"Toy {self.text}"


def page_state(page: str) -> dict:
    found = re.findall(r'<script type="application/vnd\.jupyter\.widget-state\+json">(.*?)</script>', page, re.DOTALL)
    models: dict = {}
    for text in found:
        models |= json.loads(text)["state"]
    return models


def test_share_keeps_one_copy_and_changes_nothing_else():
    big = "A" * 400
    models = {
        "a": {"state": {"_esm": CODE, "_css": "", "n": 1}, "buffers": [{"path": ["data"], "encoding": "base64", "data": big}]},
        "b": {"state": {"_esm": CODE, "_css": "", "n": 2}, "buffers": [{"path": ["data"], "encoding": "base64", "data": big}]},
        "c": {"state": {"_esm": CODE + "x", "n": 3}, "buffers": [{"path": ["more"], "encoding": "base64", "data": big}]},
    }
    before = json.dumps(models)
    shared = share(models)
    assert json.dumps(models) == before
    assert shared["a"] == models["a"]
    assert shared["b"]["state"] == {"_esm": {"$same": "a"}, "_css": "", "n": 2}
    assert shared["b"]["buffers"] == [{"path": ["data"], "encoding": "base64", "data": {"$same": "a"}}]
    assert shared["c"] == models["c"], "another text, and a buffer at another path, stand for themselves"


def test_a_page_needs_only_what_its_views_show():
    models = {
        "toy": {"model_module": "anywidget", "state": {"layout": "IPY_MODEL_layout"}},
        "layout": {"model_module": "@jupyter-widgets/base", "state": {}},
        "box": {"model_module": "@jupyter-widgets/controls", "state": {"children": ["IPY_MODEL_slider"]}},
        "slider": {"model_module": "@jupyter-widgets/controls", "state": {"style": "IPY_MODEL_style"}},
        "style": {"model_module": "@jupyter-widgets/controls", "state": {}},
        "unseen": {"model_module": "anywidget", "state": {}},
    }
    assert set(closure(models, "box")) == {"box", "slider", "style"}
    ours, plain = split(models, ["toy", "box"], "one")
    assert set(ours) == {"toy"} and set(plain) == {"box", "slider", "style"}
    models["box"]["state"]["children"].append("IPY_MODEL_toy")
    with pytest.raises(ExtensionError, match="one: a plain ipywidget"):
        split(models, ["box"], "one")


def test_a_slot_reserves_height_and_holds_words_as_text():
    ours = {"a": {"state": {"_height": [300, 420]}}}
    html = slot({"model_id": "a", "description": "Toy </script><img src=x onerror=alert(1)>"}, ours)
    assert 'style="--lm-height:300px;--lm-height-narrow:420px;"' in html
    assert "<img" not in html and html.count("</script>") == 1
    assert slot({"model_id": "b"}, ours).startswith("<script"), "what is not ours is left to the html-manager"


def test_script_json_cannot_close_its_element():
    value = {"text": "</script><!-- <script> 猫"}
    assert "<" not in script_json(value) and json.loads(script_json(value)) == value


def test_five_widgets_stand_on_a_page_with_one_copy_of_their_code(build):
    toys = [Toy(text=f"</script> {n}", data=b"x" * 900) for n in range(5)]
    bundles, state = views(*toys, Toy(text="never shown"))
    html = build({"index": "# Home", "one": notebook("# One", *[cell("toy", b) for b in bundles[:5]], state=state)})
    page = (html / "one.html").read_text("utf8")
    assert page.count("model.get('text')") == 1 and page.count(".toy { color: red }") == 1 and page.count("eHh4" * 300) == 1
    assert page.count('class="lmkit-slot"') == 5 and "never shown" not in page
    assert len(page_state(page)) == 5
    assert page.count("mount.js") == 1 and "embed-amd.js" not in page and "require.js" not in page
    assert page.index('<script type="application/vnd.jupyter.widget-state') > page.index("<article"), (
        "text comes before the state"
    )
    scripts = re.findall(r"<script[^>]* src=\"([^\"]+)\"", page)
    assert "mount.js" in scripts[0], f"the loader comes first, not {scripts[0]}"
    assert "mount.js" not in (html / "index.html").read_text("utf8"), "a page without widgets loads no loader"


def test_only_a_page_with_plain_widgets_loads_the_html_manager(build):
    (toy, slider), state = views(Toy(text="toy"), ipywidgets.IntSlider(description="plain"))
    pages = {
        "index": "# Home",
        "mixed": notebook("# Mixed", cell("toy", toy), cell("slider", slider), state=state),
        "ours": notebook("# Ours", cell("toy", toy), state=state),
    }
    html = build(pages)
    mixed, ours = ((html / f"{name}.html").read_text("utf8") for name in ("mixed", "ours"))
    assert "embed-amd.js" in mixed and "mount.js" in mixed
    assert "embed-amd.js" not in ours and {m["model_module"] for m in page_state(ours).values()} == {"anywidget"}


def test_a_view_without_state_fails_the_build(build):
    (bundle,), _ = views(Toy())
    with pytest.raises(ExtensionError, match="one: no stored state for 1 widgets; execute the notebook again"):
        build({"index": "# Home", "one": notebook("# One", cell("toy", bundle))})
