"""What happens to a notebook between its file and the parser: stored errors stop the build, figures become HTML.

The file itself is never changed; learners download it as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from book import address, concepts, figures

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def prepare(app: Sphinx, docname: str, source: list[str]) -> None:
    """Sphinx `source-read`: replaces the text of a notebook by the text that is parsed."""
    if not str(app.env.doc2path(docname)).endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    refuse_errors(docname, notebook)
    for output in rich_outputs(notebook):
        describe_widget(output)
        figures.to_html(output)
    concepts.remember(app, docname, notebook)
    url = app.config.html_context.get("repository", "")
    if address.is_published(url):
        notebook = address.fill(notebook, address.requirement(url))
    source[0] = json.dumps(notebook)


def refuse_errors(docname: str, notebook: dict) -> None:
    """Raises ExtensionError if a stored output is an error: `-W` alone lets it pass when the cell begins with a magic."""
    failed = [
        f"cell {number} ends in {output.get('ename', 'an error')}: {output.get('evalue', '')}"
        for number, cell in enumerate(notebook["cells"])
        for output in cell.get("outputs", [])
        if output.get("output_type") == "error"
    ]
    if failed:
        raise ExtensionError(f"{docname}.ipynb has stored errors; execute it again.\n  " + "\n  ".join(failed))


def rich_outputs(notebook: dict) -> Iterator[dict]:
    """The outputs that have several forms (a MIME bundle under "data")."""
    for cell in notebook["cells"]:
        yield from (output for output in cell.get("outputs", []) if "data" in output)


def describe_widget(output: dict) -> None:
    """Lets a widget's view carry its `repr`, which stands in the page for readers without JavaScript."""
    view, text = output["data"].get(WIDGET_VIEW), output["data"].get("text/plain")
    if view and text:
        view["description"] = "".join(text)
