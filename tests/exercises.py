"""The exercises of a chapter's notebook, run as a learner would run them."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

from lmkit.exercises import Feedback, check

CHAPTERS = Path(__file__).parent.parent / "chapters"


def numbers(name: str) -> set[str]:
    """The exercises that the notebook `name` has cells for."""
    tags = {tag for cell in nbformat.read(CHAPTERS / name, as_version=4).cells for tag in cell.metadata.get("tags", [])}
    return {tag.removeprefix("exercise-") for tag in tags if tag.startswith("exercise-")}


def run(name: str, tag: str, **names) -> Feedback:
    """Run the one cell with this tag, with `names` at hand; what `check` said at its end."""
    notebook = nbformat.read(CHAPTERS / name, as_version=4)
    cells = [cell.source for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
    assert len(cells) == 1, f"one cell is tagged {tag}, not {len(cells)}"
    number = re.escape(tag.partition("-")[2])
    names["check"] = check
    exec(cells[0], names)
    return eval(re.search(rf'^check\("{number}", \w+\)$', cells[0], re.MULTILINE).group(0), names)
