"""What the families read: the English text of the small world as words, and short stories whose last word needs the first
sentence. Everything is drawn from a seed.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from lmkit.tiny import load_world, wordings
from lmkit.tiny.world import upper

END, UNKNOWN = "<end>", "<unk>"
ROUNDS = 80  # of the small world's text: what is read once
VOCABULARY = 1000  # words, with <end> and <unk>
DISTANCES = (4, 8, 16, 32, 64)  # tokens from the word that tells to the word that needs it
N_STORIES = 24_000
TASKS = ("name", "dish")
SHORT = ("It rained.", "Time went by.", "The wind blew.", "The years went by.", "It was cold again.")


def split(text: str) -> list[str]:
    """Words, with hyphens and apostrophes inside them, and every other sign for itself."""
    return re.findall(r"<\w+>|\w+(?:['’-]\w+)*|[^\w\s]", text)


LIFE = [split(upper(text.format(n="they"))) for text in (*wordings.BETWEEN["en"], *SHORT)]


@dataclass(frozen=True)
class Text:
    """Documents, as tokens: to learn from, to choose a learning rate by, and held out; and how networks read them."""

    read: list[Sequence[str]]
    choose: list[Sequence[str]]
    held_out: list[Sequence[str]]
    layout: Callable  # packed or alone

    def batches(self, index: dict[str, int], seed: int) -> list[torch.Tensor]:
        """Everything to learn from once, in batches [row, token] in an order drawn from the seed."""
        end, unknown = index[END], index[UNKNOWN]
        rows = [[end, *(index.get(token, unknown) for token in document), end] for document in self.read]
        return self.layout(rows, random.Random(f"batches {seed}"))


@lru_cache(maxsize=2)
def load_text(name: str) -> Text:
    """"world": English documents of the small world; no document that is not learned from is equal to one that is, so single
    statements, nearly all of which are read, are rare among those held out. "stories": stories with a last word to know.
    """
    if name == "stories":
        drawn = [[one.tokens for one in stories(n, seed)] for n, seed in ((N_STORIES, 0), (400, 1), (400, 2))]
        return Text(*drawn, layout=alone)
    read = english(ROUNDS, 0)
    known = set(read)
    fresh = [split(text) for text in dict.fromkeys(english(3, 1)) if text not in known]
    return Text([split(text) for text in read], fresh[:300], fresh[300:900], layout=packed)


def english(rounds: int, seed: int) -> list[str]:
    """Every document of so many rounds of the small world's English text, in an order drawn from the seed."""
    rng, world = random.Random(f"families {seed}"), load_world()
    found = [one.text for _ in range(rounds) for one in world._round(rng, "en")]
    rng.shuffle(found)
    return found


def vocabulary(documents: Iterable[Sequence[str]], size: int = VOCABULARY) -> list[str]:
    """The most frequent words, after <end> and <unk>."""
    counts = Counter(token for document in documents for token in document)
    return [END, UNKNOWN, *(word for word, _ in counts.most_common(size - 2))]


def packed(rows: Sequence[list[int]], rng: random.Random, batch: int = 12, length: int = 64) -> list[torch.Tensor]:
    """Documents one after another, cut into rows of `length` + 1 tokens; batches of them [row, token], in an order drawn."""
    ids = [rows[0][0], *(i for row in rows for i in row[1:])]  # the end of one document is what the next begins after
    cut = [ids[i : i + length + 1] for i in range(0, len(ids) - length, length)]
    rng.shuffle(cut)
    return [torch.tensor(cut[i : i + batch]) for i in range(0, len(cut) - batch + 1, batch)]


def alone(rows: Sequence[list[int]], rng: random.Random, batch: int = 16) -> list[torch.Tensor]:
    """Each document in a row of its own, batches of equally long ones [row, token], in an order drawn."""
    lengths, found = sorted({len(row) for row in rows}), []
    for same in ([row for row in rows if len(row) == length] for length in lengths):
        rng.shuffle(same)
        found += [torch.tensor(same[i : i + batch]) for i in range(0, len(same) - batch + 1, batch)]
    rng.shuffle(found)
    return found


@dataclass(frozen=True)
class Story:
    """A story whose last word only the first sentence tells: `told` stands so many tokens (`distance`) before `answer`."""

    tokens: tuple[str, ...]
    task: str
    distance: int

    @property
    def prompt(self) -> tuple[str, ...]:
        return self.tokens[:-1]

    @property
    def told(self) -> str:
        return self.tokens[-1 - self.distance]

    @property
    def answer(self) -> str:
        return self.tokens[-1]


@lru_cache(maxsize=1)
def dishes() -> dict[str, str]:
    """A dish for each of twenty provinces; both are one word here, so that one word is what must be known."""
    one_word = lambda text: text.replace(" ", "-")  # noqa: E731
    found = [fact for fact in load_world().facts if fact.relation == "dish"]
    return {one_word(fact.subject["en"]): one_word(fact.object["en"]) for fact in found[4:24]}  # from Inner Mongolia to Guizhou


def story(rng: random.Random, task: str, distance: int) -> Story:
    """A story of one of two kinds.

    name: "The story tells of Anna. … Goodbye, Anna"
    dish: "Our hero comes from Guangdong. … They eat white-cut-chicken"; from distance 16 on the parents come from another
          province, which is told later and must not be mistaken for it
    """
    room = distance - 4
    if task == "name":
        told = answer = rng.choice(wordings.NAMES["en"])
        between = life(rng, room)
        first, last = f"The story tells of {told}.", ["Goodbye", ","]
    else:
        told, other = rng.sample(sorted(dishes()), 2)
        answer = dishes()[told]
        between = life(rng, room)
        if room >= 12:
            parents = split(f"Both parents come from {other}.")
            sentences = life(rng, room - len(parents))
            sentences.insert(rng.randint(0, len(sentences)), parents)
            between = sentences
        first, last = f"Our hero comes from {told}.", ["They", "eat"]
    middle = [token for sentence in between for token in sentence]
    return Story((*split(first), *middle, *last, answer), task, distance)


def life(rng: random.Random, room: int) -> list[list[str]]:
    """Sentences of the small world's stories that fill so many tokens exactly."""
    chosen = []
    while room:
        fits = [sentence for sentence in LIFE if len(sentence) == room or len(sentence) <= room - 3]
        chosen.append(rng.choice(fits))
        room -= len(chosen[-1])
    return chosen


def stories(n: int, seed: int | str, distance: int | None = None, task: str | None = None) -> list[Story]:
    """`n` stories drawn from the seed, of all distances and both kinds alike often where none is given."""
    rng = random.Random(f"stories {seed}")
    return [story(rng, task or rng.choice(TASKS), distance or rng.choice(DISTANCES)) for _ in range(n)]
