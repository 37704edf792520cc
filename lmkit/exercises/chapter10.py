"""Checkers for chapter 10, learning by gradient. Each tries an answer on inputs that it has not seen and names the typical
mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, draw, name_mistake, number, vector

# 10.1 gradient descent on a line


def fit_slope(answer: Callable) -> None:
    x, y, start, rate, steps = [1.0, 2.0, 4.0], [3.0, 5.0, 13.0], 0.5, 0.02, 3
    result = number(call(answer, list(x), list(y), start, rate, steps))

    def after(n: int = steps, factor: float = 2.0, sign: float = -1.0, mean: bool = True, by: Sequence[float] = x) -> float:
        w = start
        for _ in range(n):
            gradient = sum(factor * (w * a - b) * c for a, b, c in zip(x, y, by, strict=True)) / (len(x) if mean else 1)
            w += sign * rate * gradient
        return w

    if close(result, after()):
        return
    wrong = [
        (after(sign=1.0), "you went uphill: subtract the gradient, do not add it."),
        (after(factor=1.0), "the factor 2 is missing: the derivative of (wx − y)² with respect to w is 2x(wx − y)."),
        (after(mean=False), "J is the *mean* over the points, so divide the gradient by their number."),
        (after(by=[1.0] * 3), "the inner derivative is missing: wx − y changes by x when w changes by 1, so multiply by x."),
        (after(n=1), "you made one step: repeat it `steps` times, with a new gradient each time."),
        (start + steps * (after(n=1) - start), "the gradient must be computed again in every step, at the new w."),
        (start, "w has not moved: return the w after the last step."),
    ]
    name_mistake(result, wrong, f"not yet: after {steps} steps w should be {after():.4f}; yours is {result:.4f}.")


# 10.2 one step of Adam


def adam_step(answer: Callable) -> None:
    theta, gradient = draw(4, seed=2).double(), draw(4, seed=3).double()  # so that small steps are not lost in rounding
    mean, square = draw(4, seed=4).double() * 0.1, draw(4, seed=5).double().square() * 0.1
    n, rate = 3, 0.01
    result = call(answer, theta.clone(), gradient.clone(), mean.clone(), square.clone(), n, rate)
    if isinstance(result, torch.Tensor) or not isinstance(result, Sequence) or len(result) != 3:
        raise Mistake("return three tensors: the new parameters, the new mean and the new mean square.")
    new, m, v = (vector(one, (4,)) for one in result)
    right_m, right_v = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient.square()
    if not close(m, right_m):
        wrong = [
            (mean, "the running mean has not changed: 0.9 of the old one and 0.1 of the gradient."),
            (0.1 * mean + 0.9 * gradient, "the mean keeps 0.9 of its *old* value, and takes 0.1 of the gradient."),
            (0.9 * mean + gradient, "the gradient enters the mean with the weight 1 − 0.9."),
        ]
        name_mistake(m, wrong, "the running mean is not yet 0.9 m + 0.1 g.")
    if not close(v * 1e3, right_v * 1e3):
        wrong = [
            (0.999 * square + 0.001 * gradient, "the second mean is of the *squares*: put gradient ** 2 there."),
            (0.9 * square + 0.1 * gradient.square(), "the mean of the squares has its own, slower rate: 0.999 and 0.001."),
        ]
        name_mistake(v, wrong, "the running mean of the squares is not yet 0.999 v + 0.001 g².")
    m_hat, v_hat = right_m / (1 - 0.9**n), right_v / (1 - 0.999**n)
    if close((new - theta.numpy()) * 1e3, -1e3 * rate * m_hat / (v_hat.sqrt() + 1e-8)):
        return
    wrong = [
        (
            theta - rate * right_m / (right_v.sqrt() + 1e-8),
            "the bias correction is missing: m / (1 − 0.9ⁿ), v / (1 − 0.999ⁿ).",
        ),
        (theta - rate * m_hat / (v_hat + 1e-8), "divide by the *square root* of v."),
        (theta + rate * m_hat / (v_hat.sqrt() + 1e-8), "you went uphill: subtract."),
        (theta - rate * gradient / (v_hat.sqrt() + 1e-8), "step along the running mean, not along this gradient alone."),
        (theta - rate * m_hat, "each parameter is divided by its own scale, √v."),
        (theta, "the parameters have not moved."),
    ]
    name_mistake(new, wrong, "m and v are right; the step is not yet rate · m̂ / (√v̂ + 1e-8), subtracted.")


# 10.3 the loss of a language model


def language_loss(answer: Callable) -> None:
    logits, ids = draw(6, 9, seed=6) * 2, torch.tensor([3, 1, 4, 1, 5, 8])
    result = number(call(answer, logits.clone(), ids.clone()))
    logp = logits.log_softmax(-1)
    each = -logp[range(5), ids[1:]]
    if close(result, each.mean()):
        return
    wrong = [
        (-logp[range(6), ids].mean(), "you asked each position for the token that it *reads*: its target is the token after it."),
        (-logp[range(1, 6), ids[:-1]].mean(), "the shift goes the wrong way: position t predicts token t + 1."),
        (each.sum(), "that is the sum: the loss is the mean over the targets."),
        (each.sum() / 6, "there are five targets for six tokens: the last position has none."),
        (-each.mean(), "the sign: log-probabilities are negative, so put a minus in front."),
        (each.mean() / math.log(2), "that is in bits: take the natural logarithm."),
        (logp.exp()[range(5), ids[1:]].mean(), "these are probabilities: the loss takes their negative logarithm."),
        (-logits[range(5), ids[1:]].mean(), "logits are no log-probabilities yet: log_softmax first."),
    ]
    name_mistake(result, wrong, "not yet: the mean of −log_softmax(logits)[t, ids[t + 1]] over t.")


# 10.4 the perplexity of several texts


def perplexity(answer: Callable) -> None:
    losses, tokens = [2.0, 3.5, 1.0], [10, 200, 40]
    result = number(call(answer, list(losses), list(tokens)))
    mean = sum(a * b for a, b in zip(losses, tokens, strict=True)) / sum(tokens)
    if close(result, math.exp(mean)):
        return
    wrong = [
        (mean, "that is the mean loss: the perplexity is e to it."),
        (math.exp(sum(losses) / 3), "a long text counts as much as a short one: weight each loss with its number of tokens."),
        (sum(map(math.exp, losses)) / 3, "do not average perplexities: average the losses over all tokens, then take e to it."),
        (
            sum(math.exp(a) * b for a, b in zip(losses, tokens, strict=True)) / sum(tokens),
            "do not average perplexities, not even weighted: average the losses, then take e to it.",
        ),
        (2**mean, "the losses are in nats, so the base is e, not 2."),
    ]
    name_mistake(result, wrong, f"not yet: e to the mean loss per token, which is {mean:.3f} here.")


# 10.5 two workers with unequal shares


def combined(answer: Callable) -> None:
    gradients, counts = [draw(5, seed=7), draw(5, seed=8), draw(5, seed=9)], [100, 300, 50]
    result = vector(call(answer, [one.clone() for one in gradients], list(counts)), (5,))
    whole = sum(gradient * n for gradient, n in zip(gradients, counts, strict=True))
    if close(result, whole / sum(counts)):
        return
    wrong = [
        (sum(gradients) / 3, "a plain mean lets a token of a small share count more: weight each gradient with its tokens."),
        (sum(gradients), "that is the sum, which grows with the number of workers: the learning rate would mean something else."),
        (whole, "now divide by the number of all tokens."),
        (whole / 3, "divide by the number of all tokens, not by the number of workers."),
    ]
    name_mistake(result, wrong, "not yet: Σ nᵢ gᵢ / Σ nᵢ.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "10.1": fit_slope,
    "10.2": adam_step,
    "10.3": language_loss,
    "10.4": perplexity,
    "10.5": combined,
}
