"""TimelineView: the events of a history on an axis of years, each with its source and with what the introductions said.

The drawing is in `timeline.js`, its arithmetic in `timeline_layout.js`; this module checks the events and packs them. It
knows nothing about which events there are (`lmkit.history`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import traitlets

from lmkit import history

from .base import Widget, pack

MOST_EVENTS = 400  # every event is a few nodes of the page
FIELDS = tuple(field.name for field in fields(history.Event) if field.name not in ("source", "said"))


class TimelineView(Widget):
    """Events to zoom, filter, search and pick; the card of a picked one shows its source and what the introductions said.

    events      `lmkit.history.Event`s; default: all of `lmkit.history.events()`
    parameters  begin with the events laid out by their parameters on a logarithmic axis
    picked      id of the event whose card is open; default: the one of which the introductions say most

    Raises ValueError where there is no event, or more than 400, an id stands twice, a kind, verdict or date is none, or
    `picked` is not among them.
    """

    _module = "timeline.js"

    title = traitlets.Unicode().tag(sync=True)
    parameters = traitlets.Bool(False).tag(sync=True)
    picked = traitlets.Unicode().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)  # JSON: {"events": [...], "introductions": {number: name}}

    def __init__(
        self, events: Sequence[history.Event] | None = None, title: str = "", *, parameters: bool = False, picked: str = ""
    ) -> None:
        self._events = sorted(history.events() if events is None else events, key=lambda event: event.date)
        check(self._events)
        ids = [event.id for event in self._events]
        if picked and picked not in ids:
            raise ValueError(f"no event {picked!r} among the {len(ids)} events shown.")
        most = max(self._events, key=lambda event: len(event.said))
        self._reserve = reserved(title)
        shown = {"events": [as_json(event) for event in self._events], "introductions": history.INTRODUCTIONS}
        text = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode("utf8")
        super().__init__(
            title=title,
            parameters=parameters,
            picked=picked or most.id,
            data=pack(np.frombuffer(text, dtype=np.uint8)),
        )

    def describe(self) -> str:
        """How many events, from when to when, how many with parameters, and the verdicts on what was said."""
        verdicts = Counter(said.verdict for event in self._events for said in event.said)
        sized = sum(event.parameters is not None for event in self._events)
        said = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in history.VERDICTS if verdicts[verdict])
        span = f"{self._events[0].year} to {self._events[-1].year}"
        return f"TimelineView({len(self._events)} events, {span}; {sized} with parameters; said of them: {said or 'nothing'})"


def as_json(event: history.Event) -> dict:
    said = [dict(zip(history.Said._fields, one, strict=True)) for one in event.said]
    return {field: getattr(event, field) for field in FIELDS} | {"said": said}


def check(events: Sequence[history.Event]) -> None:
    if not 1 <= len(events) <= MOST_EVENTS:
        raise ValueError(f"TimelineView shows 1 to {MOST_EVENTS} events, not {len(events)}.")
    twice = [id for id, times in Counter(event.id for event in events).items() if times > 1]
    if twice:
        raise ValueError(f"the id {twice[0]!r} stands twice among the events.")
    for event in events:
        if event.kind not in history.KINDS:
            raise ValueError(f"{event.id}: {event.kind!r} is no kind of event; there are {', '.join(history.KINDS)}.")
        try:
            history.decimal_year(event.date)
        except ValueError:
            raise ValueError(f"{event.id}: {event.date!r} is no date; write 1956, 1956-06 or 1956-06-18.") from None
        if event.url and not event.url.startswith(("https://", "http://")):
            raise ValueError(f"{event.id}: {event.url!r} is no address; it begins with https://.")
        for said in event.said:
            if said.verdict not in history.VERDICTS:
                raise ValueError(f"{event.id}: {said.verdict!r} is no verdict; there are {', '.join(history.VERDICTS)}.")
        if event.parameters is not None and event.parameters < 1:
            raise ValueError(f"{event.id}: {event.parameters} parameters; leave None where nothing was published.")


def reserved(title: str) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page."""
    more = 37 if title else 0
    return 1047 + more, 1397 + more
