"""What the widgets share that need something large in the page: a checkpoint of the tiny model, a vocabulary of a real one. They
name it, and it is no part of the widget.

On a page of the book they lie beside it (`book/weights.py`), a page of its own holds them, and in a notebook the kernel sends
them when the reader first asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import traitlets

from lmkit import tiny

from . import checkpoint
from .base import Widget, script_json


class Carrier(Widget):
    """A widget with such things. A subclass gives what `_take` or `_carry` returns as its trait `versions`."""

    versions = traitlets.Dict().tag(sync=True)  # of each checkpoint or vocabulary, as `checkpoint.version` makes them

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self.on_msg(self._send_weights)

    def _take(self, stages: Sequence[str], folder: Path | str | None) -> dict[str, str]:
        """The version of each stage's checkpoint in `folder`, by default among those that come with the package.

        Raises ValueError for a stage that has no checkpoint there.
        """
        home = Path(folder) if folder else tiny.CHECKPOINTS
        return self._carry({stage: tiny.checkpoint(stage, home) for stage in stages})

    def _carry(self, parcels: dict[str, Path]) -> dict[str, str]:
        """The version of each folder or file, which a page knows by its name. Raises ValueError for one that is not there."""
        self._folders = parcels
        return {name: checkpoint.version(one) for name, one in parcels.items()}

    def _send_weights(self, _: object, content: dict, buffers: object) -> None:
        """Answers a browser that asks for a stage's checkpoint: one message for each chunk, or one that says what is wrong."""
        if content.get("kind") != "weights":
            return
        stage = str(content.get("stage"))
        answer = {"kind": "weights", "stage": stage}
        try:
            if stage not in self._folders:
                raise ValueError(f"this widget shows {', '.join(self._folders)}")
            chunks = checkpoint.cut(checkpoint.pack_files(self._folders[stage]))
        except (OSError, ValueError) as error:
            self.send(answer | {"error": str(error)})
            return
        for index, chunk in enumerate(chunks):
            self.send(answer | {"index": index, "count": len(chunks)}, buffers=[chunk])

    def beside(self) -> str:
        """For a page of its own: the checkpoints, as texts that nothing reads until the widget is used."""
        stages = {stage: checkpoint.entry(folder) for stage, folder in self._folders.items()}
        manifest = script_json({"root": "", "stages": stages})
        parts = [f'<script type="{checkpoint.MANIFEST}">{manifest}</script>']
        for stage, folder in self._folders.items():
            for name, text in checkpoint.texts(stage, folder):
                parts.append(f'<script type="{checkpoint.INLINE}" data-name="{name}">{text}</script>')
        return "\n".join(parts)
