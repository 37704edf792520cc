"""Checkers for chapter 3, the kinds of machine learning. Each tries an answer on fresh data and names the typical mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, name_mistake, number

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def array(result: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """`result` as a float64 array of this shape, else a `Mistake` that says what it is."""
    try:
        found = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError):
        raise Mistake(f"{what} should be numbers of the shape {shape}; it is a {type(result).__name__}.") from None
    if found.shape != shape:
        raise Mistake(f"{what} should have the shape {shape}, and has {found.shape}.")
    return found


# 3.1 learn a threshold


def best_threshold(answer: Callable) -> None:
    tries = (
        ([1.0, 2.0, 3.0, 10.0, 11.0], [0, 0, 0, 1, 1]),
        ([0.0, 1.0, 2.0, 3.0, 50.0], [0, 1, 1, 1, 1]),  # one far away: means mislead
        ([5.0, 1.0, 4.0, 2.0, 3.0, 6.0], [1, 0, 1, 1, 0, 1]),
        ([2.0, 1.0, 3.0], [1, 1, 1]),
    )
    for values, labels in tries:
        t = number(call(answer, list(values), list(labels)))
        made = errors(t, values, labels)
        least = min(errors(cut, values, labels) for cut in [min(values) - 1, *values])
        if made == least:
            continue
        ones, zeros = ([v for v, label in zip(values, labels, strict=True) if label == kind] for kind in (1, 0))
        wrong = [(np.mean(values), "that is the mean of all values; it does not look at the labels at all.")]
        if zeros:
            halfway = "half-way between the two means is pulled away by values that lie far off: count errors instead."
            wrong.append(((np.mean(ones) + np.mean(zeros)) / 2, halfway))
        else:
            wrong.append((t, "if all labels are 1, every value should be above t: try thresholds below the smallest value too."))
        wrong += [
            (least, "that is the number of errors. Return the threshold that makes them."),
            (opposite(values, labels), "that makes the most errors you can make: values *above* t mean 1."),
            (max(values), "no value is above the largest one: nothing would be called 1."),
        ]
        given = f"values {values} with labels {labels}"
        name_mistake(t, wrong, f"for {given} your threshold {t:g} makes {made} errors; {least} can be had.")


def errors(t: float, values: Sequence[float], labels: Sequence[int]) -> int:
    return sum((value > t) != bool(label) for value, label in zip(values, labels, strict=True))


def opposite(values: Sequence[float], labels: Sequence[int]) -> float:
    """The threshold with the most errors, half-way between neighbours."""
    ordered = sorted(values)
    cuts = [ordered[0] - 1, *((a + b) / 2 for a, b in pairwise(ordered)), ordered[-1] + 1]
    return max(cuts, key=lambda t: errors(t, values, labels))


# 3.2 standardize without peeking


def standardize(answer: Callable) -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(3, 2, (40, 3)) * (1, 10, 0.1), rng.normal(5, 1, (7, 3)) * (1, 10, 0.1)
    result = call(answer, train.copy(), test.copy())
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake("return two arrays, the training set and the test set, as in `return a, b`.")
    a, b = array(result[0], train.shape, "the training set"), array(result[1], test.shape, "the test set")
    mean, spread = train.mean(0), train.std(0)
    right = (train - mean) / spread, (test - mean) / spread
    if close(a, right[0]) and close(b, right[1]):
        return
    both = np.vstack([train, test])
    if close(a, right[0]) and close(b, (test - test.mean(0)) / test.std(0)):
        raise Mistake("you used the test set's own mean. A single new example has no mean: use the training set's for both.")
    if close(a, (train - both.mean(0)) / both.std(0)):
        raise Mistake("you used the mean of both sets together: then the training set knows something of the test set.")
    if close(a, (train - mean) / spread**2):
        raise Mistake("divide by the standard deviation, not by the variance.")
    if close(a, (train - train.mean()) / train.std()):
        raise Mistake("every column has its own mean and its own standard deviation: `.mean(0)`, `.std(0)`.")
    if close(a, train - mean):
        raise Mistake("the mean is gone; now divide by the standard deviation.")
    if close(a, (train - mean) / train.std(0, ddof=1)):
        raise Mistake("nearly: `.std(0)` as it is, without ddof.")
    if close(a, right[0]):
        raise Mistake("the training set is right. The test set should be minus the training set's mean, divided by its spread.")
    raise Mistake(f"not yet: the first column of your training set has mean {a[:, 0].mean():.3g} and spread {a[:, 0].std():.3g}.")


# 3.3 distortion


def distortion(answer: Callable) -> None:
    rng = np.random.default_rng(1)
    for n, k, d in ((30, 4, 2), (11, 3, 5)):
        points, centres = rng.normal(size=(n, d)), rng.normal(size=(k, d))
        result = number(call(answer, points.copy(), centres.copy()))
        squared = ((points[:, None] - centres) ** 2).sum(-1)
        right = squared.min(1).mean()
        if close(result, right):
            continue
        wrong = [
            (np.sqrt(squared).min(1).mean(), "the *squared* distance: no square root."),
            (np.sqrt(right), "no square root: the mean of the squared distances themselves."),
            (squared.min(1).sum(), "that is the sum over the points: divide by their number."),
            (squared.mean(), "you averaged over all centres: only the nearest one counts for each point."),
            (squared.max(1).mean(), "that is the farthest centre: take the nearest."),
            (squared.min(0).mean(), "you took the nearest *point* for each centre: the other way round."),
            (right / d, "sum the squares over the columns, do not average them: a distance grows with every column."),
            (
                np.abs(points[:, None] - centres).sum(-1).min(1).mean(),
                "square the differences, do not take their absolute value.",
            ),
        ]
        name_mistake(
            result, wrong, f"not yet: for {n} points and {k} centres it should be {right:.4f}, and yours is {result:.4f}."
        )


# 3.4 a step of Q-learning


def q_step(answer: Callable) -> None:
    rng = np.random.default_rng(2)
    for s, a, r, after, over, alpha, gamma in ((0, 1, -0.5, 3, False, 0.5, 0.9), (2, 0, 1.0, 4, True, 0.1, 0.8)):
        Q = rng.normal(size=(5, 3)).round(2)
        Q[after, (a + 1) % 3] = Q[after].max() + 0.5  # the best next action is another one
        given = Q.copy()
        result = number(call(answer, given, s, a, r, after, over, alpha, gamma))
        old, later = Q[s, a], Q[after].max()
        right = old + alpha * (r + (0 if over else gamma * later) - old)
        if not close(given, Q):
            raise Mistake("your function changed Q. Return the new value and leave the table as it was.")
        if close(result, right):
            continue
        target = r + (0 if over else gamma * later)
        wrong = [
            (target, "that is the target r + γ·max Q. Move only the share α of the way to it."),
            (old + alpha * (r + gamma * later - old), "the episode is over there: no later reward, so no γ·max Q."),
            (old + alpha * (r + later - old), "later rewards are discounted: γ times the best value in the next state."),
            (old + alpha * (r + gamma * Q[s].max() - old), "take the best value of the state you came *to*, `Q[after]`."),
            (old + alpha * (r + gamma * Q[after, a] - old), "the best action there, not the same action again: `max(Q[after])`."),
            (old + alpha * (r + gamma * Q[after].mean() - old), "the best value in the next state, not the mean."),
            (old + alpha * target, "the step is α times the *difference*: target minus old value."),
            (alpha * (target - old), "that is the change: add it to the old value."),
            (old - alpha * (target - old), "the sign: go towards the target."),
        ]
        if over:
            end = "the episode is over there: no later reward, so no γ·max Q."
            wrong = [(old + alpha * (r + gamma * later - old), end), (old + alpha * (r + later - old), end), *wrong]
        name_mistake(result, wrong, f"not yet: it should be {right:.4f}, and yours is {result:.4f} (over = {over}).")


# 3.5 XOR by hand


def xor_weights(answer: Callable) -> None:
    result = call(answer)
    if not isinstance(result, tuple | list) or len(result) != 4:
        raise Mistake("return four things: `W, b, v, c`.")
    W, b = array(result[0], (2, 2), "W"), array(result[1], (2,), "b")
    v, c = array(result[2], (2,), "v"), float(array(result[3], (), "c"))
    hidden = {corner: (W @ corner + b > 0).astype(int) for corner in CORNERS}
    said = {corner: int(v @ h + c > 0) for corner, h in hidden.items()}
    bad = [corner for corner in CORNERS if said[corner] != corner[0] ^ corner[1]]
    if not bad:
        return
    if all(said[corner] == (corner[0] | corner[1]) for corner in CORNERS):
        raise Mistake(
            "that is OR: (1, 1) should give 0. Let the output be *OR and not AND*: a negative weight from the AND neuron."
        )
    if all(said[corner] == (corner[0] & corner[1]) for corner in CORNERS):
        raise Mistake("that is AND. XOR is true for (0, 1) and (1, 0).")
    if len(bad) == 4:
        raise Mistake("exactly upside down: change the signs of v and c, and mind that 0 does not count as above 0.")
    patterns = [tuple(hidden[corner].tolist()) for corner in CORNERS]
    if len(set(patterns)) == 1:
        raise Mistake(f"both hidden neurons say {patterns[0]} for every corner, so the output sees no difference. Check b.")
    if all(pattern[0] == pattern[1] for pattern in patterns):
        raise Mistake(
            "your two hidden neurons say the same for every corner: one line is not enough. Give them different biases."
        )
    corner = bad[0]
    told = f"for {corner} the hidden neurons give {tuple(hidden[corner].tolist())} and the output {said[corner]}"
    raise Mistake(f"{told}; it should be {corner[0] ^ corner[1]}.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "3.1": best_threshold,
    "3.2": standardize,
    "3.3": distortion,
    "3.4": q_step,
    "3.5": xor_weights,
}
