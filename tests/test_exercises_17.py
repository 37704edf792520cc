"""Chapter 17's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import math
import re

from exercises import exercise_tests

NOTEBOOK = "17_hallucination_and_knowledge.ipynb"
EXERCISES = ["17.1", "17.2", "17.3", "17.4", "17.5"]


def numbers(pattern=r"\d[\d,]*(?:\.\d+)?", commas=True, inside=False):
    """An answer to 17.1 by a regular expression; `inside`: looks for the digits anywhere in the source."""

    def invented_numbers(source, summary):
        found = lambda text: {one.replace(",", "") if commas else one for one in re.findall(pattern, text)}  # noqa: E731
        text = source.replace(",", "")
        return {one for one in found(summary) if (one not in text if inside else one not in found(source))}

    return invented_numbers


def pairs(tie=0.5, swap=False, share=True):
    """An answer to 17.2, right but for what is switched."""

    def auroc(confidence, right):
        good = [c for c, ok in zip(confidence, right, strict=True) if ok != swap]
        bad = [c for c, ok in zip(confidence, right, strict=True) if ok == swap]
        won = sum(1 if g > b else tie if g == b else 0 for g in good for b in bad)
        return won / (len(good) * len(bad)) if share else float(won)

    return auroc


def binned(weigh=True, size=True, last=True, middle=False, largest=False):
    """An answer to 17.3, right but for what is switched."""

    def calibration_error(confidence, right, bins):
        groups = {}
        for c, ok in zip(confidence, right, strict=True):
            place = min(int(c * bins), bins - 1) if last else int(c * bins)
            if place < bins:
                groups.setdefault(place, []).append((c, ok))
        gaps = []
        for place, group in groups.items():
            stated = (place + 0.5) / bins if middle else sum(c for c, _ in group) / len(group)
            gaps.append((stated - sum(ok for _, ok in group) / len(group), len(group)))
        if largest:
            return max(abs(gap) for gap, _ in gaps)
        if not weigh:
            return sum(abs(gap) for gap, _ in gaps) / len(gaps)
        return sum((abs(gap) if size else gap) * n for gap, n in gaps) / len(confidence)

    return calibration_error


def grouped(log=math.log, sign=-1, spelling=False, shares=True):
    """An answer to 17.5, right but for what is switched."""

    def semantic_entropy(answers, alike):
        groups = []
        for one in answers:
            home = next((g for g in groups if (one == g[0] if spelling else alike(one, g[0]))), None)
            groups.append([one]) if home is None else home.append(one)
        if not shares:
            return log(len(groups))
        return sign * sum(len(g) / len(answers) * log(len(g) / len(answers)) for g in groups)

    return semantic_entropy


WRONG = {
    "17.1": [
        (numbers(inside=True), "a piece of another number"),
        (numbers(commas=False), "1,204 and 1204 are one number"),
        (numbers(r"\d+"), "one number; take the commas out"),
        (numbers(r"[\d.,]+"), "a full stop behind a number"),
        (lambda source, summary: len(numbers()(source, summary)), "return a set"),
        (lambda source, summary: {float(one) for one in numbers()(source, summary)}, "as texts"),
        (lambda source, summary: set(), "yours is the empty set"),
    ],
    "17.2": [
        (pairs(tie=0), "count it as lost"),
        (pairs(tie=1), "count it as won"),
        (pairs(swap=True), "the other way round"),
        (pairs(share=False), "divide by how many"),
        (lambda c, r: sum((x >= 0.5) == ok for x, ok in zip(c, r, strict=True)) / len(c), "accuracy at one threshold"),
    ],
    "17.3": [
        (binned(weigh=False), "all bins one weight"),
        (binned(size=False), "gap"),
        (binned(last=False), "falls out"),
        (binned(middle=True), "not with the bin's middle"),
        (binned(largest=True), "the largest gap"),
        (lambda c, r, bins: sum(abs(x - ok) for x, ok in zip(c, r, strict=True)) / len(c), "first take means"),
    ],
    "17.4": [
        (lambda p, wrong, silent: p > 0.5, "one half is not the limit"),
        (lambda p, wrong, silent: p * wrong < silent, "a false answer has the probability 1 − p"),
        (lambda p, wrong, silent: (1 - p) * wrong <= silent or silent == 0, "silence costs nothing"),
        (lambda p, wrong, silent: (1 - p) * wrong - silent, "return True or False"),
    ],
    "17.5": [
        (grouped(spelling=True), "different spellings"),
        (grouped(log=math.log2), "natural logarithm"),
        (grouped(sign=1), "not negative"),
        (grouped(shares=False), "groups of different sizes"),
    ],
}

TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, re=re, math=math)
