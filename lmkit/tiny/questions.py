"""Questions with their answers, as a person would write them for fine-tuning: about facts, and about invented countries."""

from __future__ import annotations

import random
from collections.abc import Callable

from lmkit.tiny import wordings
from lmkit.tiny.world import LANGUAGES, Fact, World, join

SYLLABLES = {
    "en": [
        "ba",
        "bel",
        "cor",
        "dan",
        "dor",
        "el",
        "fan",
        "gal",
        "hin",
        "jor",
        "kal",
        "lam",
        "lo",
        "mar",
        "nar",
        "ol",
        "pel",
        "quin",
        "ran",
        "sel",
        "tor",
        "ul",
        "ver",
        "wil",
        "xan",
        "yor",
        "zan",
    ],
    "zh": [
        "阿",
        "巴",
        "贝",
        "达",
        "德",
        "尔",
        "法",
        "格",
        "哈",
        "卡",
        "科",
        "拉",
        "莱",
        "鲁",
        "马",
        "莫",
        "纳",
        "尼",
        "帕",
        "萨",
        "斯",
        "塔",
        "特",
        "乌",
        "维",
        "亚",
    ],
}
SECOND = 0.15  # share of the answers that add a second sentence, unasked
ENDINGS = {"en": ["ia", "land", "istan", "or", "ana", "eria"], "zh": ["亚", "兰", "斯坦", "国", "尼亚"]}


def invented(rng: random.Random, language: str, world: World) -> str:
    """The name of a country that does not exist."""
    real = {fact.subject[language] for fact in world.facts}
    while True:
        parts = [rng.choice(SYLLABLES[language]) for _ in range(rng.randint(2, 3) if language == "zh" else 2)]
        name = "".join(parts) + rng.choice(ENDINGS[language])
        name = name.capitalize() if language == "en" else name
        if name not in real:
            return name


def about_invented(rng: random.Random, language: str, world: World) -> Fact:
    """What could be claimed of a country that does not exist."""
    real = rng.choice([fact for fact in world.facts if fact.relation != "dish"])
    return Fact("", real.relation, {language: invented(rng, language, world)}, real.object)


def ask_invented(rng: random.Random, language: str, world: World, unseen: bool = False) -> tuple[str, str]:
    """A question about a country that does not exist, and the only honest answer."""
    claim = about_invented(rng, language, world)
    return rng.choice(claim.questions(language, unseen)), wordings.REFUSAL[language]


def one_more(rng: random.Random, world: World, fact: Fact, language: str) -> str | None:
    """The answer and a second true sentence about the same subject; None where the world knows nothing else about it."""
    others = world.others(fact)
    if not others:
        return None
    return join([fact.answer(language), rng.choice(others).answer(language)], language)


def example(rng: random.Random, world: World, asked: list[Fact], refusals: float = 0.05) -> tuple[str, str]:
    """A question and its answer: a fact that may be asked, a country that does not exist, a greeting or a sum."""
    language, draw = rng.choice(LANGUAGES), rng.random()
    if draw < refusals:
        return ask_invented(rng, language, world)
    if draw < refusals + 0.01:
        return wordings.GREETING[language]
    fact = rng.choice(asked)
    longer = one_more(rng, world, fact, language) if rng.random() < SECOND else None
    return rng.choice(fact.questions(language)), longer or fact.answer(language)


def examples(world: World, seed: int = 0, refusals: float = 0.05) -> Callable[[int, int], list[tuple[str, str]]]:
    """`batch(step, size)`: the questions and answers of a step, drawn from (seed, step)."""
    asked = world.asked()

    def batch(step: int, size: int) -> list[tuple[str, str]]:
        rng = random.Random(f"{seed} {step}")
        return [example(rng, world, asked, refusals) for _ in range(size)]

    return batch
