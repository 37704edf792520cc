"""What the sources got wrong: the page of corrections, and the boxes in the chapters that treat them.

`chapters/errata.csv` holds one row for each correction. A chapter treats it in a box, an admonition of class
`sources-said` whose title ends in its number, "(E067)". The directive `{corrections}` draws the page; box and entry
lead to each other. A box without an entry, or an entry without its box, stops the build. Each entry says whether it was
read in the source that it names: its column `verified` begins with yes, partly or no, and goes on with what was read.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from book import filters

NUMBER = re.compile(r"E\d{3}")
IN_TITLE = re.compile(r"\((E\d{3}(?:, E\d{3})*)\)\s*$")
SEVERITY = {"S1": "teaches something false", "S2": "misleading", "S3": "out of date", "S4": "wording"}
VERDICT = {"yes": "verified", "partly": "partly verified", "no": "not verified"}
PAGE = "chapters/corrections"
FILTER = {
    "items": "section.correction",
    "find": "Find a correction",
    "hint": "attention, 参数, E067 …",
    "unit": "corrections",
    "choices": (
        ("Checked", {f"verdict-{word}": name for word, name in VERDICT.items()}),
        ("Weight", {f"severity-{key.lower()}": name for key, name in SEVERITY.items()}),
    ),
}


@dataclass(frozen=True)
class Erratum:
    """One row of `errata.csv`; `problem` and `correct` are Markdown, `sources` are keys of `references.bib`."""

    id: str
    severity: str
    title: str
    said: tuple[str, ...]
    problem: str
    correct: str
    sources: tuple[str, ...]
    chapters: tuple[str, ...]
    verified: str
    checked: str  # the day, 2026-11-23, on which what `verified` says was last read again; empty if it was not

    @property
    def verdict(self) -> str:
        """yes, partly or no: whether the correction was read in its source."""
        return self.verified.split(":")[0]

    @property
    def anchor(self) -> str:
        return self.id.lower()


class box_links(nodes.General, nodes.Element):
    """Stands for the links to the boxes of one correction until all chapters have been read."""


def read_errata(path: Path) -> dict[str, Erratum]:
    """{id: Erratum} in the order of the file. Quotes are separated by " | ", keys and chapters by blanks."""
    with path.open(encoding="utf8", newline="") as lines:
        return {
            row["id"]: Erratum(
                row["id"],
                row["severity"],
                row["title"],
                tuple(row["said"].split(" | ")),
                row["problem"],
                row["correct"],
                tuple(row["sources"].split()),
                tuple(row["chapters"].split()),
                row["verified"],
                row["checked"],
            )
            for row in csv.DictReader(lines)
        }


def errata_file(env: BuildEnvironment) -> Path:
    return Path(env.srcdir) / "chapters" / "errata.csv"


def boxes_of(env: BuildEnvironment) -> dict[str, list[str]]:
    """{page: numbers treated in its boxes}"""
    if not hasattr(env, "correction_boxes"):
        env.correction_boxes = {}
    return env.correction_boxes


def find_boxes(app: Sphinx, doctree: nodes.document) -> None:
    """Sphinx `doctree-read`: gives every box its anchors and remembers which corrections the page treats."""
    found: list[str] = []
    for box in doctree.findall(lambda node: isinstance(node, nodes.Admonition) and "sources-said" in node.get("classes", [])):
        title = next(iter(box.findall(nodes.title)), nodes.title())
        match = IN_TITLE.search(title.astext())
        if not match:
            raise ExtensionError(
                f'{app.env.docname}: the title of a sources-said box must end in its number, as in "(E067)": {title.astext()!r}'
            )
        numbers = NUMBER.findall(match[1])
        box["ids"] += [number.lower() for number in numbers if number not in found]
        found += numbers
    if found:
        boxes_of(app.env)[app.env.docname] = found


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    boxes_of(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    boxes_of(env).update({name: boxes for name, boxes in boxes_of(other).items() if name in docnames})


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Sphinx `env-check-consistency`: boxes and entries must belong together."""
    boxes = boxes_of(env)
    errata = read_errata(errata_file(env)) if errata_file(env).is_file() else {}
    problems = [
        f"{page}: a box names {number}, which chapters/errata.csv does not hold"
        for page, numbers in boxes.items()
        for number in numbers
        if number not in errata
    ]
    problems += [
        f"chapters/errata.csv: {erratum.id} names {page}, which has no sources-said box ({erratum.id})"
        for erratum in errata.values()
        for page in erratum.chapters
        if page in env.found_docs and erratum.id not in boxes.get(page, [])
    ]
    if problems:
        raise ExtensionError("Corrections:\n  " + "\n  ".join(problems))


class Corrections(SphinxDirective):
    """`{corrections}`: the counts, a filter, and one section for each row of `errata.csv`."""

    def run(self) -> list[nodes.Node]:
        path = errata_file(self.env)
        self.env.note_dependency(str(path))
        errata = read_errata(path).values()
        return [counts(errata), filters.place(**FILTER), *(self.entry(erratum) for erratum in errata)]

    def entry(self, erratum: Erratum) -> nodes.section:
        kinds = ["correction", f"verdict-{erratum.verdict}", f"severity-{erratum.severity.lower()}"]
        section = nodes.section("", nodes.title("", f"{erratum.id} · {erratum.title}"), ids=[erratum.anchor], classes=kinds)
        self.state.document.note_explicit_target(section)
        section += nodes.raw("", badges(erratum), format="html")
        quotes = "<br>".join(f'<q lang="zh">{quote}</q>' for quote in erratum.said)
        cited = ", ".join(f"{{cite:t}}`{key}`" for key in erratum.sources) or "none needed: the sources contradict each other"
        text = (
            f"The sources said\n: {quotes}\n\n"
            f"What is wrong\n: {erratum.problem}\n\n"
            f"Correct\n: {erratum.correct}\n\n"
            f"Source\n: {cited}\n\n"
            f"Checked against it\n: {erratum.verified.split(': ', 1)[1]}\n"
        )
        self.state.nested_parse(StringList(text.splitlines(), source="chapters/errata.csv"), 0, section)
        section += box_links(erratum=erratum.id)
        return section


def counts(errata: Iterable[Erratum]) -> nodes.bullet_list:
    """How many entries were read in their sources, wholly, in part, and not."""
    verdicts = Counter(erratum.verdict for erratum in errata)
    words = [f"{name.capitalize()}: {verdicts[word]} of {verdicts.total()} entries" for word, name in VERDICT.items()]
    return nodes.bullet_list("", *(nodes.list_item("", nodes.paragraph("", text)) for text in words), classes=["verdict-counts"])


def badges(erratum: Erratum) -> str:
    """The line under an entry's title: whether it was checked, how much it matters, and when it was read again."""
    day = date.fromisoformat(erratum.checked) if erratum.checked else None
    again = f" · read again on {day.day} {day:%B %Y}" if day else ""
    badge = f'<span class="verdict {erratum.verdict}">{VERDICT[erratum.verdict]}</span>'
    return f'<p class="correction-status">{badge} {SEVERITY[erratum.severity]}{again}</p>'


def outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Sphinx `env-updated`: the page of corrections is drawn again whenever anything was."""
    return [PAGE] if PAGE in env.found_docs else []


def add_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Sphinx `doctree-resolved`: entries lead to their boxes, boxes to their entries."""
    for place in list(doctree.findall(box_links)):
        number = place["erratum"]
        paragraph = nodes.paragraph("", "In the course: ", classes=["correction-links"])
        pages = [page for page, numbers in sorted(boxes_of(app.env).items()) if number in numbers]
        for page in pages:
            paragraph += reference(app, docname, page, number.lower(), app.env.titles[page].astext())
            paragraph += nodes.Text(" ")
        place.replace_self(paragraph if pages else nodes.paragraph("", "Not yet treated in a published chapter."))
    if docname in boxes_of(app.env) and PAGE in app.env.found_docs:
        for title in [t for t in doctree.findall(nodes.title) if "sources-said" in t.parent.get("classes", [])]:
            link_numbers(app, docname, title)


def link_numbers(app: Sphinx, docname: str, title: nodes.title) -> None:
    """Turns the numbers at the end of a box's title into links to the page of corrections."""
    last = title.children[-1]
    match = IN_TITLE.search(last.astext()) if isinstance(last, nodes.Text) else None
    if not match:
        return
    parts: list[nodes.Node] = [nodes.Text(last.astext()[: match.start()] + "(")]
    for number in NUMBER.findall(match[1]):
        parts += [reference(app, docname, PAGE, number.lower(), number), nodes.Text(", ")]
    title.replace(last, [*parts[:-1], nodes.Text(")")])


def reference(app: Sphinx, docname: str, page: str, anchor: str, text: str) -> nodes.reference:
    return nodes.reference("", text, internal=True, refuri=app.builder.get_relative_uri(docname, page) + f"#{anchor}")


def setup(app: Sphinx) -> None:
    app.add_node(box_links)
    app.add_directive("corrections", Corrections)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", find_boxes)
    app.connect("env-check-consistency", check)
    app.connect("env-updated", outdated)
    app.connect("doctree-resolved", add_links)
