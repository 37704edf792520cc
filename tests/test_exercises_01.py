"""Chapter 1's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import math

from exercises import exercise_tests

NOTEBOOK = "01_what_is_a_large_language_model.ipynb"
EXERCISES = ["1.1", "1.2", "1.3", "1.4", "1.5"]


def bayes(prior, in_spam, in_ham, chance=math.prod):
    """Right, unless `chance` is another than the product."""
    spam, ham = prior * chance(in_spam), (1 - prior) * chance(in_ham)
    return spam / (spam + ham)


WRONG = {
    "1.1": [
        (lambda tokens: [(tokens[:n], tokens[n]) for n in range(len(tokens))], "begin with the second"),
        (lambda tokens: [(tokens[:n], tokens[n]) for n in range(1, len(tokens) - 1)], "the last token is a target too"),
        (lambda tokens: [(tokens[: n + 1], tokens[n]) for n in range(1, len(tokens))], "must not stand among"),
        (lambda tokens: [([tokens[n - 1]], tokens[n]) for n in range(1, len(tokens))], "bigram"),
        (lambda tokens: [(tokens[n], tokens[:n]) for n in range(1, len(tokens))], "swapped"),
        (lambda tokens: ["".join(tokens)], "list of pairs"),
    ],
    "1.2": [
        (lambda billions, bits: billions * bits, "eight bits are a byte"),
        (lambda billions, bits: billions * 1e9 * bits / 8, "these are bytes"),
        (lambda billions, bits: billions * 1e9 * bits / 8 / 2**30, "gibibytes"),
        (lambda billions, bits: billions * 4, "`bits` has no effect"),
        (lambda billions, bits: [billions], "return one number"),
    ],
    "1.3": [
        (lambda text: float(text.rstrip("万亿")), "a tenth of it"),
        (lambda text: float(text[:-1]) / 10 if "万" not in text else float(text.rstrip("万亿")) / 10, "Look for 万亿 before 亿"),
        (lambda text: float(text.rstrip("万亿")) * 1e8, "divide by a billion"),
        (lambda text: float(text.rstrip("万亿")) * 100, "these are millions"),
    ],
    "1.4": [
        (lambda width: 12 * width**2, "matrices alone"),
        (lambda width: 12 * width**2 + 9 * width, "norms are missing"),
        (lambda width: 8 * width**2 + 9 * width, "up *and* down"),
        (lambda width: 12 * (12 * width**2 + 13 * width), "all twelve layers"),
        (lambda width: 3, "not yet"),
    ],
    "1.5": [
        (lambda prior, in_spam, in_ham: bayes(0.5, in_spam, in_ham), "`prior`, has no effect"),
        (lambda prior, in_spam, in_ham: bayes(prior, in_spam, in_ham, sum), "do not add them"),
        (lambda prior, in_spam, in_ham: 1 - bayes(prior, in_spam, in_ham), "*not* spam"),
        (lambda prior, in_spam, in_ham: prior * math.prod(in_spam), "divide by the chance"),
        (lambda prior, in_spam, in_ham: bayes(1 - prior, in_spam, in_ham), "share of spam, not of normal"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, math=math)
