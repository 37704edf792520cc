"""PromptBench: the reader writes prompts as templates, a checkpoint of the tiny model answers all items with each, and the share
of right answers is shown with its interval.

Everything is computed in the browser: tokenizer, model, marking, interval (`tiny_*.js`, `bench*.js`). The weights are not part
of the widget: see `carrier.py`. `answers` does the same in Python, and `is_right` is the rule by which both mark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import traitlets

from lmkit.tiny.model import ASSISTANT, CONTEXT, END, USER

from .carrier import Carrier
from .playground import check_stages

MOST_ITEMS = 200
MOST_TEMPLATES = 3
MOST_SHOTS = 8
MOST_TEXT = 400  # characters of a template
CLOSE = re.compile(r"[.!?]+(?=\s|$)|[。！？]+|\n")  # where a sentence ends
HELD = "\ue000"  # stands for the right answer while sentences are told apart: "St. John's" has a full stop of its own
HAN_OR_SIGN = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
LETTER = re.compile(rf"[^\W{HAN_OR_SIGN}]")
NO_GAP = re.compile(rf"[\s{HAN_OR_SIGN}]")


class PromptBench(Carrier):
    """Measure prompts in the page: up to three templates, all items, right answers with their Wilson interval.

    model      a stage of the tiny model that writes ("sft", "base", "rl", …), or what `tiny.load` gives for it
    items      (slots, answer) each: ({"x": "France"}, "Paris"); 2 to 200, all with the same slots
    templates  one to three prompts, each with at least one slot in braces: "What is the capital of {x}?"
    title      one line above the bench
    chat       whether the prompt is given as a question in a chat; default: as the stage was trained, base as plain text
    shots      solved items before the question at first, 0 to 8: for each item the `shots` that follow it in the list
    limit      new tokens of an answer, at most
    folder     where the checkpoints are; default: those that come with the package. The book's pages can show only these

    Answers are greedy. One is right if it is a single sentence that holds the item's answer as whole words, in large or small
    letters, and no other item's answer, unless the question itself names that. In a chat the whole answer is that sentence, and
    the model must have ended it; plain text goes on for ever, so there the first sentence or line counts.
    Raises ValueError, naming what is wrong, where this cannot be shown.
    """

    _module = "bench.js"

    title = traitlets.Unicode().tag(sync=True)
    stage = traitlets.Unicode().tag(sync=True)
    items = traitlets.List(traitlets.List()).tag(sync=True)  # [slots, answer]
    templates = traitlets.List(traitlets.Unicode()).tag(sync=True)
    chat = traitlets.Bool().tag(sync=True)
    shots = traitlets.Int().tag(sync=True)
    limit = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        model: object,
        items: Sequence[tuple[dict[str, str], str]],
        templates: Sequence[str],
        title: str = "",
        *,
        chat: bool | None = None,
        shots: int = 0,
        limit: int = 32,
        folder: Path | str | None = None,
    ) -> None:
        stage = model if isinstance(model, str) else str(getattr(model, "name", model)).removeprefix("tiny-")
        versions = self._take(check_stages([stage]), folder)
        items = check_items(items)
        templates = check_templates(templates, items)
        if isinstance(shots, bool) or not isinstance(shots, int) or not 0 <= shots <= min(MOST_SHOTS, len(items) - 1):
            raise ValueError(f"shots={shots!r}: give a whole number of solved items from 0 to {min(MOST_SHOTS, len(items) - 1)}.")
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit < CONTEXT:
            raise ValueError(f"limit={limit!r}: give a whole number of new tokens from 1 to {CONTEXT - 1}.")
        self._reserve = reserved(title, len(templates))
        super().__init__(
            title=title,
            stage=stage,
            items=[[slots, answer] for slots, answer in items],
            templates=templates,
            chat=stage != "base" if chat is None else bool(chat),
            shots=shots,
            limit=limit,
            versions=versions,
        )

    def describe(self) -> str:
        """The stage, how many items, the templates and how they are given."""
        how = ("as a chat" if self.chat else "as plain text") + (f", {self.shots} solved before it" if self.shots else "")
        return f"PromptBench({self.stage}; {len(self.items)} items; {', '.join(map(repr, self.templates))}; {how})"


def check_items(items: Sequence[tuple[dict[str, str], str]]) -> list[tuple[dict[str, str], str]]:
    """The items as a list; ValueError unless each has texts for the same slots and an answer."""
    items = [tuple(item) if isinstance(item, list | tuple) else (item,) for item in items]
    if not 2 <= len(items) <= MOST_ITEMS:
        raise ValueError(f"{len(items)} items: give 2 to {MOST_ITEMS}.")
    for i, item in enumerate(items):
        ok = len(item) == 2 and isinstance(item[0], dict) and item[0] and isinstance(item[1], str) and item[1].strip()
        if not ok or not all(isinstance(part, str) for pair in item[0].items() for part in pair):
            raise ValueError(f'items[{i}] is {item!r}: give the texts of its slots and the answer, ({{"x": "France"}}, "Paris").')
        if item[0].keys() != items[0][0].keys():
            raise ValueError(f"items[{i}] has the slots {', '.join(item[0])}, and the first has {', '.join(items[0][0])}.")
    if bad := [name for name in items[0][0] if not re.fullmatch(r"\w+", name)]:
        raise ValueError(f"{bad[0]!r} is no name for a slot: use letters and digits.")
    return items


def check_templates(templates: Sequence[str], items: Sequence[tuple[dict[str, str], str]]) -> list[str]:
    """The templates as a list; ValueError unless they are one to three texts with a slot of the items."""
    if isinstance(templates, str) or not 1 <= len(templates) <= MOST_TEMPLATES:
        given = repr(templates) if isinstance(templates, str) else f"{len(templates)} templates"
        raise ValueError(f"{given}: give a list of one to {MOST_TEMPLATES} templates.")
    slots = [f"{{{name}}}" for name in items[0][0]]
    for template in templates:
        if not isinstance(template, str) or not any(slot in template for slot in slots):
            raise ValueError(f"{template!r} has no slot: write {' or '.join(slots)} where the item belongs.")
        if len(template) > MOST_TEXT:
            raise ValueError(f"A template has {len(template)} characters: at most {MOST_TEXT}.")
    return list(templates)


# ---------------------------------------------------------------- the same in Python


def fill(template: str, slots: dict[str, str]) -> str:
    """The template with the item's texts in its slots. Other braces stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda slot: slots.get(slot[1], slot[0]), template)


def whole_words(text: str) -> re.Pattern:
    """Finds a text where it stands as whole words; Chinese has no spaces, so there it is found anywhere."""
    before, after = (r"(?<!\w)" if LETTER.match(text) else "", r"(?!\w)" if LETTER.match(text[-1:]) else "")
    return re.compile(before + re.escape(text) + after, re.IGNORECASE)


def is_right(reply: str, ended: bool, answer: str, others: Sequence[str], asked: str, chat: bool) -> bool:
    """Whether a reply is right by the rule of `PromptBench`. `ended`: the model ended it by itself; `asked`: the question."""
    held = whole_words(answer).sub(HELD, reply if chat else reply.lstrip())
    first, *rest = CLOSE.split(held, maxsplit=1)
    closed = (ended and not "".join(rest).strip()) if chat else (ended or bool(rest))
    named = [one for one in others if one.lower() != answer.lower() and not whole_words(one).search(asked)]
    return HELD in first and closed and not any(whole_words(one).search(first) for one in named)


def solved(question: str, answer: str) -> str:
    """A solved item as a line of plain text: a space between them unless the question ends in one, or in Chinese."""
    return question + ("" if NO_GAP.match(question[-1:]) or NO_GAP.match(answer) else " ") + answer


@dataclass(frozen=True)
class Reply:
    """What the model was asked and wrote for an item, whether it ended by itself, and whether it is right."""

    asked: str
    text: str
    ended: bool
    right: bool


def answers(model: object, items: Sequence, template: str, chat: bool = True, shots: int = 0, limit: int = 32) -> list[Reply]:
    """Greedy replies of a tiny `LanguageModel` to all items, marked: what the page does. Uses `lmkit.tiny.text.write`."""
    from lmkit.tiny.text import write

    tokenizer = model.tokenizer
    items = check_items(items)
    check_templates([template], items)
    user, assistant, end = tokenizer.convert_tokens_to_ids([USER, ASSISTANT, END])
    read = lambda text: tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)  # noqa: E731
    asked = [fill(template, slots) for slots, _ in items]
    prompts = []
    for i in range(len(items)):
        before = [(i + 1 + k) % len(items) for k in range(shots)]
        if chat:
            turns = [id for k in before for id in (user, *read(asked[k]), end, assistant, *read(items[k][1]), end)]
            prompts.append([*turns, user, *read(asked[i]), end, assistant])
        else:
            lines = [solved(asked[k], items[k][1]) for k in before]
            prompts.append([end, *read("\n".join([*lines, asked[i]]))])
    found = []
    labels = list(dict.fromkeys(answer for _, answer in items))
    for ids, question, (_, answer) in zip(write(model.torch_model, tokenizer, prompts, limit=limit), asked, items, strict=True):
        ended = bool(ids) and ids[-1] == end
        text = tokenizer.decode(ids, skip_special_tokens=True)
        found.append(Reply(question, text, ended, is_right(text, ended, answer, labels, question, chat)))
    return found


def reserved(title: str, templates: int) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page for the bench before it is used."""
    heading = 33 * bool(title)
    return (887 if templates < 3 else 909) + heading, 494 + 536 * templates + heading
