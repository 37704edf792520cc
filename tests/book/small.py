"""Small books, built in a second with this book's own extension, to show what it does to a page."""

from __future__ import annotations

import io
import json
from pathlib import Path

import nbformat
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = [
    "sphinx_togglebutton",
    "sphinx_copybutton",
    "myst_nb",
    "sphinx_thebe",
    "sphinx_design",
    "sphinx_book_theme",
    "sphinxcontrib.bibtex",
    "book.extension",
]
FILES = ("chapters/concepts.csv", "chapters/references.bib")
ERRATA_HEAD = "id,severity,title,said,problem,correct,sources,chapters,verified,checked"
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3"}


def small_book(
    folder: Path,
    pages: dict[str, object],
    url: str = "https://example.invalid/small",
    errata: tuple[str, ...] = (),
    **config: object,
) -> Path:
    """Builds a book of `pages` ({name: Markdown text or notebook}) with this book's extension; returns its HTML folder.

    Raises what the build raises. The first page is the root; the others are its children.
    """
    source, target = folder / "source", folder / "html"
    names = list(pages)
    for name in FILES:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    (source / "chapters" / "errata.csv").write_text("\n".join([ERRATA_HEAD, *errata]) + "\n", "utf8")
    for name, page in pages.items():
        if isinstance(page, str):
            toc = "\n\n```{toctree}\n:hidden:\n" + "\n".join(names[1:]) + "\n```\n" if name == names[0] else ""
            (source / f"{name}.md").write_text(page + toc, "utf8")
        else:
            (source / f"{name}.ipynb").parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(page, source / f"{name}.ipynb")
    settings = {
        "extensions": EXTENSIONS,
        "html_theme": "sphinx_book_theme",
        "html_theme_options": {"repository_url": url},
        "html_title": "A small book",
        "bibtex_bibfiles": ["chapters/references.bib"],
        "myst_enable_extensions": ["amsmath", "colon_fence", "deflist", "dollarmath"],
        "nb_execution_mode": "off",
        "root_doc": names[0],
    }
    with patch_docutils(None), docutils_namespace():
        app = Sphinx(
            srcdir=source,
            confdir=None,
            outdir=target,
            doctreedir=folder / "doctrees",
            buildername="html",
            confoverrides=settings | config,
            status=None,
            warning=io.StringIO(),
        )
        app.build()
    return target


def notebook(*cells: object, state: dict | None = None) -> nbformat.NotebookNode:
    """A notebook of `cells`, each a Markdown text or a code cell made by `cell`, with the state of its widgets."""
    made = [nbformat.v4.new_markdown_cell(c) if isinstance(c, str) else c for c in cells]
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    if state:
        metadata["widgets"] = {STATE: state}
    return nbformat.v4.new_notebook(cells=made, metadata=metadata)


def cell(source: str = "pass", *data: dict, tags: tuple[str, ...] = (), error: str = "") -> nbformat.NotebookNode:
    """A code cell with outputs of the MIME bundles `data`; `error` adds an error of that name."""
    outputs = [nbformat.v4.new_output("display_data", data=bundle) for bundle in data]
    if error:
        outputs.append(nbformat.v4.new_output("error", ename=error, evalue="it is not there", traceback=["no"]))
    return nbformat.v4.new_code_cell(source, outputs=outputs, execution_count=1, metadata={"tags": list(tags)})


def views(*widgets: object) -> tuple[list[dict], dict]:
    """The MIME bundles of the widgets' views, and the state of them all, as Jupyter stores them."""
    from ipywidgets.embed import embed_data

    data = embed_data(views=widgets, drop_defaults=False)
    bundles = [{VIEW: spec, "text/plain": repr(widget)} for spec, widget in zip(data["view_specs"], widgets, strict=True)]
    return bundles, json.loads(json.dumps(data["manager_state"]))
