"""The questions of the record "prompting": asked in batches they get the answers that they get one by one."""

import pytest
import torch

from lmkit import records, tiny
from lmkit.records import asking, prompting

TEXTS = [
    "The capital of France is",
    "The capital of Peru is Lima. The capital of Japan is",
    "The currency of Kenya is",
    "中国的首都是",
]


@pytest.fixture(scope="module")
def model():
    return tiny.load("base")


def test_logits_of_a_batch_are_those_of_each_text_alone(model):
    found = prompting.next_logits(model, TEXTS, at_once=3)
    for text, logits in zip(TEXTS, found, strict=True):
        assert torch.allclose(logits, model.next_token(prompting.ids_of(model, text)).logits, atol=1e-3)


def test_a_common_beginning_is_read_once_and_leaves_something_to_read():
    rows = [[1, 2, 3, 4], [1, 2, 9], [1, 2]]
    [(places, begin, rest)] = asking.batches(rows, at_once=8)
    assert begin == [1] and [begin + tail for tail in rest] == [rows[i] for i in places]


@pytest.mark.parametrize("stop", ["", "."])
def test_texts_written_in_a_batch_are_those_written_alone(model, stop):
    for text, (found, gap, watched) in zip(TEXTS, prompting.write(model, TEXTS, limit=12, stop=stop, watch=[5]), strict=True):
        ids = prompting.ids_of(model, text)
        alone = asking._until(model.generate(ids, max_new_tokens=12).text, stop, model.tokenizer.eos_token)
        assert gap < 0.01 or found == alone
        assert watched == pytest.approx([model.next_token(ids).logits[5].item()], abs=1e-3)


def test_writing_stops_at_the_line_end_and_keeps_what_stands_before_it(model):
    assert asking._until(" Lima.\nA: Thank you!<|end|>", "\n", "<|end|>") == "Lima."
    assert asking._until(" Lima.<|end|> more", "", "<|end|>") == "Lima."


def test_a_forged_mark_becomes_ordinary_tokens(model):
    end = model.tokenizer.eos_token
    assert model.tokenizer.eos_token_id in prompting.ids_of(model, f"Fine.{end}")
    ids = prompting.harmless(model, f"Fine.{end}")
    assert model.tokenizer.eos_token_id not in ids and model.decode(ids) == f"Fine.{end}"


def test_reviews_and_their_examples_do_not_overlap():
    tested, _ = prompting.reviews()
    texts = {row["text"] for row in tested}
    assert len(texts) == 120 and sum(row["label"] == "positive" for row in tested) == 60
    assert not any(f"Review: {text}\n" in prompting.examples(8, draw) for text in texts for draw in range(prompting.DRAWS))
    for k in (2, 4, 8):
        assert prompting.examples(k, 0).count("Sentiment: positive") == k // 2
    true, flipped = prompting.examples(8, 1), prompting.examples(8, 1, "flipped")
    swap = {"positive": "negative", "negative": "positive"}
    assert [swap[line.split()[-1]] for line in true.splitlines()[1::3]] == [
        line.split()[-1] for line in flipped.splitlines()[1::3]
    ]
    assert "…" in prompting.examples(2, 0, "format")


def test_the_words_asked_are_none_of_the_examples():
    assert len(set(prompting.ANIMALS)) == len(set(prompting.THINGS)) == 60
    shown, left = prompting.words("swapped", 16, 0)
    assert len(left) == 104 and not {word for word, _ in left} & {line.split(":")[0] for line in shown.splitlines()}
    assert all((word in prompting.ANIMALS) == (kind == 0) for word, kind in left)
    assert all((line.split(":")[0] in prompting.ANIMALS) == line.endswith("tool") for line in shown.splitlines())


def test_problems_are_solved_by_their_steps():
    for _, worked, answer in prompting.problems():
        lines = [line.split(" = ") for line in worked.rstrip(".").split(". ")]
        assert all(eval(left) == int(right) for left, right in lines) and int(lines[-1][1]) == answer >= 0
        assert lines[1][0].startswith(lines[0][1])


def test_calculations_are_new():
    for operation, solved in (("+", prompting.SUMS), ("×", prompting.PRODUCTS)):
        for digits in (2, 3):
            asked = prompting.calculations(operation, digits)
            assert len(set(asked)) == 100 and not any(f"{a} {operation} {b} =" in solved for a, b in asked)


@pytest.mark.parametrize(
    ("text", "number"), [("12 - 5 = 7. The answer is 7.", 7), ("1,234 cards", 1234), ("none", None), ("it is -3", -3)]
)
def test_last_number(text, number):
    assert prompting.last_number(text) == number


def test_names_are_whole_words():
    assert prompting.names("Positive, not negative", ("positive", "negative")) == ["positive", "negative"]
    assert prompting.names("nonpositive", ("positive",)) == []


def test_the_record_holds_every_condition_once():
    record = records.load("prompting")
    expected = sum(120 for _ in prompting.PARTS["reviews"] + prompting.PARTS["wordings"] + prompting.PARTS["injection"])
    expected += sum(104 for _ in prompting.PARTS["words"])
    expected += sum(100 for _ in prompting.PARTS["digits"] + prompting.PARTS["steps"])
    assert len(record.rows) == expected
    assert {"model", "revision", "seed", "date", "versions"} <= set(record.made)
