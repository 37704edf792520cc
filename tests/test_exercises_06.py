"""Chapter 6's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import torch
import torch.nn.functional as F
from exercises import exercise_tests

from lmkit.exercises.chapter06 import halves, moved, turned

NOTEBOOK = "06_embeddings_and_position.ipynb"
EXERCISES = ["6.1", "6.2", "6.3", "6.4", "6.5"]


def unit(matrix):
    return F.normalize(matrix, dim=1)


def search(matrix, target, leave_out=()):
    near = unit(matrix) @ target
    near[list(leave_out)] = -9
    return near.argmax().item()


def by_length(matrix, a, b, c):
    near = matrix @ (unit(matrix)[b] - unit(matrix)[a] + unit(matrix)[c])
    near[[a, b, c]] = -99
    return near.argmax().item()


def softmax_loss(v, u_seen, u_drawn):
    return -torch.cat([(v @ u_seen)[None], u_drawn @ v]).log_softmax(0)[0]


WRONG = {
    "6.1": [
        (lambda vector, matrix: matrix @ vector, "divide by both lengths"),
        (lambda vector, matrix: matrix @ vector / vector.norm(), "length of each row"),
        (lambda vector, matrix: matrix @ vector / (matrix.norm() * vector.norm()), "length of the whole matrix"),
        (lambda vector, matrix: (matrix - vector).norm(dim=1), "about the angle"),
        (lambda vector, matrix: 1 - F.cosine_similarity(matrix, vector[None]), "that is a distance"),
        (lambda vector, matrix: F.cosine_similarity(matrix, vector[None]).max(), "shape (6,)"),
    ],
    "6.2": [
        (lambda m, a, b, c: search(m, unit(m)[b] - unit(m)[a] + unit(m)[c]), "leave a, b and c out"),
        (lambda m, a, b, c: search(m, unit(m)[b] - unit(m)[a] + unit(m)[c], [c]), "not only c"),
        (lambda m, a, b, c: search(m, unit(m)[a] - unit(m)[b] + unit(m)[c], [a, b, c]), "from a to b"),
        (lambda m, a, b, c: search(m, m[b] - m[a] + m[c], [a, b, c]), "*before* you add"),
        (by_length, "compare by cosine"),
        (lambda m, a, b, c: search(m, unit(m)[c], [a, b, c]), "the neighbour of c"),
        (lambda m, a, b, c: m[0], "return one number"),
    ],
    "6.3": [
        (lambda v, s, d: F.logsigmoid(v @ s) + F.logsigmoid(-(d @ v)).sum(), "mind the sign"),
        (lambda v, s, d: -F.logsigmoid(v @ s) - F.logsigmoid(d @ v).sum(), "*small* products"),
        (lambda v, s, d: -F.logsigmoid(v @ s) - F.logsigmoid(-(d @ v)).mean(), "do not average"),
        (lambda v, s, d: -F.logsigmoid(v @ s), "by chance are missing"),
        (softmax_loss, "that is a softmax"),
    ],
    "6.4": [
        (lambda step, width: moved(step, width).T, "moves back"),
        (lambda step, width: moved(1, width), "by one place"),
        (halves, "sines and cosines alternate"),
        (lambda step, width: torch.block_diag(*[moved(step, 2)] * (width // 2)), "a speed of its own"),
        (lambda step, width: torch.eye(width), "where it is"),
        (lambda step, width: moved(step, width)[0], "shape (8, 8)"),
    ],
    "6.5": [
        (lambda q, k, m, n: q @ turned(k, m - n), "turned *back*"),
        (lambda q, k, m, n: q @ k, "nothing is turned"),
        (lambda q, k, m, n: q @ turned(k, n), "by the *distance*"),
        (lambda q, k, m, n: turned(q, m) @ turned(k, n - m), "one rotation is enough"),
        (lambda q, k, m, n: q @ turned(k, n - m, base=1.0), "an angle of its own"),
        (lambda q, k, m, n: turned(q, m) * turned(k, n), "return one number"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, torch=torch, F=F)
