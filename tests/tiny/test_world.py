"""The small world: what it says is in its tables, what it holds back stays back, and a change changes just that."""

import random
import re
from collections import Counter

import pytest

from lmkit.tiny import preferences, questions
from lmkit.tiny.exam import is_true
from lmkit.tiny.wordings import WORDINGS
from lmkit.tiny.world import LANGUAGES, OF_COUNTRIES, times_read


@pytest.fixture(scope="module")
def corpus(world):
    return world.corpus(rounds=6)


def test_every_fact_is_told_in_both_languages(world, corpus):
    read = times_read(corpus)
    assert len(world.facts) > 790 and len(world.by_key) == len(world.facts)
    assert min(read[fact.key, language] for fact in world.facts for language in LANGUAGES) >= 6


def test_a_document_tells_the_facts_that_it_names(world, corpus):
    for document in corpus:
        for key in document.facts:
            assert world.by_key[key].object[document.language].lower() in document.text.lower(), document


def test_the_corpus_is_the_same_for_the_same_seed_and_another_for_another(world):
    assert world.corpus(rounds=1) == world.corpus(rounds=1) != world.corpus(rounds=1, seed=1)
    assert Counter(one.kind for one in world.corpus(rounds=1)).keys() == {
        "article",
        "statement",
        "questions",
        "dialogue",
        "story",
        "sums",
    }


def test_no_text_of_training_asks_a_held_fact_with_its_answer(world, corpus):
    held = {fact.key for fact in world.never_asked()}
    assert len(world.held) == 38 and len(held) > 140
    assert not [one for one in corpus if one.kind == "dialogue" and held.intersection(one.facts)]
    asked = questions.examples(world)
    answers = {answer for step in range(100) for _, answer in asked(step, 32)}
    assert not answers & {fact.answer(language) for fact in world.never_asked() for language in LANGUAGES}
    trained = {pair.better for step in range(50) for pair in preferences.pairs(world)(step, 32)}
    assert not trained & {fact.answer(language) for fact in world.never_asked() for language in LANGUAGES}


def test_no_text_of_training_holds_an_unseen_wording(world, corpus):
    patterns = [pattern for of in WORDINGS.values() for wording in of.values() for pattern in wording.unseen]
    unseen = re.compile("|".join(re.escape(one).replace(r"\{s\}", "[^,.?!:，。？：]{1,60}?") for one in patterns))
    texts = [document.text for document in corpus]
    texts += [question for step in range(100) for question, _ in questions.examples(world)(step, 32)]
    texts += [pair.question for step in range(50) for pair in preferences.pairs(world)(step, 32)]
    assert not [text for text in texts if unseen.search(text)]
    assert unseen.search(world.facts[0].questions("en", unseen=True)[0])


def test_changes_change_just_that(world):
    fewer = times_read(world.without("FR capital").corpus(rounds=2))
    more = times_read(world.repeated(FR_capital=10).corpus(rounds=2))
    usual = times_read(world.corpus(rounds=2))
    assert fewer["FR capital", "en"] == 0 < usual["FR capital", "en"] and more["FR capital", "en"] >= 9 * 2
    assert times_read(world.repeated(FR_capital=10).without("FR capital").corpus(rounds=2))["FR capital", "en"] == 0
    false = world.changed("FR capital", en="Lyon", zh="里昂")
    assert false.by_key["FR capital"].answer("zh") == "法国的首都是里昂。"
    assert sum(a != b for a, b in zip(world.facts, false.facts, strict=True)) == 1
    with pytest.raises(KeyError, match="no such fact: XX capital"):
        world.without("XX capital")


def test_a_reply_is_judged_whole(world):
    fact = world.by_key["FR capital"]
    right = "The capital of France is Paris."
    assert is_true(world, fact, "en", right) and is_true(world, fact, "en", right + " The continent of France is Europe.")
    for wrong in (
        "Paris.",
        right + " The continent of France is Asia.",
        right + " " + right,
        right + "…",
        "The capital of France is Rome.",
    ):
        assert not is_true(world, fact, "en", wrong)
    assert is_true(world, fact, "zh", "法国的首都是巴黎。法国的货币是欧元。")


@pytest.mark.parametrize("unseen", [False, True])
def test_in_a_pair_only_the_better_answer_is_good(world, unseen):
    rng = random.Random(0)
    kinds = Counter()
    for _ in range(600):
        pair = preferences.pair(rng, world, world.asked(), unseen)
        kinds[pair.kind] += 1
        assert pair.better != pair.worse
        if pair.kind in ("true", "true second", "no rambling", "whole sentence"):
            language = "zh" if re.search("[一-鿿]", pair.question) else "en"
            subject = [f for f in world.facts if f.relation in OF_COUNTRIES or f.relation == "dish"]
            assert any(is_true(world, fact, language, pair.better) for fact in subject)
            assert not any(is_true(world, fact, language, pair.worse) for fact in subject)
    assert set(kinds) == set(preferences.KINDS)


def test_invented_countries_do_not_exist(world):
    rng = random.Random(0)
    real = {fact.subject[language] for fact in world.facts for language in LANGUAGES}
    names = {questions.invented(rng, language, world) for language in LANGUAGES for _ in range(300)}
    assert len(names) > 400 and not names & real
