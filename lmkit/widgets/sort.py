"""SortView: items that the reader puts into groups, which may stand inside each other, and is told at once whether and why.

The answers stand in the page for anyone who looks. Progress is kept in the reader's browser. This module checks that the items
and groups fit each other; everything else happens in `sort.js`.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Mapping, Sequence

import traitlets

from .base import Widget, lines_of, script_json

ITEM_KEYS = {"text", "group", "also", "why"}
GROUP_KEYS = {"name", "inside", "note"}


class SortView(Widget):
    """Items to sort into boxes, by mouse, touch or keyboard.

    items   [{"text": str, "group": name of its group, "also": names of other groups where it is not wrong, "why": str}, ...];
            "also" may be left out. A group round its own, and one of `also`, is called true, but with a closer place; the
            reason `why` is told with every answer, so it should serve for a right one and for a wrong one
    groups  [{"name": str, "inside": name of the enclosing group or "", "note": str}, ...]; "inside" and "note" may be left out
    key     under which the browser keeps the progress; give each exercise of a site its own
    seed    of the order in which the items stand

    Texts are plain. Raises ValueError naming the item or group that does not fit.
    """

    _module = "sort.js"

    title = traitlets.Unicode().tag(sync=True)
    items = traitlets.List(traitlets.Dict()).tag(sync=True)
    groups = traitlets.List(traitlets.Dict()).tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)
    digest = traitlets.Unicode().tag(sync=True)  # of items and groups: progress with others is not taken up
    order = traitlets.List(traitlets.Int()).tag(sync=True)  # in which the items stand at first

    def __init__(
        self, items: Sequence[Mapping], groups: Sequence[Mapping], *, title: str = "", key: str = "sort", seed: int = 0
    ) -> None:
        groups = check_groups(groups)
        items = check_items(items, {group["name"] for group in groups})
        if not re.fullmatch(r"[\w-]+", key):
            raise ValueError(f"the key {key!r} must be of letters, digits, - and _.")
        order = list(range(len(items)))
        random.Random(seed).shuffle(order)
        digest = hashlib.sha256(script_json([items, groups]).encode("utf8")).hexdigest()[:12]
        self._reserve = reserved(title, [items[i] for i in order], groups)
        super().__init__(title=title, items=items, groups=groups, key=key, digest=digest, order=order)

    def describe(self) -> str:
        """How many items there are for each group."""
        counts = (f"{sum(item['group'] == group['name'] for item in self.items)} {group['name']}" for group in self.groups)
        return f"SortView({len(self.items)} items: {', '.join(counts)})"


def check_groups(groups: Sequence[Mapping]) -> list[dict]:
    """The groups as plain dicts; ValueError where a name is missing or taken, or an enclosing group is not there."""
    checked = [plain("group", number, group, GROUP_KEYS, {"inside": "", "note": ""}) for number, group in enumerate(groups, 1)]
    names = [text_of("group", group, "name") for group in checked]
    if len(names) < 2:
        raise ValueError(f"SortView needs at least two groups, and has {len(names)}.")
    check_once("group", names)
    outer = {group["name"]: group["inside"] for group in checked}
    for name in names:
        seen = [name]
        while outer[seen[-1]]:
            if outer[seen[-1]] not in outer:
                raise ValueError(f"the group {seen[-1]!r} is inside {outer[seen[-1]]!r}, which is no group: {', '.join(names)}.")
            seen.append(outer[seen[-1]])
            if seen.count(seen[-1]) > 1:
                raise ValueError(f"groups stand inside each other in a circle: {' inside '.join(seen)}.")
    return checked


def check_items(items: Sequence[Mapping], names: set[str]) -> list[dict]:
    """The items as plain dicts; ValueError where a text or reason is missing, or a group is not there."""
    checked = [plain("item", number, item, ITEM_KEYS, {"also": []}) for number, item in enumerate(items, 1)]
    if not checked:
        raise ValueError("SortView needs items to sort.")
    for item in checked:
        text_of("item", item, "text")
        if not isinstance(item["also"], list | tuple):
            raise ValueError(f"the item {item['text']!r} has {item['also']!r} under 'also'; it must be a list of groups.")
        for group in (item.get("group"), *item["also"]):
            if group not in names:
                raise ValueError(
                    f"the item {item['text']!r} belongs to {group!r}, which is no group: {', '.join(sorted(names))}."
                )
        if item["group"] in item["also"]:
            raise ValueError(f"the item {item['text']!r} has its own group {item['group']!r} under 'also' too.")
        text_of(f"item {item['text']!r}", item, "why")
        item["also"] = list(item["also"])
    check_once("item", [item["text"] for item in checked])
    return checked


def plain(kind: str, number: int, given: Mapping, known: set[str], defaults: Mapping) -> dict:
    if not isinstance(given, Mapping):
        raise ValueError(f"{kind} {number} is a {type(given).__name__}; it must be a dict.")
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"{kind} {number} has {unknown}, which is not known; known is {sorted(known)}.")
    return {**defaults, **given}


def text_of(kind: str, given: Mapping, key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{kind} has no text under {key!r}: {json.dumps(given, ensure_ascii=False, default=str)}.")
    return value


def check_once(kind: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"there are two {kind}s {name!r}.")


# ---------------------------------------------------------------- height


def wide(text: str) -> float:
    """About how wide a text is, in CSS pixels."""
    return sum(15.2 if ord(char) > 0x2E80 else 7.6 for char in text)


def lines(text: str, width: float) -> int:
    return max(1, -int(-wide(text) // width))


def rows(items: Sequence[Mapping], width: float) -> int:
    """In how many rows the chips stand."""
    return lines_of((wide(item["text"]) + 49 for item in items), width, gap=6.4)


def reserved(title: str, items: Sequence[Mapping], groups: Sequence[Mapping]) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page, before an item is sorted."""
    return estimate(title, items, groups, 700, 2), estimate(title, items, groups, 318, 1)


def estimate(title: str, items: Sequence[Mapping], groups: Sequence[Mapping], width: int, columns: int) -> int:
    inner = {group["name"]: [one for one in groups if one["inside"] == group["name"]] for group in groups}

    def tall(group: Mapping, width: float) -> float:
        note = 6 + 18.4 * lines(group["note"], width - 20) if group["note"] else 0
        return 62 + note + sum(10 + tall(one, width - 18) for one in inner[group["name"]])

    tops = [group for group in groups if not group["inside"]]
    columns = min(columns, len(tops))
    each = [tall(group, width / columns) for group in tops]
    boxes = sum(max(each[i : i + columns]) + 10.5 for i in range(0, len(each), columns))
    hint = 21.6 * lines(" " * (199 if any(inner.values()) else 189), 1.16 * width)  # it is set smaller
    pool = 46.4 * rows(items, width - 24) + 7 * sum(wide(item["text"]) + 49 > width - 24 for item in items)
    return round((176 if width > 600 else 196) + (30 if title else 0) + hint + pool + boxes)
