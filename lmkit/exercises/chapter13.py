"""Checkers for chapter 13, preferences. Each tries an answer on inputs that it has not seen and names the typical mistakes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import draw, name_mistake, number

# 13.1 from a ranking to pairs


def pairs(answer: Callable) -> None:
    ranking = ["first", "second", "third", "fourth"]
    result = call(answer, list(ranking))
    try:
        found = [tuple(pair) for pair in result]
    except TypeError:
        raise Mistake(f"return a list of (better, worse); your function returns a {type(result).__name__}.") from None
    right = [(a, b) for i, a in enumerate(ranking) for b in ranking[i + 1 :]]
    if sorted(found) == sorted(right):
        return
    if len(set(found)) < len(found):
        raise Mistake("a pair is there more than once: each couple of answers counts once.")
    if any(a == b for a, b in found):
        raise Mistake("an answer is paired with itself: begin the second loop one place after the first.")
    if set(found) == {(b, a) for a, b in right}:
        raise Mistake("the wrong way round: the better answer, the one that comes first in the ranking, stands first.")
    if found == list(itertools.pairwise(ranking)):
        raise Mistake("only neighbours are paired: the first is also better than the third, and so on.")
    if len(found) == 12:
        raise Mistake("every couple is there in both orders: keep the one with the better answer first.")
    raise Mistake(f"not yet: 4 answers make 6 pairs; yours gives {len(found)}: {found}.")


# 13.2 the loss of a reward model


def preference_loss(answer: Callable) -> None:
    better, worse = draw(5, seed=1) + 0.5, draw(5, seed=2)
    result = number(call(answer, better.clone(), worse.clone()))
    gap = better - worse
    right = -F.logsigmoid(gap).mean()
    if not math.isclose(result, right, abs_tol=1e-5):
        wrong = [
            (-F.logsigmoid(-gap).mean(), "the difference is the wrong way round: better minus worse."),
            (F.logsigmoid(gap).mean(), "the sign: the loss is *minus* the logarithm, and positive."),
            (right * 5, "take the mean over the pairs, not the sum."),
            (-gap.mean(), "that is only the difference: put it through −ln σ, or rewards grow without end."),
            ((1 - gap.sigmoid()).mean(), "that is the mean probability of being wrong: take −ln σ of the difference."),
            (-gap.sigmoid().mean().log(), "take the logarithm of each pair first, then the mean."),
            (
                -F.logsigmoid(better).mean() - F.logsigmoid(-worse).mean(),
                "that treats each reward alone: only the difference counts.",
            ),
        ]
        name_mistake(result, wrong, "not yet: the mean of −ln σ(better − worse).")
    far = number(call(answer, torch.tensor([-1000.0]), torch.tensor([1000.0])))
    if not math.isfinite(far):
        raise Mistake("rewards of ±1000 give inf or nan: σ underflows to 0. Use F.logsigmoid or F.softplus.")
    if not math.isclose(far, 2000, rel_tol=1e-4):
        raise Mistake(f"for rewards of −1000 and 1000 the loss is 2000, yours is {far:g}: do not cut σ off.")


# 13.3 PPO's objective


def objective(answer: Callable) -> None:
    old, advantage, clip = draw(40, seed=3) - 2, draw(40, seed=4), 0.2
    new = old + 0.4 * draw(40, seed=5)
    result = number(call(answer, new.clone(), old.clone(), advantage.clone(), clip))
    ratio = (new - old).exp()
    plain, kept = ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage
    right = torch.minimum(plain, kept)
    if math.isclose(result, right.mean(), abs_tol=1e-5):
        return
    upside = ratio.clamp(max=1 + clip) * advantage
    difference = new - old
    wrong = [
        (-right.mean(), "the sign: this is an objective, to be made large. A loss would be minus this."),
        (plain.mean(), "nothing is clipped yet: take the smaller of the plain and the clipped product."),
        (kept.mean(), "you always clip: take the *smaller* of the plain and the clipped product."),
        (torch.maximum(plain, kept).mean(), "you take the larger of the two: the smaller one is the cautious one."),
        (upside.mean(), "clip on both sides, 1 − ε and 1 + ε, and take the smaller product."),
        (right.sum(), "take the mean over the tokens, not the sum."),
        (torch.minimum(difference * advantage, difference.clamp(1 - clip, 1 + clip) * advantage).mean(),
         "the ratio of probabilities is exp(new − old): the inputs are log-probabilities."),
        (torch.minimum(new / old * advantage, (new / old).clamp(1 - clip, 1 + clip) * advantage).mean(),
         "you divided log-probabilities: the ratio is exp(new − old)."),
        (torch.minimum(advantage / ratio, (1 / ratio).clamp(1 - clip, 1 + clip) * advantage).mean(),
         "the ratio is upside down: new over old."),
    ]  # fmt: skip
    name_mistake(result, wrong, "not yet: mean of min(ρA, clip(ρ, 1 − ε, 1 + ε)A) with ρ = exp(new − old).")


# 13.4 generalised advantage estimation


def estimates(rewards: Sequence[float], values: Sequence[float], gamma: float, lam: float, last: float = 0.0) -> list[float]:
    found, after, following = [], 0.0, last
    for reward, value in zip(reversed(rewards), reversed(values), strict=True):
        after = reward + gamma * following - value + gamma * lam * after
        following = value
        found.append(after)
    return found[::-1]


def gae(answer: Callable) -> None:
    rewards, values, gamma, lam = [0.1, -0.3, 0.0, 1.0], [0.4, 0.2, 0.6, 0.5], 0.9, 0.8
    result = call(answer, list(rewards), list(values), gamma, lam)
    try:
        found = [float(value) for value in result]
    except TypeError:
        raise Mistake(f"return a list of numbers; your function returns a {type(result).__name__}.") from None
    right = estimates(rewards, values, gamma, lam)
    if len(found) != len(right):
        raise Mistake(f"one advantage for each step: {len(right)} are expected, yours are {len(found)}.")
    if np.allclose(found, right, atol=1e-6):
        return
    wrong = [
        (right[::-1], "the right numbers in reverse order: the first advantage belongs to the first step."),
        (estimates(rewards, values, gamma, 0.0), "these are the one-step surprises δ: add γλ times the next advantage to each."),
        (estimates(rewards, values, gamma, 1.0), "λ has no effect: what comes later is multiplied by γ·λ."),
        (estimates(rewards, values, 1.0, lam), "γ has no effect: the next value and the next advantage are both discounted."),
        (estimates(rewards, values, 1.0, gamma * lam), "γ is missing before the next value: δ = r + γ·V′ − V."),
        (estimates(rewards, values, gamma, lam / gamma), "the next advantage is multiplied by γ·λ, not by λ alone."),
        (estimates(rewards, values, gamma, lam, values[-1]), "after the last step nothing is expected: its next value is 0."),
        ([a + v for a, v in zip(right, values, strict=True)], "these are the returns, A + V: the advantages are without V."),
        (estimates(rewards, [0.0] * 4, gamma, lam), "the values have no effect: δ = r + γ·V′ − V."),
    ]
    for value, message in wrong:
        if np.allclose(found, value, atol=1e-6):
            raise Mistake(message)
    raise Mistake("not yet: from the last step backwards, δ = r + γ·V′ − V and A = δ + γ·λ·A′.")


# 13.5 DPO


def dpo_loss(answer: Callable) -> None:
    policy_better, policy_worse = -10 + draw(6, seed=6), -10 + draw(6, seed=7)
    reference_better, reference_worse, beta = -10 + draw(6, seed=8), -10 + draw(6, seed=9), 0.5
    given = policy_better, policy_worse, reference_better, reference_worse
    result = number(call(answer, *(x.clone() for x in given), beta))
    gap = (policy_better - reference_better) - (policy_worse - reference_worse)
    right = -F.logsigmoid(beta * gap).mean()
    if math.isclose(result, right, abs_tol=1e-5):
        return
    wrong = [
        (-F.logsigmoid(-beta * gap).mean(), "the difference is the wrong way round: better minus worse."),
        (F.logsigmoid(beta * gap).mean(), "the sign: the loss is minus the logarithm."),
        (right * 6, "take the mean over the pairs, not the sum."),
        (-F.logsigmoid(gap).mean(), "β has no effect: it multiplies the difference inside σ."),
        (-F.logsigmoid(gap / beta).mean(), "β multiplies the difference; you divided by it."),
        (-beta * F.logsigmoid(gap).mean(), "β belongs inside σ, before the logarithm."),
        (-F.logsigmoid(beta * (policy_better - policy_worse)).mean(), "the reference is missing: how far did each answer move?"),
        (-F.logsigmoid(beta * (policy_better + reference_better - policy_worse - reference_worse)).mean(),
         "the reference is subtracted, not added: ln π − ln π_ref."),
        (-F.logsigmoid(beta * (policy_better / reference_better - policy_worse / reference_worse)).mean(),
         "these are logarithms: the logarithm of a ratio is a difference."),
    ]  # fmt: skip
    name_mistake(result, wrong, "not yet: the mean of −ln σ(β · (how far better moved − how far worse moved)).")


CHECKERS = {"13.1": pairs, "13.2": preference_loss, "13.3": objective, "13.4": gae, "13.5": dpo_loss}
