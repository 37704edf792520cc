"""The figure of the front page: a model goes on with a sentence, token by token, and a reader may send it another way.

Nothing is computed here or in the page. The record `lmkit/data/records/branches.json` holds what a real model gave, beginning by
beginning (`lmkit/records/branches.py` made it). `{branches}` puts it into the page with its first step drawn, so that the page
says something without scripts too; `static/branches.js` plays it.
"""

from __future__ import annotations

import html
import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from book.selfhost import STATIC
from book.widgets import script_json

RECORD = Path(__file__).resolve().parents[1] / "lmkit" / "data" / "records" / "branches.json"
MARK = 'class="branches"'
STYLED = (MARK, 'class="path ', 'class="prerequisites"')  # what static/front.css is for
NAMES = {"smollm2-135m-instruct": "SmolLM2-135M-Instruct"}
SPACE, NEWLINE = "␣", "↵"


def read() -> dict:
    """{"made": …, "steps": {path: [[token, probability], …]}} of the record. Raises ExtensionError if it is not there."""
    if not RECORD.is_file():
        raise ExtensionError(f"{RECORD.name}: the record of the front page is not there; make it: make records")
    stored = json.loads(RECORD.read_text("utf8"))
    steps = {row["path"]: [list(pair) for pair in zip(row["tokens"], row["probs"], strict=True)] for row in stored["rows"]}
    return {"made": stored["made"], "steps": steps}


def likeliest(steps: dict[str, list]) -> list[list]:
    """[[token, probability]] along the most probable token of every step, as far as the record goes."""
    path, found = "", []
    while path in steps:
        found.append(steps[path][0])
        path += "0"
    return found


def shown(token: str) -> str:
    """A token as a label: a blank at its beginning and line breaks can be seen."""
    return SPACE + token[1:].replace("\n", NEWLINE) if token.startswith(" ") else token.replace("\n", NEWLINE)


def percent(p: float) -> str:
    return f"{100 * p:.1f} %"


def bar(token: str, p: float) -> str:
    """One of the next tokens: a button as long as the token is probable."""
    parts = (
        f'<span class="branches-token">{html.escape(shown(token))}</span>',
        f'<span class="branches-track"><i style="--p:{p}"></i></span>',
        f'<span class="branches-percent">{percent(p)}</span>',
    )
    return f'<li><button type="button" disabled>{"".join(parts)}</button></li>'


def figure(record: dict) -> str:
    """The HTML of the figure, with its first step drawn."""
    made, steps = record["made"], record["steps"]
    first, prompt = steps[""], html.escape(made["prompt"])
    others, rest = made["vocabulary"] - len(first), max(0.0, 1 - sum(p for _, p in first))
    line = [f"<tr><td>{html.escape(shown(token))}</td><td>{percent(p)}</td></tr>" for token, p in likeliest(steps)]
    written = '<span class="branches-written"></span><i class="branches-caret"></i>'
    sentence = f'<span class="branches-prompt">{prompt}</span>{written}'
    source = html.escape(f"{NAMES.get(made['model'], made['model'])} ({made['revision']}), asked on {made['date']}")
    return f"""<div {MARK} role="group" aria-labelledby="branches-name">
<p class="branches-name" id="branches-name">A language model writes. Choose a token, and it goes on from there.
<span lang="zh">点一个词元，看它怎么接着写。</span></p>
<p class="branches-text">{sentence}</p>
<ol class="branches-bars" aria-label="The four most probable next tokens">{"".join(bar(*one) for one in first)}</ol>
<p class="branches-rest">{others:,} other tokens share {percent(rest)}</p>
<div class="branches-controls"></div>
<noscript><p class="needs-scripts">The figure goes on where scripts are allowed.</p></noscript>
<p class="branches-status" role="status"></p>
<p class="branches-source">{source}: {len(steps):,} beginnings of this sentence, each with its {len(first)} most probable next
tokens. The figure draws from these by their probabilities. Nothing is made up, the nonsense included.</p>
<details><summary>This figure in words</summary>
<p>After “{prompt}”, always taking the most probable token:</p>
<table><thead><tr><th>token</th><th>probability</th></tr></thead><tbody>{"".join(line)}</tbody></table></details>
<script type="application/json">{script_json({"others": others, "steps": steps})}</script>
</div>"""


class Branches(SphinxDirective):
    """`{branches}`: the figure."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(RECORD))
        return [nodes.raw("", figure(read()), format="html")]


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: the script and the style, only where they are used. The script is the first: it moves."""
    body = context.get("body", "")
    if MARK in body:
        app.add_js_file(f"{STATIC}/branches.js", priority=40, defer="defer")
    if any(mark in body for mark in STYLED):
        app.add_css_file(f"{STATIC}/front.css", priority=801)


def setup(app: Sphinx) -> None:
    app.add_directive("branches", Branches)
    app.connect("html-page-context", add_scripts, priority=700)
