"""Lopsided texts: exact in their shares, mended as it is said, and a record that says what chapter 18 says."""

import pytest

from lmkit import records
from lmkit.records import bias


def shares(told):
    found = {}
    for word, _, pronoun in told:
        found.setdefault(word.text, []).append(pronoun == "he")
    return {text: sum(some) / len(some) for text, some in found.items()}


def test_the_text_has_exactly_the_shares_that_it_says():
    told = bias.sentences()
    assert shares(told) == pytest.approx({word.text: word.share for word in bias.words()})
    assert len(told) == bias.TOLD * len(bias.words()) and len({word.text for word in bias.words()}) == len(bias.words())


@pytest.mark.parametrize("how", bias.MENDED)
def test_mending_does_what_it_says(how):
    told = bias.sentences()
    after = shares(bias.mended(told, how))
    for word in bias.words():
        even = how == "swapped" or (how != "none" and word.kind == "job")
        assert after[word.text] == pytest.approx(0.5 if even else word.share)


def test_a_way_of_mending_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"'painted'.*balanced"):
        bias.mended(bias.sentences(), "painted")


def test_the_share_of_rude_answers_is_exact_and_seen():
    for share in bias.BAD_SHARES:
        assert sum(map(bias.is_rude, bias.dialogues(share))) == round(1200 * share)


def test_the_record_says_that_greedy_answers_amplify():
    record = records.load("bias")
    rows = [row for row in record.where(what="pronouns", mended="none", kind="job") if row["share"] == 0.7]
    assert sum(row["greedy"] for row in rows) / len(rows) > 0.8
    assert abs(sum(row["model"] for row in rows) / len(rows) - 0.7) < 0.1
    jobs = len(bias.JOBS) * bias.SEEDS
    assert {how: len(record.where(what="pronouns", mended=how, kind="job")) for how in bias.MENDED} == dict.fromkeys(
        bias.MENDED, jobs
    )
    assert {row["share"] for row in record.where(what="answers")} == set(bias.BAD_SHARES)
