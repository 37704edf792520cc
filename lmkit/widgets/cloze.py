"""ClozeView: the reader hides tokens of a text, and sees what the masked model expects there, with one eye and with two.

Everything is computed in the browser: tokenizer, model, probabilities (`tiny_masked.js`, `cloze*.js`). The weights are not part
of the widget: see `carrier.py`. This module checks what it is given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import traitlets

from lmkit import tiny

from .carrier import Carrier


class ClozeView(Carrier):
    """Hide any token of a text and see the masked model's guesses: with two eyes, and with the right one covered.

    text      what stands in the text box at first; `<|mask|>` in it is a token that nobody knows
    stage     a checkpoint with a mask token and no causal mask: "masked"
    hide      parts of the text that are hidden at first: "Paris", or a list of several
    folder    where the checkpoints are; default: those that come with the package. The book's pages can show only these

    All that is hidden is guessed at once, each token without the others. "Hide every token in turn" hides one at a time.
    Raises ValueError for a stage that has no checkpoint or no mask token, and for a part that does not stand in the text.
    """

    _module = "cloze.js"

    title = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    hide = traitlets.List(traitlets.Unicode()).tag(sync=True)
    stage = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        text: str = "The capital of France is Paris.",
        stage: str = "masked",
        title: str = "",
        *,
        hide: str | Sequence[str] = (),
        folder: Path | str | None = None,
    ) -> None:
        if not isinstance(text, str):
            raise ValueError(f"text={text!r}: give a text.")
        tiny.check(stage)
        parts = [hide] if isinstance(hide, str) else list(hide)
        for part in parts:
            if not part or part not in text:
                raise ValueError(f"hide={part!r} does not stand in the text {text!r}: give parts of it.")
        versions = self._take([stage], folder)
        if json.loads((self._folders[stage] / "config.json").read_text("utf8")).get("is_causal", True):
            raise ValueError(f"The stage {stage!r} sees one side only and has no mask token: use stage='masked'.")
        self._reserve = reserved(title)
        super().__init__(title=title, text=text, hide=parts, stage=stage, versions=versions)

    def describe(self) -> str:
        """The stage, the text, and what is hidden in it."""
        hidden = f", {', '.join(map(repr, self.hide))} hidden" if self.hide else ""
        return f"ClozeView({self.stage}; {self.text!r}{hidden})"


def reserved(title: str) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page for the widget before it is used."""
    heading = 33 if title else 0
    return 334 + heading, 437 + heading
