"""The word problems: made as they say, read as they should be, and the stored record agrees with both."""

import pytest

from lmkit import records, tiny
from lmkit.records import programs
from lmkit.records.programs import EXAMPLES, WAYS, Problem, complete, is_right, next_logits, problems, shown, value

MADE = pytest.mark.skipif(not records.path("programs").is_file(), reason="the record is not made yet")


def test_problems_are_many_different_and_always_the_same():
    found = problems()
    assert len(found) == len({one.text for one in found}) == 120 and found == problems()
    assert sum(one.operations == 1 for one in found) == 80 and all(one.answer > 1 for one in found)
    assert not {one.text for one in found} & {example[0] for example in EXAMPLES}
    assert [one.text for one in problems(seed=1)] != [one.text for one in found]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e[3])
def test_worked_examples_are_right_in_every_way(example):
    problem = Problem(example[0], 0, 1, int(example[1]))
    for way, text in zip(WAYS, example[1:5], strict=True):
        assert is_right(way, problem, text), way
    assert is_right("reply", problem, example[5])


@pytest.mark.parametrize(
    ("way", "text", "number"),
    [
        ("direct", "1,204 euros", 1204),
        ("direct", "about 12.5", 12.5),
        ("direct", "none", None),
        ("steps", "3 * 4 = 12. The answer is 12. The answer is 13.", 13),
        ("steps", "12", None),
        ("expression", "3 * 4", 12),
        ("expression", "3 * four", None),
        ("expression", "3 > 2", None),
        ("program", "a = 3\nanswer = a * 4", 12),
        ("program", "a = 3", None),
        ("program", "while True:\n    pass", None),
    ],
)
def test_a_text_is_read_as_a_number(way, text, number):
    assert value(way, text) == number


def test_a_reply_must_hold_the_whole_number():
    problem = Problem("", 0, 1, 120)
    assert is_right("reply", problem, "They pay 120 euros.")
    assert not is_right("reply", problem, "They pay 1200 euros.") and not is_right("reply", problem, "They pay 12.")


@pytest.fixture(scope="module")
def model():
    return tiny.load("base")


def test_a_batch_is_continued_as_each_text_alone(model):
    start, rest = "The capital of France is Paris.\n", ["The capital of China is", "Kenya", "The currency of Japan is the"]
    texts = complete(model, start, rest, 8, end="\n\n")
    for text, found in zip(rest, texts, strict=True):
        ids = [id for part in (start, text) for id in model.tokenizer(part, add_special_tokens=False)["input_ids"]]
        alone = model.generate(ids, max_new_tokens=8).text
        assert alone.lstrip("\n").split("\n\n")[0].strip() == found
    logits = next_logits(model, start, rest)
    ids = [id for part in (start, rest[1]) for id in model.tokenizer(part, add_special_tokens=False)["input_ids"]]
    assert (logits[1] - model.next_token(ids).logits).abs().max() < 1e-3


@MADE
def test_the_record_asks_these_problems_and_its_verdicts_are_those_of_its_texts():
    record, by_text = records.load("programs"), {one.text: one for one in problems()}
    for way in (*WAYS, "reply"):
        rows = record.where(way=way)
        assert [row["problem"] for row in rows] == list(by_text)
        for row in rows if way in ("direct", "steps", "reply") else rows[::12]:
            assert row["right"] == is_right(way, by_text[row["problem"]], row["text"]), row
            assert row["answer"] == by_text[row["problem"]].answer


def test_the_prompt_shows_the_examples_and_nothing_else():
    for way in (*WAYS, "reply"):
        text = shown(way)
        assert text.count("Question:") == len(EXAMPLES) == text.count(programs.HEADS[way]) and text.endswith("\n\n")
