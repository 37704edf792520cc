"""The sentence of the front page: how its tree grows, and that the stored one is what the model says."""

import pytest

from lmkit import records
from lmkit.records import branches


def test_a_tree_asks_all_short_beginnings_first_and_then_the_likeliest(tiny):
    rows = {row["path"]: row for row in branches.grow(tiny("llama"), "the cat", full=1, asked=9)}
    assert len(rows) == 9 and {"", "0", "1", "2", "3"} <= set(rows)
    likely = {"": 1.0}
    for path in sorted(set(rows) - {""}, key=len):
        likely[path] = likely[path[:-1]] * rows[path[:-1]]["probs"][int(path[-1])]
    asked = min(likely[path] for path in rows if len(path) == 2)
    left = [likely[path] * rows[path]["probs"][k] for path in "0123" for k in range(4) if f"{path}{k}" not in rows]
    assert asked >= max(left) - 1e-3, "no likelier beginning was left out"


def test_nothing_follows_an_end_token(tiny):
    model = tiny("llama")
    rows = branches.grow(model, "the cat", full=3, asked=60)
    by_path = {row["path"]: row for row in rows}
    ends = [row["path"] + str(k) for row in rows for k, id in enumerate(row["ids"]) if id == model.tokenizer.eos_token_id]
    assert not set(ends) & set(by_path)
    assert branches.ids_along(rows, "01") == [by_path[""]["ids"][0], by_path["0"]["ids"][1]]


def test_the_stored_tree_is_whole_and_what_the_model_says(smollm2):
    record = records.load("branches")
    rows = {row["path"]: row for row in record.rows}
    assert len(rows) == len(record.rows) == branches.ASKED and record.made["prompt"] == branches.PROMPT
    for path, row in rows.items():
        assert not path or path[:-1] in rows, "every beginning can be reached"
        assert row["probs"] == sorted(row["probs"], reverse=True) and 0 < sum(row["probs"]) <= 1.0002
        assert len(row["tokens"]) == len(row["probs"]) == branches.WIDTH
    assert {len(path) for path in rows} >= set(range(branches.FULL + 1)) and max(map(len, rows)) >= 10
    some = ["", "0", "3210", max(rows, key=len)]
    asked = [smollm2.encode(branches.PROMPT) + branches.ids_along(record.rows, path) for path in some]
    for path, now in zip(some, branches.following(smollm2, asked), strict=True):
        assert [p for _, p in now] == pytest.approx(rows[path]["probs"], abs=2e-4), path
        assert smollm2.token_string(now[0][0]) == rows[path]["tokens"][0]
