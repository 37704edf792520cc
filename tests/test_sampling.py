"""Warping is that of transformers, draws are those of numpy, and generate is model.generate, recorded."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

import lmkit
from lmkit import Distribution

INF = math.inf
PROMPT = "The animal didn't cross the street"


def transformers_warp(logits, temperature=1.0, top_k=None, top_p=None, min_p=None):
    warpers = [TemperatureLogitsWarper(float(temperature))]
    if top_k is not None:
        warpers.append(TopKLogitsWarper(top_k))
    if top_p is not None:
        warpers.append(TopPLogitsWarper(top_p))
    if min_p is not None:
        warpers.append(MinPLogitsWarper(min_p))
    return LogitsProcessorList(warpers)(torch.zeros(1, 1, dtype=torch.long), logits[None].clone())[0]


def assert_warped_alike(logits, **settings):
    ours, theirs = Distribution(logits).warp(**settings), transformers_warp(logits, **settings)
    kept = ours.logits > -INF
    assert torch.equal(kept, theirs > -INF)
    torch.testing.assert_close(ours.logits[kept], theirs[kept], rtol=1e-6, atol=1e-6)
    rounding = 1e-4 if logits.dtype == torch.float32 else 0  # of 32 bits, differently on every processor
    torch.testing.assert_close(ours.probs, theirs.softmax(-1), rtol=rounding, atol=1e-6)


SETTINGS = [
    {},
    {"temperature": 0.3},
    {"temperature": 2.5, "top_k": 7},
    {"top_k": 10**6},
    {"top_k": 1},
    {"top_p": 0.9},
    {"top_p": 1.0},
    {"top_p": 1e-9},
    {"top_p": 0.999999},
    {"min_p": 0.05},
    {"min_p": 0.0},
    {"min_p": 1.0},
    {"temperature": 0.7, "top_k": 50, "top_p": 0.8, "min_p": 0.02},
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_warp_equals_the_warpers_of_transformers(settings, dtype):
    generator = torch.Generator().manual_seed(0)
    for vocabulary, scale in ((1, 1), (2, 1), (40, 3), (1000, 10), (49152, 2), (49152, 8)):
        assert_warped_alike(torch.randn(vocabulary, generator=generator, dtype=dtype) * scale, **settings)


@settings(max_examples=150, deadline=None)
@given(
    logits=st.lists(st.floats(-40, 40) | st.just(-INF), min_size=1, max_size=60, unique=True),
    temperature=st.floats(0.01, 10),
    top_k=st.none() | st.integers(1, 80),
    top_p=st.none() | st.floats(0.01, 1),
    min_p=st.none() | st.floats(0, 1),
)
def test_warp_equals_transformers_on_drawn_inputs(logits, temperature, top_k, top_p, min_p):
    scaled = torch.tensor(logits, dtype=torch.float64) / temperature
    if (scaled == -INF).all() or len(set(scaled.tolist())) < len(logits):
        return  # nothing left, or ties: see below
    assert_warped_alike(
        torch.tensor(logits, dtype=torch.float64), temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p
    )


TIED = [
    torch.zeros(7),
    torch.zeros(49152),
    torch.tensor([1.0, 2.0, 2.0, 2.0, 0.0]),
    torch.tensor([2.0, -INF, 2.0, -INF, 1.0]),
    torch.arange(1000).remainder(3).float(),
]


@pytest.mark.parametrize("logits", TIED, ids=range(len(TIED)))
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_warp_equals_transformers_among_ties(logits, settings, monkeypatch):
    """torch leaves the order of equal values open; with a stable order the kept ids are the same, else as many."""
    left_open = transformers_warp(logits, **settings)
    sort = torch.sort
    monkeypatch.setattr(torch, "sort", lambda scores, descending: sort(scores, descending=descending, stable=True))
    assert_warped_alike(logits, **settings)
    ours = Distribution(logits).warp(**settings).logits
    assert torch.equal(ours.sort().values, left_open.sort().values)


def test_top_k_keeps_everything_that_ties_with_the_last_place():
    assert Distribution([1.0, 2.0, 2.0, 2.0, 0.0]).warp(top_k=2).logits.tolist() == [-INF, 2, 2, 2, -INF]


def test_top_p_keeps_the_larger_ids_among_ties():
    assert Distribution([0.0, 0.0, 0.0, 0.0]).warp(top_p=0.5).logits.tolist() == [-INF, -INF, 0, 0]


@pytest.mark.parametrize("temperature", [1e-6, 1e-30, 1e-44, 1e-300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_temperature_near_zero_becomes_greedy(temperature, dtype):
    logits = torch.tensor([3.0, 5.0, 4.0, -INF], dtype=dtype)
    for shifted in (logits, logits - 9):
        warped = Distribution(shifted).warp(temperature=temperature, top_k=3, top_p=0.9, min_p=0.1)
        assert warped.probs.tolist() == [0, 1, 0, 0]


def test_plus_infinity_takes_the_whole_probability():
    certain = Distribution([1.0, INF, 0.0, INF, -INF])
    assert certain.probs.tolist() == [0, 0.5, 0, 0.5, 0]
    assert certain.entropy() == pytest.approx(math.log(2))
    assert certain.warp(temperature=2.0, top_k=3, top_p=0.9, min_p=0.1).probs.tolist() == [0, 0.5, 0, 0.5, 0]
    assert set(certain.sample(0, 50)) == {1, 3}


def test_probabilities_and_entropy():
    logits = torch.randn(1000, generator=torch.Generator().manual_seed(1)) * 4
    distribution = Distribution(logits)
    torch.testing.assert_close(distribution.probs, logits.softmax(-1))
    expected = torch.distributions.Categorical(logits=logits.double()).entropy().item()
    assert distribution.entropy() == pytest.approx(expected, abs=1e-9)
    assert Distribution([0.0] * 8).entropy() == pytest.approx(math.log(8))
    assert Distribution([0.0, -INF]).entropy() == Distribution([3.0]).entropy() == 0
    assert Distribution(torch.zeros(4, dtype=torch.bfloat16)).logits.dtype == torch.float32
    assert Distribution(np.zeros(4)).logits.dtype == torch.float64


def test_top_lists_the_most_probable_first_and_equals_by_id():
    distribution = Distribution([1.0, 3.0, 1.0, 3.0, -INF], ["a", "b", "c", "d", "e"])
    assert [(token, id) for token, id, _ in distribution.top()] == [("b", 1), ("d", 3), ("a", 0), ("c", 2)]
    assert distribution.top(1)[0][2] == pytest.approx(distribution.probs[1].item())
    assert Distribution([0.0, 1.0], lambda id: f"<{id}>").top(1)[0][0] == "<1>"
    assert Distribution([0.0, 1.0]).top(1)[0][0] == "1"


def test_repr_is_rounded_and_the_same_every_time():
    distribution = Distribution([1.0, 3.0, -INF], ["a", " b", "c"])
    assert repr(distribution) == "Distribution(3 tokens, 2 possible, entropy 0.365 nats; ' b' 0.881, 'a' 0.119)"


def test_sample_draws_with_numpys_mt19937_against_the_cumulative_sum():
    probs = np.array([0.1, 0.0, 0.4, 0.25, 0.25])
    with np.errstate(divide="ignore"):
        distribution = Distribution(np.log(probs))
    exact = distribution.logits.softmax(-1).numpy()
    total, expected = 0.0, []
    for u in np.random.RandomState(7).random_sample(200):
        total = 0.0
        goal = u * np.cumsum(exact)[-1]
        for id, p in enumerate(exact):
            total += p
            if total > goal:
                expected.append(id)
                break
    assert distribution.sample(7, 200) == expected and 1 not in expected
    assert distribution.sample(7) == expected[0]
    counts = np.bincount(distribution.sample(0, 20_000), minlength=5) / 20_000
    assert np.abs(counts - probs).max() < 0.015


# Generation


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen3", "gemma3", "t5", "bart"])
def test_greedy_tokens_are_those_of_transformers(tiny, family):
    model = tiny(family)
    ids = model.encode(PROMPT)
    config = GenerationConfig(do_sample=False, max_new_tokens=12)
    row = model.torch_model.generate(torch.tensor([ids]), generation_config=config)[0].tolist()
    made = model.generate(PROMPT, max_new_tokens=12)
    assert made.ids == row[1 if model.family == "encoder-decoder" else len(ids) :]
    assert made.prompt_ids == ids and made.prompt == PROMPT and len(made.steps) == len(made.ids)
    best = [step.top(1)[0][1] for step in made.steps]
    if family == "bart":  # it is made to write its end token where the length runs out
        assert best[-1] != made.ids[-1] == 2
        best[-1] = 2
    assert best == made.ids
    assert made.stop_reason == ("eos" if made.ids[-1] == 2 and family != "bart" else "length")


def test_greedy_tokens_of_the_real_model(smollm2):
    ids = torch.tensor([smollm2.encode("The capital of China is")])
    row = smollm2.torch_model.generate(ids, do_sample=False, max_new_tokens=10)[0, ids.shape[1] :].tolist()
    made = smollm2.generate("The capital of China is", max_new_tokens=10)
    assert made.ids == row and made.text.startswith(" Beijing") and made.tokens[0] == " Beijing"
    assert made.steps[0].top(1)[0][:2] == (" Beijing", row[0])
    torch.testing.assert_close(
        made.steps[0].logits, smollm2.next_token("The capital of China is").logits, rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("family", ["llama", "t5", "bart"])
@pytest.mark.parametrize("how", [{}, {"num_beams": 3}, {"temperature": 1.5, "seed": 3}], ids=str)
def test_log_probabilities_are_those_of_a_second_reading(tiny, family, how):
    model = tiny(family)
    made = model.generate(PROMPT, max_new_tokens=8, **how)
    if model.family == "decoder":
        logits = model.torch_model(torch.tensor([made.prompt_ids + made.ids])).logits[0, len(made.prompt_ids) - 1 : -1]
    else:
        read = torch.tensor([[2, *made.ids]])
        logits = model.torch_model(torch.tensor([made.prompt_ids]), decoder_input_ids=read).logits[0, :-1]
    log_probs = logits.detach().log_softmax(-1)
    expected = log_probs[range(len(made.ids)), made.ids].tolist()
    assert made.logprobs == pytest.approx(expected, abs=1e-3)
    assert made.logprob == pytest.approx(sum(expected), abs=1e-2)
    assert made.entropy == pytest.approx([step.entropy() for step in made.steps], abs=1e-4)


def test_beam_search_finds_at_least_what_transformers_finds(tiny):
    model = tiny("llama")
    ids = torch.tensor([model.encode(PROMPT)])
    row = model.torch_model.generate(ids, num_beams=4, do_sample=False, max_new_tokens=8)[0, ids.shape[1] :].tolist()
    assert model.generate(PROMPT, max_new_tokens=8, num_beams=4).ids == row


def test_a_seed_repeats_a_sample_and_leaves_the_random_state_alone(tiny):
    model = tiny("llama")
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = model.generate(PROMPT, max_new_tokens=12, temperature=1.0, seed=1)
    assert torch.equal(torch.rand(1), expected)
    assert first == model.generate(PROMPT, max_new_tokens=12, temperature=1.0, seed=1)
    assert first.ids != model.generate(PROMPT, max_new_tokens=12, temperature=1.0, seed=2).ids
    unseeded = {tuple(model.generate(PROMPT, max_new_tokens=12, temperature=1.0).ids) for _ in range(3)}
    assert len(unseeded) > 1


def test_a_sampled_token_is_one_that_warp_keeps(tiny):
    model = tiny("llama")
    for how in ({"top_k": 3}, {"top_p": 0.4}, {"min_p": 0.5}, {"temperature": 0.5, "top_k": 9, "top_p": 0.7}):
        how = {"temperature": 1.0} | how
        for seed in range(4):
            made = model.generate(PROMPT, max_new_tokens=10, seed=seed, **how)
            for id, step in zip(made.ids, made.steps, strict=True):
                assert step.warp(**how).logits[id] > -INF


def test_a_checkpoints_own_decoding_defaults_are_not_used(build, byte_tokenizer):
    plain = lmkit.LanguageModel(build("llama"), byte_tokenizer)
    opinionated = lmkit.LanguageModel(build("llama"), byte_tokenizer)
    taste = {"do_sample": True, "top_k": 1, "top_p": 0.1, "temperature": 0.1, "min_p": 0.9, "repetition_penalty": 9.0}
    taste |= {"num_beams": 3, "no_repeat_ngram_size": 1, "min_length": 30, "typical_p": 0.1, "max_length": 9}
    opinionated.torch_model.generation_config.update(**taste)
    for how in ({}, {"temperature": 1.5, "seed": 1}, {"num_beams": 2}):
        assert opinionated.generate(PROMPT, 12, **how).ids == plain.generate(PROMPT, 12, **how).ids
    assert opinionated.torch_model.generation_config.top_k == 1, "the model's own config is put back"


def test_the_repetition_penalty_is_that_of_transformers(tiny):
    model = tiny("gpt2")
    ids = torch.tensor([model.encode(PROMPT)])
    row = model.torch_model.generate(ids, do_sample=False, max_new_tokens=12, repetition_penalty=1.8)[0, ids.shape[1] :]
    made = model.generate(PROMPT, max_new_tokens=12, repetition_penalty=1.8)
    assert made.ids == row.tolist() != model.generate(PROMPT, max_new_tokens=12).ids


def test_generation_stops_at_the_end_token(tiny, monkeypatch):
    model = tiny("llama")
    third = model.generate(PROMPT, max_new_tokens=12).ids[2]
    monkeypatch.setattr(model.torch_model.generation_config, "eos_token_id", [third, 2])
    made = model.generate(PROMPT, max_new_tokens=12)
    assert made.stop_reason == "eos" and made.ids[-1] == third and len(made.ids) <= 3
    assert len(made.logprobs) == len(made.steps) == len(made.tokens) == len(made.ids)


def test_chat_answers_in_the_chat_format(smollm2):
    made = smollm2.chat("What is the capital of China?", max_new_tokens=20)
    assert made.text == "The capital of China is Beijing." and made.stop_reason == "eos"
    assert made.tokens[-1] == "<|im_end|>" and made.prompt.endswith("<|im_start|>assistant\n")
    assert smollm2.encode(made.prompt) == made.prompt_ids
    told = [{"role": "system", "content": "You are a poet."}, {"role": "user", "content": "Hi"}]
    assert "You are a poet." in smollm2.chat(told, max_new_tokens=1).prompt


def test_next_token(tiny):
    model = tiny("llama")
    assert torch.equal(model.next_token(PROMPT).logits, model.trace(PROMPT).logits[-1])
    t5 = tiny("t5")
    assert torch.equal(t5.next_token(PROMPT).logits, t5.trace(PROMPT, target=[2]).logits[0])


def test_nothing_is_printed_while_generating(smollm2, tiny, capfd):
    smollm2.generate("Hi", 2)
    smollm2.generate("Hi", 2, temperature=1.0, top_k=5, seed=0)
    tiny("bart").trace("Hi")
    tiny("bart").generate("Hi", 3, num_beams=2)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
