"""Ways through the book for readers of different kinds: short ordered lists of chapters, with the time they take.

    :::{path} 1 5 9
    For whom it is, in a sentence or two.
    :::

Titles and times come from the heads of the chapters. A chapter that builds on another which the list leaves out says so.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from book import heads
from book.heads import Head


def length(minutes: int) -> tuple[str, str]:
    """A time in English and Chinese, to the half hour from an hour on: ("6½ hours", "6.5 小时")."""
    if minutes < 60:
        return f"{minutes} minutes", f"{minutes} 分钟"
    halves = round(minutes / 30)
    whole, half = divmod(halves, 2)
    hours = f"{whole}{'½' if half else ''}"
    return f"{hours} hour{'' if halves == 2 else 's'}", f"{halves / 2:g} 小时"


def left_out(chosen: list[int], known: dict[int, Head]) -> dict[int, list[int]]:
    """For each chapter of a list, the chapters it directly builds on that do not stand before it."""
    return {n: [need for need in known[n].needs if need not in chosen[: chosen.index(n)]] for n in chosen}


def numbers(text: str, known: dict[int, Head]) -> list[int]:
    """The chapters of the directive's argument. Raises ExtensionError for what is no chapter, or stands twice."""
    words = text.split()
    wrong = [word for word in words if not word.isdigit() or int(word) not in known or words.count(word) > 1]
    if wrong or not words:
        raise ExtensionError(f"a path lists chapters by their numbers, each once: {', '.join(wrong) or 'none'} is wrong")
    return [int(word) for word in words]


class Path_(SphinxDirective):
    """`{path}`: who it is for, the chapters in order, and the sum of their times."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        known = heads.read_all(Path(self.env.srcdir), self.env.found_docs)
        chosen = numbers(self.arguments[0], known)
        for number in chosen:
            self.env.note_dependency(str(self.env.doc2path(known[number].docname)))
        box = nodes.container(classes=["path"])
        self.state.nested_parse(self.content, self.content_offset, box)
        english, chinese = length(sum(known[number].minutes for number in chosen))
        count = f"{len(chosen)} chapters, about {english} of reading · "
        total = nodes.paragraph("", "", nodes.Text(count), zh(f"{len(chosen)} 章，约 {chinese}"), classes=["path-length"])
        missing = left_out(chosen, known)
        items = [self.item(known[number], missing[number]) for number in chosen]
        box += [total, nodes.enumerated_list("", *items, enumtype="arabic", prefix="", suffix=".")]
        return [box]

    def item(self, head: Head, missing: list[int]) -> nodes.list_item:
        address = self.env.app.builder.get_relative_uri(self.env.docname, head.docname)
        line = nodes.paragraph("", "", nodes.reference("", f"{head.number} · {head.title}", internal=True, refuri=address))
        line += [nodes.Text(" "), zh(head.chinese), nodes.inline("", f" {head.minutes} min", classes=["path-minutes"])]
        if missing:
            line += nodes.inline("", f" builds on {words(missing)}, which this path leaves out", classes=["path-missing"])
        return nodes.list_item("", line)


def words(chapters: list[int]) -> str:
    """[6, 14] as "6 and 14"."""
    *most, last = map(str, chapters)
    return f"{', '.join(most)} and {last}" if most else last


def zh(text: str) -> nodes.inline:
    return nodes.inline("", text, classes=["zh"])


def setup(app) -> None:
    app.add_directive("path", Path_)
