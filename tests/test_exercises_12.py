"""Chapter 12's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import torch
import torch.nn.functional as F
from exercises import exercise_tests

from lmkit.exercises import check

NOTEBOOK = "12_supervised_fine_tuning.ipynb"
EXERCISES = ["12.1", "12.2", "12.3", "12.4"]


def labels(counts):
    """Labels by the learner's rule counts(id, whether an answer is being written, user, assistant, end)."""

    def labels_of(ids, user, assistant, end):
        found, answering = [], False
        for id in ids:
            if id == assistant:
                answering = True
            found.append(id if counts(id, answering, user, assistant, end) else -100)
            if id == end:
                answering = False
        return found

    return labels_of


def right(id, answering, user, assistant, end):
    return answering and id != assistant


def from_the(which):
    """Labels for everything after the first or the last mark of the assistant."""

    def labels_of(ids, user, assistant, end):
        places = [i for i, id in enumerate(ids) if id == assistant]
        start = places[which] + 1
        return [-100] * start + ids[start:]

    return labels_of


def shifted(logits, labels):
    return logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()


def by_row(logits, labels):
    losses = [F.cross_entropy(row[:-1], marks[1:]) for row, marks in zip(logits, labels, strict=True)]
    return torch.stack(losses).mean()


def over_all(logits, labels):
    flat, targets = shifted(logits, labels)
    return F.cross_entropy(flat, targets, reduction="sum") / len(targets)


def in_place(W, A, B, alpha):
    W += alpha / len(A) * B @ A
    return W


def lora(count):
    def lora_parameters(shape, rank):
        query, value = shape["heads"] * shape["head_width"], shape["kv_heads"] * shape["head_width"]
        return count(shape, rank, shape["width"], query, value)

    return lora_parameters


WRONG = {
    "12.1": [
        (labels(lambda id, on, user, assistant, end: on and id not in (assistant, end)), "it would never stop"),
        (labels(lambda id, on, user, assistant, end: on), "the mark <|assistant|> itself"),
        (labels(lambda id, on, user, assistant, end: right(id, on, user, assistant, end) or id == end), "the *user's* turns"),
        (from_the(-1), "only the last answer counts"),
        (from_the(0), "the later questions must not"),
        (lambda ids, user, assistant, end: list(ids), "everything counts"),
        (lambda *a: [max(label, 0) for label in labels(right)(*a)], "use −100, not 0"),
        (lambda *a: [int(label >= 0) for label in labels(right)(*a)], "zeros and ones"),
        (lambda *a: [*labels(right)(*a)[1:], -100], "shifted by one"),
        (lambda *a: labels(right)(*a)[1:], "one label for each"),
        (labels(lambda id, on, user, assistant, end: not right(id, on, user, assistant, end)), "wrong way round"),
    ],
    "12.2": [
        (lambda logits, labels: F.cross_entropy(logits.flatten(0, 1), labels.flatten()), "shift by one"),
        (lambda logits, labels: F.cross_entropy(logits[:, 1:].flatten(0, 1), labels[:, :-1].flatten()), "the wrong way"),
        (over_all, "not by all of them"),
        (lambda logits, labels: F.cross_entropy(*shifted(logits, labels), reduction="sum"), "that is the sum"),
        (by_row, "the mean of the rows' means"),
        (lambda logits, labels: F.cross_entropy(*shifted(logits, labels.clamp(min=0))), "as if their label were 0"),
        (lambda logits, labels: -F.cross_entropy(*shifted(logits, labels)), "the sign"),
        (lambda logits, labels: F.cross_entropy(*shifted(logits, labels), reduction="none"), "return one number"),
    ],
    "12.3": [
        (lambda W, A, B, alpha: W + B @ A, "the factor α/r is missing"),
        (lambda W, A, B, alpha: W + alpha * B @ A, "divide α by the rank"),
        (lambda W, A, B, alpha: W + alpha / A.shape[1] * B @ A, "the short side"),
        (lambda W, A, B, alpha: W + alpha / B.shape[0] * B @ A, "the short side"),
        (lambda W, A, B, alpha: alpha / len(A) * B @ A, "add it to W"),
        (lambda W, A, B, alpha: W - alpha / len(A) * B @ A, "the sign"),
        (lambda W, A, B, alpha: W + len(A) / alpha * B @ A, "the wrong way round"),
        (lambda W, A, B, alpha: W + alpha / len(A) * A @ B, "raised RuntimeError"),
        (in_place, "has changed"),
    ],
    "12.4": [
        (lora(lambda s, r, w, q, v: r * (2 * w + q + v)), "ount every layer"),
        (lora(lambda s, r, w, q, v: s["layers"] * r * 4 * w), "ot every projection is width"),
        (lora(lambda s, r, w, q, v: s["layers"] * r * 2 * (w + q)), "value projection is narrower"),
        (lora(lambda s, r, w, q, v: s["layers"] * r * (3 * w + v)), "queries have heads · head_width"),
        (lora(lambda s, r, w, q, v: s["layers"] * w * (q + v)), "the full matrices"),
        (lora(lambda s, r, w, q, v: s["layers"] * r * w * (q + v)), "not r · in · out"),
        (lora(lambda s, r, w, q, v: s["layers"] * (2 * w + q + v)), "rank is missing"),
        (lora(lambda s, r, w, q, v: str(r)), "return one number"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, torch=torch, F=F)


def test_labels_may_be_a_tensor():
    assert check("12.1", lambda *a: torch.tensor(labels(right)(*a))).passed


def test_the_checker_counts_as_the_paper_does():
    """Rank 4 at the query and value projections of GPT-3 is a checkpoint of about 35 MB (Hu et al. 2022, section 4.2)."""
    from lmkit.exercises.chapter12 import GPT3, counted

    assert 35e6 < 2 * counted(GPT3, 4) < 38e6
