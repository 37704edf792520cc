"""AgentView: what an agent thought, did and saw, replayed step by step, with the text that the model read before each.

The drawing is in `agent.js`. This module checks the transcripts, finds in every prompt what is new in it and what came from
outside, and counts calls and tokens. It knows nothing about models: a step is anything with a kind, a text and a prompt.
"""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import traitlets

from .base import Widget, lines_of, pack

KINDS = ("question", "thought", "action", "observation", "answer")
OUTCOMES = ("right", "wrong", "gave up", "answered")
MOST_RUNS = 8
MOST_STEPS = 80
MOST_TEXT = 40_000  # characters of a text or a prompt


class AgentView(Widget):
    """One or several transcripts of agents, replayed: each step a card, beside it the exact text that the model had then.

    runs      a transcript, or a list of them. A transcript is a list of steps, objects or dicts with `kind` (question, thought,
              action, observation or answer), `text`, and `prompt`: all that stood before the step
    titles    a name for each run, as "with tools"
    title     one line above the figure
    answer    the right answer; a run is "right" where its last step is an answer with just this text. Or a list, one a run
    outcomes  instead of `answer`, for each run one of "right", "wrong", "gave up", "answered"
    count     function(text) → its length in tokens; without it lengths are given in characters

    Observations come from outside. They are marked as data, not instructions, on their cards and inside the prompts. All texts
    are shown as text, control characters and marks of direction as signs. Raises ValueError for what cannot be shown.
    """

    _module = "agent.js"

    title = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode("tokens").tag(sync=True)  # or "characters"
    runs = traitlets.Bytes().tag(sync=True)  # JSON list of {title, outcome, answer, steps: [{kind, text, prompt, counts}]}

    def __init__(
        self,
        runs: Sequence,
        titles: Sequence[str] = (),
        title: str = "",
        *,
        answer: str | Sequence[str] | None = None,
        outcomes: Sequence[str] = (),
        count: Callable[[str], int] | None = None,
    ) -> None:
        plain = [check_run(run, number) for number, run in enumerate(as_runs(runs), 1)]
        named = check_titles(titles, len(plain))
        ends = check_outcomes(plain, answer, outcomes)
        told = [
            {"title": name, "outcome": end, "answer": final(run), "steps": told_steps(run, count or len)}
            for name, end, run in zip(named, ends, plain, strict=True)
        ]
        self._told = told
        self._reserve = reserved(title, told)
        packed = pack(np.frombuffer(json.dumps(told, separators=(",", ":")).encode("ascii"), dtype=np.uint8))
        super().__init__(title=title, unit="tokens" if count else "characters", runs=packed)

    def describe(self) -> str:
        """How many steps and calls each run has, what it answered, and how that was."""
        parts = []
        for run in self._told:
            answer = "no answer" if run["answer"] is None else f"answer {shortened(run['answer'])!r}"
            counts = run["steps"][-1]["counts"]
            calls = f"{counts['model']} model and {counts['tool']} tool call{'' if counts['tool'] == 1 else 's'}"
            parts.append(f"{run['title']}: {len(run['steps'])} steps, {calls}, {answer}, {run['outcome']}")
        return f"AgentView({len(self._told)} run{'' if len(self._told) == 1 else 's'}; {'; '.join(parts)})"


def shortened(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


# ---------------------------------------------------------------- what is given


def as_runs(runs: Sequence) -> list[Sequence]:
    """A list of transcripts, also where one transcript was given."""
    runs = list(runs)
    if runs and (isinstance(runs[0], Mapping) or hasattr(runs[0], "kind")):
        runs = [runs]
    if not 1 <= len(runs) <= MOST_RUNS:
        raise ValueError(f"AgentView shows 1 to {MOST_RUNS} runs, not {len(runs)}.")
    return runs


def check_run(run: Sequence, number: int) -> list[dict]:
    """The steps as plain dicts; ValueError where they cannot be shown."""
    steps = list(run)
    if not 1 <= len(steps) <= MOST_STEPS:
        raise ValueError(f"run {number} has {len(steps)} steps: AgentView shows 1 to {MOST_STEPS} of them.")
    return [check_step(step, f"step {i} of run {number}") for i, step in enumerate(steps, 1)]


def check_step(step: object, where: str) -> dict:
    def ask(name: str) -> object:
        return step.get(name, "") if isinstance(step, Mapping) else getattr(step, name, "")

    found = {name: ask(name) for name in ("kind", "text", "prompt")}
    if found["kind"] not in KINDS:
        raise ValueError(f"{where} has the kind {found['kind']!r}: it is one of {', '.join(KINDS)}.")
    for name in ("text", "prompt"):
        if not isinstance(found[name], str):
            raise ValueError(f"the {name} of {where} is text, not {type(found[name]).__name__}.")
        if len(found[name]) > MOST_TEXT:
            raise ValueError(f"the {name} of {where} has {len(found[name]):,} characters: at most {MOST_TEXT:,} can be shown.")
    return found


def check_titles(titles: Sequence[str], n: int) -> list[str]:
    if isinstance(titles, str) or (titles and len(titles) != n):
        raise ValueError(f"titles must name each of the {n} runs; got {titles!r}.")
    named = [str(one) for one in titles] or [f"run {i}" for i in range(1, n + 1)]
    if len(set(named)) < n:
        raise ValueError(f"the titles of the runs must differ; got {', '.join(named)}.")
    return named


def final(run: Sequence[Mapping]) -> str | None:
    return run[-1]["text"] if run[-1]["kind"] == "answer" else None


def check_outcomes(runs: Sequence[Sequence[Mapping]], answer: str | Sequence[str] | None, outcomes: Sequence[str]) -> list[str]:
    """One of OUTCOMES for each run."""
    if answer is not None and len(outcomes):
        raise ValueError("give answer= or outcomes=, not both: the one decides the other.")
    if len(outcomes):
        if isinstance(outcomes, str) or len(outcomes) != len(runs) or set(outcomes) - set(OUTCOMES):
            raise ValueError(f"outcomes gives each of the {len(runs)} runs one of {', '.join(OUTCOMES)}; got {outcomes!r}.")
        return list(outcomes)
    wanted = [answer] * len(runs) if answer is None or isinstance(answer, str) else list(answer)
    if len(wanted) != len(runs):
        raise ValueError(f"answer is one text, or one for each of the {len(runs)} runs; got {len(wanted)}.")
    ends = []
    for run, right in zip(runs, wanted, strict=True):
        said = final(run)
        ends.append(
            "gave up" if said is None else "answered" if right is None else "right" if said.strip() == right.strip() else "wrong"
        )
    return ends


# ---------------------------------------------------------------- what is told


def told_steps(run: Sequence[Mapping], count: Callable[[str], int]) -> list[dict]:
    """Each step with its prompt in pieces, and what has been spent until then: the model's calls, the tools', the length of the
    prompt, and of all that the model has read, for it reads everything again at every call."""
    told, before, model, tool, read = [], "", 0, 0, 0
    for i, step in enumerate(run):
        length = int(count(step["prompt"])) if step["prompt"] else 0
        if begins_turn(run, i):
            model, read = model + 1, read + length
        tool += step["kind"] == "observation"
        counts = {"model": model, "tool": tool, "prompt": length, "read": read}
        told.append(
            {"kind": step["kind"], "text": step["text"], "prompt": pieces(before, step["prompt"], run[:i]), "counts": counts}
        )
        before = step["prompt"]
    return told


def begins_turn(run: Sequence[Mapping], i: int) -> bool:
    """Whether the model was called for this step: for a thought, and for an action or an answer that follows no thought."""
    kind = run[i]["kind"]
    return kind == "thought" or (kind in ("action", "answer") and (i == 0 or run[i - 1]["kind"] != "thought"))


def pieces(before: str, prompt: str, earlier: Sequence[Mapping]) -> list[list]:
    """The prompt cut into [text, marks]: marks are 1 where `before` did not have it, plus 2 where it came from outside."""
    marks = np.zeros(len(prompt), dtype=np.uint8)
    old, new = before.splitlines(keepends=True), prompt.splitlines(keepends=True)
    ends = np.cumsum([0, *map(len, new)])
    for what, _, _, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what in ("insert", "replace"):
            marks[ends[start] : ends[end]] |= 1
    at = 0
    for step in earlier:  # in order, so that a short observation is not found in what stands before it
        found = prompt.find(step["text"], at) if step["text"] else -1
        if found >= 0:
            at = found + len(step["text"])
            if step["kind"] == "observation":
                marks[found:at] |= 2
    cuts = [0, *(np.flatnonzero(np.diff(marks)) + 1).tolist(), len(prompt)]
    return [[prompt[a:b], int(marks[a])] for a, b in itertools.pairwise(cuts) if a < b]


def reserved(title: str, told: Sequence[Mapping]) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page."""
    found = []
    for room, fixed in ((673, 621), (323, 1018)):
        several = len(told) > 1
        buttons = 40 * lines_of([60 + 8.2 * len(run["title"]) for run in told], room, gap=5) + 11 if several else 0
        found.append(fixed + (39 if title else 0) + buttons + (45 if several else 0))
    return tuple(found)
