"""The course's text as a collection: every question has its answer where it says, and nowhere else."""

import re
from collections import Counter

import pytest

from book import passages
from lmkit import course

LANGUAGES = course.LANGUAGES
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("language", LANGUAGES)
def test_documents_are_whole_and_in_their_language(language):
    documents = course.documents(language)
    assert len({d.id for d in documents}) == len(documents) >= {"en": 140, "zh": 60}[language]
    assert [d.chapter for d in documents] == sorted(d.chapter for d in documents)
    assert {d.chapter for d in documents} == set(range(1, 14))
    for document in documents:
        share = len(HAN.findall(document.text)) / len(document.text)
        assert (share < 0.25) if language == "en" else (share > 0.4), document.id
        assert document.title and document.text == document.text.strip()
        assert not re.search(r"\{cite|:::|\*\*|\$\$|<br|\\text|\\frac", document.text), document.id


def test_an_abstract_belongs_to_a_section():
    sections = {d.id for d in course.documents("en")}
    assert {d.id for d in course.documents("zh")} <= sections


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_evidence_stands_once_and_holds_the_answer(language):
    documents = {d.id: d.text for d in course.documents(language)}
    for question in course.questions(language):
        assert {id: text.count(question.evidence) for id, text in documents.items() if question.evidence in text} == {
            question.document: 1
        }, question.id
        assert question.answers[0] in question.evidence, question.id
        assert question.kind in course.KINDS
        share = len(HAN.findall(question.text)) / len(question.text)  # an English question may name a Chinese word
        assert (share < 0.12) if language == "en" else (share > 0.12), question.text


def test_there_are_enough_questions_of_every_kind():
    english, chinese = course.questions("en"), course.questions("zh")
    assert len(english) >= 120 and len(chinese) >= 60
    kinds = Counter(question.kind for question in english)
    assert min(kinds[kind] for kind in course.KINDS) >= 20, kinds
    for questions in (english, chinese):
        assert len({q.id for q in questions}) == len({q.text for q in questions}) == len(questions)


def test_a_question_in_two_languages_has_one_gold_document():
    english = {q.id: q for q in course.questions("en")}
    for question in course.questions("zh"):
        assert question.document == english[question.id].document
        assert question.kind == english[question.id].kind


def test_unanswerable_questions():
    english, chinese = course.unanswerable("en"), course.unanswerable("zh")
    assert len(english) == len(chinese) >= 40
    assert not set(english) & {q.text for q in course.questions("en")}
    assert all(HAN.search(text) for text in chinese) and not any(HAN.search(text) for text in english)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_handbook(language):
    rules = course.handbook(language)
    assert len({r.id for r in rules}) == len(rules) >= 40
    for rule in rules:
        assert any(answer.lower() in rule.text.lower() for answer in rule.answers), rule
        assert bool(HAN.search(rule.text)) == bool(HAN.search(rule.question)) == (language == "zh")
    assert len({r.text for r in rules}) == len({r.question for r in rules}) == len(rules)


def test_another_language_is_refused():
    for function in (course.documents, course.questions, course.unanswerable, course.handbook):
        with pytest.raises(ValueError, match="nothing in 'fr'"):
            function("fr")


def test_the_evidence_still_stands_in_the_chapters():
    """Edits of a chapter may leave the stored text behind; what is asked about must still be there."""
    today = {d["id"]: d["text"] for d in passages.documents()}
    gone = [
        f"{q.id}: {q.evidence!r} is no longer in {q.document}"
        for q in course.questions("en")
        if q.evidence not in today.get(q.document, "")
    ]
    assert not gone, "Run `python -m book.passages` and mend lmkit/data/course/questions.jsonl:\n" + "\n".join(gone)
