"""Checkers for chapter 6, embeddings and position. Each tries an answer on new numbers and names the typical mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from lmkit.exercises import call
from lmkit.exercises.answers import close, draw, name_mistake, single, vector

# 6.1 cosines of a vector with the rows of a matrix


def cosines(answer: Callable) -> None:
    rows, one = draw(6, 5, seed=0) * torch.arange(1, 7)[:, None], 3 * draw(5, seed=1)
    result = vector(call(answer, one.clone(), rows.clone()), (6,))
    right = rows @ one / (rows.norm(dim=1) * one.norm())
    if close(result, right):
        return
    dots = rows @ one
    wrong = [
        (dots, "these are dot products: divide by both lengths."),
        (dots / one.norm(), "divide by the length of each row, too."),
        (dots / rows.norm(dim=1), "divide by the length of the vector, too."),
        (dots / (rows.norm() * one.norm()), "rows.norm() is the length of the whole matrix: every row has its own, norm(dim=1)."),
        (dots / (rows.square().sum(1) * one.square().sum()), "a length is the *root* of the sum of squares."),
        (1 - right, "that is a distance: the cosine itself is 1 for the same direction."),
        ((rows - one).norm(dim=1), "that is how far the ends are apart; the cosine is about the angle."),
    ]
    name_mistake(result, wrong, f"not yet: the first cosine should be {right[0]:.4f}; yours is {result[0]:.4f}.")


# 6.2 an analogy that leaves the words of the question out


def best_row(rows: torch.Tensor, target: torch.Tensor, leave_out: tuple[int, ...], lengths: bool = False) -> int:
    """The row nearest to `target` by cosine, or by dot product where `lengths` shall count."""
    near = (rows if lengths else F.normalize(rows, dim=1)) @ target
    near[list(leave_out)] = float("-inf")
    return int(near.argmax())


def analogy(answer: Callable) -> None:
    given, wanted, wrong = [], [], []  # a mistake is one that explains the answers to all questions
    for seed in range(20):
        rows = draw(30, 4, seed=seed) * (1 + 3 * draw(30, 1, seed=100 + seed).abs())
        a, b, c = (4, 11, 20) if seed % 2 else (20, 4, 11)
        unit = F.normalize(rows, dim=1)
        target = unit[b] - unit[a] + unit[c]
        given.append(single(call(answer, rows.clone(), a, b, c)))
        wanted.append(best_row(rows, target, (a, b, c)))
        wrong.append(
            [
                (best_row(rows, target, ()), "the answer is a word of the question: leave a, b and c out."),
                (best_row(rows, target, (c,)), "leave all three words out, not only c."),
                (best_row(rows, target, (b, c)), "leave all three words out: a, too."),
                (best_row(rows, unit[a] - unit[b] + unit[c], (a, b, c)), "the arrow goes from a to b: b − a + c."),
                (best_row(rows, rows[b] - rows[a] + rows[c], (a, b, c)), "bring the rows to length 1 *before* you add them."),
                (best_row(rows, target, (a, b, c), lengths=True), "compare by cosine: a long row must not win by its length."),
                (best_row(rows, unit[c], (a, b, c)), "that is the neighbour of c: add the arrow b − a."),
            ]
        )
    if given != wanted:
        whole = [([found for found, _ in one], one[0][1]) for one in zip(*wrong, strict=True)]
        name_mistake(given, whole, "not yet: normalise the rows, take b − a + c, and find the largest cosine.")


# 6.3 the loss of skip-gram with negative sampling


def negative_sampling(answer: Callable) -> None:
    for k, seed in ((5, 0), (3, 7)):
        v, seen, drawn = draw(6, seed=seed), draw(6, seed=seed + 1), draw(k, 6, seed=seed + 2)
        result = single(call(answer, v.clone(), seen.clone(), drawn.clone()))
        near, far = v @ seen, drawn @ v
        pulled, pushed = -F.logsigmoid(near), -F.logsigmoid(-far)
        right = (pulled + pushed.sum()).item()
        if close(result, right):
            continue
        wrong = [
            (-right, "a loss is smaller when the model is better: mind the sign in front of the logarithms."),
            ((pulled - F.logsigmoid(far).sum()).item(), "the drawn words shall have *small* products: σ(−v·u) for them."),
            ((pulled + pushed.mean()).item(), "sum over the drawn words, do not average."),
            (pulled.item(), "the words drawn by chance are missing."),
            (pushed.sum().item(), "the word that was seen is missing."),
            ((pulled + F.logsigmoid(-far).sum()).item(), "both parts are *minus* a logarithm."),
            (
                -torch.cat([near[None], far]).log_softmax(0)[0].item(),
                "that is a softmax over the words. Here each pair is judged alone, by a sigmoid.",
            ),
            ((near.sigmoid() + (-far).sigmoid().sum()).item(), "take the logarithm of each σ, with a minus."),
        ]
        name_mistake(result, wrong, f"not yet: for {k} drawn words it should be {right:.4f}; yours is {result:.4f}.")


# 6.4 the matrix that moves a sinusoidal encoding


def moved(step: float, width: int) -> torch.Tensor:
    """The matrix [width, width] with moved(step) @ encoding(place) = encoding(place + step)."""
    result = torch.zeros(width, width)
    for i in range(0, width, 2):
        angle = torch.tensor(step / 10000 ** (i / width))
        result[i, i] = result[i + 1, i + 1] = angle.cos()
        result[i, i + 1], result[i + 1, i] = angle.sin(), -angle.sin()
    return result


def halves(step: float, width: int) -> torch.Tensor:
    """As `moved`, for encodings with all sines first and all cosines after them."""
    order = torch.cat([torch.arange(0, width, 2), torch.arange(1, width, 2)])
    return moved(step, width)[order][:, order]


def shift(answer: Callable) -> None:
    for step, width in ((3, 8), (11, 4)):
        result = vector(call(answer, step, width), (width, width))
        right = moved(step, width)
        if close(result, right):
            continue
        slow = torch.zeros(width, width)
        for i in range(0, width, 2):  # the exponent i/width of a pair counted 0, 1, 2 …: half as fast
            slow[i : i + 2, i : i + 2] = moved(step / 10000 ** (i / 2 / width), 2)
        wrong = [
            (right.T, "the other way round: your matrix moves back by `step` places. Look at the signs of the sines."),
            (moved(1, width), "that moves by one place: the angles grow with `step`."),
            (halves(step, width), "sines and cosines alternate here: even numbers are sines, odd ones cosines."),
            (slow, "the exponent is 2i/width for the pair i, so it is i/width where i = 0, 2, 4, …"),
            (torch.block_diag(*[moved(step, 2)] * (width // 2)), "every pair has a speed of its own."),
            (right.abs(), "one of the two sines has a minus."),
            (torch.eye(width), "that leaves every place where it is."),
        ]
        name_mistake(result, wrong, f"not yet: for step {step} and width {width} the first row is {plain(right[0])}.")


def plain(row: torch.Tensor) -> str:
    return "[" + ", ".join(f"{value:.3f}" for value in row.tolist()) + "]"


# 6.5 a rotary score with one rotation


def turned(x: torch.Tensor, place: float, base: float = 10000.0) -> torch.Tensor:
    """x [width], its adjacent pairs turned as they are at this place."""
    width = len(x)
    angles = place / base ** (torch.arange(0, width, 2) / width)
    a, b = x[0::2], x[1::2]
    return torch.stack([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], -1).flatten()


def rotary_score(answer: Callable) -> None:
    for m, n, width, seed in ((9, 4, 8, 0), (2, 7, 6, 3)):
        q, k = draw(width, seed=seed), draw(width, seed=seed + 1)
        result = single(call(answer, q.clone(), k.clone(), m, n))
        right = (turned(q, m) @ turned(k, n)).item()
        if close(result, right):
            continue
        half = torch.cat([torch.arange(0, width, 2), torch.arange(1, width, 2)]).argsort()
        wrong = [
            ((q @ turned(k, m - n)).item(), "the key turns by n − m: if the query stands later, the key is turned *back*."),
            ((q @ k).item(), "nothing is turned yet."),
            ((q @ turned(k, n)).item(), "that turns the key by its own place, and the query not at all: turn by the *distance*."),
            ((turned(q, m) @ turned(k, n - m)).item(), "the query is turned as well: one rotation is enough."),
            ((q @ turned(k, n + m)).item(), "angles of the query and the key are subtracted, not added."),
            ((q @ turned(k, n - m, base=1.0)).item(), "every pair has an angle of its own: 10000^(−i/width) a place."),
            ((q[half] @ turned(k[half], n - m)).item(), "adjacent numbers are a pair here: 0 and 1, 2 and 3, …"),
        ]
        name_mistake(result, wrong, f"not yet: for places {m} and {n} it should be {right:.4f}; yours is {result:.4f}.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "6.1": cosines,
    "6.2": analogy,
    "6.3": negative_sampling,
    "6.4": shift,
    "6.5": rotary_score,
}
