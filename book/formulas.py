"""Sets the formulas when the book is built, so that a page needs no script for them and none moves when they appear.

Sphinx leaves TeX in its pages for MathJax, whose script (2.1 MB) would set it in the reader's browser. Here the same
MathJax, vendored and run once by Node, sets all formulas of the site: as drawings, each with its MathML beside it for
screen readers. The shapes of the letters stand once at the end of a page. A formula that cannot be set stops the build.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from book.selfhost import vendored

SETTER = Path(__file__).with_name("set_formulas.js")
MARK = "math notranslate nohighlight"
SET = "<mjx-container"
MARKED = re.compile(rf'<\w+ class="[^"]*{MARK}')
OPENING = rf'<(?P<tag>span|div) class="(?:amsmath )?{MARK}"[^>]*>'
FORMULA = re.compile(rf"(?P<open>{OPENING})(?P<content>.*?)(?P<close></(?P=tag)>)", re.DOTALL)
INLINE = re.compile(r"\\\((.*)\\\)", re.DOTALL)
DISPLAYED = re.compile(r"(?P<before>.*?)(?:\\\[(?P<tex>.*)\\\]|(?P<environment>\\begin\{.*))\s*", re.DOTALL)


def read(match: re.Match) -> tuple[str, str, bool]:
    """(what stands before the formula, such as its number; its TeX; whether it is displayed) of one element of a page."""
    content = match["content"]
    if match["tag"] == "span":
        found = INLINE.fullmatch(content.strip())
        parts = ("", found[1], False) if found else None
    else:
        found = DISPLAYED.fullmatch(content)
        parts = (found["before"].strip(), found["tex"] or found["environment"], True) if found else None
    if parts is None:
        raise ExtensionError(f"a formula in a form that book/formulas.py does not know: {match[0][:200]}")
    before, tex, displayed = parts
    return before, html.unescape(tex).strip(), displayed


def formulas_of(page: str) -> list[dict]:
    """[{"tex", "display"}] of a page, in order."""
    found = [read(match) for match in FORMULA.finditer(page)]
    if len(found) != len(MARKED.findall(page)):
        raise ExtensionError("a page holds an element for a formula that book/formulas.py does not know")
    return [{"tex": tex, "display": displayed} for _, tex, displayed in found]


def ask_mathjax(pages: dict[str, list[dict]]) -> dict[str, dict]:
    """{page: {"formulas": [HTML], "shapes": SVG}} for {page: [{"tex", "display"}]}.

    Raises ExtensionError with the first formula that cannot be set.
    """
    node = shutil.which("node")
    if node is None:
        raise ExtensionError("Node.js sets the formulas of the site, and `node` was not found. Install it and build again.")
    home = next(path for name, path in vendored("mathjax").items() if name == "LICENSE").parent
    question = json.dumps({"home": str(home), "pages": pages})
    done = subprocess.run([node, str(SETTER)], input=question, capture_output=True, text=True, timeout=300, encoding="utf8")
    if done.returncode:
        raise ExtensionError("MathJax could not be run: " + done.stderr.strip()[-500:])
    answer = json.loads(done.stdout)
    if wrong := answer.get("error"):
        raise ExtensionError(f"{wrong['page']}: the formula {wrong['tex']!r} cannot be set: {wrong['message']}")
    return answer["pages"]


def put(page: str, formulas: list[str], shapes: str) -> str:
    """The page with its formulas set, in order, and the shapes of their letters at its end."""
    remaining = iter(formulas)

    def one(match: re.Match) -> str:
        return f"{match['open']}{read(match)[0]}{next(remaining)}{match['close']}"

    body, end, rest = FORMULA.sub(one, page).rpartition("</body>")
    return f"{body}{shapes}\n{end}{rest}"


def set_all(app: Sphinx, exception: Exception | None) -> None:
    """Sphinx `build-finished`: sets the formulas of every page that was written in this build."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    texts = {path.relative_to(site).as_posix(): path.read_text("utf8") for path in sorted(site.rglob("*.html"))}
    pages = {name: formulas_of(text) for name, text in texts.items() if MARK in text and SET not in text}
    if not any(pages.values()):
        return
    for name, answer in ask_mathjax(pages).items():
        (site / name).write_text(put(texts[name], answer["formulas"], answer["shapes"]), "utf8")
