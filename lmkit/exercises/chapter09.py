"""Checkers for chapter 9, decoding. Each tries an answer on inputs that it has not seen and names the typical mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, draw, name_mistake, number, vector

# 9.1 softmax with temperature


def softmax_at(answer: Callable) -> None:
    logits = draw(3, 6, seed=1) * 3
    for temperature in (0.5, 2.0):
        result = vector(call(answer, logits.clone(), temperature), (3, 6))
        heated = logits / temperature
        if close(result, heated.softmax(-1)):
            continue
        wrong = [
            ((logits * temperature).softmax(-1), "you multiplied by the temperature: the logits are *divided* by it."),
            (logits.softmax(-1), "the temperature has no effect yet: divide the logits by it before the softmax."),
            (logits.softmax(-1) / temperature, "divide the *logits* by the temperature, not the probabilities."),
            (heated.log_softmax(-1), "these are log-probabilities: take exp of them."),
            (heated.softmax(0), "each row is a distribution of its own: add up over the last axis, dim=-1."),
            (heated.exp() / heated.exp().sum(), "each row must add up to 1 by itself: sum with dim=-1, keepdim=True."),
            (heated.exp(), "exp makes the scores positive; now divide each row by its sum."),
            ((heated - heated.max(-1, keepdim=True).values).exp(), "now divide each row by its sum."),
        ]
        name_mistake(result, wrong, "not yet: exp(zᵢ/T) divided by the sum of exp(zⱼ/T) over the last axis.")
    large = vector(call(answer, torch.tensor([500.0, 499.0, -500.0]), 0.5), (3,))
    if not np.isfinite(large).all():
        raise Mistake("logits of 500 give nan: exp overflows. Subtract the largest logit first; that changes nothing else.")
    if not close(large, [1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2)), 0]):
        raise Mistake("right for small logits, wrong for large ones: subtract the largest, and only that.")


# 9.2 entropy


def entropy_nats(answer: Callable) -> None:
    probs = torch.tensor([0.5, 0.25, 0.125, 0.125])
    result = number(call(answer, probs.clone()))
    terms = probs * probs.log()
    right = -terms.sum().item()
    if not close(result, right):
        wrong = [
            (right / math.log(2), "that is in bits: nats want the natural logarithm, log, not log2."),
            (right / math.log(10), "that is with log10: nats want the natural logarithm, log."),
            (-right, "the sign: a logarithm of a probability is negative, so put a minus in front."),
            (right / len(probs), "add the terms up; the weights pᵢ make the mean already."),
            (math.exp(right), "that is the perplexity, e to the entropy."),
            (-probs.log().sum().item(), "weight each −ln pᵢ with its probability pᵢ before adding."),
            (-probs.log().mean().item(), "weight each −ln pᵢ with its probability pᵢ; a plain mean treats all alike."),
            (right / math.log(len(probs)), "you divided by ln n: that is the entropy as a share of the largest one."),
        ]
        name_mistake(result, wrong, "not yet: −Σ pᵢ ln pᵢ.")
    with_zeros = number(call(answer, torch.tensor([0.5, 0.0, 0.5, 0.0])))
    if math.isnan(with_zeros):
        raise Mistake("a probability of exactly 0 gives nan, since 0 · ln 0 is 0 · (−∞). Its limit is 0: leave such terms out.")
    if not close(with_zeros, math.log(2)):
        raise Mistake(
            f"a probability of 0 should add nothing: for ½, 0, ½, 0 the entropy is ln 2 = 0.693, yours is {with_zeros:.3f}."
        )


# 9.3 the nucleus


def nucleus(answer: Callable) -> None:
    probs = torch.tensor([0.05, 0.4, 0.02, 0.25, 0.18, 0.1])
    best_first = [1, 3, 4, 5, 0, 2]
    for p, size in ((0.6, 2), (0.7, 3), (0.9, 4), (0.3, 1), (1.0, 6)):
        result = as_set(call(answer, probs.clone(), p))
        if result == set(best_first[:size]):
            continue
        wrong = [
            (set(best_first[: size - 1]), f"the token that crosses the line is missing: the nucleus must *reach* {p}."),
            (set(best_first[: size + 1]), f"one token too many for p = {p}: stop as soon as the kept ones reach p."),
            ({i for i in range(6) if probs[i] >= p}, "p is a share of the total, not a threshold that each token must pass."),
            ({i for i in range(6) if probs[i] >= p * probs.max()}, "that is min-p: here the kept tokens *together* hold p."),
            (first_reaching(probs, range(6), p), "the tokens are taken in the order of their ids: sort by probability first."),
            (first_reaching(probs, best_first[::-1], p), "you began with the least probable: sort in descending order."),
            (set(range(6)) - set(best_first[:size]), "these are the tokens to *remove*: return the ones that stay."),
            (set(range(size)), "these are ranks, not ids: look up which token has each rank."),
            (set(), f"nothing is left for p = {p}: the most probable token always stays."),
        ]
        got = ", ".join(map(str, sorted(result))) or "nothing"
        shown = ", ".join(f"{prob:.2f}" for prob in probs.tolist())
        otherwise = f"not yet: for probabilities {shown} and p = {p} keep {best_first[:size]}; yours keeps {got}."
        raise Mistake(next((message for value, message in wrong if result == value), otherwise))


def first_reaching(probs: torch.Tensor, order: Iterable[int], p: float) -> set[int]:
    """Ids taken in this order until they hold p together."""
    kept: set[int] = set()
    for id in order:
        if sum(probs[i].item() for i in kept) >= p:
            break
        kept.add(id)
    return kept


def as_set(result: Any) -> set[int]:
    """`result` as a set of ids, else a `Mistake`. Lists and tensors of ids are welcome."""
    if isinstance(result, torch.Tensor | np.ndarray):
        if result.dtype in (torch.bool, np.bool_):
            raise Mistake("return the ids, not a mask: mask.nonzero() tells where it is True.")
        result = result.reshape(-1).tolist()
    if not isinstance(result, set | frozenset | list | tuple):
        raise Mistake(f"return a set of ids; your function returns a {type(result).__name__}.")
    try:
        return {int(id) for id in result}
    except (TypeError, ValueError):
        raise Mistake("the set should hold ids, whole numbers.") from None


# 9.4 the repetition penalty


def penalty(answer: Callable) -> None:
    logits, seen, theta = torch.tensor([3.0, -2.0, 1.5, 0.5, -1.0, 4.0]), [0, 1, 0, 4, 0], 1.5
    given = logits.clone()
    result = vector(call(answer, given, list(seen), theta), (6,))
    if not close(given, logits):
        raise Mistake("the logits you were given have changed: work on a copy, logits.clone().")
    once = sorted(set(seen))

    def changed(rule: Callable[[float], float], ids: Iterable[int] = once) -> torch.Tensor:
        out = logits.clone()
        for id in ids:
            out[id] = rule(out[id].item())
        return out

    def right(z: float) -> float:
        return z / theta if z > 0 else z * theta

    if close(result, changed(right)):
        return
    wrong = [
        (changed(lambda z: z / theta), "negative logits were divided too, which *raises* them: multiply those by theta."),
        (changed(lambda z: z * theta), "positive logits were multiplied, which raises them: divide those by theta."),
        (changed(lambda z: z * theta if z > 0 else z / theta), "it is the wrong way round: your penalty is a reward."),
        (changed(lambda z: z / theta if z > 0 else z), "negative logits are left alone: multiply them by theta."),
        (changed(lambda z: z - theta), "you subtracted theta: this penalty divides and multiplies."),
        (changed(lambda z: z - math.log(theta)), "you subtracted ln theta: this penalty divides and multiplies."),
        (changed(right, seen), "token 0 occurs three times and was punished three times: once is enough, so use set(seen)."),
        (changed(right, range(6)), "every token was punished: only those in `seen` are."),
        (changed(right, [id for id in range(6) if id not in seen]), "you punished the tokens that have *not* occurred."),
        (logits, "nothing has changed: return the new tensor."),
    ]
    name_mistake(result, wrong, "not yet: for each token in set(seen), z / theta if z > 0, else z * theta.")


# 9.5 what replaces a rejected draft


def after_rejection(answer: Callable) -> None:
    p, q = np.array([0.45, 0.3, 0.15, 0.1]), np.array([0.2, 0.2, 0.5, 0.1])
    result = vector(call(answer, p.copy(), q.copy()), (4,))
    residual = np.maximum(p - q, 0)
    right = residual / residual.sum()
    if close(result, right):
        return equal_distributions(answer, p)
    written = np.minimum(p, q) + (1 - np.minimum(p, q).sum()) * result
    bias = "the text would no longer be the model's: token 0 would come up with probability "
    bias += f"{written[0]:.2f} instead of {p[0]:.2f}."
    wrong = [
        (p, f"that is p itself. What p and q share was already accepted, so {bias}"),
        (q, f"that draws from the draft again, and {bias}"),
        (residual, "the residual must be scaled to add up to 1."),
        (np.abs(p - q) / np.abs(p - q).sum(), f"take max(0, p − q), not |p − q|: else {bias}"),
        (
            np.maximum(q - p, 0) / np.maximum(q - p, 0).sum(),
            "p and q are swapped: something is missing where the model, p, is higher.",
        ),
        (p - q, "negative numbers are no probabilities: cut p − q off at 0, then scale."),
    ]
    if not np.isfinite(result).all():
        raise Mistake("there is a nan or an infinity in the result: what did you divide by?")
    name_mistake(result, wrong, f"not yet: {bias}")


def equal_distributions(answer: Callable, p: np.ndarray) -> None:
    """p = q: nothing is ever rejected, and the residual is 0 everywhere."""
    with np.errstate(invalid="ignore", divide="ignore"):
        result = vector(call(answer, p.copy(), p.copy()), p.shape)
    if not np.isfinite(result).all():
        raise Mistake("right, but for p = q it gives 0 / 0, nan: the residual is empty then, so return p.")
    if not close(result, p):
        raise Mistake("right, but for p = q return p: the residual is empty then.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "9.1": softmax_at,
    "9.2": entropy_nats,
    "9.3": nucleus,
    "9.4": penalty,
    "9.5": after_rejection,
}
