"""Which chapter builds on which, drawn: `{prerequisites}` lists the chapters and joins them by arcs.

The data are the "you need first" columns of the chapters' heads. The arcs are one SVG beside the list, in which every chapter
also says in words what it builds on, so that nothing is in the picture alone. Pointing at a chapter, or moving to it by keyboard,
shows all that it builds on, by style only.
"""

from __future__ import annotations

import html
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book import heads
from book.heads import Head
from book.paths import words

ROW = 52  # CSS pixels of a chapter's row
RIGHT = 104  # where the arcs end, in a drawing that is WIDTH wide
WIDTH = 132
RADIUS = 13


def arc(start: int, end: int, rows: dict[int, int]) -> str:
    """The line from the chapter `start` down to the chapter `end`; the further apart, the further it swings out."""
    y1, y2 = ((rows[n] + 0.5) * ROW for n in (start, end))
    out = min(RIGHT - 4, 16 + 11 * (rows[end] - rows[start]))
    x = RIGHT - out * 1.25
    return f"M{RIGHT} {y1:g}C{x:g} {y1 + 6:g} {x:g} {y2 - 6:g} {RIGHT - 5} {y2:g}"


def drawing(known: dict[int, Head], rows: dict[int, int]) -> str:
    """The SVG: an arc for each link, dashed where a chapter only helps, and the chapters' numbers in circles."""
    arcs = [
        f'<path class="{kind}" data-arc="{start}-{end}" marker-end="url(#needed-for)" d="{arc(start, end, rows)}"/>'
        for end, head in known.items()
        for kind, starts in (("needs", head.needs), ("helps", head.helped_by))
        for start in starts
    ]
    circles = [
        f'<g data-chapter="{n}"><circle cx="{RIGHT + RADIUS}" cy="{(row + 0.5) * ROW:g}" r="{RADIUS}"/>'
        f'<text x="{RIGHT + RADIUS}" y="{(row + 0.5) * ROW + 5:g}">{n}</text></g>'
        for n, row in rows.items()
    ]
    arrow = '<marker id="needed-for" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    head = f'<svg width="{WIDTH}" height="{ROW * len(rows)}" viewBox="0 0 {WIDTH} {ROW * len(rows)}" aria-hidden="true">'
    return f'{head}<defs>{arrow}<path d="M0 0L8 4L0 8z"/></marker></defs>{"".join(arcs + circles)}</svg>'


def said(head: Head) -> str:
    """What a chapter builds on, in words."""
    needs = f"builds on {words(list(head.needs))}" if head.needs else "can be read first"
    return needs + (f"; {words(list(head.helped_by))} helps" if head.helped_by else "")


def lit(known: dict[int, Head]) -> str:
    """One rule for each chapter: while it is pointed at, all that it builds on stands out."""
    rules = []
    for n in known:
        below = heads.before(known, n) | {n}
        arcs = [f"{start}-{end}" for end in sorted(below) for start in known[end].needs]
        arcs += [f"{start}-{n}" for start in known[n].helped_by]
        marks = [f'[data-chapter="{b}"]' for b in sorted(below)] + [f'[data-arc="{a}"]' for a in arcs]
        rules.append(f'.prerequisites:has(#row-{n}:is(:hover,:focus-within)) :is({",".join(marks)}){{--lit:1}}')
    return "\n".join(rules)


class Prerequisites(SphinxDirective):
    """`{prerequisites}`: the list with its drawing."""

    def run(self) -> list[nodes.Node]:
        known = heads.read_all(Path(self.env.srcdir), self.env.found_docs)
        for head in known.values():
            self.env.note_dependency(str(self.env.doc2path(head.docname)))
        rows = {number: row for row, number in enumerate(known)}
        uri = self.env.app.builder.get_relative_uri
        items = [
            f'<li id="row-{n}"><a href="{html.escape(uri(self.env.docname, head.docname))}">'
            f'<span class="hidden-number">{n} · </span>{html.escape(head.title)} '
            f'<span lang="zh">{html.escape(head.chinese)}</span></a><span class="prerequisites-said">{said(head)}</span></li>'
            for n, head in known.items()
        ]
        text = (
            f'<div class="prerequisites" style="--row:{ROW}px;--drawing:{WIDTH}px"><style>{lit(known)}</style>'
            f'{drawing(known, rows)}<ol>{"".join(items)}</ol></div>'
        )
        return [nodes.raw("", text, format="html")]


def setup(app) -> None:
    app.add_directive("prerequisites", Prerequisites)
