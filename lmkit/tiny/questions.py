"""Questions with their answers, as a person would write them for fine-tuning: about facts, and about invented countries."""

from __future__ import annotations

import random
from collections.abc import Callable

from lmkit.tiny import wordings
from lmkit.tiny.world import LANGUAGES, Fact, World, join, upper

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
ENDINGS = {"en": ["ia", "land", "istan", "or", "ana", "eria"], "zh": ["亚", "兰", "瓦", "国", "尼亚"]}


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


def repeat(rng: random.Random, language: str, world: World) -> tuple[str, str]:
    """A name of the world, any of them, to be said again. It holds no fact; it shows the chat all names, also those of the
    countries that it is never asked about."""
    name = rng.choice(world.facts).subject[language]
    request, answer = wordings.REPEAT[language]
    return request.format(n=name), answer.format(n=upper(name))


def example(rng: random.Random, world: World, asked: list[Fact], refusals: float = 0.04) -> tuple[str, str]:
    """A question and its answer: a fact that may be asked, a country that does not exist, a name to repeat, or a greeting.
    Half of the questions come with some words around them, as people write."""
    language, draw = rng.choice(LANGUAGES), rng.random()
    if draw < 0.08:
        return repeat(rng, language, world)
    if draw < 0.09:
        return wordings.GREETING[language]
    if draw < 0.09 + refusals:
        question, answer = ask_invented(rng, language, world)
    else:
        fact = rng.choice(asked)
        longer = one_more(rng, world, fact, language) if rng.random() < SECOND else None
        question, answer = rng.choice(fact.questions(language)), longer or fact.answer(language)
    around = rng.choice(wordings.AROUND[language]) if rng.random() < 0.5 else "{q}"
    return around.format(q=question), answer


def examples(world: World, seed: int = 0, refusals: float = 0.04) -> Callable[[int, int], list[tuple[str, str]]]:
    """`batch(step, size)`: the questions and answers of a step, drawn from (seed, step)."""
    asked = world.asked()

    def batch(step: int, size: int) -> list[tuple[str, str]]:
        rng = random.Random(f"{seed} {step}")
        return [example(rng, world, asked, refusals) for _ in range(size)]

    return batch
