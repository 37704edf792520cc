"""A quiz that answers back: multiple choice with a reason for every option, and numbers with a tolerance.

The answers stand in the page for anyone who looks; a quiz is for learning, not for marks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import traitlets

from .base import Widget

CHOICE_KEYS = {"question", "options", "answer", "why"}
NUMBER_KEYS = {"question", "answer", "tolerance", "unit", "right", "wrong"}


class Quiz(Widget):
    """Questions with instant feedback.

    `questions` is a list of dicts of two kinds:
    - multiple choice: {"question": str, "options": [str, ...], "answer": index of the right option, "why": [str, ...]},
      where `why[i]` tells a reader who picked option i why it is right or wrong. The options keep their order;
    - a number: {"question": str, "answer": float, "tolerance": float, "unit": str, "right": str, "wrong": str}; any
      number within `tolerance` of `answer` is right. `tolerance` (0) and `unit` ("") may be left out.

    The score counts questions answered right at the first try; a reader may go on trying. Texts are plain: write
    formulas in Unicode (√d, softmax(QKᵀ/√d)V). Raises ValueError naming the question and what is wrong with it.
    """

    _module = "quiz.js"

    title = traitlets.Unicode().tag(sync=True)
    questions = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init__(self, questions: Sequence[Mapping], *, title: str = "Quiz") -> None:
        if isinstance(questions, Mapping | str) or not isinstance(questions, Sequence):
            raise ValueError(f"a quiz is a list of questions, not {type(questions).__name__}")
        if not questions:
            raise ValueError("the quiz has no questions")
        checked = [check_question(number, question) for number, question in enumerate(questions, 1)]
        self._reserve = reserved_height(checked)
        super().__init__(title=title, questions=checked)

    def describe(self) -> str:
        count = len(self.questions)
        return f"Quiz({count} question{'s' if count > 1 else ''})"


def check_question(number: int, question: Mapping) -> dict:
    """The question as a plain dict; ValueError if a reader could not answer it or would get no reason."""
    where = f"question {number}"
    if not isinstance(question, Mapping):
        raise ValueError(f"{where} is a {type(question).__name__}; it must be a dict")
    if not is_text(question.get("question")):
        raise ValueError(f"{where} has no text under 'question'")
    if "options" in question:
        return check_choice(where, question)
    return check_number(where, question)


def check_choice(where: str, question: Mapping) -> dict:
    check_keys(where, question, CHOICE_KEYS)
    options, answer, why = question["options"], question.get("answer"), question.get("why")
    if isinstance(options, str) or not isinstance(options, Sequence) or len(options) < 2:
        raise ValueError(f"{where} needs at least two options, and has {options!r}")
    if not all(is_text(option) for option in options):
        raise ValueError(f"{where} has an option without text: {list(options)!r}")
    if len(set(options)) < len(options):
        raise ValueError(f"{where} has the same option twice: {list(options)!r}")
    if isinstance(answer, bool) or not isinstance(answer, int) or not 0 <= answer < len(options):
        raise ValueError(f"{where} has the answer {answer!r}; it must be an index from 0 to {len(options) - 1}")
    if isinstance(why, str) or not isinstance(why, Sequence) or len(why) != len(options):
        given = len(why) if isinstance(why, Sequence) and not isinstance(why, str) else "no list of"
        raise ValueError(f"{where} has {len(options)} options and {given} reasons; 'why' gives one for each option")
    for option, reason in zip(options, why, strict=True):
        if not is_text(reason):
            raise ValueError(f"{where} gives no reason for the option {option!r}")
    return {"question": question["question"], "options": list(options), "answer": answer, "why": list(why)}


def check_number(where: str, question: Mapping) -> dict:
    check_keys(where, question, NUMBER_KEYS)
    answer, tolerance = question.get("answer"), question.get("tolerance", 0)
    if not is_number(answer):
        raise ValueError(f"{where} has no 'options', so its answer must be a number; it is {answer!r}")
    if not is_number(tolerance) or tolerance < 0:
        raise ValueError(f"{where} has the tolerance {tolerance!r}; it must be a number from 0 up")
    for key in ("right", "wrong"):
        if not is_text(question.get(key)):
            raise ValueError(f"{where} asks for a number and needs a text under {key!r}: what a reader is then told")
    unit = question.get("unit", "")
    if not isinstance(unit, str):
        raise ValueError(f"{where} has the unit {unit!r}; it must be a text, or be left out")
    return {
        "question": question["question"],
        "answer": float(answer),
        "tolerance": float(tolerance),
        "unit": unit,
        "right": question["right"],
        "wrong": question["wrong"],
    }


def check_keys(where: str, question: Mapping, known: set[str]) -> None:
    unknown = sorted(set(question) - known)
    if unknown:
        raise ValueError(f"{where} has {unknown}, which this kind of question does not know; it knows {sorted(known)}")


def is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def reserved_height(questions: Sequence[Mapping]) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page, so that the page does not move when the quiz appears."""
    return estimate(questions, 110, 80), estimate(questions, 32, 29)


def estimate(questions: Sequence[Mapping], question_line: int, option_line: int) -> int:
    """The height if so many characters fit in a line of a question and of an option."""
    height = 150
    for question in questions:
        height += 95 + 24 * (len(question["question"]) // question_line)
        options = question.get("options", [])
        height += sum(50 + 22 * (len(option) // option_line) for option in options) or 40
    return height
