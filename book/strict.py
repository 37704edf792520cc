"""The build fails when a page would load anything from another site.

Links that a reader follows (`<a href>`) may lead anywhere. What a page loads by itself - scripts, styles, images,
frames, fonts, media, imports inside inline code - must be part of the book.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

FOREIGN = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
LOADED = {"src", "srcset", "data", "poster", "background", "imagesrcset", "manifest"}
LINK_ONLY = {"a", "area"}
HARMLESS_RELATIONS = {"canonical", "alternate", "author", "license", "me", "search", "next", "prev", "help"}
CSS_LOAD = re.compile(r"""(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
CODE_LOAD = re.compile(r"""(?:\bfrom|\bimport|\bimport\(|\bfetch\(|\bimportScripts\()\s*\\?["'`]((?:https?:)?//[^"'`\\]+)""")
REFRESH = re.compile(r"url=\s*((?:https?:)?//\S+)", re.IGNORECASE)
ICON_CLASSES = re.compile(r'class="([^"]*\bfa(?:[srb]|-solid|-regular|-brands)\b[^"]*)"')
NOT_ICONS = {"solid", "regular", "brands", "lg", "sm", "fw"}


def is_loaded(tag: str, values: dict[str, str]) -> bool:
    """Whether the browser fetches the `href` of this element by itself."""
    return tag not in LINK_ONLY and not (tag == "link" and values.get("rel", "").lower() in HARMLESS_RELATIONS)


class Loads(HTMLParser):
    """Collects the addresses that a page would load by itself and that are not its own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.inside = tag if tag in ("script", "style") else ""
        for name, value in values.items():
            self.check(tag, name, value, values)

    def check(self, tag: str, name: str, value: str, values: dict[str, str]) -> None:
        if name == "srcdoc":
            self.found += foreign_loads(value)
        elif name == "style":
            self.found += CSS_LOAD.findall(value)
        elif name in ("srcset", "imagesrcset"):
            self.found += [entry.strip() for entry in value.split(",") if FOREIGN.match(entry)]
        elif name == "content" and values.get("http-equiv", "").lower() == "refresh":
            self.found += REFRESH.findall(value)
        elif FOREIGN.match(value) and (name in LOADED or (name in ("href", "xlink:href") and is_loaded(tag, values))):
            self.found.append(value.strip())

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.found += CODE_LOAD.findall(data)
        elif self.inside == "style":
            self.found += CSS_LOAD.findall(data)


def foreign_loads(page: str) -> list[str]:
    """The foreign addresses that the HTML text `page` would load, in order."""
    parser = Loads()
    parser.feed(page)
    parser.close()
    return parser.found


def icons(page: str) -> set[str]:
    """The names of the icons that the HTML text `page` shows."""
    names = {name for classes in ICON_CLASSES.findall(page) for name in re.findall(r"\bfa-([a-z-]+)", classes)}
    return names - NOT_ICONS


def check_site(app: Sphinx, exception: Exception | None) -> None:
    """Sphinx `build-finished`: raises ExtensionError if any page or style sheet of the site loads from elsewhere."""
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    known_icons = set(re.findall(r"\.fa-([a-z-]+)\{", (site / "_static/inside/icons.css").read_text("utf8")))
    problems = []
    for path in sorted(site.rglob("*.html")):
        page = path.read_text("utf8")
        name = path.relative_to(site).as_posix()
        problems += [f"{name} would load {address}" for address in foreign_loads(page)]
        unknown = icons(page) - known_icons
        problems += [f"{name} uses the icon {icon}, which book/vendor.lock.json does not name" for icon in sorted(unknown)]
    for path in sorted(site.rglob("*.css")):
        found = CSS_LOAD.findall(path.read_text("utf8", "replace"))
        problems += [f"{path.relative_to(site).as_posix()} would load {address}" for address in found]
    if problems:
        raise ExtensionError("This site must come whole from itself, but\n  " + "\n  ".join(problems))
