"""Puts the tiny model's checkpoints beside the pages on which a reader can ask it, and vocabularies beside those on which one can
be tried, as script files that load when used.

A page with such a widget gets a manifest (which stages or vocabularies, how many chunks), and the site one set of chunk files for
each that some page names, below `_static/inside/tiny`. A chunk is a script because a page may load one from a folder too.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from book.selfhost import STATIC

LMKIT = Path(__file__).resolve().parents[1] / "lmkit"
CHECKPOINTS = LMKIT / "tiny" / "checkpoints"
VOCABULARIES = LMKIT / "data" / "vocabularies"
NAMES = ("bench.PromptBench", "cloze.ClozeView", "playground.Playground", "token.TokenView")
WIDGETS = {f"lmkit.widgets.{name}" for name in NAMES}
FOLDER = f"_static/{STATIC}/tiny"


def load_packer() -> ModuleType:
    """`lmkit/widgets/checkpoint.py` by itself: importing lmkit would import torch, which building the book does without."""
    spec = importlib.util.spec_from_file_location("checkpoint", LMKIT / "widgets" / "checkpoint.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


packer = load_packer()


def manifest(app: Sphinx, pagename: str, context: dict, models: dict[str, dict]) -> dict | None:
    """What a page must say about the checkpoints that its widgets use; None where it has none. Writes their chunks.

    Raises ExtensionError where a page was executed with other weights than those that are there now.
    """
    versions: dict[str, str] = {}
    for model in models.values():
        if model["state"].get("_anywidget_id") in WIDGETS:
            versions |= model["state"]["versions"]
    if not versions:
        return None
    for stage, version in versions.items():
        write(stage, version, Path(app.outdir) / FOLDER, pagename)
    stages = {stage: packer.entry(folder_of(stage)) for stage in versions}
    return {"root": context["pathto"](FOLDER, 1).rstrip("/") + "/", "stages": stages}


def folder_of(stage: str) -> Path:
    """The folder of a checkpoint, or the file of a vocabulary, which widgets call `vocabulary-…`."""
    name = stage.removeprefix("vocabulary-")
    return CHECKPOINTS / f"tiny-{stage}" if name == stage else VOCABULARIES / f"{name}.bin"


def write(stage: str, version: str, target: Path, pagename: str) -> None:
    """Writes the chunk files of a stage, each of which is either there and whole or not there."""
    try:
        shipped = packer.version(folder_of(stage))
    except ValueError as error:
        way = "Train the tiny model: make weights." if folder_of(stage).parent == CHECKPOINTS else "It comes with the package."
        raise ExtensionError(f"{pagename}: {error} {way}") from error
    if shipped != version:
        raise ExtensionError(
            f"{pagename}: a widget was made with other weights of {stage!r} ({version}) than those that ship with the "
            f"package ({shipped}), and a page can show only these. Execute the notebook again."
        )
    target.mkdir(parents=True, exist_ok=True)
    for name, text in packer.scripts(stage, folder_of(stage)):
        if not (target / name).is_file():
            half = target / f"{name}.part"
            half.write_text(text, "utf8")
            half.replace(target / name)
