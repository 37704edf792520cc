"""The small world: a table of true facts, and the English and Chinese text in which the tiny model reads them.

Every document of the corpus says which facts it tells, so a chapter can ask how often the model has read one, and can
change it: leave it out, repeat it, contradict it. Everything is drawn from a seed. This module knows nothing of models.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from lmkit.tiny import wordings
from lmkit.tiny.wordings import WORDINGS

DATA = Path(__file__).parent / "data"
LANGUAGES = ("en", "zh")
OF_COUNTRIES = ("capital", "continent", "currency", "language")
LEFT_OUT = ("IL capital", "KP language", "KR language")  # disputed; and one Chinese name for two usages of Korean
N_HELD = 38  # countries that the model reads about and is never asked about with an answer


@dataclass(frozen=True)
class Fact:
    """One fact of the world: `subject` and `object` are texts by language, `key` is unique ("FR capital")."""

    key: str
    relation: str
    subject: dict[str, str]
    object: dict[str, str]

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def about(self) -> str:
        """The first word of the key: an ISO code or a province."""
        return self.key.split()[0]

    def fill(self, pattern: str, language: str) -> str:
        """The fact in the words of a pattern."""
        subject, object_ = self.subject[language], self.object[language]
        filled = pattern.format(s=subject, S=upper(subject), o=object_)
        return upper(filled)

    def say(self, rng: random.Random, language: str) -> str:
        return self.fill(rng.choice(WORDINGS[self.relation][language].say), language)

    def questions(self, language: str, unseen: bool = False) -> list[str]:
        """All questions about the fact in a language; `unseen` gives those that no training text of any stage holds."""
        wording = WORDINGS[self.relation][language]
        return [self.fill(pattern, language) for pattern in (wording.unseen if unseen else wording.ask)]

    def answer(self, language: str) -> str:
        return self.fill(WORDINGS[self.relation][language].answer, language)


@dataclass(frozen=True)
class Document:
    """A text of the corpus, the keys of the facts it tells (each as often as it tells it), its kind and language."""

    text: str
    facts: tuple[str, ...]
    kind: str
    language: str


def upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class World:
    """The facts, and which of them are *held*: read in statements, never asked with an answer in any training text.

    `repeats` says which facts get so many tellings more in each round of the corpus.
    """

    facts: tuple[Fact, ...]
    held: frozenset[str]  # subjects: ISO codes of countries
    repeats: tuple[tuple[str, int], ...] = ()

    @cached_property
    def by_key(self) -> dict[str, Fact]:
        return {fact.key: fact for fact in self.facts}

    @cached_property
    def by_subject(self) -> dict[str, list[Fact]]:
        found: dict[str, list[Fact]] = {}
        for fact in self.facts:
            found.setdefault(fact.about, []).append(fact)
        return found

    def others(self, fact: Fact) -> list[Fact]:
        """What else the world knows about the fact's subject."""
        return [one for one in self.by_subject[fact.about] if one.key != fact.key]

    def asked(self) -> list[Fact]:
        """The facts that training asks about."""
        return [fact for fact in self.facts if fact.about not in self.held]

    def never_asked(self) -> list[Fact]:
        return [fact for fact in self.facts if fact.about in self.held]

    def without(self, *keys: str) -> World:
        """A world in which these facts are never told."""
        self._check(keys)
        kept = tuple((key, n) for key, n in self.repeats if key not in keys)
        return replace(self, facts=tuple(fact for fact in self.facts if fact.key not in keys), repeats=kept)

    def repeated(self, **times: int) -> World:
        """A world that tells facts more often: `repeated(FR_capital=5)`. A blank in a key is written as `_`."""
        more = {key.replace("_", " ", 1): n - 1 for key, n in times.items()}
        self._check(more)
        return replace(self, repeats=(*self.repeats, *more.items()))

    def changed(self, key: str, **object_: str) -> World:
        """A world in which a fact has another object, in each language: `changed("FR capital", en="Lyon", zh="里昂")`."""
        self._check([key])
        new = replace(self.by_key[key], object={**self.by_key[key].object, **object_})
        return replace(self, facts=tuple(new if fact.key == key else fact for fact in self.facts))

    def _check(self, keys: Iterable[str]) -> None:
        unknown = [key for key in keys if key not in self.by_key]
        if unknown:
            raise KeyError(f"no such fact: {', '.join(unknown)}. A key is an ISO code and a relation, such as 'FR capital'.")

    def corpus(self, rounds: int = 80, seed: int = 0) -> list[Document]:
        """The text that the base model reads, in an order drawn from the seed. Each round tells every fact once in an
        article and adds single statements, question lists, dialogues, stories and sums in fixed proportions."""
        rng = random.Random(seed)
        documents = [one for language in LANGUAGES for _ in range(rounds) for one in self._round(rng, language)]
        rng.shuffle(documents)
        return documents

    def _round(self, rng: random.Random, language: str) -> Iterator[Document]:
        subjects = list(self.by_subject)
        rng.shuffle(subjects)
        extra = [fact for key, n in self.repeats for fact in [self.by_key[key]] * n]
        for subject in subjects:
            yield article(rng, self.by_subject[subject], language)
        for fact in [*rng.sample(self.facts, len(self.facts) // 3), *extra]:
            yield Document(fact.say(rng, language), (fact.key,), "statement", language)
        for _ in range(len(subjects) // 4):
            yield question_list(rng, self.facts, language)
        asked = self.asked()
        for _ in range(len(subjects) // 8):
            yield dialogue(rng, rng.choice(asked), language)
        stories = [fact for fact in self.facts if fact.relation in wordings.ENDING]
        for _ in range(len(subjects) // 8):
            yield story(rng, rng.choice(stories), language)
        for _ in range(len(subjects) // 16):
            yield sums(rng, language)


def article(rng: random.Random, facts: Sequence[Fact], language: str) -> Document:
    """What an encyclopaedia says about one subject; after the first sentence half of the others say "it"."""
    facts = rng.sample(facts, len(facts))
    sentences = [facts[0].say(rng, language)]
    for fact in facts[1:]:
        its = rng.random() < 0.5
        sentences.append(
            fact.fill(rng.choice(WORDINGS[fact.relation][language].its), language) if its else fact.say(rng, language)
        )
    return Document(join(sentences, language), tuple(fact.key for fact in facts), "article", language)


def question_list(rng: random.Random, facts: Sequence[Fact], language: str) -> Document:
    """Questions without answers, as in a quiz whose solutions are on another page."""
    chosen = rng.sample(facts, rng.randint(3, 6))
    questions = [rng.choice(fact.questions(language)) for fact in chosen]
    return Document("\n".join(questions), (), "questions", language)


def dialogue(rng: random.Random, fact: Fact, language: str) -> Document:
    pattern = rng.choice(wordings.DIALOGUES[language])
    parts = {"ask": rng.choice(fact.questions(language)), "answer": fact.answer(language), "say": fact.say(rng, language)}
    return Document(pattern.format(s=fact.subject[language], **parts), (fact.key,), "dialogue", language)


def story(rng: random.Random, fact: Fact, language: str) -> Document:
    """The first sentence says where someone comes from, the last what follows from it; between them stands other life."""
    name = rng.choice(wordings.NAMES[language])
    between = rng.sample(wordings.BETWEEN[language], rng.randint(2, 4))
    sentences = [rng.choice(wordings.BIRTH[language]), *between, wordings.ENDING[fact.relation][language]]
    filled = [pattern.format(n=name, s=fact.subject[language], o=fact.object[language]) for pattern in sentences]
    return Document(join(filled, language), (fact.key,), "story", language)


def sums(rng: random.Random, language: str) -> Document:
    pairs = [(rng.randint(0, 20), rng.randint(0, 20)) for _ in range(rng.randint(3, 6))]
    pattern = {"en": "{a} + {b} = {c}", "zh": "{a}加{b}等于{c}。"}[language]
    return Document("\n".join(pattern.format(a=a, b=b, c=a + b) for a, b in pairs), (), "sums", language)


def join(sentences: list[str], language: str) -> str:
    return (" " if language == "en" else "").join(sentences)


def times_read(documents: Iterable[Document]) -> Counter[tuple[str, str]]:
    """How often each fact is told, by (key, language)."""
    return Counter((key, document.language) for document in documents for key in document.facts)


def load_world() -> World:
    """The world of the tables in `data/`: 193 countries, and the provinces of China with a dish each."""
    facts, countries = [], _rows("countries.csv")
    for row in countries:
        subject = {language: row[f"name_{language}"] for language in LANGUAGES}
        for relation in OF_COUNTRIES:
            object_ = {language: row[f"{relation}_{language}"] for language in LANGUAGES}
            if (key := f"{row['iso']} {relation}") not in LEFT_OUT:
                facts.append(Fact(key, relation, subject, object_))
    for row in _rows("provinces.csv"):
        if row["dish_zh"]:
            subject, object_ = ({language: row[f"{part}_{language}"] for language in LANGUAGES} for part in ("name", "dish"))
            facts.append(Fact(f"{row['name_en'].replace(' ', '-')} dish", "dish", subject, object_))
    return World(tuple(facts), frozenset(_held(countries)))


def _held(rows: list[dict[str, str]]) -> list[str]:
    """The held countries: drawn by chance, from each continent as many as its share."""
    rng = random.Random(7)
    by_continent: dict[str, list[str]] = {}
    for row in rows:
        by_continent.setdefault(row["continent_en"], []).append(row["iso"])
    order = sorted(by_continent)
    shuffled = {name: rng.sample(by_continent[name], len(by_continent[name])) for name in order}
    share = {name: len(by_continent[name]) * N_HELD / len(rows) for name in order}
    counts = {name: int(share[name]) for name in order}
    for name in sorted(order, key=lambda name: counts[name] - share[name])[: N_HELD - sum(counts.values())]:
        counts[name] += 1
    return [iso for name in order for iso in shuffled[name][: counts[name]]]
