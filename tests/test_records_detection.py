"""Texts by people and by a machine, and the watermark: counted as the paper counts, with a record that can be counted again."""

import pytest
import torch

from lmkit import records
from lmkit.records import detection


def test_half_of_the_vocabulary_is_green_and_everyone_draws_the_same():
    first, again, other = detection.green(7, 1000), detection.green(7, 1000), detection.green(8, 1000)
    assert first.sum() == 500 and torch.equal(first, again) and not torch.equal(first, other)


def test_the_mark_raises_green_tokens_only():
    logits = torch.zeros(1000)
    assert torch.equal(detection.marked([3, 7], logits) > 0, detection.green(7, 1000))


@pytest.mark.parametrize(("count", "n", "z"), [(50, 100, 0.0), (60, 100, 2.0), (40, 100, -2.0)])
def test_z_counts_standard_deviations(count, n, z):
    assert detection.z_score(count, n) == pytest.approx(z)


def test_people_s_sentences_are_cut_behind_their_fourth_word():
    pairs = detection.sentences()
    assert len(pairs) == detection.N and all(len(first.split()) == 4 and len(rest.split()) >= 5 for first, rest in pairs)


def test_the_record_can_be_counted_again_without_a_model():
    record = records.load("detection")
    size = record.made["vocabulary"]
    z = {}
    for by in ("marked", "unmarked"):
        greens = [detection.greens(row["ids"], size) for row in record.where(by=by)]
        z[by] = [detection.z_score(sum(some), len(some)) for some in greens]
        assert len(z[by]) == detection.MARKED
    assert min(z["marked"]) > max(z["unmarked"]) - 2 and sum(z["marked"]) / len(z["marked"]) > 4
    people = [row["text"] for row in record.where(by="people")]
    assert people == [rest for _, rest in detection.sentences()]
