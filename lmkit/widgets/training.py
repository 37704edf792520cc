"""TrainingView: any quantity that a training run has recorded, and what the model wrote meanwhile, scrubbed by step.

In a kernel it grows while the training goes on (`add`); on the page it replays. The drawing is in `training.js`; this module
checks what it is given and packs it. It knows nothing about models or losses.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import traitlets

from .base import Widget, pack

MOST_RUNS = 6  # as many as can be told apart by colour and dash


class TrainingView(Widget):
    """Curves of one or several runs over their steps.

    runs      {name: records}; a record is a dict of numbers with the key "step", as the loops of `lmkit.tiny` return them.
              A quantity may be missing from some records
    samples   {name: [(step, text), ...]}: what the model of a run wrote at some steps
    quantity  the one shown first; default: "loss", or the first there is

    Values travel as 32-bit floats. Raises ValueError where a record has no step, steps do not rise, a value is not a number
    or there are more than six runs.
    """

    _module = "training.js"

    title = traitlets.Unicode().tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    quantities = traitlets.List(traitlets.Unicode()).tag(sync=True)
    quantity = traitlets.Unicode().tag(sync=True)
    log_x = traitlets.Bool(False).tag(sync=True)
    log_y = traitlets.Bool(False).tag(sync=True)
    sizes = traitlets.List(traitlets.Int()).tag(sync=True)  # bytes of each run in `data`
    data = traitlets.Bytes().tag(sync=True)  # for each run float32 [1 + quantity, record]: the steps, then the values or NaN
    samples = traitlets.Bytes().tag(sync=True)  # JSON: for each run a list of [step, text]

    def __init__(
        self,
        runs: Mapping[str, Sequence[Mapping[str, float]]],
        samples: Mapping[str, Sequence[tuple[int, str]]] | None = None,
        *,
        quantity: str = "",
        title: str = "",
        log_x: bool = False,
        log_y: bool = False,
    ) -> None:
        if not 1 <= len(runs) <= MOST_RUNS:
            raise ValueError(f"TrainingView shows 1 to {MOST_RUNS} runs, not {len(runs)}: leave some out.")
        self._runs = {name: [check(name, record) for record in records] for name, records in runs.items()}
        self._samples = {name: [(int(step), str(text)) for step, text in (samples or {}).get(name, ())] for name in runs}
        unknown = set(samples or {}) - set(runs)
        if unknown:
            raise ValueError(f"samples of {', '.join(sorted(unknown))}, but there is no such run: {', '.join(runs)}.")
        for name in runs:
            check_order(name, [record["step"] for record in self._runs[name]])
            check_order(f"samples of {name}", [step for step, _ in self._samples[name]])
        self._reserve = reserved(title, len(runs), any(self._samples.values()))
        super().__init__(title=title, names=list(runs), log_x=log_x, log_y=log_y, **self._packed())
        if quantity and quantity not in self.quantities:
            raise ValueError(f"no run has recorded {quantity!r}: there is {', '.join(self.quantities) or 'nothing'}.")
        self.quantity = quantity or self._first_quantity()

    def add(self, name: str, record: Mapping[str, float], sample: str | None = None) -> None:
        """Append what a step of a run has measured, and perhaps what the model wrote; the picture follows."""
        if name not in self._runs:
            raise ValueError(f"no run {name!r}: there is {', '.join(self._runs)}.")
        record = check(name, record)
        check_order(name, [*(one["step"] for one in self._runs[name][-1:]), record["step"]])
        self._runs[name].append(record)
        if sample is not None:
            self._samples[name].append((int(record["step"]), sample))
        with self.hold_sync():
            for trait, value in self._packed().items():
                setattr(self, trait, value)
            self.quantity = self.quantity or self._first_quantity()

    def _first_quantity(self) -> str:
        return "loss" if "loss" in self.quantities else next(iter(self.quantities), "")

    def _packed(self) -> dict:
        records = [record for run in self._runs.values() for record in run]
        quantities = list(dict.fromkeys(key for record in records for key in record if key != "step"))
        columns = ["step", *quantities]
        tables = [
            np.array([[record.get(key, math.nan) for record in run] for key in columns], dtype=np.float32)
            for run in self._runs.values()
        ]
        packed = [pack(table) for table in tables]
        samples = json.dumps(list(self._samples.values()), ensure_ascii=False).encode("utf8")
        return {
            "quantities": quantities,
            "sizes": [len(one) for one in packed],
            "data": b"".join(packed),
            "samples": pack(np.frombuffer(samples, dtype=np.uint8)),
        }

    def describe(self) -> str:
        """The runs with their number of records, and the last value of the quantity shown first."""
        parts = []
        for name, run in self._runs.items():
            last = next((record[self.quantity] for record in reversed(run) if self.quantity in record), None)
            value = "" if last is None else f", {self.quantity} {last:.3g} at step {run[-1]['step']:.0f}"
            parts.append(f"{name}: {len(run)} records{value}")
        return f"TrainingView({'; '.join(parts)})"


def check(name: str, record: Mapping[str, float]) -> dict[str, float]:
    """The record as plain floats; ValueError where it has no step or a value is not a number."""
    if "step" not in record:
        raise ValueError(f"{name}: a record has no 'step': {dict(record)}.")
    plain = {}
    for key, value in record.items():
        try:
            plain[key] = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"{name}: {key}={value!r} at step {record['step']} is not a number.") from None
    return plain


def reserved(title: str, runs: int, samples: bool) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page."""
    more = (37 if title else 0) + (46 if runs > 1 else 0) + (108 if samples else 0)
    return 525 + more + 31 * runs, 622 + more + 33 * runs


def check_order(name: str, steps: Sequence[float]) -> None:
    for before, after in itertools.pairwise(steps):
        if not after > before:
            raise ValueError(f"{name}: step {after:g} comes after step {before:g}; steps must rise.")
