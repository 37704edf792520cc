"""The evaluation of chapter 15: how answers are judged, what is asked, and that the stored answers belong to the collection."""

import numpy as np
import pytest

from lmkit import course, records
from lmkit.records import reading


@pytest.mark.parametrize(
    ("reply", "answers", "right"),
    [
        ("It has 32 rows.", ["32"], True),
        ("In 1932.", ["32"], False),
        ("It is 32.5", ["32"], False),
        ("It is 7.32", ["32"], False),
        ("That is 32.", ["32"], True),
        ("About 98.5%", ["8.5%", "8.5"], False),
        ("BERT does", ["bert"], True),
        ("RoBERTa does", ["BERT"], False),
        ("", ["a"], False),
    ],
)
def test_an_answer_counts_when_it_stands_there_whole(reply, answers, right):
    assert reading.says(reply, answers) is right


def test_who_admits():
    assert reading.admits("I do not know.") and reading.admits("The passages don't say it.")
    assert not reading.admits("It is known as BERT.")


def test_the_prompt_numbers_its_passages():
    text = reading.prompt("Why?", ["One.", "Two."])
    assert text.index("[1] One.") < text.index("[2] Two.") < text.index("Question: Why?")
    assert reading.CAREFUL not in text and reading.CAREFUL in reading.prompt("Why?", ["One."], careful=True)
    assert "passage" not in reading.prompt("Why?")


def test_every_question_has_a_passage_that_answers_it_and_a_false_one():
    collection = reading.passages()
    for question in reading.chosen(reading.N):
        right = reading.gold(question, collection)
        false, instead = reading.falsified(question, right)
        assert reading.says(right.text, question.answers[:1])
        assert reading.says(false, [instead]) and not reading.says(false.replace(instead, ""), question.answers[:1])


def test_kept_vectors_are_looked_up_and_others_computed(tmp_path, monkeypatch):
    class Fake:
        width = 384

        def encode(self, texts, query=False):
            return np.stack([np.full(384, len(text) / 100 + query, np.float32) for text in texts])

    monkeypatch.setattr(reading.retrieval, "Encoder", lambda name: Fake())
    path = tmp_path / "kept.safetensors"
    reading.keep({"one": [("abc", False), ("abc", True)]}, path)
    known = reading.Remembered("one", path)
    known.__dict__["encoder"] = None  # not needed for what is kept
    assert np.allclose(known.encode(["abc"]), 0.03, atol=1e-3) and np.allclose(known.encode(["abc"], query=True), 1.03, atol=1e-3)
    assert np.allclose(reading.Remembered("one", path).encode(["abcdef", "abc"])[:, 0], [0.06, 0.03], atol=1e-3)


def test_the_stored_answers_belong_to_the_collection():
    record = records.load("reading")
    known = {question.id for question in course.questions("en")}
    closed = record.where(set="course", condition="closed")
    assert len(closed) == reading.N and {row["id"] for row in closed} <= known
    for condition in ("gold", "found", "wrong", "false"):
        assert [row["id"] for row in record.where(set="course", condition=condition)] == [row["id"] for row in closed]
    assert all(row["right"] == reading.says(row["reply"], answers(row["id"])) for row in closed)


def answers(id: str) -> tuple[str, ...]:
    return next(question.answers for question in course.questions("en") if question.id == id)
