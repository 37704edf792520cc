"""Chapter 15's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import math

import numpy as np
from exercises import exercise_tests

from lmkit.exercises.chapter15 import by_place, cut, fused

NOTEBOOK = "15_retrieval.ipynb"
EXERCISES = ["15.1", "15.2", "15.3", "15.4", "15.5"]


def cosine(question, vectors):
    return vectors @ question / np.linalg.norm(vectors, axis=1)


def best(scores, k):
    return np.argsort(-scores)[:k].tolist()


def idf(df, n):
    return math.log(1 + (n - df + 0.5) / (df + 0.5))


def norm(length, mean):
    return 1.5 * (0.25 + 0.75 * length / mean)


def hits(ranks, k):
    return sum(r is not None and r <= k for r in ranks)


def mrr(ranks):
    return sum(1 / r for r in ranks if r) / len(ranks)


WRONG = {
    "15.1": [
        (lambda q, v, k: best(v @ q, k), "long vectors win"),
        (lambda q, v, k: best(-cosine(q, v), k), "*least* similar"),
        (lambda q, v, k: best(-np.linalg.norm(v - q, axis=1), k), "smallest distance"),
        (lambda q, v, k: best(cosine(q, v), k)[::-1], "wrong order"),
        (lambda q, v, k: best(cosine(q, v), k + 1), "one too many"),
        (lambda q, v, k: best(cosine(q, v), len(v)), "not all"),
        (lambda q, v, k: 3, "list of row numbers"),
        (lambda q, v, k: [0] * k, "the best 3 are"),
    ],
    "15.2": [
        (lambda n, size, overlap: cut(n, size, 0), "do not overlap"),
        (lambda n, size, overlap: [(s, min(s + size, n)) for s in range(0, n, size - overlap)], "wholly inside"),
        (lambda n, size, overlap: [(s, s + size) for s in range(0, n - size + 1, size - overlap)], "rest of the text is lost"),
        (lambda n, size, overlap: [(s, s + size) for s, _ in cut(n, size, overlap)], "behind the end"),
        (lambda n, size, overlap: [(s, min(s + size, n)) for s in range(0, n, overlap or size)], "size − overlap"),
        (lambda n, size, overlap: [0, size], "pairs"),
        (lambda n, size, overlap: [(0, n)], "it should be"),
    ],
    "15.3": [
        (lambda tf, df, n, length, mean: tf / (tf + norm(length, mean)), "multiply by the idf"),
        (lambda tf, df, n, length, mean: idf(df, n) * tf, "says less than the first"),
        (lambda tf, df, n, length, mean: idf(df, n) * tf / (tf + 1.5), "put its length"),
        (lambda tf, df, n, length, mean: idf(df, n) * tf / (tf + 1.5 * (0.25 + 0.75 * mean / length)), "upside down"),
        (lambda tf, df, n, length, mean: idf(df, n) * tf / (tf + 1.5 * (0.75 + 0.25 * length / mean)), "swapped"),
        (lambda tf, df, n, length, mean: math.log((n - df + 0.5) / (df + 0.5)) * tf / (tf + norm(length, mean)), "add 1 inside"),
        (lambda tf, df, n, length, mean: math.log(n / df) * tf / (tf + norm(length, mean)), "plain idf"),
        (lambda tf, df, n, length, mean: "much", "return one number"),
    ],
    "15.4": [
        (lambda rankings: fused(rankings)[::-1], "upside down"),
        (lambda rankings: [one for one in fused(rankings) if all(one in r for r in rankings)], "only one ranking"),
        (lambda rankings: fused(rankings, k=0), "add the constant"),
        (lambda rankings: list(dict.fromkeys(one for r in rankings for one in r)), "behind the other"),
        (by_place, "ranks themselves"),
        (lambda rankings: {"a": 1.0}, "list of names"),
        (lambda rankings: ["a"], "not yet"),
    ],
    "15.5": [
        (lambda ranks, k: (mrr(ranks), hits(ranks, k) / len(ranks)), "swapped"),
        (lambda ranks, k: (hits(ranks, k) / sum(r is not None for r in ranks), mrr(ranks)), "counts in hit@k too"),
        (lambda ranks, k: (hits(ranks, k) / len(ranks), np.mean([1 / r for r in ranks if r])), "adds 0 to the mean"),
        (lambda ranks, k: (hits(ranks, k) / len(ranks), np.mean([r for r in ranks if r])), "the mean rank"),
        (lambda ranks, k: (sum(r is not None and r < k for r in ranks) / len(ranks), mrr(ranks)), "still a hit"),
        (lambda ranks, k: (hits(ranks, k), mrr(ranks)), "is a share"),
        (lambda ranks, k: 0.5, "return two numbers"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, math=math, np=np)
