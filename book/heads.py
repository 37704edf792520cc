"""What the chapters say of themselves in the table at their head: minutes to read, and what a reader needs first.

The last column, "you need first", names chapters by links; one that only "helps" is said to. Chinese titles come from
the list of chapters in `index.md`: [5 · Tokens · 词元](chapters/05_tokens.ipynb).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sphinx.errors import ExtensionError

COLUMNS = ["to read", "to run", "memory", "you need first"]
TITLE = re.compile(r"^# (\d+) · (.+?)\s*$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((\d\d_\w+)\.ipynb[^)]*\)")
LISTED = re.compile(r"^\[\d+ · .+? · ([^\]·]+)\]\(chapters/(\d\d_\w+)\.ipynb\)", re.MULTILINE)
NUMBERS = {"an": 1, "a": 1, "one": 1, "two": 2, "three": 3, "four": 4}
TIME = re.compile(r"(\d+|an?|one|two|three|four) (minutes?|hours?)( and a half)?")


@dataclass(frozen=True)
class Head:
    """One chapter. `needs` and `helped_by` are numbers of chapters that the head links to; `needs_text` is Markdown."""

    number: int
    name: str
    title: str
    chinese: str
    minutes: int
    needs: tuple[int, ...]
    helped_by: tuple[int, ...]
    needs_text: str

    @property
    def docname(self) -> str:
        return f"chapters/{self.name}"


def minutes(text: str) -> int:
    """"about 40 minutes" is 40, "about two hours" 120, "an hour and a half" 90. Raises ValueError for anything else."""
    match = TIME.search(text)
    if not match:
        raise ValueError(f"{text!r} names no time: expected something like 'about 40 minutes' or 'about two hours'")
    number, unit, half = match.groups()
    length = 60 if unit.startswith("hour") else 1
    return int((int(number) if number.isdigit() else NUMBERS[number]) * length + (length // 2 if half else 0))


def row(markdown: str) -> list[str]:
    """The row of values of a chapter's head table. Raises ValueError if there is none."""
    lines = markdown.splitlines()
    tables = [i for i, line in enumerate(lines[:-2]) if [cell.strip() for cell in line.strip().strip("|").split("|")] == COLUMNS]
    if not tables:
        raise ValueError(f"there is no table with the columns {' | '.join(COLUMNS)}")
    return [cell.strip() for cell in lines[tables[0] + 2].strip().strip("|").split("|")]


def chapters_linked(markdown: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(chapters that are needed, chapters that help) of the last column of the table, in their order."""
    needs, helped_by = set(), set()
    for part in re.split(r"(?<=[.;]) ", markdown):
        (helped_by if re.search(r"\bhelps?\b", part) else needs).update(int(name[:2]) for name in LINK.findall(part))
    return tuple(sorted(needs)), tuple(sorted(helped_by - needs))


def read(path: Path, chinese: str = "") -> Head:
    """The head of the notebook at `path`. Raises ExtensionError that names the notebook if it has another form."""
    text = "".join(json.loads(path.read_text("utf8"))["cells"][0]["source"])
    try:
        title = TITLE.search(text)
        if not title:
            raise ValueError("the first cell has no title of the form '# 5 · Tokens'")
        to_read, _, _, needs = row(text)
        return Head(int(title[1]), path.stem, title[2], chinese, minutes(to_read), *chapters_linked(needs), needs)
    except ValueError as error:
        raise ExtensionError(f"{path.name}: {error}") from error


def read_all(source: Path, pages: Collection[str] | None = None) -> dict[int, Head]:
    """{number: Head} of the chapters of the book in the folder `source`; of those among `pages`, if it is given."""
    paths = sorted((source / "chapters").glob("[0-9][0-9]_*.ipynb"))
    paths = [path for path in paths if pages is None or f"chapters/{path.stem}" in pages]
    files = [path for path in (source / "index.md", *paths) if path.is_file()]
    return dict(_read_all(source, tuple((path, path.stat().st_mtime_ns) for path in files)))


@cache
def _read_all(source: Path, files: tuple[tuple[Path, int], ...]) -> tuple[tuple[int, Head], ...]:
    """`read_all` as pairs, read again only when a file has changed."""
    index = source / "index.md"
    chinese = {name: words.strip() for words, name in LISTED.findall(index.read_text("utf8") if index.is_file() else "")}
    heads = [read(path, chinese.get(path.stem, "")) for path, _ in files if path.suffix == ".ipynb"]
    known = {head.number for head in heads}
    for head in heads:
        if missing := {*head.needs, *head.helped_by} - known:
            raise ExtensionError(f"{head.name}.ipynb: its head links to chapters that do not exist: {sorted(missing)}")
    return tuple((head.number, head) for head in heads)


def before(heads: dict[int, Head], number: int) -> set[int]:
    """All chapters that one builds on, directly or through others. Those that only help are not among them."""
    found: set[int] = set()
    queue = list(heads[number].needs)
    while queue:
        one = queue.pop()
        if one not in found:
            found.add(one)
            queue += heads[one].needs
    return found
