"""A box above a long list that shows only what fits: words, and choices among kinds. The work is done by `static/filter.js`.

A page says what it filters; the script draws the box in the place that is kept free for it, so that nothing moves.
Without scripts there is no box, and the page is the whole list.
"""

from __future__ import annotations

import html
import json

from docutils import nodes
from sphinx.application import Sphinx

from book.selfhost import STATIC


def place(
    items: str,
    find: str,
    hint: str,
    unit: str,
    groups: str = "",
    choices: tuple[tuple[str, dict[str, str]], ...] = (),
    boxes: tuple[tuple[str, str], ...] = (),
) -> nodes.raw:
    """The place of a filter over the elements that the CSS selector `items` finds; `unit` names them in the count.

    `choices` are menus, (label, {CSS class: words}), `boxes` are boxes to tick, (label, CSS class); an item stays that carries
    the class. `groups` selects what is hidden when nothing in it is left.
    """
    data = {
        "items": items,
        "groups": groups,
        "find": find,
        "hint": hint,
        "unit": unit,
        "all": "all",
        "choices": [[label, list(options.items())] for label, options in choices],
        "boxes": [list(box) for box in boxes],
    }
    wide = " wide" if choices else ""
    written = html.escape(json.dumps(data, ensure_ascii=False))
    return nodes.raw("", f'<div class="filter-place{wide}" data-filter="{written}"></div>', format="html")


def add_script(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: the script, on the pages that have such a place."""
    if 'class="filter-place' in context.get("body", ""):
        app.add_js_file(f"{STATIC}/filter.js", priority=840, defer="defer")


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", add_script, priority=700)
