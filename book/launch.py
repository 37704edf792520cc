"""Buttons that lead out of the page: the repository, Colab, and the notebook for download.

While the repository has no public address, the first two are not drawn at all.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from book import address


def configure(app: Sphinx, config: Config) -> None:
    """Sphinx `config-inited`: takes the address away from the theme if it is not a public one."""
    options = config.html_theme_options
    url = config.html_context["repository"] = options.get("repository_url", "")
    options.pop("launch_buttons", None)  # The theme would link to the branch without filled-in addresses.
    if address.is_published(url):
        options["repository_provider"] = "gitlab" if "gitlab" in url else "github"
        options["use_repository_button"] = options["use_issues_button"] = True
    else:
        options.pop("repository_url", None)


def add_buttons(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: a Colab button on every chapter, first in the row of buttons."""
    url = app.config.html_theme_options.get("repository_url", "")
    is_notebook = doctree is not None and str(app.env.doc2path(pagename)).endswith(".ipynb")
    colab = address.colab_url(url, f"{pagename}.ipynb") if url and is_notebook else ""
    if colab:
        button = {
            "type": "link",
            "url": colab,
            "text": "Colab",
            "tooltip": "Run this chapter on Google Colab",
            "icon": "fas fa-play",
        }
        context.setdefault("header_buttons", []).insert(0, button | {"label": "colab-button"})


def fill_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Sphinx `build-finished`: the notebooks offered for download say where the package is installed from."""
    url = app.config.html_context.get("repository")
    if exception or app.builder.format != "html" or not url:
        return
    for path in (Path(app.outdir) / "_sources").rglob("*.ipynb"):
        address.fill_file(path, path, address.requirement(url))
