"""Links the first use of each term of the glossary in a chapter to its entry.

Only running text is searched: no headings, code, mathematics, links, tables or quotations marked as such. A term is a
whole word, in the singular or the plural; terms that are written with a capital letter are found only so. Everyday words
that are terms too ("key", "value") are links only where their Chinese name follows, which is how a chapter introduces them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from book.glossary import CHINESE, PAGE

CHAPTER = re.compile(r"chapters/\d\d_")
EVERYDAY = {
    "advantage",
    "alignment",
    "analogy",
    "chain rule",
    "exact match",
    "exposure",
    "feature",
    "head",
    "key",
    "label",
    "passage",
    "policy",
    "projection",
    "query",
    "rank",
    "replay",
    "representation",
    "residual",
    "resolution",
    "router",
    "sequence",
    "shortcut",
    "sliding window",
    "smoothing",
    "temperature",
    "value",
    "warm-up",
    "weight",
}
CLOSED = (
    nodes.title,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.table,
    nodes.caption,
    nodes.footnote,
    nodes.citation,
    nodes.term,
)


@dataclass(frozen=True)
class Term:
    """An entry of the glossary: the anchor of its first name, its other names, and its Chinese names."""

    anchor: str
    names: tuple[str, ...]
    chinese: tuple[str, ...]


def names(written: str) -> Iterator[str]:
    """The names in a term as the glossary writes it: "retrieval-augmented generation (RAG)" has two."""
    match = re.fullmatch(r"(.+?) \((.+)\)", written)
    yield match[1] if match else written
    if match and any(letter.isupper() for letter in match[2]):
        yield match[2]


def terms_of(env: BuildEnvironment) -> list[Term]:
    """The entries of the glossary, from the page's own tree."""
    if PAGE not in env.found_docs:
        return []
    found = []
    for item in env.get_doctree(PAGE).findall(nodes.definition_list_item):
        terms = [child for child in item.children if isinstance(child, nodes.term) and child["ids"]]
        if terms:
            written = [term.astext().strip() for term in terms]
            ours = tuple(name for text in written if not CHINESE.search(text) for name in names(text))
            found.append(Term(terms[0]["ids"][0], ours, tuple(text for text in written if CHINESE.search(text))))
    return found


class Finder:
    """Finds the first use of each term in one chapter; made once for each."""

    def __init__(self, terms: list[Term]) -> None:
        self.by_name = {name: term for term in terms for name in term.names}
        longest_first = sorted(self.by_name, key=len, reverse=True)
        forms = (re.escape(name) if name != name.lower() else f"(?i:{re.escape(name)})" for name in longest_first)
        self.pattern = re.compile(rf"(?<![\w-])(?P<name>{'|'.join(forms)})(?:s|es)?(?![\w-])") if terms else None
        self.done: set[str] = set()

    def first_uses(self, text: str, after: str) -> Iterator[tuple[re.Match[str], Term]]:
        """The matches in `text` that are first uses; `after` is the text that follows it in the paragraph."""
        for match in self.pattern.finditer(text) if self.pattern else ():
            term = self.by_name.get(match["name"]) or self.by_name[match["name"].lower()]
            if term.anchor in self.done:
                continue
            if match["name"].lower() in EVERYDAY and not follows(term, text[match.end() :] + after):
                continue
            self.done.add(term.anchor)
            yield match, term


def follows(term: Term, text: str) -> bool:
    """Whether the Chinese name of the term comes next, in brackets."""
    return any(re.match(rf"\W{{0,3}}[(（]{re.escape(name)}", text) for name in term.chinese)


def paragraphs(node: nodes.Element, depth: int = 0) -> Iterator[nodes.paragraph]:
    """The paragraphs of running text below `node`: those in sections, and so not the goals above the first one."""
    for child in node.children:
        if isinstance(child, nodes.paragraph):
            if depth > 1:
                yield child
        elif isinstance(child, nodes.Element) and not isinstance(child, CLOSED):
            yield from paragraphs(child, depth + isinstance(child, nodes.section))


def pieces(node: nodes.Element) -> Iterator[tuple[nodes.Element, nodes.Text]]:
    """(parent, text): the pieces of text of a paragraph that are open to links."""
    for child in node.children:
        if isinstance(child, nodes.Text):
            yield node, child
        elif not isinstance(child, CLOSED):
            yield from pieces(child)


def link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Sphinx `doctree-resolved`: turns first uses into links."""
    if not CHAPTER.match(docname):
        return
    finder = Finder(terms_of(app.env))
    page = app.builder.get_relative_uri(docname, PAGE) if finder.pattern else ""
    for paragraph in list(paragraphs(doctree)):
        found = list(pieces(paragraph))
        for number, (parent, piece) in enumerate(found):
            after = "".join(text.astext() for _, text in found[number + 1 :])[:40]
            if linked := split(piece.astext(), finder.first_uses(piece.astext(), after), page):
                parent.replace(piece, linked)


def split(text: str, found: Iterator[tuple[re.Match[str], Term]], page: str) -> list[nodes.Node]:
    """The text with links in it, as nodes; nothing if nothing was found."""
    parts: list[nodes.Node] = []
    end = 0
    for match, term in found:
        parts.append(nodes.Text(text[end : match.start()]))
        parts.append(nodes.reference("", match[0], internal=True, refuri=f"{page}#{term.anchor}", classes=["glossary-term"]))
        end = match.end()
    return [part for part in [*parts, nodes.Text(text[end:])] if not isinstance(part, nodes.Text) or part] if parts else []


def setup(app: Sphinx) -> None:
    app.connect("doctree-resolved", link, priority=900)
