"""Chapter 5's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

from exercises import exercise_tests

from lmkit.exercises import check
from lmkit.exercises.chapter05 import (
    END,
    START,
    all_or_nothing,
    backwards,
    cut,
    first_only,
    framed,
    joined,
    latest,
    left_behind,
    leftmost,
    longest,
    one_merge,
    overlapping,
    patient,
)

NOTEBOOK = "05_tokens.ipynb"
EXERCISES = ["5.1", "5.2", "5.3", "5.4", "5.5"]


def careless_about_roles(turns, encode):
    return [
        id
        for role, text in turns
        for part, special in ((f"{START}{role}\n", True), (text, False), (END, True), ("\n", False))
        for id in encode(part, special)
    ]


WRONG = {
    "5.1": [
        (lambda n_in, n_out, usd_in, usd_out: n_in * usd_in + n_out * usd_out, "per million"),
        (lambda n_in, n_out, usd_in, usd_out: (n_in * usd_in + n_out * usd_out) / 1_000, "divide by a thousand"),
        (lambda n_in, n_out, usd_in, usd_out: (n_in * usd_out + n_out * usd_in) / 1e6, "swapped"),
        (lambda n_in, n_out, usd_in, usd_out: (n_in + n_out) * (usd_in + usd_out) / 1e6, "add two products"),
        (lambda n_in, n_out, usd_in, usd_out: n_in * usd_in / 1e6, "what the model writes"),
        (lambda n_in, n_out, usd_in, usd_out: (n_in + n_out) * usd_in / 1e6, "a price of their own"),
        (lambda n_in, n_out, usd_in, usd_out: 7.0, "your function says 7"),
        (lambda n_in, n_out, usd_in, usd_out: "3 dollars", "return one number"),
    ],
    "5.2": [
        (lambda pieces, pair: pieces, "nothing was joined"),
        (first_only, "every place counts"),
        (overlapping, "used twice"),
        (left_behind, "right half"),
        (backwards, "from left to right"),
        (lambda pieces, pair: "".join(pieces), "return a list"),
        (lambda pieces, pair: [pair], "should hold strs"),
        (lambda pieces, pair: ["x"], "not yet"),
    ],
    "5.3": [
        (lambda word, merges: list(word), "no merge was done"),
        (one_merge, "others become possible"),
        (leftmost, "not the leftmost"),
        (latest, "the wrong end"),
        (longest, "not the longest"),
        (lambda word, merges: cut(word, merges)[:-1], "letters are lost"),
        (lambda word, merges: [word], "not yet"),
    ],
    "5.4": [
        (lambda pieces: [piece.decode(errors="replace") for piece in pieces], "there is a �"),
        (lambda pieces: [piece.decode(errors="ignore") for piece in pieces], "characters are lost"),
        (lambda pieces: [b"".join(pieces[: i + 1]).decode(errors="ignore") for i in range(len(pieces))], "shown again"),
        (lambda pieces: [""] * (len(pieces) - 1) + [b"".join(pieces).decode()], "do not wait for the end"),
        (all_or_nothing, "end one character and begin the next"),
        (lambda pieces: [text for text in patient(pieces) if text], "one text for every token"),
        (lambda pieces: list(pieces), "should hold strs"),
        (lambda pieces: [""] * len(pieces), "not yet"),
    ],
    "5.5": [
        (lambda turns, encode: encode("".join(f"{START}{r}\n{t}{END}\n" for r, t in turns), True), "what somebody typed"),
        (careless_about_roles, "the role comes from outside"),
        (lambda turns, encode: encode("".join(f"{START}{r}\n{t}{END}\n" for r, t in turns), False), "are text now"),
        (lambda turns, encode: framed(turns, ends=False), "every turn ends"),
        (lambda turns, encode: framed(turns, lines=False), "line ends are missing"),
        (lambda turns, encode: framed(turns)[:-1], "after the last"),
        (lambda turns, encode: framed([(r, t.replace(START, "").replace(END, "")) for r, t in turns]), "do not change"),
        (lambda turns, encode: "text", "return a list"),
        (lambda turns, encode: [1, 2], "not yet"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, merge=lambda pieces, pair: tuple(joined(list(pieces), pair)))


def test_other_ways_to_the_right_answer_pass():
    assert check("5.2", lambda pieces, pair: tuple(joined(pieces, pair)))
    assert check("5.3", cut) and check("5.4", patient)
    assert check("5.5", lambda turns, encode: framed(turns))
