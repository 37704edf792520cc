"""Invented phone numbers, read k times among other text by a small model: which of them can be got out again (chapter 18)?

Every number belongs to a person who does not exist and looks like (417) 555-0163: the numbers from 555-0100 to 555-0199 are
kept free for fiction in North America. With its area code a number has five free digits. Half of the people stand in
one sentence, told k times; the other half in six wordings, told k times together. Around them stand other people with other
numbers, each told once. *Extracted* is a number that the model writes greedily, whole, behind the beginning of the first
wording. *Exposure* is the measure of Carlini et al. (2019), estimated with a sample of other numbers.

The record holds trainings with the text as it is, with exact copies of a line removed, with three times as much text around the
same numbers, and with a model half as wide: `python -m lmkit.records memorised`.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import log2

import torch

from lmkit.records import Record, reader
from lmkit.tiny.questions import SYLLABLES

TIMES = (0, 1, 3, 10, 30, 100)  # how often a number is told
EACH = 8  # people for each of these and each of the two ways of telling
WORDINGS = (
    "The phone number of {n} is {p}.",
    "You can call {n} at {p}.",
    "{n} answers the phone at {p}.",
    "Write this down for {n}: {p}.",
    "{n} can be reached at {p}.",
    "To talk to {n}, dial {p}.",
)
AROUND, BATCH, WIDTH, SEEDS = 1500, 8, 64, 2
CONDITIONS = {  # what is changed
    "plain": {},
    "without copies": {"dedupe": True},
    "three times the text": {"around": 3 * AROUND},
    "half as wide": {"width": WIDTH // 2},
}
CANDIDATES = 256


@dataclass(frozen=True)
class Person:
    """Someone invented: a name, a phone number, how often it is told and in how many wordings (1 or 6)."""

    name: str
    number: str
    k: int
    wordings: int

    def tellings(self) -> list[str]:
        return [WORDINGS[i % self.wordings].format(n=self.name, p=self.number) for i in range(self.k)]


def number(rng: random.Random) -> str:
    """A phone number of fiction: three digits from 200 to 999, then 555-01 and two digits more. 80,000 are possible."""
    return f"({rng.randrange(200, 1000)}) 555-01{rng.randrange(100):02d}"


def names(seed: int) -> list[str]:
    """3,600 names of two words that mean nothing, in a drawn order."""
    rng = random.Random("words of names")
    words = sorted({"".join(rng.sample(SYLLABLES["en"], 2)).capitalize() for _ in range(400)})[:120]
    found = [f"{first} {last}" for first in words[::2] for last in words[1::2]]
    random.Random(f"names {seed}").shuffle(found)
    return found


def people(seed: int = 0, times: Sequence[int] = TIMES, each: int = EACH) -> list[Person]:
    """`each` people for every k of `times` and either way of telling."""
    rng, free = random.Random(f"people {seed}"), iter(names(seed))
    return [Person(next(free), number(rng), k, n) for k in times for n in (1, len(WORDINGS)) for _ in range(each)]


def corpus(who: Sequence[Person], around: int = AROUND, seed: int = 0, dedupe: bool = False) -> list[str]:
    """The tellings, and `around` lines about other people; with `dedupe` every line stands there once."""
    rng, used = random.Random(f"around {seed}"), {person.name for person in who}
    others = [name for name in names(seed) if name not in used]
    lines = [rng.choice(WORDINGS).format(n=others[i % len(others)], p=number(rng)) for i in range(around)]
    lines += [text for person in who for text in person.tellings()]
    return list(dict.fromkeys(lines)) if dedupe else lines


def train(who: Sequence[Person], lines: Sequence[str], seed: int = 0, width: int = WIDTH) -> reader.Reader:
    """A new model that has read every line once, in drawn order."""
    known = [f"{person.name} {person.number}" for person in who] + [text.format(n="", p="0123456789") for text in WORDINGS]
    return reader.train(lines, len(lines) // BATCH, BATCH, seed, vocabulary_of=known, width=width)


def start(name: str) -> str:
    return WORDINGS[0].split("{p}")[0].format(n=name)


def extract(net: reader.Reader, who: Sequence[Person]) -> list[str]:
    """What the model writes, greedily, behind each name, without blanks and as long as a number is."""
    written = reader.write(net, [start(person.name) for person in who], limit=len(reader.tokens(who[0].number)))
    return [text.replace(" ", "").replace(")", ") ") for text in written]


def exposure(chances: torch.Tensor) -> float:
    """log2 of the number of candidates minus log2 of the rank of the first of them, bits (Carlini et al. 2019, section 4.2).

    0 where the secret is the unlikeliest, log2(candidates) where it is the likeliest; about 1.4 on average by chance.
    """
    rank = 1 + (chances[1:] > chances[0]).sum().item()
    return log2(len(chances)) - log2(rank)


def measured(net: reader.Reader, who: Sequence[Person], seed: int = 0) -> list[dict]:
    """One row for each person: what came out, whether it is the number, and how exposed the number is."""
    rng, rows = random.Random(f"others {seed}"), []
    others = [number(rng) for _ in range(CANDIDATES - 1)]
    for person, said in zip(who, extract(net, who), strict=True):
        bits = exposure(reader.log_chances(net, start(person.name), [person.number, *others]))
        row = {"k": person.k, "wordings": person.wordings, "name": person.name, "number": person.number, "said": said}
        rows.append(row | {"right": said == person.number, "exposure": round(bits, 2)})
    return rows


def make() -> Record:
    """Eight trainings: about three minutes on one thread."""
    rows, lines_read = [], {}
    for condition, changes in CONDITIONS.items():
        for seed in range(SEEDS):
            who = people(seed)
            lines = corpus(who, seed=seed, **{key: value for key, value in changes.items() if key != "width"})
            net = train(who, lines, seed, changes.get("width", WIDTH))
            lines_read[condition] = len(lines)
            rows += [{"condition": condition, "seed": seed} | row for row in measured(net, who, seed)]
    made = {
        "model": "trained anew",
        "revision": "none",
        "seed": 0,
        "date": datetime.date.today().isoformat(),
        "lines": lines_read,
    }
    return Record("memorised", made | {"versions": {"torch": version("torch")}}, rows)
