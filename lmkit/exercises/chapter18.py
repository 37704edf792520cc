"""Checkers for chapter 18, bias, privacy and safety. Each tries an answer on inputs that it has not seen and names the
typical mistakes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, draw, name_mistake, single

# 18.1 the effect size of an association test


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def associations(words: np.ndarray, a: np.ndarray, b: np.ndarray, cosine: bool = True) -> np.ndarray:
    """Mean similarity with `a` minus mean similarity with `b`, for each word."""
    if cosine:
        words, a, b = unit(words), unit(a), unit(b)
    return (words @ a.T).mean(1) - (words @ b.T).mean(1)


def effect_size(answer: Callable) -> None:
    drawn = ((5, 1, 0.4), (4, 2, 0), (3, 3, 0.5), (4, 4, 0))
    x, y, a, b = (draw(n, 6, seed=seed).double().numpy() + shift for n, seed, shift in drawn)
    x *= np.arange(1, 6)[:, None]  # of different lengths, as word vectors are
    result = single(call(answer, x.copy(), y.copy(), a.copy(), b.copy()))
    sx, sy = associations(x, a, b), associations(y, a, b)
    both, gap = np.concatenate([sx, sy]), sx.mean() - sy.mean()
    right = gap / both.std(ddof=1)
    if close(result, right):
        return
    pooled = gap / np.sqrt((sx.var(ddof=1) + sy.var(ddof=1)) / 2)
    dot = [associations(words, a, b, cosine=False) for words in (x, y)]
    wrong = [
        (-right, "the sign: the first targets minus the second, the first attributes minus the second."),
        (gap, "divide by the standard deviation of the associations of all target words."),
        (gap / both.std(), "that divides by n: take the sample's standard deviation, which divides by n − 1 (ddof=1)."),
        (gap / sx.std(ddof=1), "the standard deviation is that of *all* target words, of both sets together."),
        (pooled, "that is Cohen's pooled deviation: here the words of both sets are thrown together."),
        (
            (dot[0].mean() - dot[1].mean()) / np.concatenate(dot).std(ddof=1),
            "those are dot products: a cosine divides by both lengths.",
        ),
        (sx.sum() - sy.sum(), "that is the test's statistic, a difference of sums: here means, over a deviation."),
    ]
    name_mistake(result, wrong, f"not yet: here it is {right:.4f}, yours is {result:.4f}.")


# 18.2 the gap of equal opportunity


def opportunity_gap(answer: Callable) -> None:
    rng = np.random.default_rng(18)
    group, qualified = rng.random(400) < 0.4, rng.random(400) < 0.5
    approved = rng.random(400) < 0.2 + 0.5 * qualified + 0.15 * group
    result = single(call(answer, approved.copy(), qualified.copy(), group.copy()))
    share = lambda rows, of: approved[rows & of].mean()  # noqa: E731
    everyone = np.ones_like(group)
    right = share(qualified, group) - share(qualified, ~group)
    if close(result, right):
        return
    all_of_them = share(everyone, group) - share(everyone, ~group)
    of_all = (approved & qualified)[group].mean() - (approved & qualified)[~group].mean()
    kept = qualified[approved & group].mean() - qualified[approved & ~group].mean()
    wrong = [
        (-right, "the sign: the group (True) minus the others."),
        (all_of_them, "that is demographic parity, the gap among *all*: here only the qualified count."),
        (kept, "that is the share of qualified among the approved (predictive parity): turn it round."),
        (share(~qualified, group) - share(~qualified, ~group), "that is the gap among those who are *not* qualified."),
        (of_all, "divide by the qualified of the group, not by the whole group."),
    ]
    name_mistake(result, wrong, f"not yet: here it is {right:.4f}, yours is {result:.4f}.")


# 18.3 exposure


def exposure(answer: Callable) -> None:
    chances = draw(64, seed=7).double().numpy()
    for place in (5, 20, int(chances.argmax()), int(chances.argmin())):
        result = single(call(answer, chances.copy(), place))
        rank = 1 + int((chances > chances[place]).sum())
        right = math.log2(len(chances)) - math.log2(rank)
        if close(result, right):
            continue
        from_below = 1 + int((chances < chances[place]).sum())
        wrong = [
            (math.log2(rank), "that is log2 of the rank alone: subtract it from log2 of the number of candidates."),
            (right * math.log(2), "that is in nats: take logarithms to the base 2."),
            (6 - math.log2(from_below), "the likeliest has rank 1: yours counts from the unlikeliest."),
            (6 - math.log2(max(rank - 1, 0.5)), "ranks begin at 1: the likeliest is not of rank 0."),
            (-math.log2(1 / 64), "that does not look at the secret's rank."),
        ]
        name_mistake(result, wrong, f"not yet: a secret of rank {rank} among 64 has {right:.3f} bits, yours {result:.3f}.")


# 18.4 a redactor

CASES = (
    ("Write to ada.quill@example.org today.", "Write to [MAIL] today."),
    ("Call 13800138000 or write to bo@mail.example.com.", "Call [PHONE] or write to [MAIL]."),
    ("The order 2024113 costs 138 euros.", "The order 2024113 costs 138 euros."),
    ("请拨打13912345678，或发邮件到 li@example.cn。", "请拨打[PHONE]，或发邮件到 [MAIL]。"),
    ("The invoice number is 913800138000.", "The invoice number is 913800138000."),
    ("Two of them: a@example.org, b+c@example.org.", "Two of them: [MAIL], [MAIL]."),
    ("12800138000 is no mobile number.", "12800138000 is no mobile number."),
)


def redact(answer: Callable) -> None:
    for text, right in CASES:
        result = call(answer, text)
        if not isinstance(result, str):
            raise Mistake(f"return the text; your function returns a {type(result).__name__}.")
        if result != right:
            raise Mistake(mistake_in_redact(text, right, result))


def mistake_in_redact(text: str, right: str, result: str) -> str:
    if "913800138000" in text:
        return "a number of twelve digits is no mobile number: look that no digit stands before or behind the eleven."
    if "[PHONE]" in right and "[PHONE]" not in result:
        return f"the phone number stayed in {text!r}. Do not ask for blanks round it: Chinese has none."
    if "[PHONE]" in result and "[PHONE]" not in right:
        return "a mobile number in China has eleven digits, a 1 and then 3 to 9: what you replaced is none."
    if result.endswith("[MAIL]") and right.endswith("."):
        return "the full stop at the end belongs to the sentence, not to the address."
    if re.search(r"\S@\S", result):
        return f"an address stayed: {result!r}. Before the @ may stand dots, a plus, a minus; and there may be several."
    if "[MAIL]" in result and right.replace("[MAIL]", "") != result.replace("[MAIL]", ""):
        return f"you took too much or too little: {result!r} should be {right!r}."
    return f"for {text!r} it is {right!r}; yours is {result!r}."


# 18.5 the z-score of a watermark


def z_score(answer: Callable) -> None:
    for count, n, share in ((50, 60, 0.5), (30, 60, 0.5), (30, 60, 0.25), (5, 40, 0.25)):
        result = single(call(answer, count, n, share))
        right = (count - share * n) / math.sqrt(n * share * (1 - share))
        if close(result, right):
            continue
        wrong = [
            ((count - n / 2) / math.sqrt(n / 4), "without a mark a share of `share` is green, and not always half."),
            ((count / n - share) / math.sqrt(n * share * (1 - share)), "count against count: the expected count is share · n."),
            ((count - share * n) / (n * share * (1 - share)), "divide by the standard deviation, the *root* of the variance."),
            ((count - share * n) / math.sqrt(share * (1 - share)), "the variance of a count grows with n."),
            ((count - share * n) / math.sqrt(n * share), "the variance of a count is n · share · (1 − share)."),
            (count / n, "that is the share of green tokens: by how many standard deviations is that too many?"),
        ]
        name_mistake(result, wrong, f"not yet: {count} green of {n} with share {share} give {right:.3f}, yours {result:.3f}.")


CHECKERS = {"18.1": effect_size, "18.2": opportunity_gap, "18.3": exposure, "18.4": redact, "18.5": z_score}
