"""The glossary's ways out: from a term to the cell that shows it, and from the Chinese terms to the English ones.

A definition ends in the role `{shown}`, as in ``{shown}`07 4.19` ``: the cell of chapter 7 with the tag `concept-4.19`
(`4.19-2` is the second one), or a section of a chapter, as in ``{shown}`14 five-wordings-of-one-task` ``. A place that does
not exist stops the build, so no such link can rot; a chapter that is written but not yet in the table of contents gets no
link. The directive `{chinese-terms}` lists the Chinese terms by their
sound, each with a link to its entry.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole

from book import concepts, filters

PAGE = "chapters/glossary"
PLACE = re.compile(r"(\d\d) (\S+)")
IDEA = re.compile(r"[0-9A]\.\d\d(-\d+)?")
CHINESE = re.compile(r"[一-鿿]")
FILTER = {"items": "dl.glossary > dd", "find": "Find a term", "hint": "attention, 注意力 …", "unit": "terms"}

# GB 2312, whose 3,755 common characters stand in the order of their sound: with these each letter begins.
FIRST = dict(
    zip(
        "ABCDEFGHJKLMNOPQRSTWXYZ",
        (one.encode("gb2312") for one in "啊芭擦搭蛾发噶哈击喀垃妈拿哦啪期然撒塌挖昔压匝"),
        strict=True,
    )
)
SOUNDS_LIKE = {"熵": "商", "重复": "虫复", "重排": "虫排", "校准": "叫准"}  # not among the common ones, or read in two ways


class shown(nodes.Inline, nodes.Element):
    """Stands for the link to the place that shows a term until all chapters have been read."""


class chinese_terms(nodes.General, nodes.Element):
    """Stands for the list of the Chinese terms until the glossary has been read."""


class ShownRole(SphinxRole):
    """The role `{shown}`; a text of another form is an error of the page."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if PLACE.fullmatch(self.text):
            return [shown(place=self.text)], []
        message = self.inliner.reporter.error(
            f'a place is a chapter and an anchor, as in "07 4.19": {self.text!r}', line=self.lineno
        )
        return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]


class ChineseTerms(SphinxDirective):
    """`{chinese-terms}`: the Chinese terms of the page's glossary, by sound."""

    def run(self) -> list[nodes.Node]:
        return [chinese_terms()]


class GlossaryFilter(SphinxDirective):
    """`{glossary-filter}`: the box that filters the glossary below it."""

    def run(self) -> list[nodes.Node]:
        return [filters.place(**FILTER)]


def places_of(env: BuildEnvironment) -> dict[str, list[str]]:
    """{page: places named on it}"""
    if not hasattr(env, "glossary_places"):
        env.glossary_places = {}
    return env.glossary_places


def sections_of(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """{page: {anchor of a section: its title}}"""
    if not hasattr(env, "glossary_sections"):
        env.glossary_sections = {}
    return env.glossary_sections


def remember(app: Sphinx, doctree: nodes.document) -> None:
    """Sphinx `doctree-read`: keeps which places a page names, and which sections it has."""
    places = [one["place"] for one in doctree.findall(shown)]
    if places:
        places_of(app.env)[app.env.docname] = places
    sections_of(app.env)[app.env.docname] = {
        anchor: section.next_node(nodes.title).astext() for section in doctree.findall(nodes.section) for anchor in section["ids"]
    }


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    places_of(env).pop(docname, None)
    sections_of(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    for ours, theirs in ((places_of(env), places_of(other)), (sections_of(env), sections_of(other))):
        ours.update({name: value for name, value in theirs.items() if name in docnames})


def find(env: BuildEnvironment, place: str) -> tuple[str, str, str] | None:
    """(page, anchor, name) of a place, nothing if its chapter is not published; raises LookupError if it does not exist."""
    number, anchor = PLACE.fullmatch(place).groups()
    page = next((name for name in sorted(env.found_docs) if name.startswith(f"chapters/{number}_")), None)
    if page is None and any((Path(env.srcdir) / "chapters").glob(f"{number}_*.ipynb")):
        return None
    if page is None:
        raise LookupError(f"there is no chapter {number}")
    if IDEA.fullmatch(anchor):
        cell = next((one for one in concepts.cells_of(env).get(page, []) if one.anchor == f"concept-{anchor}"), None)
        if cell is None:
            raise LookupError(f"no cell of {page} has the tag concept-{anchor}")
        return page, cell.anchor, cell.heading
    if anchor not in sections_of(env).get(page, {}):
        raise LookupError(f"{page} has no section {anchor}")
    return page, anchor, sections_of(env)[page][anchor]


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Sphinx `env-check-consistency`: raises ExtensionError if a place does not exist."""
    problems = []
    for page, places in places_of(env).items():
        for place in places:
            try:
                find(env, place)
            except LookupError as error:
                problems.append(f"{page}: {{shown}}`{place}`: {error}")
    if problems:
        raise ExtensionError("Glossary:\n  " + "\n  ".join(problems))


def outdated(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Sphinx `env-updated`: pages with such links are drawn again whenever anything was."""
    return [name for name in places_of(env) if name in env.found_docs]


def draw(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Sphinx `doctree-resolved`: puts links in the places of the place-holders."""
    for one in list(doctree.findall(shown)):
        if not (found := find(app.env, one["place"])):
            one.parent.remove(one)
            continue
        page, anchor, name = found
        address = app.builder.get_relative_uri(docname, page) + f"#{anchor}"
        chapter = app.env.titles[page].astext()
        title = f"{chapter}: {name}" if name and name != chapter else chapter
        words = f"Chapter {int(one['place'][:2])}"
        one.replace_self(nodes.reference("", words, internal=True, refuri=address, reftitle=title, classes=["shown"]))
    for one in list(doctree.findall(chinese_terms)):
        one.replace_self(nodes.raw("", chinese_list(list(entries(doctree))), format="html"))


def entries(doctree: nodes.document) -> Iterator[tuple[str, str, str]]:
    """(Chinese term, first term, anchor) of each entry of the page's glossaries that has a Chinese term."""
    for item in doctree.findall(nodes.definition_list_item):
        terms = [child for child in item.children if isinstance(child, nodes.term) and child["ids"]]
        for term in terms:
            if CHINESE.search(term.astext()):
                yield term.astext().strip(), terms[0].astext().strip(), term["ids"][0]


def sound(term: str) -> bytes:
    """What Chinese terms are sorted by: their characters, in the order of GB 2312, with homophones for the exceptions."""
    for written, like in SOUNDS_LIKE.items():
        term = term.replace(written, like)
    return "".join(CHINESE.findall(term)).encode("gb18030")


def initial(term: str) -> str:
    """The letter under which a Chinese term stands: that of its first sound, or its own if it begins with one ("k均值聚类")."""
    if term[0].isascii():
        return term[0].upper()
    first = sound(term)[:2]
    if not FIRST["A"] <= first < "亍".encode("gb2312"):
        raise ExtensionError(f"book/glossary.py: SOUNDS_LIKE must say how the first character of {term!r} sounds")
    return max(letter for letter, begins in FIRST.items() if begins <= first)


def chinese_list(found: list[tuple[str, str, str]]) -> str:
    """The HTML of the list: a letter, and the terms under it."""
    letters: dict[str, list[str]] = {}
    for term, english, anchor in sorted(found, key=lambda one: (initial(one[0]), sound(one[0]), one[0])):
        link = f'<a href="#{html.escape(anchor)}" lang="zh">{html.escape(term)}</a> {html.escape(english)}'
        letters.setdefault(initial(term), []).append(f"<li>{link}</li>")
    rows = "".join(f"<dt>{letter}</dt><dd><ul>{''.join(items)}</ul></dd>" for letter, items in letters.items())
    return f'<dl class="chinese-terms">{rows}</dl>'


def setup(app: Sphinx) -> None:
    app.add_node(shown)
    app.add_node(chinese_terms)
    app.add_role("shown", ShownRole())
    app.add_directive("chinese-terms", ChineseTerms)
    app.add_directive("glossary-filter", GlossaryFilter)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", remember)
    app.connect("env-check-consistency", check)
    app.connect("env-updated", outdated)
    app.connect("doctree-resolved", draw)
