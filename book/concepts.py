"""The ideas of the sources, and the cells that show them.

A cell that shows an idea carries the tag `concept-4.21`, the idea's id in `chapters/concepts.csv`. Each such cell gets
an anchor of that name, and the directive `{concept-map}` draws the whole list with a link to every cell. A tag that
names no idea stops the build.
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from book import filters

TAG = re.compile(r"concept-(.+)")
SOURCE = re.compile(r"\{cite[a-z:]*\}`|\]\(https?://|class: sources-said")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
GROUPS = {
    "0": "What a large language model is",
    "1": "History",
    "2": "The kinds of machine learning",
    "3": "Modelling language",
    "4": "The Transformer",
    "5": "Training, alignment, scaling, emergence",
    "6": "Prompting",
    "7": "Retrieval, programs, tools, agents",
    "8": "Limits, safety, bias",
    "9": "Landscape and applications",
    "A": "Terms in the sources' appendix",
}
FILTER = {
    "items": "table.concept-map tbody tr",
    "groups": "section[id^=group-]",
    "find": "Find an idea",
    "hint": "attention, 注意力, 4.21 …",
    "unit": "ideas",
    "choices": (("Priority", {f"priority-{number}": str(number) for number in (1, 2, 3)}),),
    "boxes": (("only ideas with a cell", "shown"),),
}
TYPES = {"Con": "concept", "Cl": "claim", "Ex": "example", "Fig": "figure or table"}


@dataclass(frozen=True)
class Idea:
    """One row of `concepts.csv`."""

    id: str
    priority: int  # 1: needs a running cell of its own; 2: a short or shared one; 3: words are enough
    type: str
    concept: str

    @property
    def group(self) -> str:
        return self.id.split(".")[0]


@dataclass(frozen=True)
class Cell:
    """A cell that shows an idea: where it stands, and whether it runs (a text cell only tells)."""

    idea: str
    docname: str
    anchor: str
    heading: str
    runs: bool
    sourced: bool = False  # whether its text names a source


class concept_table(nodes.General, nodes.Element):
    """Stands for the table of one group of ideas until all chapters have been read; without a group, for the counts."""


def read_ideas(path: Path) -> dict[str, Idea]:
    """{id: Idea} in the order of the file."""
    with path.open(encoding="utf8", newline="") as lines:
        rows = [Idea(r["id"], int(r["priority"].lstrip("P")), r["type"], r["concept"]) for r in csv.DictReader(lines)]
    return {idea.id: idea for idea in rows}


def ideas_file(env: BuildEnvironment) -> Path:
    return Path(env.srcdir) / "chapters" / "concepts.csv"


def mark_cells(docname: str, notebook: dict) -> list[Cell]:
    """Gives every tagged cell its anchors and returns what is shown where. Changes `notebook`."""
    found: list[Cell] = []
    heading = ""
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        is_code = cell["cell_type"] == "code"
        headings = [] if is_code else HEADING.findall(text)
        heading = plain(headings[0]) if headings else heading
        tags = [match[1] for tag in cell["metadata"].get("tags", []) if (match := TAG.fullmatch(tag))]
        sourced = bool(SOURCE.search(text))
        cells = [Cell(idea, docname, anchor(idea, found), heading, is_code, sourced) for idea in tags]
        found += cells
        if cells and is_code:
            cell["metadata"]["anchors"] = [c.anchor for c in cells]
        elif cells:
            spans = "".join(f'<span id="{html.escape(c.anchor)}" class="concept-anchor"></span>' for c in cells)
            cell["source"] = f"{spans}\n\n{text}"
        heading = plain(headings[-1]) if headings else heading
    return found


def anchor(idea: str, earlier: Iterable[Cell]) -> str:
    """`concept-4.21` for the first cell of a page that shows 4.21, `concept-4.21-2` for the second."""
    before = sum(cell.idea == idea for cell in earlier)
    return f"concept-{idea}" + (f"-{before + 1}" if before else "")


def gaps(ideas: Iterable[Idea], cells: Iterable[Cell]) -> list[str]:
    """What is missing: a priority-1 idea needs a cell that runs, one of priority 2 any cell or box, one of priority 3 that too,
    with a source in its words or a computation in their place."""
    shown: dict[str, list[Cell]] = {}
    for cell in cells:
        shown.setdefault(cell.idea, []).append(cell)
    enough = {1: lambda cell: cell.runs, 2: lambda cell: True, 3: lambda cell: cell.runs or cell.sourced}
    needs = {1: "needs a cell that runs", 2: "needs a cell or a box", 3: "needs a sentence with a source"}
    return [
        f"{idea.id} ({idea.concept}) {needs[idea.priority]}"
        for idea in ideas
        if not any(enough[idea.priority](cell) for cell in shown.get(idea.id, []))
    ]


def plain(markdown: str) -> str:
    """A heading without its markup."""
    return re.sub(r"\{[^}]*\}`([^`]*)`|[`*_$]", lambda match: match[1] or "", markdown)


def remember(app: Sphinx, docname: str, notebook: dict) -> None:
    """Called while a notebook is prepared: marks its cells and keeps the list for the map."""
    cells_of(app.env)[docname] = mark_cells(docname, notebook)


def cells_of(env: BuildEnvironment) -> dict[str, list[Cell]]:
    if not hasattr(env, "concept_cells"):
        env.concept_cells = {}
    return env.concept_cells


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    cells_of(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    cells_of(env).update({name: cells for name, cells in cells_of(other).items() if name in docnames})


def add_anchors(app: Sphinx, doctree: nodes.document) -> None:
    """Sphinx `doctree-read`: the container of a tagged cell carries the anchors."""
    for container in doctree.findall(nodes.container):
        container["ids"] += container.get("cell_metadata", {}).get("anchors", [])


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Sphinx `env-check-consistency`: raises ExtensionError if a tag names no idea."""
    cells = [cell for cells in cells_of(env).values() for cell in cells]
    if not cells:
        return
    ideas = read_ideas(ideas_file(env))
    wrong = [
        f"{cell.docname}: the tag concept-{cell.idea} names no idea of chapters/concepts.csv"
        for cell in cells
        if cell.idea not in ideas
    ]
    if wrong:
        raise ExtensionError("Concept tags:\n  " + "\n  ".join(wrong))


class ConceptMap(SphinxDirective):
    """`{concept-map}`: the counts, then one section with a table for each group of ideas."""

    def run(self) -> list[nodes.Node]:
        path = ideas_file(self.env)
        self.env.note_dependency(str(path))
        present = {idea.group for idea in read_ideas(path).values()}
        sections: list[nodes.Node] = [concept_table(group=""), filters.place(**FILTER)]
        for group, name in GROUPS.items():
            if group in present:
                section = nodes.section("", nodes.title("", name), concept_table(group=group), ids=[f"group-{group.lower()}"])
                self.state.document.note_explicit_target(section)
                sections.append(section)
        return sections


def outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Sphinx `env-updated`: the map is drawn again whenever anything was."""
    return [name for name in env.found_docs if name.endswith("concept_map")]


def draw(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Sphinx `doctree-resolved`: replaces the place-holders by tables, now that all cells are known."""
    places = list(doctree.findall(concept_table))
    if not places:
        return
    ideas = read_ideas(ideas_file(app.env))
    shown: dict[str, list[Cell]] = {}
    for name in sorted(cells_of(app.env)):
        for cell in cells_of(app.env)[name]:
            shown.setdefault(cell.idea, []).append(cell)
    links = {idea: [link(app, docname, cell) for cell in cells] for idea, cells in shown.items()}
    for place in places:
        group = place["group"]
        text = table([idea for idea in ideas.values() if idea.group == group], links) if group else counts(ideas.values(), shown)
        place.replace_self(nodes.raw("", text, format="html"))


def link(app: Sphinx, docname: str, cell: Cell) -> str:
    """A link to a cell, named after the section it stands in."""
    address = app.builder.get_relative_uri(docname, cell.docname) + f"#{cell.anchor}"
    chapter = app.env.titles[cell.docname].astext() if cell.docname in app.env.titles else cell.docname
    name = cell.heading if cell.heading and cell.heading != chapter else chapter
    suffix = "" if cell.runs else " (text)"
    return f'<a href="{html.escape(address)}" title="{html.escape(chapter)}">{html.escape(name)}</a>{suffix}'


def counts(ideas: Iterable[Idea], shown: dict[str, list[Cell]]) -> str:
    """How many ideas of each priority have a running cell, as a table of three rows."""
    meanings = {1: "needs a running cell of its own", 2: "needs a short cell, or shares one", 3: "words are enough"}
    rows = []
    for priority, meaning in meanings.items():
        these = [idea for idea in ideas if idea.priority == priority]
        done = sum(any(cell.runs for cell in shown.get(idea.id, [])) for idea in these)
        told = sum(idea.id in shown for idea in these) - done
        words = f"<b>{done} of {len(these)}</b> priority-{priority} ideas have a running cell"
        rows.append(f"<li>{words}{f', {told} more a text' if told else ''} <span>({meaning})</span></li>")
    return f'<ul class="concept-counts">{"".join(rows)}</ul>'


def table(ideas: Iterable[Idea], links: dict[str, list[str]]) -> str:
    """The table of one group: id, idea, kind, and the links of each idea."""
    rows = []
    for idea in ideas:
        here = links.get(idea.id, [])
        places = "<br>".join(here) if here else '<span class="not-yet">not yet</span>'
        rows.append(
            f'<tr id="idea-{idea.id}" class="priority-{idea.priority}{" shown" if here else ""}">'
            f'<th scope="row">{idea.id}</th><td>{html.escape(idea.concept)}</td>'
            f"<td>{idea.priority} · {TYPES[idea.type]}</td><td>{places}</td></tr>"
        )
    head = "<tr>" + "".join(f'<th scope="col">{name}</th>' for name in ("Id", "Idea", "Priority, kind", "Shown in")) + "</tr>"
    return f'<table class="concept-map"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'


def setup(app: Sphinx) -> None:
    app.add_node(concept_table)
    app.add_directive("concept-map", ConceptMap)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", add_anchors)
    app.connect("env-check-consistency", check)
    app.connect("env-updated", outdated)
    app.connect("doctree-resolved", draw)
