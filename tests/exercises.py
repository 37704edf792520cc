"""The exercises of a chapter's notebook, run as a learner would run them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from lmkit.exercises import Feedback, check

CHAPTERS = Path(__file__).parent.parent / "chapters"


def numbers(name: str) -> set[str]:
    """The exercises that the notebook `name` has cells for."""
    tags = {tag for cell in nbformat.read(CHAPTERS / name, as_version=4).cells for tag in cell.metadata.get("tags", [])}
    return {tag.removeprefix("exercise-") for tag in tags if tag.startswith("exercise-")}


def run(name: str, tag: str, **names) -> Feedback:
    """Run the one cell with this tag, with `names` at hand; what `check` said at its end."""
    notebook = nbformat.read(CHAPTERS / name, as_version=4)
    cells = [cell.source for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
    assert len(cells) == 1, f"one cell is tagged {tag}, not {len(cells)}"
    number = re.escape(tag.partition("-")[2])
    names["check"] = check
    exec(cells[0], names)
    return eval(re.search(rf'^check\("{number}", \w+\)$', cells[0], re.MULTILINE).group(0), names)


def exercise_tests(notebook: str, exercises: list[str], wrong: dict[str, list[tuple[Callable, str]]], **names) -> type:
    """The tests that every chapter's exercises have. `wrong`: for each exercise, answers that learners give, and words of
    the feedback that names the mistake; `names` are at hand in the notebook's cells."""

    class TestExercises:
        def test_the_notebook_has_these_exercises_and_no_others(self):
            assert numbers(notebook) == set(exercises)

        def test_every_exercise_has_wrong_answers(self):
            assert set(wrong) == set(exercises)

        @pytest.mark.parametrize("number", exercises)
        def test_solution_passes(self, number):
            feedback = run(notebook, f"solution-{number}", **names)
            assert feedback.passed, feedback.message

        @pytest.mark.parametrize("number", exercises)
        def test_stub_runs_and_is_told_that_it_is_empty(self, number):
            feedback = run(notebook, f"exercise-{number}", **names)
            assert not feedback.passed and "returns nothing yet" in feedback.message

        @pytest.mark.parametrize(
            ("number", "answer", "words"),
            [(number, *case) for number, cases in wrong.items() for case in cases],
            ids=lambda v: v.__name__ if callable(v) else str(v)[:24],
        )
        def test_mistake_is_named(self, number, answer, words):
            feedback = check(number, answer)
            assert not feedback.passed and words in feedback.message, feedback.message

        @pytest.mark.parametrize("number", exercises)
        def test_something_that_is_no_function_is_told_so(self, number):
            assert "the function itself, without calling it" in check(number, 3.0).message

    return TestExercises
