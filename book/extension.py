"""The Sphinx extension of this book: everything a page needs comes from the book itself, and every widget is alive.

Each module does one thing and says so at its top; this one only tells Sphinx when to call them. Order matters in two
places: the stored outputs are checked before they are read, and a page's widgets are put in order after myst-nb has
added their state to the page.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from sphinx.application import Sphinx

from book import (
    branches,
    concepts,
    corrections,
    figures,
    filters,
    formulas,
    glossary,
    launch,
    links,
    metadata,
    notebooks,
    paths,
    prerequisites,
    search,
    selfhost,
    status,
    strict,
    terms,
    widgets,
)


def fingerprint() -> int:
    """A number that changes with this package's code: Sphinx then reads every page again instead of keeping old ones."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return zlib.crc32(b"".join(path.read_bytes() for path in sources))


def setup(app: Sphinx) -> dict[str, bool | int | str]:
    """Connects the parts of the extension."""
    app.connect("config-inited", selfhost.configure, priority=900)
    app.connect("config-inited", launch.configure, priority=900)
    app.connect("builder-inited", selfhost.copy_assets)
    app.connect("source-read", notebooks.prepare)
    app.connect("html-page-context", launch.add_buttons, priority=600)
    app.connect("html-page-context", widgets.arrange, priority=700)
    app.connect("html-page-context", figures.add_scripts, priority=700)
    app.connect("html-page-context", selfhost.mend_roles, priority=700)
    app.connect("html-page-context", selfhost.lighten_code, priority=700)
    app.connect("html-page-context", selfhost.order_scripts, priority=900)
    for part in (filters, concepts, corrections, glossary, terms, links):
        part.setup(app)
    status.setup(app)
    for part in (branches, paths, prerequisites, search, metadata):
        part.setup(app)
    app.connect("build-finished", formulas.set_all)
    app.connect("build-finished", launch.fill_downloads)
    app.connect("build-finished", strict.check_site, priority=900)
    return {"version": "1", "env_version": fingerprint(), "parallel_read_safe": True, "parallel_write_safe": True}
