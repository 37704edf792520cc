"""Checkers for chapter 15, retrieval. Each tries an answer on fresh collections and names the typical mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, name_mistake, single


def whole_numbers(result: Any, what: str) -> list[int]:
    """`result` as a list of whole numbers, else a `Mistake` that says what is wanted."""
    if isinstance(result, str) or not hasattr(result, "__iter__"):
        raise Mistake(f"return a list of {what}; your function returns a {type(result).__name__}.")
    try:
        return [int(one) for one in result]
    except (TypeError, ValueError):
        raise Mistake(f"return a list of {what}, each a whole number.") from None


# 15.1 the nearest vectors


def nearest(answer: Callable) -> None:
    rng = np.random.default_rng(15)
    for n, width, k in ((12, 6, 3), (40, 9, 5), (7, 4, 7)):
        vectors = rng.normal(size=(n, width)) * rng.uniform(0.2, 5.0, size=(n, 1))
        question = rng.normal(size=width)
        found = whole_numbers(call(answer, question.copy(), vectors.copy(), k), "row numbers")
        lengths = np.linalg.norm(vectors, axis=1)
        cosine = vectors @ question / lengths
        right = first(cosine, k)
        if found == right:
            continue
        wrong = [
            (first(vectors @ question, k), "long vectors win in yours: divide by the lengths of the rows first."),
            (first(-cosine, k), "these are the *least* similar: sort the other way round."),
            (first(-np.linalg.norm(vectors - question, axis=1), k), "that is the smallest distance: lengths count in it too."),
            (right[::-1], "the right rows in the wrong order: the most similar first."),
            (sorted(right), "the right rows, sorted by number: sort them by their similarity, the best first."),
            (first(cosine, n), f"return the best {k} rows, not all {n}."),
            (first(cosine, k + 1), f"one too many: return {k} rows."),
        ]
        name_mistake(found, wrong, f"not yet: of {n} rows the best {k} are {right}, yours are {found}.", close=equal)


def first(scores: np.ndarray, k: int) -> list[int]:
    """Numbers of the k largest scores, the largest first."""
    return np.argsort(-scores, kind="stable")[:k].tolist()


def equal(a: Any, b: Any) -> bool:
    return list(a) == list(b)


# 15.2 windows with an overlap


def windows(answer: Callable) -> None:
    for n, size, overlap in ((23, 10, 4), (20, 10, 0), (26, 10, 2), (7, 10, 4), (100, 30, 10)):
        result = call(answer, n, size, overlap)
        try:
            found = [(int(start), int(end)) for start, end in result]
        except (TypeError, ValueError):
            raise Mistake("return a list of pairs (start, end).") from None
        right = cut(n, size, overlap)
        if found == right:
            continue
        where = f"for {n} characters, size {size}, overlap {overlap}"
        step = size - overlap
        useless = [(start, min(start + size, n)) for start in range(0, n, step)]
        wrong = [
            (cut(n, size, 0), "these do not overlap: the next window starts `overlap` characters before the last one ends."),
            (useless, "the last window lies wholly inside the one before: stop when a window has reached the end."),
            (
                [(start, start + size) for start in range(0, n - size + 1, step)],
                "the rest of the text is lost: the last window must reach the end.",
            ),
            ([(start, start + size) for start, _ in right], "the last window ends behind the end of the text."),
            ([(start, start + size) for start, _ in useless], "windows end behind the end of the text."),
            ([(start, min(start + size, n)) for start in range(0, n, overlap or size)], "the step is size − overlap."),
        ]
        name_mistake(found, wrong, f"not yet: {where} it should be {right}, and yours is {found}.", close=equal)


def cut(n: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Windows of `size` that overlap by `overlap` and end with the text."""
    found = [(0, min(size, n))]
    while found[-1][1] < n:
        start = found[-1][1] - overlap
        found.append((start, min(start + size, n)))
    return found


# 15.3 what BM25 gives a word


def bm25(answer: Callable) -> None:
    cases = ((3, 7, 200, 80, 100.0), (1, 150, 200, 140, 90.0), (0, 5, 50, 30, 40.0), (6, 1, 1000, 50, 60.0))
    for tf, df, n, length, mean in cases:
        k1, b = 1.5, 0.75
        result = single(call(answer, tf, df, n, length, mean))
        idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
        norm = k1 * (1 - b + b * length / mean)
        right = idf * tf / (tf + norm)
        if close(result, right):
            continue
        raw = (n - df + 0.5) / (df + 0.5)
        wrong = [
            (tf / (tf + norm), "a rare word must count for more: multiply by the idf."),
            (idf * tf, "the tenth time a word occurs says less than the first: tf / (tf + …)."),
            (idf, "how often the word occurs in the passage plays no part yet."),
            (idf * tf / (tf + k1), "a long passage holds more words by chance: put its length into the denominator."),
            (idf * tf / (tf + k1 * (1 - b + b * mean / length)), "the length is upside down: length / mean_length."),
            (idf * tf / (tf + k1 * (b + (1 - b) * length / mean)), "b and 1 − b are swapped."),
            (math.log(raw) * tf / (tf + norm), "add 1 inside the logarithm: else words in most passages count below zero."),
            (math.log(n / df) * tf / (tf + norm), "that is the plain idf, ln(n / df); the formula above has another."),
            (right * (k1 + 1), "some write (k1 + 1) above the line; the formula here does not. The order stays the same."),
        ]
        where = f"tf {tf}, df {df} of {n} passages, length {length} (mean {mean:g})"
        name_mistake(result, wrong, f"not yet: for {where} it should be {right:.4f}, and yours is {result:.4f}.")


# 15.4 two rankings become one


def fuse(answer: Callable) -> None:
    cases = (
        ([["a", "b", "c", "d"], ["c", "e", "a", "f"]]),
        ([["p", "q", "r"], ["s", "q", "t"], ["u", "v", "q"]]),
        ([[f"x{i}" for i in range(9)], [f"x{i}" for i in (8, 1, 3, 20, 21)]]),
    )
    for rankings in cases:
        result = call(answer, [list(ranking) for ranking in rankings])
        if isinstance(result, dict) or not isinstance(result, list | tuple):
            raise Mistake(f"return a list of names, the best first; your function returns a {type(result).__name__}.")
        found, right = list(result), fused(rankings)
        if found == right:
            continue
        both = set.intersection(*map(set, rankings))
        wrong = [
            (right[::-1], "upside down: the largest sum first."),
            ([one for one in right if one in both], "a name that only one ranking has found counts too."),
            (fused(rankings, k=0), "add the constant: 1 / (60 + rank). Without it the first places weigh too much."),
            (list(dict.fromkeys(one for ranking in rankings for one in ranking)), "that is one list behind the other: add up."),
            (by_place(rankings), "that adds up the ranks themselves, and rewards being absent. Add 1 / (60 + rank)."),
        ]
        name_mistake(found, wrong, f"not yet: {rankings} become {right}; yours are {found}.", close=equal)


def fused(rankings: Sequence[Sequence[str]], k: float = 60) -> list[str]:
    """Reciprocal rank fusion (Cormack et al. 2009); of equals, the one that stands first in the earlier ranking."""
    total: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            total[name] = total.get(name, 0.0) + 1 / (k + rank)
    return sorted(total, key=lambda name: -total[name])


def by_place(rankings: Sequence[Sequence[str]]) -> list[str]:
    total: dict[str, int] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            total[name] = total.get(name, 0) + rank
    return sorted(total, key=lambda name: total[name])


# 15.5 hit@k and the mean reciprocal rank


def judge(answer: Callable) -> None:
    for ranks, k in (([1, 3, None, 2, 7, None, 1], 3), ([5, None, 1, 2], 1), ([2, 2, 4], 10)):
        result = call(answer, list(ranks), k)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise Mistake("return two numbers, hit@k and the mean reciprocal rank, as in `return a, b`.")
        got = single(result[0]), single(result[1])
        found = [rank for rank in ranks if rank]
        hits, n = sum(rank <= k for rank in found), len(ranks)
        mrr = sum(1 / rank for rank in found) / n
        if close(got, (hits / n, mrr)):
            continue
        wrong = [
            ((mrr, hits / n), "the two are swapped: hit@k first."),
            ((hits / len(found), sum(1 / r for r in found) / len(found)), "a question that found nothing counts too, as a miss."),
            ((hits / len(found), mrr), "a question that found nothing counts in hit@k too, as a miss."),
            ((hits / n, sum(1 / r for r in found) / len(found)), "a question without a hit adds 0 to the mean, and counts."),
            ((hits / n, sum(found) / len(found)), "that is the mean rank: take the mean of 1 / rank."),
            ((hits / n, n / sum(found)), "take the reciprocal of each rank, and then the mean."),
            ((sum(r < k for r in found) / n, mrr), "rank k itself is still a hit: rank <= k."),
            ((hits / n, sum(1 / r for r in found if r <= k) / n), "here the reciprocal ranks are not cut off at k."),
            ((hits, mrr), "hit@k is a share: divide by the number of questions."),
        ]
        name_mistake(got, wrong, f"not yet: {ranks} with k = {k} give {hits / n:.3f} and {mrr:.3f}; yours are {got}.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "15.1": nearest,
    "15.2": windows,
    "15.3": bm25,
    "15.4": fuse,
    "15.5": judge,
}
