"""The history of language models as a table of events, each with its source, and with what the introductions said about it.

`data/timeline.csv` holds the events and `data/timeline_said.csv` the quotations; this module reads them and knows nothing
about how they are drawn (`lmkit.widgets.timeline`).
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"
KINDS = ("idea", "paper", "system", "model", "product", "hardware")
VERDICTS = ("right", "imprecise", "wrong")

# The five introductions, by the numbers that the quotations carry.
INTRODUCTIONS = {
    "000": "book chapter 大模型概述",
    "001": "study notes 初识大模型",
    "002": "handout 大模型通识知识",
    "003": "tutorial 初识大模型",
    "004": "blog post AI大语言模型",
}


class Said(NamedTuple):
    """What one introduction wrote about an event, word for word, and how far it is true."""

    seed: str  # a key of INTRODUCTIONS
    quote: str  # at most 40 characters, in Chinese
    verdict: str  # one of VERDICTS
    note: str  # why it is not right, or ""


@dataclass(frozen=True)
class Event:
    """One event.

    date        "1956", "1956-06" or "1956-06-18": as precise as is known
    kind        one of KINDS
    parameters  what was published for the largest model meant here; None where nothing was, or where nothing is trained.
                In a mixture of experts all are counted, used or not
    source      keys of `chapters/references.bib`, the first one the primary source
    cited       the same sources in words
    dated       what happened on that day, as "announcement" or "first version on arXiv"
    checked     what the date was checked with
    errata      numbers of the corrections that concern it
    """

    id: str
    date: str
    title: str
    kind: str
    text: str
    parameters: int | None
    architecture: str
    organisation: str
    source: tuple[str, ...]
    cited: tuple[str, ...]
    url: str
    dated: str
    checked: str
    said: tuple[Said, ...]
    errata: tuple[str, ...]

    @property
    def year(self) -> int:
        return int(self.date[:4])

    @property
    def decimal(self) -> float:
        """The date as a number of years; an event dated by its year or month stands in the middle of it."""
        return decimal_year(self.date)


def events() -> list[Event]:
    """All events, by date; those of which only the year is known come before the dated ones of that year."""
    return list(read())


@cache
def read() -> tuple[Event, ...]:
    said: dict[str, list[Said]] = {}
    for row in rows("timeline_said.csv"):
        said.setdefault(row["event"], []).append(Said(row["seed"], row["quote"], row["verdict"], row["note"]))
    return tuple(
        Event(
            id=row["id"],
            date=row["date"],
            title=row["title"],
            kind=row["kind"],
            text=row["text"],
            parameters=int(row["parameters"]) if row["parameters"] else None,
            architecture=row["architecture"],
            organisation=row["organisation"],
            source=tuple(row["source"].split()),
            cited=tuple(row["cited"].split(" | ")),
            url=row["url"],
            dated=row["dated"],
            checked=row["checked"],
            said=tuple(said.get(row["id"], ())),
            errata=tuple(row["errata"].split()),
        )
        for row in rows("timeline.csv")
    )


def event(id: str) -> Event:
    """The event of that id. Raises ValueError with similar ids where there is none."""
    found = {one.id: one for one in events()}
    if id not in found:
        import difflib

        near = difflib.get_close_matches(id, found, n=3, cutoff=0.4)
        raise ValueError(f"no event {id!r}" + (f": did you mean {', '.join(near)}?" if near else "; see history.events()."))
    return found[id]


def decimal_year(date: str) -> float:
    """1956.5 for "1956", 1956.46 for "1956-06": the middle of what the date leaves open, with months of equal length.

    Raises ValueError for what is no date.
    """
    datetime.date.fromisoformat(date + "-01-01"[: 10 - len(date)])
    parts = [int(part) for part in date.split("-")]
    if len(parts) == 1:
        return parts[0] + 0.5
    if len(parts) == 2:
        return parts[0] + (parts[1] - 0.5) / 12
    return parts[0] + (parts[1] - 1 + (parts[2] - 0.5) / 31) / 12


def rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf8", newline="") as lines:
        yield from csv.DictReader(lines)
