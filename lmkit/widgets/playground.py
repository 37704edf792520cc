"""Playground: checkpoints of the tiny model answer a reader in the page, side by side, token by token.

Everything is computed in the browser: tokenizer, model, sampling (`tiny_*.js`, `playground*.js`). The weights are not part of
the widget: see `carrier.py`. This module checks what it is given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import traitlets

from lmkit import tiny
from lmkit.tiny.model import CONTEXT

from .carrier import Carrier
from .sampling import check_settings

WRITERS = tuple(stage for stage in tiny.STAGES if stage != "reward")
MOST_COLUMNS = 4
FORMS = {None: "trained", False: "plain", True: "chat"}


class Playground(Carrier):
    """Ask the tiny model's checkpoints and look inside while they answer.

    text      what stands in the text box at first
    stages    whose answers stand side by side, one to four of `WRITERS`: "base", "sft", "rl", …
    chat      None gives each stage the text as it was trained to read it: base as plain text, the others in the chat's form;
              True and False give all of them the same
    temperature, top_k, top_p, min_p, seed   where the controls stand at first, as in `SamplingView`; temperature 0 is greedy
    limit     new tokens of an answer, at most
    folder    where the checkpoints are; default: those that come with the package. The book's pages can show only these

    Equal text, settings and seed give equal answers: token after token is drawn by the inverse of the cumulative distribution
    with `numpy.random.RandomState(seed).random_sample()`.
    Raises ValueError for a stage that does not exist, writes nothing ("reward") or has no checkpoint, and for settings out of
    range.
    """

    _module = "playground.js"

    title = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    stages = traitlets.List(traitlets.Unicode()).tag(sync=True)
    form = traitlets.Unicode("trained").tag(sync=True)  # or "plain" or "chat"
    temperature = traitlets.Float(0.0).tag(sync=True)
    top_k = traitlets.Int(None, allow_none=True).tag(sync=True)
    top_p = traitlets.Float(None, allow_none=True).tag(sync=True)
    min_p = traitlets.Float(None, allow_none=True).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    limit = traitlets.Int(60).tag(sync=True)
    vocab_size = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        text: str = "What is the capital of China?",
        stages: Sequence[str] = ("base", "sft", "rl"),
        *,
        chat: bool | None = None,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        seed: int = 0,
        limit: int = 60,
        title: str = "",
        folder: Path | str | None = None,
    ) -> None:
        if not isinstance(text, str):
            raise ValueError(f"text={text!r}: give a text.")
        if chat not in (None, True, False):
            raise ValueError(f"chat={chat!r}: give True, False, or None for the form that each stage was trained in.")
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit < CONTEXT:
            raise ValueError(f"limit={limit}: give a whole number of new tokens from 1 to {CONTEXT - 1}.")
        check_settings(temperature, top_k, top_p, min_p, seed)
        versions = self._take(check_stages(stages), folder)
        self._reserve = reserved(title, len(versions))
        super().__init__(
            title=title,
            text=text,
            stages=list(self._folders),
            versions=versions,
            form=FORMS[chat],
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            seed=seed,
            limit=limit,
            vocab_size=min(vocabulary(one) for one in self._folders.values()),
        )

    def describe(self) -> str:
        """The stages, the text, its form and how tokens are chosen."""
        form = {"trained": "each in its own form", "plain": "as plain text", "chat": "as a chat"}[self.form]
        settings = {"temperature": self.temperature, "top_k": self.top_k, "top_p": self.top_p, "min_p": self.min_p}
        drawn = ", ".join(f"{name} {value:g}" for name, value in settings.items() if value is not None)
        how = f"{drawn}, seed {self.seed}" if self.temperature else "greedy"
        return f"Playground({', '.join(self.stages)}; {self.text!r} {form}; {how})"


def check_stages(stages: Sequence[str]) -> list[str]:
    """The stages as a list; ValueError unless they are one to four different ones that write."""
    if isinstance(stages, str) or not isinstance(stages, Sequence) or not 1 <= len(stages) <= MOST_COLUMNS:
        raise ValueError(f"stages={stages!r}: give a list of one to {MOST_COLUMNS} of {', '.join(WRITERS)}.")
    for stage in stages:
        if stage == "reward":
            raise ValueError(f"The stage 'reward' gives answers a number and writes none: choose among {', '.join(WRITERS)}.")
        if stage == "masked":
            raise ValueError(f"The stage 'masked' fills blanks: show it with ClozeView, or choose among {', '.join(WRITERS)}.")
        tiny.check(stage)
    if len(set(stages)) < len(stages):
        raise ValueError(f"stages={list(stages)}: each stage once.")
    return list(stages)


def vocabulary(folder: Path) -> int:
    return json.loads((folder / "config.json").read_text("utf8"))["vocab_size"]


def reserved(title: str, columns: int) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page for the widget before it is used."""
    heading = 37 if title else 0
    wide = 626 if columns <= 2 else 784  # two columns stand side by side
    narrow = 827 if columns == 1 else 710 + 160 * columns
    return wide + heading, narrow + heading
