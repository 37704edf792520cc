"""Checkers for the chapters' exercises: they try an answer on fresh inputs and name the mistake, not only the failure.

    check("7.1", causal_attention)

The checkers of chapter 7 live in `chapter07`, and so on: each module has a table `CHECKERS` from an exercise's number to a
function that takes the answer and raises `Mistake` with one sentence for the learner. This module knows no exercise.
"""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Mistake(Exception):
    """What is wrong with an answer, in one or two sentences that say what to look at."""


@dataclass(frozen=True, repr=False)
class Feedback:
    """What `check` says about an answer. It is true when the answer passed."""

    id: str
    passed: bool
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        text = f"{'✓' if self.passed else '✗'} Exercise {self.id}: {self.message}"
        return textwrap.fill(text, 78, subsequent_indent="  ", break_long_words=False)


def check(id: str, answer: Any) -> Feedback:
    """Check the answer to exercise `id` ("7.1"): a function or a value, as the exercise asks.

    Never raises for a wrong answer. Raises LookupError when there is no such exercise.
    """
    checker = _checkers(id).get(id)
    if checker is None:
        raise LookupError(f"There is no exercise {id!r} in this chapter; it has {', '.join(_checkers(id))}.")
    try:
        checker(answer)
    except Mistake as mistake:
        return Feedback(id, False, str(mistake))
    return Feedback(id, True, "right.")


def _checkers(id: str) -> dict[str, Callable[[Any], None]]:
    chapter, dot, number = id.partition(".") if isinstance(id, str) else ("", "", "")
    if not (dot and chapter.isdecimal() and number.isdecimal()):
        raise LookupError(f"An exercise is named by its chapter and number, such as '7.1'; got {id!r}.")
    name = f"{__name__}.chapter{int(chapter):02d}"
    try:
        return importlib.import_module(name).CHECKERS
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise LookupError(f"Chapter {chapter} has no exercises that can be checked.") from None


def call(function: Any, *arguments: Any) -> Any:
    """The learner's function on `arguments`. Raises `Mistake` when it is no function, raises, or returns nothing."""
    if not callable(function):
        raise Mistake(f"give check the function itself, without calling it; it got a {type(function).__name__}.")
    try:
        result = function(*arguments)
    except Exception as error:
        raise Mistake(f"your function raised {type(error).__name__}: {error}") from error
    if result is None or result is Ellipsis:
        raise Mistake("your function returns nothing yet: replace the dots, and end with `return`.")
    return result
