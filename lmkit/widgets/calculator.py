"""CalculatorView: what a job costs at dated prices, or how much memory a model needs and which machines have room for it.

The sums are those of `lmkit.landscape`, done again in `calculator_math.js`; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import traitlets

from lmkit import landscape

from .base import Widget

MODES = ("cost", "memory")
PRICE = ("model", "maker", "date", "currency", "input", "cached", "output", "condition")
SHAPE = ("name", "date", "vocabulary", "width", "layers", "heads", "kv_heads", "head_dim", "mlp", "matrices", "tied", "experts",
         "latent", "context", "published")  # fmt: skip
MACHINE = ("name", "gigabytes")
JOB = {"read": 1000, "cached": 0, "written": 300, "requests": 1000}


class CalculatorView(Widget):
    """A calculator for the cost of a job ("cost") or for the memory of a model ("memory").

    rows    price rows for "cost", shapes for "memory"; default: those of `lmkit.landscape`
    chosen  the row to begin with, by its `model` or `name`; default: the first
    job     for "cost": {"read": tokens, "cached": of them, "written": tokens, "requests": number} to begin with

    Raises ValueError for another mode, a row without its columns, a row chosen that is not there, or a job that is none.
    """

    _module = "calculator.js"

    title = traitlets.Unicode().tag(sync=True)
    mode = traitlets.Unicode().tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    machines = traitlets.List(traitlets.Dict()).tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    job = traitlets.Dict().tag(sync=True)
    spare = traitlets.Float(landscape.SPARE).tag(sync=True)

    def __init__(
        self,
        mode: str,
        rows: Sequence[Mapping] | None = None,
        *,
        chosen: str = "",
        job: Mapping[str, int] | None = None,
        title: str = "",
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"no mode {mode!r}: choose one of {', '.join(MODES)}.")
        rows = landscape.rows("prices" if mode == "cost" else "shapes") if rows is None else rows
        columns = PRICE if mode == "cost" else SHAPE
        kept = [pick(row, columns) for row in rows]
        names = [row[columns[0]] for row in kept]
        if not names:
            raise ValueError(f"CalculatorView({mode!r}) needs at least one row.")
        if chosen and chosen not in names:
            raise ValueError(f"no row {chosen!r}: there are {', '.join(names)}.")
        machines = [pick(row, MACHINE) for row in landscape.rows("gpus")] if mode == "memory" else []
        lines = len(kept) if mode == "cost" else len(machines)
        self._reserve = (330 + 33 * lines + 37 * bool(title), 560 + (58 if mode == "cost" else 42) * lines + 37 * bool(title))
        super().__init__(
            title=title, mode=mode, rows=kept, machines=machines, chosen=chosen or names[0], job=check_job(job or JOB)
        )

    def describe(self) -> str:
        """What is computed, and for how many rows."""
        what = "prices" if self.mode == "cost" else "models"
        return f"CalculatorView({self.mode}: {len(self.rows)} {what}, begins with {self.chosen})"


def pick(row: Mapping, columns: Sequence[str]) -> dict:
    missing = [column for column in columns if column not in row]
    if missing:
        raise ValueError(f"the row {next(iter(row.values()), '')!r} has no {', '.join(missing)}.")
    return {column: row[column] for column in columns}


def check_job(job: Mapping) -> dict:
    if set(job) != set(JOB):
        raise ValueError(f"a job has {', '.join(JOB)}; this one has {', '.join(map(str, job))}.")
    for name, number in job.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise ValueError(f"{name} is {number!r}; it must be a whole number, 0 or more.")
    if job["cached"] > job["read"]:
        raise ValueError(f"{job['cached']} of {job['read']} tokens read cannot come from a cache.")
    return dict(job)
