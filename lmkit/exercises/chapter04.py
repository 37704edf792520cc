"""Checkers for chapter 4, modelling language. Each tries an answer on unseen numbers and names the typical mistakes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, draw, name_mistake, number, vector

# 4.1 perplexity


def perplexity_of(answer: Callable) -> None:
    for p in ([0.5, 0.25, 0.25, 0.5], [0.9, 0.01, 0.3, 0.3, 0.7, 0.2], [0.125] * 3):
        result = number(call(answer, list(p)))
        n, product, nats = len(p), math.prod(p), -sum(map(math.log, p))
        right = math.exp(nats / n)
        if close(result, right):
            continue
        wrong = [
            (nats / n, "that is the mean surprise in nats: raise e to it."),
            (math.exp(nats), "that is one over the product: divide the sum of the logarithms by the number of words first."),
            (1 / (sum(p) / n), "the mean of the probabilities is not what is wanted: the mean of their logarithms is."),
            (sum(1 / q for q in p) / n, "do not average 1/p: average the logarithms, then raise e to the result."),
            (product ** (1 / n), "upside down: that is the typical probability; perplexity is one over it."),
            (math.exp(-nats / n), "the sign: logarithms of probabilities are negative, so put a minus before their mean."),
            (2 ** (nats / n), "the bases do not fit: a natural logarithm belongs to e, log2 belongs to 2."),
            (math.exp(nats / n / math.log(2)), "the bases do not fit: log2 belongs to 2, a natural logarithm belongs to e."),
            (product, "that is the probability of all words together: take its n-th root, and one over it."),
        ]
        name_mistake(result, wrong, f"not yet: for {p} it is {right:.4f}, and your function gives {result:.4f}.")


# 4.2 a smoothed bigram


def smoothed(answer: Callable) -> None:
    pairs = {("很", "好"): 10, ("很", "冷"): 6, ("很", "热"): 2, ("天气", "很"): 11}
    pairs |= {("天气", "会"): 1, ("会", "好"): 1, ("好", "很"): 3}
    V, every = 7, sum(pairs.values())
    for k, before, word in ((0.5, "很", "好"), (1.0, "很", "会"), (0.1, "天气", "很"), (0.25, "风", "好")):
        try:
            result = number(call(answer, dict(pairs), V, k, before, word))
        except Mistake as mistake:
            if "KeyError" in str(mistake):
                raise Mistake(f"{before} {word} was never seen and has no entry: use pairs.get((before, word), 0).") from None
            raise
        seen = pairs.get((before, word), 0)
        total = sum(n for (first, _), n in pairs.items() if first == before)
        ends = sum(n for (_, last), n in pairs.items() if last == word)
        followed = sum(first == before for first, _ in pairs)
        right = (seen + k) / (total + k * V)
        if close(result, right):
            continue
        wrong = [
            ((seen + k) / (total + k), "every one of the V words gets k more: add k·V below the line, or they do not sum to 1."),
            ((seen + k) / (total + V), "below the line stands k·V, not V."),
            ((seen + k) / (total or 1), "what is added above must be added below, for every word: k·V."),
            (seen / (total + k * V), "add k to the count of the pair too, or what was never seen stays at 0."),
            ((seen + k) / (every + k * V), f"divide by how often {before} came first, not by the number of all pairs."),
            ((seen + k) / (ends + k * V), f"divide by how often {before} came first, not by how often {word} came second."),
            ((seen + k) / (total + k * followed), f"V is the whole vocabulary, not only the words that have followed {before}."),
            (seen / total if total else 0.0, "that is without smoothing: add k above and k·V below."),
        ]
        otherwise = f"not yet: P({word} | {before}) with k = {k} is {right:.4f}, and your function gives {result:.4f}."
        name_mistake(result, wrong, otherwise)


# 4.3 the states of a recurrent network


def states(x, W, U, b, *, start=None, squash=torch.tanh, carry=True) -> torch.Tensor:
    """All hidden states, and what typical mistakes make of them."""
    h = torch.zeros(len(b)) if start is None else start
    found = []
    for word in x:
        found.append(squash(W @ word + U @ h + b))
        h = found[-1] if carry else h
    return torch.stack(found)


def elman(answer: Callable) -> None:
    x, W, U, b = draw(5, 3, seed=1), draw(4, 3, seed=2), 0.6 * draw(4, 4, seed=3), draw(4, seed=4)
    given = [part.clone() for part in (x, W, U, b)]
    result = call(answer, *given)
    right = states(x, W, U, b)
    if isinstance(result, tuple | list) and result and isinstance(result[0], torch.Tensor):
        raise Mistake("return one tensor, not a list: torch.stack(states).")
    if isinstance(result, torch.Tensor) and result.shape == (4,):
        if close(result, right[-1]):
            raise Mistake("that is the last state alone: collect the state after every word.")
        raise Mistake("the result should hold one state for every word: shape (5, 4), and it has (4,).")
    result = vector(result, (5, 4))
    if close(result, right):
        return
    no_tanh = states(x, W, U, b, squash=lambda h: h)
    wrong = [
        (states(x, W, U, b, carry=False), "the state is not carried on: the next step must begin with the new h."),
        (no_tanh, "the tanh is missing."),
        (torch.tanh(no_tanh), "the tanh belongs inside the loop: the squeezed state is what is carried on."),
        (states(x, W, U, 0 * b), "the bias b is missing."),
        (states(x, W, U.T, b), "U is turned over: U @ h, not h @ U."),
        (states(x, W, U, b, squash=torch.sigmoid), "squeeze with tanh, between −1 and 1, not with a sigmoid."),
        (states(x, W, U, b, start=torch.ones(4)), "begin with a state of zeros."),
        (states(x.flip(0), W, U, b), "the words are read from the wrong end."),
        (torch.stack([torch.zeros(4), *right[:-1]]), "these are the states *before* each word: store h after the change."),
    ]
    name_mistake(result, wrong, "not yet: h = tanh(W x + U h + b), word by word, from a state of zeros.")


# 4.4 who sees whom in GLM


def glm_mask(answer: Callable) -> None:
    for a, b in ((4, 3), (1, 5), (2, 2)):
        result = call(answer, a, b)
        n = a + b
        right = torch.ones(n, n).tril()
        right[:a, :a] = 1
        result = vector(result, (n, n))
        if close(result, right):
            continue
        full, causal = torch.ones(n, n), torch.ones(n, n).tril()
        leak, apart, both = right.clone(), right.clone(), right.clone()
        leak[:a, a:], apart[a:, :a], both[a:, a:] = 1, 0, 1
        strict = right.clone()
        strict[a:, a:] = torch.ones(b, b).tril(-1)
        swapped = torch.ones(n, n).tril()
        swapped[a:, a:] = 1
        wrong = [
            (causal, "that is one eye everywhere, as in GPT: inside part A everybody sees everybody."),
            (full, "that is two eyes everywhere, as in BERT: part B must not see what it has yet to write."),
            (leak, "part A sees part B: then the blanks can be read off, and nothing is learned."),
            (apart, "part B must see part A: the text round the blanks is what it is filled from."),
            (both, "part B sees its own future: inside part B, one eye."),
            (strict, "a token of part B may look at itself."),
            (swapped, "the parts are swapped: two eyes belong to part A, which comes first."),
            (right.T, "rows and columns are swapped: the row is the token that looks."),
            (1 - right, "True means *may look*: yours is the opposite."),
        ]
        name_mistake(result, wrong, f"not yet: A sees all of A; B sees all of A, and B up to itself ({a} and {b} tokens).")


# 4.5 continuation counts


def continuation(answer: Callable) -> None:
    pairs = {("San", "Francisco"): 40, ("the", "sea"): 3, ("a", "sea"): 2, ("deep", "sea"): 1}
    pairs |= {("the", "town"): 7, ("a", "town"): 1}
    result = call(answer, dict(pairs))
    if not isinstance(result, dict):
        raise Mistake(f"return a dict {{word: share}}; your function returns a {type(result).__name__}.")
    words = ["Francisco", "sea", "town"]
    if set(result) == {"San", "the", "a", "deep"}:
        raise Mistake("the shares belong to the second words of the pairs: those that follow.")
    if set(result) != set(words):
        raise Mistake(f"there should be a share for {', '.join(words)}; yours has {', '.join(map(str, result))}.")
    shares = [number(result[word]) for word in words]
    different = Counter(word for _, word in pairs)
    times: Counter = Counter()
    for (_, word), n in pairs.items():
        times[word] += n
    every = sum(times.values())
    right = [different[word] / len(pairs) for word in words]
    if close(shares, right):
        return
    wrong = [
        ([times[w] / every for w in words], "those are plain frequencies: Francisco comes 40 times, always after San."),
        ([different[w] for w in words], "those are counts: divide by the number of different pairs."),
        ([different[w] / every for w in words], "divide by the number of *different* pairs, so that the shares sum to 1."),
        ([different[w] / 4 for w in words], "divide by the number of different pairs, not of different words before."),
        ([different[w] / 3 for w in words], "divide by the number of different pairs, not of different words."),
        ([different[w] / times[w] for w in words], "divide by the number of different pairs, not by the word's own frequency."),
    ]
    name_mistake(shares, wrong, f"not yet: for sea it is {different['sea']} of {len(pairs)} different pairs.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "4.1": perplexity_of,
    "4.2": smoothed,
    "4.3": elman,
    "4.4": glm_mask,
    "4.5": continuation,
}
