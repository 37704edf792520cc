"""Search in English and Chinese, without a server: what the page of the search needs, written when the book is built.

Sphinx's own search, which is switched off, takes a run of Chinese characters for one word, and leads to pages, not to sections.
Here every section of every page, and every term of the glossary, is an entry: where it stands, its title, its words.
`static/search.js` puts them into the index of a library (MiniSearch) when somebody opens the page of the search; no other page
loads any of this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from book import vendor
from book.passages import cited, formula
from book.selfhost import STATIC, vendored

LIBRARY = "minisearch"
DATA = f"_static/{STATIC}/search-data.js"
OF_SPHINX = ("_static/searchtools.js", "_static/language_data.js")
PAGE_OF_TERMS = "chapters/glossary"
HAN = re.compile(r"[\u3400-\u9fff]")
UNREAD = (nodes.raw, nodes.comment, nodes.math_block, nodes.image, nodes.substitution_definition)
WORDS_OF_THE_THEME = {"search_bar_text": "Search · 搜索"}


def configure(app: Sphinx, config: Config) -> None:
    """Sphinx `config-inited`: the page of the search is an ordinary page, made from `templates/search.html`."""
    config.html_theme_options.update(WORDS_OF_THE_THEME)
    config.html_additional_pages["search"] = "search.html"


def silence_sphinx(app: Sphinx) -> None:
    """Sphinx `builder-inited`: no index of Sphinx's own is made, which saves a megabyte and some seconds."""
    app.builder.search = False


def entries(doctree: nodes.document) -> list[dict[str, str]]:
    """[{anchor, title, text}] of a page: one for each section, and one for each term of a glossary."""
    found = []
    for section in doctree.findall(nodes.section):
        title = next((child.astext() for child in section.children if isinstance(child, nodes.title)), "")
        found.append({"anchor": section["ids"][0], "title": title, "text": tidy(words(section))})
        found += terms(section)
    return [entry for entry in found if entry["title"]]


def terms(section: nodes.section) -> Iterator[dict[str, str]]:
    """The terms of the glossaries of a section, all names of one as its title: "hallucination · 幻觉"."""
    for child in section.children:
        if isinstance(child, nodes.Element) and "glossary" in [*child.get("classes", []), child.tagname]:
            for item in child.findall(nodes.definition_list_item):
                names = [term for term in item.children if isinstance(term, nodes.term)]
                title = " · ".join(term.astext().strip() for term in names)
                yield {"anchor": names[0]["ids"][0], "title": title, "text": tidy(words(item, names))}


def words(node: nodes.Node, leave_out: list | tuple = ()) -> Iterator[str]:
    """The text of a node that a reader would search for, a blank between its blocks. Of a chapter's code cells only what they
    print as sentences; of a formula in a sentence its plain form."""
    for child in node.children:
        if child in leave_out or isinstance(child, (nodes.section, nodes.title, nodes.term, *UNREAD)) or is_code_or_figure(child):
            continue
        if isinstance(child, nodes.math):
            yield formula(child.astext())
        elif isinstance(child, pending_xref) and child.get("refdomain") == "cite":
            yield "; ".join(" ".join(cited().get(key.strip(), (key.strip(),))) for key in child["reftarget"].split(","))
        elif isinstance(child, nodes.Text):
            yield child.astext()
        elif isinstance(child, nodes.Element) and child.tagname != "glossary":
            yield from words(child, leave_out)
            if not isinstance(child, nodes.Inline):
                yield " "


def is_code_or_figure(node: nodes.Node) -> bool:
    """Code, printed tables of numbers, figures, lists of chapters: an output is searched only in the form that is text."""
    if not isinstance(node, nodes.Element):
        return False
    if isinstance(node, nodes.literal_block) or {"cell_input", "path"} & set(node.get("classes", [])):
        return True
    return node.get("mime_type", "text/markdown") != "text/markdown"


def tidy(texts: Iterator[str]) -> str:
    return re.sub(r"\s+", " ", "".join(texts)).strip()


def remember(app: Sphinx, doctree: nodes.document) -> None:
    """Sphinx `doctree-read`: keeps the entries of a page."""
    entries_of(app.env)[app.env.docname] = entries(doctree)


def entries_of(env: BuildEnvironment) -> dict[str, list[dict[str, str]]]:
    """{page: its entries}"""
    if not hasattr(env, "search_entries"):
        env.search_entries = {}
    return env.search_entries


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    entries_of(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    entries_of(env).update({name: found for name, found in entries_of(other).items() if name in docnames})


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: the library, the entries and the search itself, on the page of the search only."""
    if pagename != "search":
        return
    for name in ("minisearch.js", "search-data.js", "search.js"):
        app.add_js_file(f"{STATIC}/{name}", priority=840, defer="defer")
    app.add_css_file(f"{STATIC}/search.css", priority=801)


def write(app: Sphinx, exception: Exception | None) -> None:
    """Sphinx `build-finished`: writes the entries as a script, because a page opened from a folder cannot fetch a file. Takes
    away the scripts of Sphinx's own search, which no page loads."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    vendor.place(vendored(LIBRARY)["dist/umd/index.js"], site / "_static" / STATIC / "minisearch.js")
    vendor.place(vendored(LIBRARY)["LICENSE.txt"], site / "_static" / STATIC / "minisearch-LICENSE.txt")
    text = json.dumps(data(app.env, app.builder.get_target_uri), ensure_ascii=False, separators=(",", ":"))
    (site / DATA).write_text(f"globalThis.searchData = {text};\n", "utf8")
    for name in OF_SPHINX:
        (site / name).unlink(missing_ok=True)


def data(env: BuildEnvironment, address_of) -> dict[str, list]:
    """{pages: [[address, title]], entries: [[page, anchor, title, text]], pairs: [[English names], [Chinese names]]} in the
    order of the table of contents."""
    order = [name for name in in_order(env) if name in entries_of(env) and "orphan" not in env.metadata.get(name, {})]
    pages = [[address_of(name), env.titles[name].astext()] for name in order]
    found = [[place, e["anchor"], e["title"], e["text"]] for place, name in enumerate(order) for e in entries_of(env)[name]]
    return {"pages": pages, "entries": found, "pairs": list(pairs(entries_of(env).get(PAGE_OF_TERMS, [])))}


def in_order(env: BuildEnvironment) -> list[str]:
    """All pages, those of the table of contents first and in its order."""
    listed, queue = [], [env.config.root_doc]
    while queue:
        name = queue.pop(0)
        if name not in listed:
            listed.append(name)
            queue = env.toctree_includes.get(name, []) + queue
    return listed + sorted(env.found_docs - set(listed))


def pairs(found: list[dict[str, str]]) -> Iterator[list[list[str]]]:
    """What the glossary calls the same in both languages: whoever searches for one finds the other."""
    for entry in found:
        names = entry["title"].split(" · ")
        chinese = [name for name in names if HAN.search(name)]
        english = [name for name in names if not HAN.search(name)]
        if chinese and english:
            yield [english, chinese]


def setup(app: Sphinx) -> None:
    app.connect("config-inited", configure, priority=900)
    app.connect("builder-inited", silence_sphinx)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", remember)
    app.connect("html-page-context", add_scripts, priority=700)
    app.connect("build-finished", write)
