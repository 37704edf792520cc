"""Chapter 14's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

from collections import Counter

import torch
from exercises import exercise_tests

from lmkit.exercises.chapter14 import form, products, scores

NOTEBOOK = "14_prompting.ipynb"
EXERCISES = ["14.1", "14.2", "14.3", "14.4", "14.5"]


def most(answers):
    """Right, but that None votes too."""
    return Counter(answers).most_common(1)[0][0]


def last_of_equals(answers):
    votes = Counter(answer for answer in answers if answer is not None)
    return max(reversed(list(votes)), key=votes.get) if votes else "none"


def masses(logits, labels):
    return logits[:, labels].softmax(-1).sum(-1).mean().item()


def by_place(logits, labels, truth):
    free = (logits.argmax(-1) == torch.tensor(truth)).float().mean().item()
    return free, *scores(logits, labels, truth)[1:]


WRONG = {
    "14.1": [
        (lambda examples, review: form(examples, review) + " ", "ends with a blank"),
        (lambda examples, review: form(examples, review) + "\n", "ends with a line end"),
        (lambda examples, review: form(examples, review, gap="\n"), "an empty line is missing"),
        (lambda examples, review: form(examples[::-1], review), "another order"),
        (lambda examples, review: form([], review), "the examples are missing"),
        (lambda examples, review: form([(b, a) for a, b in examples], review), "swapped"),
        (lambda examples, review: form(examples, review, colon="Label:"), "not yet"),
        (lambda examples, review: [review], "as one text"),
    ],
    "14.2": [
        (lambda logits, labels, truth: scores(logits, labels, truth)[1::-1] + scores(logits, labels, truth)[2:], "swapped"),
        (by_place, "with the id of the right label"),
        (lambda logits, labels, truth: (*scores(logits, labels, truth)[:2], masses(logits, labels)), "softmax over all tokens"),
        (lambda logits, labels, truth: scores(logits, labels, truth)[:2], "three numbers"),
        (lambda logits, labels, truth: (0.5, 0.5, 0.5), "not yet"),
    ],
    "14.3": [
        (lambda logprobs, empty: logprobs.argmax(-1).tolist(), "no effect yet"),
        (lambda logprobs, empty: (logprobs + empty).argmax(-1).tolist(), "favours the favourite"),
        (lambda logprobs, empty: (empty - logprobs).argmax(-1).tolist(), "the wrong way round"),
        (lambda logprobs, empty: (logprobs.exp() - empty.exp()).argmax(-1).tolist(), "do not subtract them"),
        (lambda logprobs, empty: logprobs - empty, "the index of its label"),
        (lambda logprobs, empty: [0] * 40, "of 40 items"),
    ],
    "14.4": [
        (most, "None does not vote"),
        (last_of_equals, "among equals the first wins"),
        (lambda answers: max(a or "" for a in answers), "how often each occurs"),
        (lambda answers: answers[-1] or "none", "among equals the first wins"),
        (lambda answers: answers[0] or "x", "how often each occurs"),
    ],
    "14.5": [
        (lambda shape, read: products(shape, 0), "attention is missing"),
        (lambda shape, read: products(shape, read) - shape["width"] * shape["vocabulary"], "the last matrix is missing"),
        (lambda shape, read: products(shape | {"kv_heads": shape["heads"]}, read), "fewer than the queries"),
        (lambda shape, read: 2 * products(shape, read), "counts additions"),
        (lambda shape, read: products(shape | {"layers": 1}, read), "one layer"),
        (lambda shape, read: 1.0, "not yet"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, torch=torch, Counter=Counter)
