"""What a page says of itself to machines: search engines, and programs that show a card for a link.

Every page of text gets a description, its own first paragraph. With a public address (`book.address`) it also gets its canonical
address and the picture of its card, which must be absolute, and the site gets a sitemap.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from book import address
from book.search import in_order
from book.selfhost import STATIC

LONGEST = 200  # characters of a description
CARD = f"_static/{STATIC}/card.png"
CARD_SIZE = (1200, 630)
CARD_WORDS = "Inside Large Language Models, 走进大模型: a sentence and the model's own probabilities for its next word."


def configure(app: Sphinx, config: Config) -> None:
    """Sphinx `config-inited`: the address of the site, from which Sphinx makes every page's canonical address."""
    if not config.html_baseurl:
        config.html_baseurl = address.site(config.html_context.get("repository", ""))


def describe(doctree: nodes.document | None) -> str:
    """The first paragraph of a page outside lists, tables and boxes, cut at the end of a sentence or word; "" if none."""
    if doctree is None:
        return ""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section) and (text := re.sub(r"\s+", " ", paragraph.astext()).strip()):
            return cut(text)
    return ""


def cut(text: str, longest: int = LONGEST) -> str:
    """A text of at most `longest` characters: its first whole sentences if they are not too few, else its first words."""
    if len(text) <= longest:
        return text
    sentences = re.match(rf".{{60,{longest - 1}}}[.?!。？！](?= |$|(?<=[。？！]))", text)
    return sentences[0] if sentences else text[: longest - 1].rsplit(" ", 1)[0] + "…"


def tags(title: str, site: str, description: str, page: str = "", root: str = "") -> dict[str, str]:
    """{name: content} of a page's meta elements. `page` and `root` are absolute addresses, or "" where there is none."""
    found = {"description": description, "og:type": "article", "og:site_name": site, "og:title": title}
    found |= {"og:description": description}
    if page:
        width, height = map(str, CARD_SIZE)
        found |= {"og:url": page, "og:image": urljoin(root, CARD), "og:image:alt": CARD_WORDS}
        found |= {"og:image:width": width, "og:image:height": height}
    found["twitter:card"] = "summary_large_image" if page else "summary"
    return {name: content for name, content in found.items() if content}


def add_tags(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Sphinx `html-page-context`: the meta elements of a page of text; the others need none."""
    if doctree is None:
        return
    site, home = app.config.html_title, pagename == app.config.root_doc
    if home and app.config.html_baseurl:
        context["pageurl"] = app.config.html_baseurl  # and not …/index.html
    title = site if home else re.sub(r"<[^>]*>", "", html.unescape(context.get("title", "")))
    found = tags(title, site, describe(doctree), context.get("pageurl") or "", app.config.html_baseurl)
    if home:
        found["og:type"] = "website"
    context["metatags"] = context.get("metatags", "") + "".join(
        f'\n    <meta {"property" if name.startswith("og:") else "name"}="{name}" content="{html.escape(content)}" />'
        for name, content in found.items()
    )


def write_lists(app: Sphinx, exception: Exception | None) -> None:
    """Sphinx `build-finished`: `robots.txt`, and `sitemap.xml` where the site has an address."""
    if exception or app.builder.format != "html":
        return
    root = app.config.html_baseurl
    lines = ["User-agent: *", "Allow: /"] + ([f"Sitemap: {urljoin(root, 'sitemap.xml')}"] if root else [])
    (Path(app.outdir) / "robots.txt").write_text("\n".join(lines) + "\n", "utf8")
    sitemap = Path(app.outdir) / "sitemap.xml"
    sitemap.unlink(missing_ok=True)
    if root:
        sitemap.write_text(site_map(app, root), "utf8")


def site_map(app: Sphinx, root: str) -> str:
    """Every page of text, and for a chapter the day on which it was last run."""
    entries = []
    for name in in_order(app.env):
        source = Path(str(app.env.doc2path(name)))
        made = json.loads(source.read_text("utf8"))["metadata"] if source.suffix == ".ipynb" else {}
        date = made.get("lmkit", {}).get("date")
        day = f"<lastmod>{html.escape(date)}</lastmod>" if date else ""
        page = root if name == app.config.root_doc else urljoin(root, app.builder.get_target_uri(name))
        entries.append(f"<url><loc>{html.escape(page)}</loc>{day}</url>")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    return head + "\n".join(entries) + "\n</urlset>\n"


def setup(app: Sphinx) -> None:
    app.connect("config-inited", configure, priority=910)  # after book.launch has settled the address
    app.connect("html-page-context", add_tags, priority=700)
    app.connect("build-finished", write_lists)
