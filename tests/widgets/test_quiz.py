"""Quiz: what Python refuses, and answering by mouse, keyboard and touch in a page."""

import re

import pytest
from browser import chromium, imported, pages, scrolls_sideways  # noqa: F401
from playwright.sync_api import expect

from lmkit.widgets.base import bundle
from lmkit.widgets.quiz import Quiz

CHOICE = {
    "question": "Which setting never changes the order of the candidates?",
    "options": ["top-k", "temperature", "</fieldset><img onerror=alert(1)>"],
    "answer": 1,
    "why": ["It removes candidates.", "Dividing by a positive number keeps the order.", "That is no <b>setting</b>."],
}
NUMBER = {
    "question": "What is e⁰ / (e⁰ + e⁰)?",
    "answer": 0.5,
    "tolerance": 0.01,
    "unit": "of 1",
    "right": "Both weigh the same.",
    "wrong": "Anything to the power 0 is 1.",
}
QUESTIONS = [CHOICE, NUMBER, CHOICE | {"question": "Once more?", "answer": 0}]


@pytest.fixture
def show(chromium, tmp_path):  # noqa: F811
    """show(quiz) opens it in a page of its own; at the end nothing may have gone wrong there."""
    with pages(chromium, tmp_path) as open_page:
        yield lambda quiz, **options: open_page(quiz.to_html("Test"), **options).page


def question(page, number):
    return page.locator("fieldset").nth(number - 1)


def verdict(page, number):
    return question(page, number).locator(".qz-feedback")


def score(page):
    return page.locator(".qz-score")


# ---------------------------------------------------------------- Python


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([], "the quiz has no questions"),
        (CHOICE, "a quiz is a list of questions, not dict"),
        ("Why?", "a list of questions, not str"),
        (["Why?"], "question 1 is a str"),
        ([CHOICE, CHOICE | {"question": " "}], "question 2 has no text under 'question'"),
        ([CHOICE | {"answer": 3}], "question 1 has the answer 3; it must be an index from 0 to 2"),
        ([CHOICE | {"answer": -1}], "the answer -1"),
        ([CHOICE | {"answer": True}], "the answer True"),
        ([CHOICE | {"answer": "temperature"}], "the answer 'temperature'"),
        ([CHOICE | {"options": ["one"]}], "at least two options"),
        ([CHOICE | {"options": "abc"}], "at least two options"),
        ([CHOICE | {"options": ["a", "b", ""]}], "an option without text"),
        ([CHOICE | {"options": ["a", "b", "a"]}], "the same option twice"),
        ([CHOICE | {"why": ["only one"]}], "3 options and 1 reasons"),
        ([CHOICE | {"why": "because"}], "3 options and no list of reasons"),
        ([CHOICE | {"why": ["a", "", "c"]}], "no reason for the option 'temperature'"),
        ([CHOICE | {"hint": "x"}], r"['hint']"),
        ([NUMBER | {"answer": "0.5"}], "its answer must be a number; it is '0.5'"),
        ([NUMBER | {"answer": float("nan")}], "its answer must be a number"),
        ([NUMBER | {"tolerance": -1}], "the tolerance -1"),
        ([NUMBER | {"wrong": ""}], "a text under 'wrong'"),
        ([NUMBER | {"unit": 3}], "the unit 3"),
        ([NUMBER | {"why": ["a"]}], r"['why']"),
    ],
)
def test_a_faulty_quiz_is_refused(questions, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Quiz(questions)


def test_repr_is_short():
    assert repr(Quiz(QUESTIONS)) == "Quiz(3 questions)"
    assert repr(Quiz([NUMBER])) == "Quiz(1 question)"


def test_unit_and_tolerance_may_be_left_out():
    plain = {key: NUMBER[key] for key in ("question", "answer", "right", "wrong")}
    assert Quiz([plain]).questions[0] == NUMBER | {"unit": "", "tolerance": 0.0}


# ---------------------------------------------------------------- arithmetic in the browser


@pytest.fixture
def module(chromium):  # noqa: F811
    with imported(chromium, "quiz", bundle("quiz.js")) as page:
        yield page


def test_numbers_are_read_as_people_write_them(module):
    written = {
        "0.5": 0.5,
        " 0,5 ": 0.5,
        ".5": 0.5,
        "50%": 0.5,
        "50 %": 0.5,
        "1/2": 0.5,
        "-3": -3,
        "−3": -3,
        "+2e-3": 0.002,
        "49 152": 49152,
        "7.": 7,
    }
    for text, value in written.items():
        assert module.evaluate("(text) => quiz.parseNumber(text)", text) == pytest.approx(value), text
    for text in ("", "half", "1/2/3", "0x10", "1,000,000", "--1", "%", "Infinity", "1 or 2"):
        assert module.evaluate("(text) => Number.isNaN(quiz.parseNumber(text))", text), text


def test_tolerance_is_inclusive(module):
    close = "([given, answer, tolerance]) => quiz.isClose(given, answer, tolerance)"
    for given, right in ((0.88, True), (0.9, True), (0.8999, True), (0.9001, False), (0.8599, False), (0.86, True)):
        assert module.evaluate(close, [given, 0.88, 0.02]) is right
    assert module.evaluate(close, [0.1 + 0.2, 0.3, 0]) and not module.evaluate(close, [0.3001, 0.3, 0])


# ---------------------------------------------------------------- answering


def test_a_click_answers_at_once_with_the_reason_of_that_option(show):
    page = show(Quiz(QUESTIONS))
    expect(score(page)).to_have_text("0 of 3 right at the first try · 3 to go")
    for option, right, reason in zip(CHOICE["options"], (False, True, False), CHOICE["why"], strict=True):
        question(page, 1).get_by_text(option, exact=True).first.click()
        expect(verdict(page, 1)).to_have_text(f"✓ Right. {reason}" if right else f"✗ Not quite. {reason}")
        expect(page.get_by_role("status")).to_contain_text(reason)
    marks = question(page, 1).locator(".qz-mark").all_inner_texts()
    assert marks == ["✗", "✓", "✗"]
    expect(score(page)).to_have_text("0 of 3 right at the first try · 2 to go")  # the first try counts
    expect(verdict(page, 2)).to_be_hidden()


def test_a_click_on_the_radio_itself_and_on_one_already_chosen(show):
    page = show(Quiz(QUESTIONS))
    page.get_by_role("radio").nth(1).click()
    expect(verdict(page, 1)).to_contain_text("Right.")
    third = question(page, 3).get_by_role("radio")
    third.nth(1).focus()
    page.keyboard.press("Space")
    expect(verdict(page, 3)).to_be_hidden()
    third.nth(1).click()
    expect(verdict(page, 3)).to_contain_text("Not quite.")


def test_arrow_keys_choose_without_answering_and_enter_answers(show):
    page = show(Quiz(QUESTIONS))
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(verdict(page, 1)).to_be_hidden()
    expect(score(page)).to_contain_text("3 to go")
    expect(question(page, 1).get_by_role("button", name="Check")).to_be_visible()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(verdict(page, 1)).to_have_text("✓ Right. Dividing by a positive number keeps the order.")
    expect(score(page)).to_have_text("1 of 3 right at the first try · 2 to go")
    label = question(page, 1).locator(".qz-option").nth(1)
    assert label.evaluate("(el) => getComputedStyle(el).outlineStyle") == "solid"  # focus is visible


def test_the_check_button_answers_for_the_keyboard(show):
    page = show(Quiz(QUESTIONS))
    page.get_by_role("radio").nth(2).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(verdict(page, 1)).to_contain_text("That is no <b>setting</b>.")
    expect(question(page, 1).get_by_role("button", name="Check")).to_be_hidden()


def test_after_the_right_answer_the_other_reasons_can_be_read(show):
    page = show(Quiz(QUESTIONS))
    others = question(page, 1).locator("details")
    question(page, 1).get_by_text("top-k", exact=True).first.click()
    expect(others).to_be_hidden()
    question(page, 1).get_by_text("temperature", exact=True).first.click()
    others.locator("summary").press("Enter")
    assert others.locator("dt").all_inner_texts() == [CHOICE["options"][0], CHOICE["options"][2]]
    assert others.locator("dd").all_inner_texts() == [CHOICE["why"][0], CHOICE["why"][2]]


def test_number_by_enter_and_by_button(show):
    page = show(Quiz(QUESTIONS))
    field = page.get_by_label("Your answer")
    field.fill("a half")
    field.press("Enter")
    expect(verdict(page, 2)).to_contain_text("Type a number first")
    expect(score(page)).to_contain_text("3 to go")  # that was no try
    field.fill("0.52")
    field.press("Enter")
    expect(verdict(page, 2)).to_have_text("✗ Not quite. Anything to the power 0 is 1.")
    field.fill("50 %")
    question(page, 2).get_by_role("button", name="Check").click()
    expect(verdict(page, 2)).to_have_text("✓ Right. Both weigh the same.")
    expect(score(page)).to_have_text("0 of 3 right at the first try · 2 to go")


def test_all_right_and_start_again(show):
    page = show(Quiz(QUESTIONS))
    again = page.get_by_role("button", name="Start again")
    expect(again).to_be_disabled()
    question(page, 1).get_by_role("radio").nth(1).click()
    page.get_by_label("Your answer").fill("0.505")
    page.get_by_label("Your answer").press("Enter")
    question(page, 3).get_by_role("radio").nth(0).click()
    expect(score(page)).to_have_text("All right at the first try.")
    again.press("Enter")
    expect(score(page)).to_have_text("0 of 3 right at the first try · 3 to go")
    assert page.locator("input:checked").count() == 0 and page.get_by_label("Your answer").input_value() == ""
    expect(page.get_by_role("radio").first).to_be_focused()
    question(page, 1).get_by_role("radio").nth(0).click()
    expect(verdict(page, 1)).to_contain_text("It removes candidates.")


def test_texts_are_never_html(show):
    page = show(Quiz(QUESTIONS, title="<u>Quiz</u>"))
    assert page.locator(".lmkit :is(img, b b, u)").count() == 0
    expect(page.locator(".lmkit-title")).to_have_text("<u>Quiz</u>")
    assert question(page, 1).locator(".qz-option").nth(2).inner_text() == CHOICE["options"][2]


def test_each_question_is_a_named_group(show):
    page = show(Quiz(QUESTIONS))
    for number, item in enumerate(QUESTIONS, 1):
        expect(page.get_by_role("group", name=f"Question {number} of 3 {item['question']}")).to_be_visible()


def test_narrow_page_by_touch(show):
    page = show(Quiz(QUESTIONS), width=360)
    assert scrolls_sideways(page) == []
    question(page, 1).get_by_text("temperature", exact=True).first.tap()
    expect(verdict(page, 1)).to_contain_text("Right.")
    heights = "() => [...document.querySelectorAll('.qz-option')].map((el) => el.offsetHeight)"
    assert min(page.evaluate(heights)) >= 44


@pytest.mark.parametrize("width", [360, 1100])
def test_reserved_height_is_what_is_needed(show, width):
    long = CHOICE | {"question": "A long question? " * 9, "options": ["short", "a long answer that goes on " * 5]}
    quiz = Quiz([*QUESTIONS, long | {"why": ["no", "yes"]}])
    page = show(quiz, width=width)
    height = page.evaluate("document.querySelector('.lmkit').offsetHeight + 32")
    reserved = quiz._height[0 if width > 600 else 1]
    assert abs(height - reserved) < 0.07 * height, (height, reserved)


def test_dark_mode(show):
    paper = "() => getComputedStyle(document.querySelector('.lmkit')).backgroundColor"
    assert show(Quiz(QUESTIONS)).evaluate(paper) != show(Quiz(QUESTIONS), dark=True).evaluate(paper)
