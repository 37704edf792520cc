"""The two encoder-decoders: what attention may see, how they learn, and that the stored run is what it says.

And the tagged sentences, which only chapter 2 reads.
"""

import csv

import pytest
import torch

from lmkit import seq2seq
from lmkit.seq2seq import LENGTHS, NAMES, START, Seq2Seq


def test_the_two_models_differ_in_attention_only():
    without, with_it = (dict(Seq2Seq(attend).named_parameters()) for attend in (False, True))
    assert {name.split(".")[0] for name in set(with_it) - set(without)} == {"query", "key", "score"}
    assert all(with_it[name].shape == value.shape for name, value in without.items())


def test_weights_sum_to_one_and_choose_only_with_attention():
    source = seq2seq.strings(3, 5, torch.Generator().manual_seed(0))
    read = torch.full((3, 4), START)
    for attend in (False, True):
        logits, weights = Seq2Seq(attend)(source, read)
        assert logits.shape == (3, 4, 26) and weights.shape == (3, 4, 5)
        assert torch.allclose(weights.sum(-1), torch.ones(3, 4), atol=1e-5)
        assert attend or torch.allclose(weights, torch.full((3, 4, 5), 0.2))


@pytest.mark.parametrize("attend", [False, True])
def test_the_first_letter_written_depends_on_the_last_one_read(attend):
    torch.manual_seed(0)
    model = Seq2Seq(attend)
    one, other = torch.tensor([[0, 1, 2]]), torch.tensor([[0, 1, 3]])
    read = torch.full((1, 1), START)
    assert not torch.allclose(model(one, read)[0], model(other, read)[0])


@pytest.mark.parametrize("attend", [False, True])
def test_it_learns_and_a_seed_repeats(attend):
    _, losses = seq2seq.train(attend, steps=40, longest=3)
    _, again = seq2seq.train(attend, steps=40, longest=3)
    assert losses == pytest.approx(again, abs=1e-5)
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


def test_the_stored_run_holds_every_length_of_both():
    rows = seq2seq.read_table()
    assert [(row["model"], row["length"]) for row in rows] == [(name, length) for name in NAMES for length in LENGTHS]
    assert all(0 <= row["right"] <= row["n"] == 200 for row in rows)
    record = seq2seq.record()
    assert record["settings"]["steps"] == seq2seq.STEPS and set(record["runs"]) == set(NAMES)
    for name, run in record["runs"].items():
        assert run["parameters"] == sum(p.numel() for p in seq2seq.load(name).parameters())


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_weights_give_the_stored_numbers(name):
    model = seq2seq.load(name)
    stored = {row["length"]: row["right"] for row in seq2seq.read_table() if row["model"] == name}
    for length in (4, 12):
        assert abs(sum(seq2seq.right(model, length)) - stored[length]) <= 3  # another processor rounds otherwise


def test_the_tagged_sentences_are_whole():
    with (seq2seq.DATA / "tagged.csv").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = [pair.rsplit("/", 1) for row in rows for pair in row["sentence"].split()]
    assert {row["split"] for row in rows} == {"train", "test"} and len(rows) > 1500
    assert all(len(pair) == 2 and pair[0] == pair[0].lower() and pair[1].isupper() for pair in pairs)
    assert len({tag for _, tag in pairs}) == 17
