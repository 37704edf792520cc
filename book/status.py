"""The status page: what each chapter's last run measured, with which models and versions, against its budget.

Nothing here is typed by hand. `book.execute` writes a chapter's outputs and its measurements in one step, after a run in
which no cell failed; the models are those that `lmkit.load` announced in these outputs. The budgets stand here, for the
page and for the tests.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

SECONDS, LONG_SECONDS = 90, 180
LONG = {"08", "10", "11", "12", "13", "14", "15", "16"}  # they train, or ask a model hundreds of times
MEMORY_MB = 4096
BOOK_SECONDS = 25 * 60  # all chapters, two at a time on two cores
TOGETHER = 2
ANNOUNCED = re.compile(r"^(\S+) · ([\d.]+M) parameters · (.+) · (\w+) · (\S+)$", re.MULTILINE)
TINY = "tiny-"
UNKNOWN = "not recorded"


@dataclass(frozen=True)
class Model:
    """A model as `lmkit.load` announced it."""

    name: str
    parameters: str
    origin: str
    dtype: str
    device: str


@dataclass(frozen=True)
class Run:
    """The last run of a chapter. `unchanged`: whether its code is still what was run; None where the run did not say."""

    docname: str
    seconds: float
    memory_mb: int
    date: str
    environment: str
    models: tuple[Model, ...]
    unchanged: bool | None

    @property
    def allowed_seconds(self) -> int:
        return allowed_seconds(Path(self.docname).name)


def allowed_seconds(stem: str) -> int:
    """The budget of a chapter, by the name of its file."""
    return LONG_SECONDS if stem[:2] in LONG else SECONDS


def digest(notebook: dict) -> str:
    """Sixteen hexadecimal digits that change with the code of a notebook's cells, and with nothing else."""
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]


def models_of(notebook: dict) -> tuple[Model, ...]:
    """The models whose announcement stands in the stored outputs, in order."""
    texts = ("".join(output.get("text", "")) for cell in notebook["cells"] for output in cell.get("outputs", []))
    found = [Model(*line) for text in texts for line in ANNOUNCED.findall(text)]
    return tuple(dict.fromkeys(found))


def environment_of(measured: dict) -> str:
    """The versions and the machine of a run, in words."""
    names = {"python": "Python", "torch": "torch", "transformers": "transformers"}
    versions = [f"{name} {measured[key]}" for key, name in names.items()]
    cores, threads = measured.get("cores"), measured.get("threads")
    machine = f"{cores} processor cores, torch on {threads} thread{'s' * (threads != 1)}" if cores else f"cores: {UNKNOWN}"
    return ", ".join([*versions, measured.get("platform", f"system: {UNKNOWN}"), machine])


def run_of(docname: str, notebook: dict) -> Run | None:
    """What the notebook's last run left in it; None where it was not executed by `book.execute`."""
    measured = notebook["metadata"].get("lmkit")
    if not measured:
        return None
    code = measured.get("code")
    return Run(
        docname,
        measured["seconds"],
        measured["peak_memory_mb"],
        measured["date"],
        environment_of(measured),
        models_of(notebook),
        None if code is None else code == digest(notebook),
    )


def together(seconds: Iterable[float], workers: int = TOGETHER) -> float:
    """How long runs of these lengths take, `workers` at a time, the longest first."""
    ends = [0.0] * workers
    for length in sorted(seconds, reverse=True):
        ends[ends.index(min(ends))] += length
    return max(ends)


def records(folder: Path) -> list[dict]:
    """What made each of the stored evaluations in `lmkit/data/records`: {"name", "answers", "model", …}."""
    found = []
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text("utf8"))
        found.append({"name": path.stem, "answers": len(content["rows"])} | content["made"])
    return found


class status_place(nodes.General, nodes.Element):
    """Stands for a table of the page until the titles of all chapters are known."""


class Status(SphinxDirective):
    """`{status} runs` and `{status} records`: the tables of the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        if self.arguments[0] not in TABLES:
            raise self.error(f"{self.arguments[0]!r}: the tables are {', '.join(TABLES)}")
        return [status_place(table=self.arguments[0])]


def outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Sphinx `env-updated`: the page is drawn again whenever anything was."""
    return [name for name in env.found_docs if name.endswith("/status")]


def draw(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Sphinx `doctree-resolved`: replaces the place-holders by the tables."""
    for place in list(doctree.findall(status_place)):
        place.replace_self(nodes.raw("", TABLES[place["table"]](app, docname), format="html"))


def draw_runs(app: Sphinx, docname: str) -> str:
    """One row for each chapter, a row for all of them, and the environments they ran in."""
    paths = {name: app.env.doc2path(name) for name in sorted(app.env.found_docs)}
    notebooks = {name: json.loads(Path(path).read_text("utf8")) for name, path in paths.items() if str(path).endswith(".ipynb")}
    runs = [run for name, notebook in notebooks.items() if (run := run_of(name, notebook))]
    if not runs:
        return "<p>No chapter has been executed yet.</p>"
    places = list(dict.fromkeys(run.environment for run in runs))
    links = {run.docname: link(app, docname, run.docname) for run in runs}
    rows = [row(run, links[run.docname], places.index(run.environment)) for run in runs]
    table = grid(("Chapter", "Time", "Memory", "Models", "Executed", "With"), rows, [total(runs)])
    return table + environments(places)


def link(app: Sphinx, docname: str, chapter: str) -> str:
    title = app.env.titles[chapter].astext() if chapter in app.env.titles else chapter
    return f'<a href="{html.escape(app.builder.get_relative_uri(docname, chapter))}">{html.escape(title)}</a>'


def row(run: Run, name: str, place: int) -> str:
    when = f'<time datetime="{run.date}">{run.date}</time>'
    if run.unchanged is False:
        when += " <strong>(its code was changed since)</strong>"
    cells = [
        measure(f"{run.seconds:.0f} of {run.allowed_seconds} s", run.seconds / run.allowed_seconds),
        measure(f"{run.memory_mb / 1024:.1f} of {MEMORY_MB / 1024:.0f} GB", run.memory_mb / MEMORY_MB),
        f"<td>{in_words(run.models)}</td>",
        f"<td>{when}</td>",
        f'<td><a href="#{anchor(place)}">{letter(place)}</a></td>',
    ]
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'


def measure(words: str, share: float) -> str:
    """A cell whose background is filled as far as the budget is used."""
    return f'<td class="share" style="--share:{min(share, 1):.0%}">{words}</td>'


def in_words(models: Iterable[Model]) -> str:
    """The names of the models, with the course's own together."""
    models = list(models)
    own = [model.name.removeprefix(TINY) for model in models if model.name.startswith(TINY)]
    names = [model.name for model in models if not model.name.startswith(TINY)]
    names += [f"tiny: {', '.join(own)}"] if own else []
    return "<br>".join(map(html.escape, dict.fromkeys(names))) or "none loaded"


def total(runs: list[Run]) -> str:
    """The last row: all chapters one after the other, and two at a time, as the tests run them."""
    seconds = sum(run.seconds for run in runs)
    both = together(run.seconds for run in runs)
    peak = max(run.memory_mb for run in runs)
    dates = sorted(run.date for run in runs)
    cells = [
        measure(
            f"{both / 60:.1f} of {BOOK_SECONDS / 60:.0f} min, two at a time; {seconds / 60:.1f} min in turn", both / BOOK_SECONDS
        ),
        measure(f"at most {peak / 1024:.1f} GB", peak / MEMORY_MB),
        f"<td>{len({model for run in runs for model in run.models})} models</td>",
        f"<td>{dates[0]}{f' to {dates[-1]}' if dates[-1] != dates[0] else ''}</td><td></td>",
    ]
    return f'<tr><th scope="row">All {len(runs)} chapters</th>{"".join(cells)}</tr>'


def environments(places: list[str]) -> str:
    items = [f'<li id="{anchor(i)}"><b>{letter(i)}</b> {html.escape(place)}</li>' for i, place in enumerate(places)]
    return f'<ul class="status-environments">{"".join(items)}</ul>'


def anchor(index: int) -> str:
    return f"environment-{index + 1}"


def letter(index: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index % 26]


def draw_models(app: Sphinx, docname: str) -> str:
    """One row for each model that some chapter announced."""
    seen: dict[Model, list[str]] = {}
    for name in sorted(app.env.found_docs):
        path = Path(app.env.doc2path(name))
        if path.suffix == ".ipynb":
            for model in models_of(json.loads(path.read_text("utf8"))):
                seen.setdefault(model, []).append(str(int(path.name[:2])) if path.name[:2].isdigit() else path.stem)
    rows = []
    for model, chapters in sorted(seen.items(), key=lambda entry: entry[0].name):
        origin = "shipped with the course" if model.name.startswith(TINY) else model.origin
        words = (f"{model.parameters}", origin, f"{model.dtype}, {model.device}", ", ".join(chapters))
        rows.append(line(model.name, words))
    return grid(("Model", "Parameters", "From", "Computed in", "Chapters"), rows)


def draw_records(app: Sphinx, docname: str) -> str:
    """One row for each stored evaluation."""
    rows = []
    for made in records(Path(app.srcdir) / "lmkit" / "data" / "records"):
        words = (f"{made['answers']:,}", *(str(made.get(key, UNKNOWN)) for key in ("model", "revision", "seed", "date")))
        rows.append(line(made["name"], words))
    return grid(("Record", "Answers", "Model", "Revision", "Seed", "Made"), rows)


def line(name: str, words: Iterable[str]) -> str:
    """A row of plain text."""
    return f'<tr><th scope="row">{html.escape(name)}</th>{"".join(f"<td>{html.escape(word)}</td>" for word in words)}</tr>'


def grid(names: Iterable[str], rows: Iterable[str], foot: Iterable[str] = ()) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    last = f"<tfoot>{''.join(foot)}</tfoot>" if foot else ""
    body = f'<table class="status"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody>{last}</table>'
    return f'<div class="pst-scrollable-table-container">{body}</div>'


TABLES = {"runs": draw_runs, "models": draw_models, "records": draw_records}


def setup(app: Sphinx) -> None:
    app.add_node(status_place)
    app.add_directive("status", Status)
    app.connect("env-updated", outdated)
    app.connect("doctree-resolved", draw)
