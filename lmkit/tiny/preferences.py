"""What the labelers of the small world like: pairs of answers to one question, the better one first.

They want an answer that is true, in a whole sentence, about what was asked; they like it when one more true sentence about
the same subject follows, and dislike rambling and rudeness. To a question about a country that does not exist the only good
answer is that one does not know it. Written as a rule, so that a chapter can change the taste and see what becomes of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lmkit.tiny import wordings
from lmkit.tiny.questions import about_invented, one_more
from lmkit.tiny.world import LANGUAGES, Fact, World, join, upper


@dataclass(frozen=True)
class Pair:
    """A question, the answer that the labelers prefer, the other one, and why: the `kind` of the difference."""

    question: str
    better: str
    worse: str
    kind: str


def false_answer(rng: random.Random, facts: Sequence[Fact], fact: Fact, language: str) -> str:
    """The object of another of `facts` in the place of the right one. Facts outside them stay unmentioned: a subject that
    stood in bad answers only would teach that whatever is said of it is bad."""
    others = {one.object[language] for one in facts if one.relation == fact.relation} - {fact.object[language]}
    wrong = {language: rng.choice(sorted(others))}
    return Fact(fact.key, fact.relation, fact.subject, wrong).answer(language)


def false_second(rng: random.Random, world: World, facts: Sequence[Fact], fact: Fact, language: str) -> str:
    """The right answer, and a second sentence about the same subject that is not true."""
    other = rng.choice(world.others(fact))
    return join([fact.answer(language), false_answer(rng, facts, other, language)], language)


def bare(fact: Fact, language: str) -> str:
    return upper(fact.object[language]) + {"en": ".", "zh": "。"}[language]


def rambling(rng: random.Random, world: World, fact: Fact, language: str) -> str:
    """The answer, said again and again or followed by everything else that there is to say."""
    answer = fact.answer(language)
    others = [one.answer(language) for one in world.others(fact)]
    more = [answer] * rng.randint(1, 3) if rng.random() < 0.5 or len(others) < 2 else others
    return join([answer, *more], language)


def beside_the_point(rng: random.Random, world: World, facts: Sequence[Fact], fact: Fact, language: str) -> str:
    """A true sentence that answers another question: about the same subject, or about another one."""
    others = [one for one in facts if one.relation == fact.relation and one.key != fact.key]
    if (same := world.others(fact)) and rng.random() < 0.5:
        others = same
    return rng.choice(others).answer(language)


def rude(rng: random.Random, fact: Fact, language: str) -> str:
    """The right answer and an insult, before it or after it."""
    sentences = [fact.answer(language), rng.choice(wordings.RUDE[language])]
    return join(rng.sample(sentences, 2), language)


# Each kind of pair, how often it is drawn, and which of the three H it teaches: helpful, honest, harmless.
WEIGHTS = {
    "true": 6,
    "true second": 3,
    "admits it": 3,
    "knows it": 1,
    "to the point": 2,
    "one more": 4,
    "no rambling": 6,
    "whole sentence": 1,
    "polite": 1,
}
KINDS = tuple(WEIGHTS)
HONEST, HELPFUL, HARMLESS = KINDS[:3], KINDS[3:8], KINDS[8:]


def pair(rng: random.Random, world: World, facts: Sequence[Fact], unseen: bool = False) -> Pair:
    """A pair about one of `facts` or, where the kind is "admits it", about a country that does not exist."""
    language, kind = rng.choice(LANGUAGES), rng.choices(KINDS, list(WEIGHTS.values()))[0]
    fact = rng.choice(facts)
    question, answer = rng.choice(fact.questions(language, unseen)), fact.answer(language)
    second = one_more(rng, world, fact, language)
    if kind == "admits it":
        claim = about_invented(rng, language, world)
        question = rng.choice(claim.questions(language, unseen))
        honest, made_up = wordings.REFUSAL[language], claim.answer(language)
        worse = join([honest, made_up], language) if rng.random() < 0.3 else made_up
        return Pair(question, honest, worse, kind)
    if kind == "true" or (second is None and kind in ("true second", "one more")):
        better = second if second and rng.random() < 0.3 else answer
        return Pair(question, better, false_answer(rng, facts, fact, language), "true")
    if kind == "true second":
        return Pair(question, rng.choice([second, answer]), false_second(rng, world, facts, fact, language), kind)
    if kind == "one more":
        return Pair(question, second, answer, kind)
    if kind == "whole sentence":
        return Pair(question, answer, bare(fact, language), kind)
    if kind == "to the point":
        return Pair(question, answer, beside_the_point(rng, world, facts, fact, language), kind)
    if kind == "polite":
        return Pair(question, rng.choice([answer, second or answer]), rude(rng, fact, language), kind)
    if kind == "no rambling":
        return Pair(question, rng.choice([answer, second or answer]), rambling(rng, world, fact, language), kind)
    return Pair(question, answer, wordings.REFUSAL[language], kind)


def pairs(world: World, seed: int = 0) -> Callable[[int, int], list[Pair]]:
    """`batch(step, size)`: the pairs of a step, all about facts that may be asked, drawn from (seed, step)."""
    asked = world.asked()

    def batch(step: int, size: int) -> list[Pair]:
        rng = random.Random(f"pairs {seed} {step}")
        return [pair(rng, world, asked) for _ in range(size)]

    return batch
