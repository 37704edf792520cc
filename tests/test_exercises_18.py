"""Chapter 18's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import math
import re

import numpy as np
from exercises import exercise_tests

NOTEBOOK = "18_bias_privacy_and_safety.ipynb"
EXERCISES = ["18.1", "18.2", "18.3", "18.4", "18.5"]


def size(cosine=True, spread=lambda x, y: np.concatenate([x, y]).std(ddof=1), sign=1):
    """An answer to 18.1, right but for what is switched."""

    def effect_size(x, y, a, b):
        unit = (lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)) if cosine else (lambda v: v)
        found = [(unit(w) @ unit(a).T).mean(1) - (unit(w) @ unit(b).T).mean(1) for w in (x, y)]
        return sign * (found[0].mean() - found[1].mean()) / spread(*found)

    return effect_size


def gap(of=lambda approved, qualified: (approved, qualified), sign=1):
    """An answer to 18.2: the share of the first among the second, in the group and outside."""

    def opportunity_gap(approved, qualified, group):
        what, among = of(approved, qualified)
        return sign * (what[among & group].mean() - what[among & ~group].mean())

    return opportunity_gap


def bits(log=math.log2, begin=1, order=1, total=True):
    """An answer to 18.3, right but for what is switched."""

    def exposure(chances, secret):
        rank = begin + sum(order * chance > order * chances[secret] for chance in chances)
        return (log(len(chances)) if total else 0) + (-1 if total else 1) * log(max(rank, 0.5))

    return exposure


def by(phone=r"(?<!\d)1[3-9]\d{9}(?!\d)", mail=r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"):
    """An answer to 18.4 with these patterns."""
    return lambda text: re.sub(mail, "[MAIL]", re.sub(phone, "[PHONE]", text, flags=re.ASCII), flags=re.ASCII)


WRONG = {
    "18.1": [
        (size(cosine=False), "those are dot products"),
        (size(sign=-1), "the sign"),
        (size(spread=lambda x, y: 1), "divide by the standard deviation"),
        (size(spread=lambda x, y: np.concatenate([x, y]).std()), "divides by n − 1"),
        (size(spread=lambda x, y: x.std(ddof=1)), "of both sets together"),
        (lambda x, y, a, b: x @ a.T, "return one number"),
    ],
    "18.2": [
        (gap(lambda approved, qualified: (approved, np.ones_like(qualified))), "demographic parity"),
        (gap(lambda approved, qualified: (qualified, approved)), "predictive parity"),
        (gap(lambda approved, qualified: (approved, ~qualified)), "*not* qualified"),
        (gap(lambda approved, qualified: (approved & qualified, np.ones_like(qualified))), "not by the whole group"),
        (gap(sign=-1), "the sign"),
    ],
    "18.3": [
        (bits(total=False), "subtract it from log2"),
        (bits(log=math.log), "to the base 2"),
        (bits(order=-1), "counts from the unlikeliest"),
        (bits(begin=0), "ranks begin at 1"),
        (lambda chances, secret: [0.0], "return one number"),
    ],
    "18.4": [
        (by(phone=r"1[3-9]\d{9}"), "no digit stands before or behind"),
        (by(phone=r"(?<!\S)1[3-9]\d{9}(?!\S)"), "Chinese has none"),
        (by(phone=r"(?<!\d)\d{11}(?!\d)"), "a 1 and then 3 to 9"),
        (by(mail=r"\S+@\S+"), "the full stop at the end"),
        (by(mail=r"\w+@\w+\.org"), "too much or too little"),
        (by(mail=r"nothing"), "an address stayed"),
        (lambda text: [text], "return the text"),
    ],
    "18.5": [
        (lambda count, n, share: (count - n / 2) / math.sqrt(n / 4), "not always half"),
        (lambda count, n, share: (count - share * n) / (n * share * (1 - share)), "the *root* of the variance"),
        (lambda count, n, share: (count - share * n) / math.sqrt(share * (1 - share)), "grows with n"),
        (lambda count, n, share: (count - share * n) / math.sqrt(n * share), "n · share · (1 − share)"),
        (lambda count, n, share: count / n, "the share of green tokens"),
    ],
}

TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, re=re, math=math, np=np)
