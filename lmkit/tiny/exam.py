"""What every stage is measured with: the same questions, greedy answers, and the whole answer must be true."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lmkit.evaluate import Accuracy, accuracy
from lmkit.tiny import preferences
from lmkit.tiny.questions import ask_invented
from lmkit.tiny.reward import score, scores
from lmkit.tiny.rl import rollout
from lmkit.tiny.text import answer_logprobs, reply, write
from lmkit.tiny.world import LANGUAGES, Fact, World, join


def is_true(world: World, fact: Fact, language: str, text: str) -> bool:
    """Whether a reply is the fact's answer, alone or with one true sentence more about the same subject. A false second
    sentence makes it false, and so does anything that is said twice."""
    answer = fact.answer(language)
    others = [one.answer(language) for one in world.others(fact)]
    return text == answer or text in [join([answer, other], language) for other in others]


def answers_truly(
    net: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    world: World,
    facts: Sequence[Fact],
    language: str,
    unseen: bool,
    n: int = 300,
) -> Accuracy:
    """Share of true replies to questions about `facts`: at most `n`, drawn by chance from all facts in all their wordings."""
    asked = [(fact, question) for fact in facts for question in fact.questions(language, unseen)]
    chosen = random.Random(f"exam {language} {unseen}").sample(asked, min(n, len(asked)))
    replies = reply(net, tokenizer, [question for _, question in chosen])
    return accuracy([is_true(world, fact, language, text) for (fact, _), text in zip(chosen, replies, strict=True)])


def admits(net: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, world: World, language: str, n: int = 200) -> Accuracy:
    """Share of questions about countries that do not exist to which the model says that it does not know."""
    rng = random.Random(f"exam invented {language}")
    pairs = [ask_invented(rng, language, world) for _ in range(n)]
    replies = reply(net, tokenizer, [question for question, _ in pairs])
    return accuracy([text == honest for text, (_, honest) in zip(replies, pairs, strict=True)])


def asks_on(
    net: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, world: World, language: str, n: int = 200, seed: int = 0
) -> Accuracy:
    """Share of questions in plain text, not in the chat's form, that the model continues with another question of the world."""
    rng = random.Random(f"exam base {language}")
    facts = [fact for fact in world.facts if fact.relation == "capital"]
    chosen = rng.sample(facts, min(n, len(facts)))
    end = tokenizer.eos_token_id
    prompts = [[end, *tokenizer.encode(fact.questions(language)[0], add_special_tokens=False)] for fact in chosen]
    asked = {question for fact in world.facts for question in fact.questions(language)}
    written = write(net, tokenizer, prompts, limit=32, temperature=1.0, seed=seed)
    texts = [tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in written]
    return accuracy([text.split("\n")[0] in asked for text in texts])


def ranks(reward_model, tokenizer: PreTrainedTokenizerFast, world: World, facts: Sequence[Fact], n: int = 600) -> Accuracy:
    """Share of unseen pairs, in wordings that training never used, of which the reward model prefers the better answer."""
    rng = random.Random("exam pairs")
    pairs = [preferences.pair(rng, world, facts, unseen=True) for _ in range(n)]
    better = score(reward_model, tokenizer, [(pair.question, pair.better) for pair in pairs])
    worse = score(reward_model, tokenizer, [(pair.question, pair.worse) for pair in pairs])
    return accuracy([a > b for a, b in zip(better, worse, strict=True)])


def pleases(
    net: PreTrainedModel, reference: PreTrainedModel, reward_model, tokenizer: PreTrainedTokenizerFast, world: World, n: int = 200
) -> tuple[list[float], list[float]]:
    """What the reward model gives to `n` answers drawn at temperature 1, about asked facts in wordings that training never
    used; and for each answer ln p(answer | net) − ln p(answer | reference), whose mean is the KL divergence, nats."""
    rng = random.Random("exam rewards")
    asked = [rng.choice(rng.choice(world.asked()).questions(rng.choice(LANGUAGES), unseen=True)) for _ in range(n)]
    with torch.no_grad():
        rows, labels = rollout(net, tokenizer, asked, seed=1)
        away = answer_logprobs(net, rows, labels).sum(1) - answer_logprobs(reference, rows, labels).sum(1)
        return scores(reward_model, rows, labels).tolist(), away.tolist()


def report(net: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, world: World) -> dict[str, Accuracy]:
    """Everything that can be asked of a model that writes."""
    with torch.no_grad():
        found = {}
        for language in LANGUAGES:
            found[f"asks on, {language}"] = asks_on(net, tokenizer, world, language)
            for name, facts in (("asked", world.asked()), ("never asked", world.never_asked())):
                for unseen in (False, True):
                    wording = "unseen wording" if unseen else "known wording"
                    found[f"{name}, {wording}, {language}"] = answers_truly(net, tokenizer, world, facts, language, unseen)
            found[f"admits, {language}"] = admits(net, tokenizer, world, language)
        return found


def report_reward(reward_model, tokenizer: PreTrainedTokenizerFast, world: World) -> dict[str, Accuracy]:
    """What can be asked of the reward model: pairs about countries that it was asked about, and about others."""
    facts = {"asked": world.asked(), "never asked": world.never_asked()}
    return {f"ranks, {name}": ranks(reward_model, tokenizer, world, chosen) for name, chosen in facts.items()}
