"""The course's own text as a collection of documents with questions: something real that no model has read.

    course.documents("en")      the sections of the chapters, 146 documents
    course.documents("zh")      提要: what the most important of them say, in Chinese
    course.questions("zh")      questions with short answers, each answered by one document
    course.unanswerable("en")   questions near the subject that no document answers
    course.handbook("en")       the rules of a tea house that does not exist

A section and its Chinese abstract have the same id, and a question that was asked in both languages has the same id in
both: so whoever asks in one language and searches in the other knows what should be found. `data/README.md` says how the
texts were made. This module reads files and knows nothing about models or search.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "course"
LANGUAGES = ("en", "zh")
KINDS = ("term", "paraphrase", "number")


@dataclass(frozen=True)
class Document:
    """A section of a chapter, or its Chinese abstract. `id` is the chapter and the heading: "07/why-divide-by-d"."""

    id: str
    title: str
    language: str
    text: str

    @property
    def chapter(self) -> int:
        return int(self.id.split("/")[0])


@dataclass(frozen=True)
class Question:
    """A question with a short answer.

    answers     accepted forms, the first of them as it stands in `evidence`
    document    the id of the document that answers it
    evidence    the words of that document which hold the answer; they stand in no other document of this language
    kind        "term": names what it asks about as the text does; "paraphrase": says it in other words;
                "number": asks for the result of a run of this course, which nobody can know who has not read it
    """

    id: str
    language: str
    text: str
    answers: tuple[str, ...]
    document: str
    evidence: str
    kind: str


@dataclass(frozen=True)
class Rule:
    """A rule of the invented tea house, with a question about it and the accepted answers."""

    id: str
    language: str
    text: str
    question: str
    answers: tuple[str, ...]


def documents(language: str = "en") -> list[Document]:
    """The documents of a language, "en" or "zh", in the order of the course. Raises ValueError for another language."""
    return [Document(row["id"], row["title"], language, row["text"]) for row in rows(f"{known(language)}.jsonl")]


def questions(language: str = "en") -> list[Question]:
    """The questions asked in a language. Raises ValueError for another one than "en" and "zh"."""
    return [
        Question(row["id"], language, row[language]["text"], tuple(row[language]["answers"]), row["document"],
                 row[language]["evidence"], row["kind"])
        for row in rows("questions.jsonl")
        if known(language) in row
    ]  # fmt: skip


def unanswerable(language: str = "en") -> list[str]:
    """Questions that could stand in such a course and that none of its documents answers, in either language."""
    return [row[known(language)] for row in rows("unanswerable.jsonl")]


def handbook(language: str = "en") -> list[Rule]:
    """The rules of a tea house, invented with all their numbers, so that no model can know them."""
    known(language)
    return [
        Rule(row["id"], language, row[language]["text"], row[language]["question"], tuple(row[language]["answers"]))
        for row in rows("handbook.jsonl")
    ]


def known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f'The collection is in English, "en", and in Chinese, "zh"; there is nothing in {language!r}.')
    return language


@cache
def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf8").splitlines()]
