"""Chapter 9's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import numpy as np
import torch
from exercises import exercise_tests

from lmkit.exercises import check

NOTEBOOK = "09_decoding.ipynb"
EXERCISES = ["9.1", "9.2", "9.3", "9.4", "9.5"]


def nucleus_of(stop):
    """A nucleus that stops by the learner's rule stop(total before this token, its probability, p)."""

    def nucleus(probs, p):
        kept, total = set(), 0.0
        for id in probs.argsort(descending=True).tolist():
            if stop(total, probs[id].item(), p):
                break
            kept.add(id)
            total += probs[id].item()
        return kept

    return nucleus


def in_id_order(probs, p):
    kept, total = set(), 0.0
    for id, prob in enumerate(probs.tolist()):
        if total >= p:
            break
        kept.add(id)
        total += prob
    return kept


def each(rule):
    """A penalty that applies `rule` to every token of set(seen)."""

    def penalty(logits, seen, theta):
        out = logits.clone()
        for id in set(seen):
            out[id] = rule(out[id], theta)
        return out

    return penalty


def once_per_occurrence(logits, seen, theta):
    out = logits.clone()
    for id in seen:
        out[id] = out[id] / theta if out[id] > 0 else out[id] * theta
    return out


def in_place(logits, seen, theta):
    for id in set(seen):
        logits[id] = logits[id] / theta if logits[id] > 0 else logits[id] * theta
    return logits


def scaled(values):
    return values / values.sum()


WRONG = {
    "9.1": [
        (lambda z, T: torch.softmax(z * T, -1), "you multiplied by the temperature"),
        (lambda z, T: (z / T).exp() / (z / T).exp().sum(-1, keepdim=True), "exp overflows"),
        (lambda z, T: torch.softmax(z, -1), "the temperature has no effect"),
        (lambda z, T: torch.softmax(z / T, 0), "over the last axis"),
        (lambda z, T: (z / T).exp() / (z / T).exp().sum(), "add up to 1 by itself"),
        (lambda z, T: torch.log_softmax(z / T, -1), "log-probabilities"),
        (lambda z, T: torch.softmax(z, -1) / T, "not the probabilities"),
        (lambda z, T: (z / T).tolist(), "returns a list"),
    ],
    "9.2": [
        (lambda p: -(p * p.log2()).nansum().item(), "in bits"),
        (lambda p: -(p * p.log()).sum().item(), "gives nan"),
        (lambda p: (p * p.log()).nansum().item(), "the sign"),
        (lambda p: -(p * p.log()).nanmean().item(), "add the terms up"),
        (lambda p: (-(p * p.log()).nansum()).exp().item(), "perplexity"),
        (lambda p: -(p * (p + 0.01).log()).sum().item(), "not yet"),
        (lambda p: -(p.clamp_min(0.1) * p.clamp_min(0.1).log()).sum().item(), "should add nothing"),
        (lambda p: -(p * p.log()), "return one number"),
    ],
    "9.3": [
        (nucleus_of(lambda total, prob, p: total + prob > p), "crosses the line is missing"),
        (nucleus_of(lambda total, prob, p: total - prob >= p), "one token too many"),
        (lambda probs, p: set((probs >= p).nonzero()[:, 0].tolist()), "not a threshold"),
        (lambda probs, p: set((probs >= p * probs.max()).nonzero()[:, 0].tolist()), "min-p"),
        (in_id_order, "sort by probability"),
        (lambda probs, p: probs >= p, "not a mask"),
        (lambda probs, p: set(range(6)) - nucleus_of(lambda t, q, p: t >= p)(probs, p), "to *remove*"),
    ],
    "9.4": [
        (each(lambda z, theta: z / theta), "which *raises* them"),
        (each(lambda z, theta: z - theta), "you subtracted theta"),
        (each(lambda z, theta: z * theta), "positive logits were multiplied"),
        (each(lambda z, theta: z / theta if z > 0 else z), "left alone"),
        (once_per_occurrence, "punished three times"),
        (in_place, "work on a copy"),
        (lambda z, seen, theta: torch.where(z > 0, z / theta, z * theta), "every token was punished"),
    ],
    "9.5": [
        (lambda p, q: p, "that is p itself"),
        (lambda p, q: q, "draws from the draft again"),
        (lambda p, q: np.maximum(p - q, 0), "scaled to add up to 1"),
        (lambda p, q: scaled(np.abs(p - q)), "not |p − q|"),
        (lambda p, q: scaled(np.maximum(q - p, 0)), "swapped"),
        (lambda p, q: scaled(np.maximum(p - q, 0)), "for p = q"),
        (lambda p, q: p - q, "cut p − q off at 0"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, torch=torch, np=np)


def test_a_nucleus_may_be_a_list_or_a_tensor_of_ids():
    right = nucleus_of(lambda total, prob, p: total >= p)
    assert check("9.3", lambda probs, p: sorted(right(probs, p))).passed
    assert check("9.3", lambda probs, p: torch.tensor(sorted(right(probs, p)))).passed
