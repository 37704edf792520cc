"""The grid of chapter 11: the law finds what made its points, a run is the same twice, what is stored is whole and belongs
to this world's text."""

import json
import math

import numpy as np
import pytest
import torch

from lmkit.tiny import scaling
from lmkit.tiny.law import Law, fit, interval, resampled
from lmkit.tiny.scaling import Cell

N = np.repeat([7e3, 1.4e4, 2.4e4, 5.5e4, 1e5], 4)
D = np.tile([1e5, 3e5, 9e5, 2.7e6], 5)


@pytest.fixture(scope="module")
def texts(world):
    return scaling.prepare(world, rounds=4, n_held_out=40)


@pytest.mark.parametrize("law", [Law(0.8, 60, 900, 0.5, 0.5), Law(0.0, 5, 40, 0.2, 0.3), Law(1.5, 4000, 80, 0.9, 0.34)])
def test_the_law_that_made_the_points_is_found(law):
    found = fit(N, D, law(N, D))
    assert np.allclose([found.E, found.alpha, found.beta], [law.E, law.alpha, law.beta], atol=1e-6)
    assert np.allclose(found(2e5, 5e6), law(2e5, 5e6))


def test_no_term_becomes_negative():
    law = fit(N, D, 3.0 - 0.1 * np.log(N) - 0.05 * np.log(D) - 0.5)
    assert min(law.E, law.A, law.B) >= 0


def test_the_interval_widens_with_noise_and_holds_the_truth():
    law, rng = Law(0.5, 60, 900, 0.5, 0.5), np.random.default_rng(1)
    widths = []
    for noise in (0.003, 0.03):
        laws = resampled(N, D, law(N, D) * np.exp(rng.normal(0, noise, len(N))), times=60)
        low, high = interval(laws, 2.2e5, 2.7e6)
        widths.append(high - low)
        assert low < law(2.2e5, 2.7e6) < high
    assert widths[1] > 3 * widths[0]


def test_points_may_count_more_than_once():
    loss = Law(0.5, 60, 900, 0.5, 0.5)(N, D) * np.exp(np.random.default_rng(2).normal(0, 0.02, len(N)))
    times = np.arange(len(N)) % 3
    again = [np.repeat(values, times) for values in (N, D, loss)]
    assert math.isclose(fit(N, D, loss, times)(1e5, 1e6), fit(*again)(1e5, 1e6), rel_tol=0.02)


def test_held_out_documents_are_not_read(texts, world):
    read = {document.text for document in scaling.documents(world, 0, rounds=4)}
    assert len(texts.held_out) == 40 and not read & {document.text for document in texts.held_out}


def test_a_run_is_the_same_twice_and_seeds_differ(texts):
    losses = [scaling.train(Cell(16, 12, seed, 12), texts)[1] for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_scores_are_those_of_the_model(texts):
    net, _ = scaling.train(Cell(16, 4, 0, 4), texts)
    pairs = [("The capital of France is", " Paris."), ("", "Its capital is Paris.")]
    (n1, _, nats1), (n2, right2, nats2) = scaling.score(net, texts, pairs).tolist()
    code, end = texts.tokenizer.encode, texts.tokenizer.eos_token_id
    assert n1 == len(code(" Paris.")) and n2 == len(code("Its capital is Paris.")) + 1
    ids = torch.tensor([[end, *code("Its capital is Paris."), end]])
    logprobs = net(ids[:, :-1]).logits.log_softmax(-1)
    assert math.isclose(-logprobs.gather(-1, ids[:, 1:, None]).sum().item(), nats2, rel_tol=1e-4)
    assert right2 == (logprobs.argmax(-1) == ids[:, 1:]).sum().item()
    ids = torch.tensor([[end, *code("The capital of France is"), *code(" Paris.")]])
    both = net(ids[:, :-1]).logits.log_softmax(-1).gather(-1, ids[:, 1:, None])[0, -int(n1) :]
    assert math.isclose(-both.sum().item(), nats1, rel_tol=1e-4)


def test_a_target_is_cut_where_its_tokens_are_cut(texts):
    code = texts.tokenizer.encode
    asked = scaling.targets(texts.world)
    assert len(asked) == len(texts.world.facts) + 441
    assert all(code(one.prompt) + code(one.answer) == code(one.prompt + one.answer) for one in asked)


def test_no_model_is_better_than_the_dice(texts):
    least = scaling.least_loss(texts)
    assert 0.2 < least < min(row["loss"] for row in scaling.read_table())


def test_finished_runs_are_not_run_again(texts, tmp_path, monkeypatch):
    for name in ("TABLE", "RECALL"):
        monkeypatch.setattr(scaling, name, tmp_path / f"{name}.csv")
    cells = [Cell(16, 2, 0, 2), Cell(16, 3, 0, 2)]
    scaling.run(cells[:1], texts)
    before = (tmp_path / "TABLE.csv").read_text("utf8")
    scaling.run(cells, texts)
    after = (tmp_path / "TABLE.csv").read_text("utf8")
    assert after.startswith(before) and [row["run"] for row in scaling.read_table()] == ["16/2/0", "16/3/0/2"]
    recall = scaling.read_table(tmp_path / "RECALL.csv")
    assert len(recall) == len(scaling.targets(texts.world)) and set(recall[0]) >= {"target", "tokens", "16/2/0", "16/3/0/2"}


def test_the_stored_grid_is_whole():
    rows, record = scaling.read_table(), json.loads(scaling.RECORD.read_text("utf8"))
    names = [row["run"] for row in rows]
    cells = scaling.grid([*scaling.WIDTHS, scaling.NEXT])
    assert len(names) == len(set(names)) and {cell.name for cell in cells} <= set(names)
    assert len(scaling.WIDTHS) >= 5 and len(scaling.STEPS) >= 4
    longest = next(row for row in rows if (row["width"], row["steps"]) == (scaling.NEXT, max(scaling.STEPS)))
    assert record["prediction"]["date"] < longest["date"], "the longest run of the next size was foretold before it began"
    assert {one["tokens"] for one in record["prediction"]["next"]} == {cell.tokens for cell in cells}


def test_the_stored_grid_was_trained_on_this_text(world):
    record = json.loads(scaling.RECORD.read_text("utf8"))
    assert scaling.text_sha256(world) == record["text_sha256"], (
        "the English text of the small world is another one than the grid was trained on: `make scaling` trains it again, "
        "after lmkit/tiny/data/scaling* has been removed"
    )
