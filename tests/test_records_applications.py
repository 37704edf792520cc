"""The judges of the applications: a right answer passes, a wrong one fails, and broken text does not break them."""

import json

import pytest

from lmkit import records
from lmkit.records import applications

RIGHT = {
    "style": lambda item: f"Dear all, {item['notice']}",
    "tutor": lambda item: "What do you know about it already?",
    "translate": lambda item: item["chinese"],
    "sales": lambda item: str(item["answer"]),
    "sales at once": lambda item: f"{item['answer']}",
    "svg": lambda item: applications.drawing(item["shapes"]),
    "contract": lambda item: json.dumps(item["fields"]),
    "shot": lambda item: f"{item['subject']}; action: {item['action']}; mood: {item['mood']}; style: {item['style']}",
    "order": lambda item: item["answer"],
    "category": lambda item: item["answer"],
}


@pytest.mark.parametrize("task", sorted(RIGHT))
def test_right_answers_pass_and_nonsense_fails(task):
    for item in applications.items(task)[:6]:
        assert applications.judge(task, item, RIGHT[task](item))["right"]
        for nonsense in ("", "no", "{", "<svg", '{"seller": 1}', "[1]"):
            assert not applications.judge(task, item, nonsense)["right"]


def test_items_are_always_the_same_and_none_stands_twice():
    for task in applications.TASKS:
        items = applications.items(task)
        assert items == applications.items(task)
        assert len({json.dumps(item) for item in items}) == len(items), task
    with pytest.raises(LookupError, match="no task 'dance'"):
        applications.items("dance")


def test_functions_are_run_and_the_first_failure_is_told():
    double = applications.items("function")[0]
    assert applications.first_error(double, "    return 2 * x") == ""
    assert applications.first_error(double, "return x + x\n") == ""
    assert applications.first_error(double, "    return x") == "double(3) gave 3, not 6"
    assert "NameError" in applications.first_error(double, "    return y")
    assert applications.first_error(double, "")


def test_a_contract_is_judged_by_form_and_by_content():
    item = applications.items("contract")[0]
    swapped = item["fields"] | {"seller": item["fields"]["buyer"], "buyer": item["fields"]["seller"]}
    assert applications.judge_contract(item, json.dumps(swapped)) == {"right": False, "parses": True, "valid": True, "fields": 3}
    text = json.dumps(item["fields"] | {"amount": str(item["fields"]["amount"])})
    assert applications.judge_contract(item, text)["valid"] is False
    assert applications.judge_contract(item, "not JSON")["parses"] is False


def test_a_tutor_that_tells_is_no_tutor():
    item = {"question": "What is 20 + 22?", "answer": "42"}
    assert applications.judge("tutor", item, "Is it 42?") == {"right": False, "asks": True, "tells": True}
    assert applications.judge("tutor", item, "Think of 420.")["tells"] is False


def test_the_record_is_complete_and_judged_as_today():
    record = records.load("applications")
    for task in applications.TASKS:
        rows, items = record.where(task=task), applications.items(task)
        assert [row["item"] for row in rows] == list(range(len(items)))
    failed = [row["item"] for row in record.where(task="function") if not row["right"]]
    assert [row["item"] for row in record.where(task="function, second try")] == failed
    for task in ("style", "translate", "svg", "contract", "shot", "order", "category", "tutor"):
        for row in record.where(task=task):
            verdict = applications.judge(task, applications.items(task)[row["item"]], row["text"])
            assert all(row[key] == value for key, value in verdict.items()), row
