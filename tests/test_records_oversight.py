"""Long sums with a hidden fault: exactly one, where it is said to be, and a record for every claim."""

from lmkit import records
from lmkit.records import oversight


def test_half_of_the_claims_have_one_wrong_step():
    claims = oversight.claims()
    for claim in claims:
        wrong = [i for i, (question, said) in enumerate(claim.steps()) if eval(question.rstrip("=")) != said]
        assert wrong == ([] if claim.wrong is None else [claim.wrong])
        question, said = claim.whole()
        assert (eval(question.rstrip("=")) == said) == (claim.wrong is None)
    assert sum(claim.wrong is None for claim in claims) == len(claims) / 2


def test_the_record_holds_these_claims_and_a_verdict_on_each_step():
    record, claims = records.load("oversight"), oversight.claims()
    assert [(tuple(r["numbers"]), tuple(r["sums"]), r["wrong"]) for r in record.rows] == [
        (c.numbers, c.sums, c.wrong) for c in claims
    ]
    right = [agrees for row in record.rows for i, agrees in enumerate(row["steps"]) if i != row["wrong"]]
    assert sum(right) / len(right) > 0.5
