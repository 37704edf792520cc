"""Puts a page's widgets in order: one copy of everything, space reserved, and only what the page needs.

The page carries the standard Jupyter widget state, so that other tools can read it. Identical code, styles and large
buffers stand in it once; the other places say {"$same": id of the widget that holds it}, which mount.js understands.
Widgets of plain ipywidgets need Jupyter's html-manager (3.7 MB), which is loaded on the pages that hold one.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from book import vendor, weights
from book.selfhost import STATIC, copy_vendored, vendored

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = re.compile(r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.DOTALL)
REFERENCE = re.compile(r'"IPY_MODEL_([^"]+)"')
JUPYTER_MODULES = {f"@jupyter-widgets/{name}" for name in ("base", "controls", "output")}
WORTH_SHARING = 200  # characters


def arrange(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: moves the state behind the text, reserves space, adds the scripts that are needed."""
    models = take_state(context.get("script_files", []))
    views = view_ids(context.get("body", ""))
    if not views:
        return
    missing = [view for view in views if view not in models]
    if missing:
        raise ExtensionError(f"{pagename}: no stored state for {len(missing)} widgets; execute the notebook again.")
    ours, plain = split(models, views, pagename)
    context["body"] = VIEW.sub(lambda match: slot(json.loads(match[1]), ours), context["body"])
    for part in (share(ours), plain):
        if part:
            context["body"] += f'<script type="{STATE}">{script_json(document(part))}</script>\n'
    if loadable := weights.manifest(app, pagename, context, ours):
        context["body"] += f'<script type="{weights.packer.MANIFEST}">{script_json(loadable)}</script>\n'
    if ours:
        app.add_js_file(f"{STATIC}/mount.js", priority=50, defer="defer")
    if plain:
        add_html_manager(app, context)


def take_state(scripts: list) -> dict[str, dict]:
    """Removes the widget state that myst-nb put among the head's scripts, and returns its models by id."""
    models: dict[str, dict] = {}
    for script in [s for s in scripts if s.attributes.get("type") == STATE]:
        models |= json.loads(script.attributes["body"])["state"]
        scripts.remove(script)
    return models


def view_ids(body: str) -> list[str]:
    """The ids of the widgets that a page shows, in order."""
    return [json.loads(view)["model_id"] for view in VIEW.findall(body)]


def split(models: dict[str, dict], views: Iterable[str], pagename: str) -> tuple[dict[str, dict], dict[str, dict]]:
    """The models that the views need, as (anywidgets, plain ipywidgets); what no view needs is left out."""
    ours: dict[str, dict] = {}
    plain: dict[str, dict] = {}
    for view in views:
        if is_anywidget(models[view]):
            ours |= {key: models[key] for key in closure(models, view) if is_anywidget(models[key])}
        else:
            plain |= {key: models[key] for key in closure(models, view)}
    unknown = {model["model_module"] for model in plain.values()} - JUPYTER_MODULES - {"anywidget"}
    if unknown:
        raise ExtensionError(f"{pagename}: a page without a kernel cannot show widgets of {', '.join(sorted(unknown))}")
    if any(is_anywidget(model) for model in plain.values()):
        raise ExtensionError(
            f"{pagename}: a plain ipywidget (a box, a tab) holds one of the course's widgets. Show them one below the "
            "other instead: a page without a kernel cannot put one into the other."
        )
    return ours, plain


def is_anywidget(model: dict) -> bool:
    return model.get("model_module") == "anywidget"


def closure(models: dict[str, dict], start: str) -> list[str]:
    """`start` and every model it refers to, directly or through others."""
    found, queue = [], [start]
    while queue:
        key = queue.pop()
        if key in models and key not in found:
            found.append(key)
            queue += REFERENCE.findall(json.dumps(models[key]["state"]))
    return found


def share(models: dict[str, dict]) -> dict[str, dict]:
    """The same models, with every long text of code and every large buffer once."""
    holders: dict[tuple, str] = {}

    def once(kind: object, value: str, model_id: str) -> object:
        holder = holders.setdefault((str(kind), value), model_id) if len(value) >= WORTH_SHARING else model_id
        return value if holder == model_id else {"$same": holder}

    shared = {}
    for model_id, model in models.items():
        state = dict(model["state"])
        for key in ("_esm", "_css"):
            if isinstance(state.get(key), str):
                state[key] = once(key, state[key], model_id)
        buffers = [b | {"data": once(b["path"], b["data"], model_id)} for b in model.get("buffers", [])]
        shared[model_id] = model | {"state": state} | ({"buffers": buffers} if buffers else {})
    return shared


def slot(view: dict, ours: dict[str, dict]) -> str:
    """The place of one widget: as high as the widget will be, and holding its description for readers without scripts."""
    script = f'<script type="application/vnd.jupyter.widget-view+json">{script_json(view)}</script>'
    if view["model_id"] not in ours:
        return script
    height = ours[view["model_id"]]["state"].get("_height") or []
    names = ("--lm-height", "--lm-height-narrow")
    style = "".join(f"{name}:{int(value)}px;" for name, value in zip(names, height, strict=False))
    words = html.escape(view.get("description", "An interactive figure."))
    fallback = f'<p class="needs-scripts">{words} <em>(This figure is interactive: it needs JavaScript.)</em></p>'
    return f'<div class="lmkit-slot" style="{style}">{script}<noscript>{fallback}</noscript></div>'


def document(models: dict[str, dict]) -> dict:
    return {"version_major": 2, "version_minor": 0, "state": models}


def script_json(value: object) -> str:
    """JSON that is safe inside a script element, whatever text it holds."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def add_html_manager(app: Sphinx, context: dict) -> None:
    """Jupyter's own loader for plain ipywidgets, from this site. Its icons lie where its parts look for them."""
    home = f"_static/{STATIC}/html-manager"
    target = Path(app.outdir) / home
    copy_vendored("requirejs", target)
    for name, source in vendored("@jupyter-widgets/html-manager").items():
        folders = ("@jupyter-widgets", "@jupyter-widgets/html-manager/dist") if name.endswith(".woff2") else (".",)
        for folder in folders:
            vendor.place(source, target / folder / Path(name).name)
    address = context["pathto"](home, 1)
    app.add_js_file(None, body=f"var require = {json.dumps({'baseUrl': address})};", priority=849)
    app.add_js_file(f"{STATIC}/html-manager/require.js", priority=850, defer="defer")
    local = {"defer": "defer", "data-jupyter-widgets-cdn": f"{address}/"}
    app.add_js_file(f"{STATIC}/html-manager/embed-amd.js", priority=851, **local)
