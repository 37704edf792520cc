"""Checkers for chapter 17, hallucination and knowledge."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from lmkit import evaluate
from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, name_mistake, single

# 17.1 numbers that are not in the source

SUMMARIES = (
    ("In 1987 the mill sold 1,204 sacks and 35 cows.", "In 1987 it sold 1204 sacks.", set()),
    ("In 1987 the mill sold 1,204 sacks and 35 cows.", "It sold 35 sacks.", set()),
    ("Thirty men built it in 1912 for 800 crowns.", "It cost 800 crowns and was built in 1912.", set()),
    ("In 1987 the mill sold 1,204 sacks and 35 cows.", "In 1978 it sold 12 sacks.", {"1978", "12"}),
    ("The bridge is 250 m long and cost 3.5 million.", "It cost 3.5 million and is 25 m long.", {"25"}),
    ("The bridge is 250 m long and cost 3.5 million.", "It cost 3 million.", {"3"}),
    ("No numbers here.", "None here either.", set()),
    ("The team won 4 times.", "The team won 4 of 10 matches, 10 in all.", {"10"}),
)


def invented_numbers(answer: Callable) -> None:
    for source, summary, right in SUMMARIES:
        result = call(answer, source, summary)
        if isinstance(result, str) or not hasattr(result, "__iter__"):
            raise Mistake(f"return a set of numbers as texts; your function returns a {type(result).__name__}.")
        found = set(result)
        if found == right:
            continue
        case = f"for the source {source!r} and the summary {summary!r}"
        if any(not isinstance(one, str) for one in found):
            raise Mistake("return the numbers as texts, such as {'12'}, so that 3.50 and 3.5 need no opinion.")
        if right - found == {"12"} or right - found == {"25"} or right - found == {"3"}:
            raise Mistake(f"{case}: {sorted(right - found)[0]!r} is a piece of another number there, not a number of its own.")
        if found & {"1204", "1", "204"}:
            raise Mistake(f"{case}: 1,204 and 1204 are one number; take the commas out first.")
        if found & {"5", "3.5."} or any(one.endswith(".") for one in found):
            raise Mistake(f"{case}: 3.5 is one number, and a full stop behind a number is none of its digits.")
        if found == {"35"}:
            raise Mistake(f"{case}: 35 stands in the source. That it counts other things is beyond this checker.")
        raise Mistake(f"{case} the answer is {right or 'the empty set'}; yours is {found or 'the empty set'}.")


# 17.2 one right and one wrong answer


def auroc(answer: Callable) -> None:
    rng = random.Random(17)
    sure = [round(rng.random(), 1) for _ in range(60)]
    right = [rng.random() < 0.2 + 0.6 * c for c in sure]
    result, wanted = single(call(answer, list(sure), list(right))), evaluate.auroc(sure, right)
    if close(result, wanted):
        tidy = single(call(answer, [0.9, 0.8, 0.2], [True, True, False]))
        if not close(tidy, 1.0):
            raise Mistake(f"with two right answers above one wrong one it is 1; yours is {tidy:.3f}.")
        return
    good = [c for c, ok in zip(sure, right, strict=True) if ok]
    bad = [c for c, ok in zip(sure, right, strict=True) if not ok]
    pairs = [(g, b) for g in good for b in bad]
    wrong = [
        (sum(g > b for g, b in pairs) / len(pairs), "a tie counts half; you count it as lost."),
        (sum(g >= b for g, b in pairs) / len(pairs), "a tie counts half; you count it as won."),
        (1 - wanted, "the right answer should have the higher confidence; you count it the other way round."),
        (sum((g > b) + (g == b) / 2 for g, b in pairs), "that is a number of pairs: divide by how many there are."),
        (sum(g > b for g, b in pairs), "that is a number of pairs: divide by how many there are, and count a tie half."),
        (sum((c >= 0.5) == ok for c, ok in zip(sure, right, strict=True)) / len(sure), "that is an accuracy at one threshold."),
        (sum(good) / len(good) - sum(bad) / len(bad), "that is a difference of means; only the order of a pair counts."),
    ]
    name_mistake(result, wrong, f"on 60 answers it is {wanted:.4f}; yours is {result:.4f}.")


# 17.3 the calibration error


def calibration_error(answer: Callable) -> None:
    rng = random.Random(3)
    sure = [*(rng.random() for _ in range(80)), 1.0, 1.0, 0.0]
    right = [rng.random() < 0.3 + 0.3 * c for c in sure[:80]] + [True, False, False]
    bins = 5
    result, wanted = single(call(answer, list(sure), list(right), bins)), evaluate.calibration_error(sure, right, bins)
    if close(result, wanted):
        return
    found = evaluate.reliability(sure, right, bins)
    gaps = [(stated - truth.share, truth.n) for stated, truth in found]
    inside = [(c, ok) for c, ok in zip(sure, right, strict=True) if c < 1]
    lost = evaluate.calibration_error(*map(list, zip(*inside, strict=True)), bins)
    middles = [(min(int(c * bins), bins - 1) + 0.5) / bins for c in sure]
    by_middle = sum(
        abs(sum(ok for m, ok in zip(middles, right, strict=True) if m == one) - one * middles.count(one)) for one in set(middles)
    )
    wrong = [
        (
            sum(abs(gap) for gap, _ in gaps) / len(gaps),
            "a bin counts by how many answers it holds; you give all bins one weight.",
        ),
        (
            abs(sum(gap * n for gap, n in gaps)) / len(sure),
            "take the size of each bin's gap: too much here and too little there do not cancel.",
        ),
        (sum(gap * n for gap, n in gaps) / len(sure), "take the size of each bin's gap, without its sign."),
        (max(abs(gap) for gap, _ in gaps), "that is the largest gap; the mean over the answers is asked."),
        (lost, "an answer with confidence 1 belongs to the last bin; yours falls out."),
        (lost * len(inside) / len(sure), "an answer with confidence 1 belongs to the last bin; yours falls out."),
        (by_middle / len(sure), "compare with the mean confidence of the bin's answers, not with the bin's middle."),
        (sum(abs(gap) * n for gap, n in gaps), "divide by the number of answers."),
        (
            sum(abs(c - ok) for c, ok in zip(sure, right, strict=True)) / len(sure),
            "you compare each answer with 0 or 1; first take means over the bins.",
        ),
    ]
    name_mistake(result, wrong, f"on {len(sure)} answers in {bins} bins it is {wanted:.4f}; yours is {result:.4f}.")


# 17.4 answer or be silent


def should_answer(answer: Callable) -> None:
    for p, wrong, silent, right in (
        (0.99, 100, 5, True), (0.9, 100, 5, False), (0.3, 1, 0.8, True), (0.1, 1, 0.8, False), (0.6, 10, 5, True),
        (0.4, 10, 5, False), (0.7, 10, 0, False), (0.0, 1, 2, True),
    ):  # fmt: skip
        result = call(answer, p, wrong, silent)
        if not isinstance(result, bool):
            raise Mistake(f"return True or False; your function returns a {type(result).__name__}.")
        if result == right:
            continue
        case = f"with p = {p}, a false answer at {wrong} and silence at {silent}"
        if (p, wrong) in ((0.9, 100), (0.3, 1)):
            raise Mistake(
                f"{case} it should {'answer' if right else 'be silent'}: one half is not the limit. Compare what each costs."
            )
        if result == (p * wrong < silent):
            raise Mistake(f"{case}: p is the probability of being right, so a false answer has the probability 1 − p.")
        if silent == 0:
            raise Mistake(f"{case} it should be silent: silence costs nothing and an answer may cost something.")
        raise Mistake(f"{case} it should {'answer' if right else 'be silent'}.")


# 17.5 semantic entropy

SAID = (
    (["Rome", "rome", "Rome.", "ROME"], 0.0),
    (["Rome", "Paris", "rome", "paris"], math.log(2)),
    (["Rome", "Paris", "Oslo", "Lima"], math.log(4)),
    (["Rome", "Rome.", "rome", "Paris"], -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))),
    (["Oslo"], 0.0),
)


def alike(a: str, b: str) -> bool:
    """Whether two answers mean the same: here, the same letters."""
    return a.strip(". ").lower() == b.strip(". ").lower()


def semantic_entropy(answer: Callable) -> None:
    for said, wanted in SAID:
        result = single(call(answer, list(said), alike))
        if close(result, wanted):
            continue
        strings = -sum(said.count(one) / len(said) * math.log(said.count(one) / len(said)) for one in set(said))
        wrong = [
            (strings, "you count different spellings; answers that mean the same belong to one group (ask `alike`)."),
            (wanted / math.log(2), "use the natural logarithm: the unit is the nat."),
            (-wanted, "the entropy is not negative: there is a minus before the sum."),
            (strings / math.log(2), "you count different spellings, in bits; ask `alike` and use the natural logarithm."),
            (
                math.log(len({one.strip(". ").lower() for one in said})),
                "groups of different sizes: each counts with its share p · ln p.",
            ),
        ]
        name_mistake(result, wrong, f"for {said} it is {wanted:.4f}; yours is {result:.4f}.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "17.1": invented_numbers,
    "17.2": auroc,
    "17.3": calibration_error,
    "17.4": should_answer,
    "17.5": semantic_entropy,
}
