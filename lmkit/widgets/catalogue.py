"""CatalogueView: a table that the reader searches, filters by the values of a column, and sorts by any of them.

Everything happens in `catalogue.js`; this module checks that columns and rows fit each other. It knows nothing about what the
rows are about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import traitlets

from .base import Widget

KINDS = ("text", "number", "choice")
MOST_ROWS, MOST_COLUMNS = 400, 12
CELLS = (str, int, float, type(None))


class CatalogueView(Widget):
    """A table with a search, a filter for each column of choices, and a button in every head that sorts by it.

    columns  {key: title} in the order shown; the first names the row
    rows     dicts with these keys; a cell is a text, a number or None
    kinds    {key: "number" or "choice"}; a column not named here is text
    links    {key: key of the column that holds an address}: the cell is a link; that column need not be shown
    sort     key of the column to begin with; without one the rows stand as given

    Raises ValueError naming the column or row that does not fit, for an address that does not begin with https:// or http://,
    and for more than 400 rows or 12 columns.
    """

    _module = "catalogue.js"

    title = traitlets.Unicode().tag(sync=True)
    columns = traitlets.List(traitlets.Dict()).tag(sync=True)
    rows = traitlets.List(traitlets.List()).tag(sync=True)
    sort = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        columns: Mapping[str, str],
        rows: Sequence[Mapping],
        *,
        kinds: Mapping[str, str] | None = None,
        links: Mapping[str, str] | None = None,
        sort: str = "",
        title: str = "",
    ) -> None:
        kinds, links = dict(kinds or {}), dict(links or {})
        check(columns, rows, kinds, links, sort)
        shown = [{"key": key, "title": name, "kind": kinds.get(key, "text")} for key, name in columns.items()]
        self._reserve = (590 + 37 * bool(title), (700 if "choice" in kinds.values() else 640) + 37 * bool(title))
        cells = [[[row[key], row[links[key]] or ""] if key in links else [row[key], ""] for key in columns] for row in rows]
        super().__init__(title=title, columns=shown, rows=cells, sort=sort)

    def describe(self) -> str:
        """How many rows and which columns there are, and how often each choice occurs."""
        heads = ", ".join(column["title"] for column in self.columns)
        return f"CatalogueView({len(self.rows)} rows: {heads})"


def check(columns: Mapping, rows: Sequence[Mapping], kinds: Mapping, links: Mapping, sort: str) -> None:
    if not 1 <= len(columns) <= MOST_COLUMNS or not 1 <= len(rows) <= MOST_ROWS:
        raise ValueError(f"1 to {MOST_COLUMNS} columns and 1 to {MOST_ROWS} rows; these are {len(columns)} and {len(rows)}.")
    for what, keys in (("kinds", kinds), ("links", links), ("sort", [sort] if sort else [])):
        for key in keys:
            if key not in columns:
                raise ValueError(f"{what} names the column {key!r}, which is not shown: {', '.join(columns)}.")
    for key, kind in kinds.items():
        if kind not in KINDS:
            raise ValueError(f"the column {key!r} is of the kind {kind!r}; there are {', '.join(KINDS)}.")
    for number, row in enumerate(rows, 1):
        for key in (*columns, *links.values()):
            if key not in row:
                raise ValueError(f"row {number} has no {key!r}; it has {', '.join(map(str, row))}.")
            if not isinstance(row[key], CELLS) or isinstance(row[key], bool):
                raise ValueError(f"row {number}: {key!r} is a {type(row[key]).__name__}; a cell is a text, a number or None.")
            if kinds.get(key) == "number" and isinstance(row[key], str):
                raise ValueError(f"row {number}: {key!r} is to be a number and is {row[key]!r}.")
        for address in links.values():
            if row[address] and not str(row[address]).startswith(("https://", "http://")):
                raise ValueError(f"row {number}: {row[address]!r} is no address; it begins with https://.")
