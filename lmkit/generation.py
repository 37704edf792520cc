"""A recorded generation: the text a model wrote, and the raw distribution at every step of it.

The generation itself is done by `model.generate` of transformers, so the tokens are its tokens. This module makes sure
that only the settings given count, keeps the raw logits of each step, and computes the log-probabilities. It knows
nothing about how the text became ids.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from lmkit.sampling import Distribution, check_warp

if TYPE_CHECKING:
    from transformers import GenerationConfig

    from lmkit.models import LanguageModel

# What belongs to a model's format, and is kept of its stored generation config. The rest is taste, and is not used.
FORMAT = (
    *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
    *("forced_bos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens"),
)


@dataclass(frozen=True, repr=False)
class Generation:
    """One generated text, with every step that made it.

    `prompt`, `text` str; `prompt_ids`, `ids` list[int], `ids` holding only the new tokens (an end token included where
    the model wrote one; `text` leaves special tokens out); `tokens` list[str] the display pieces of `ids`. `logprobs`
    list[float]: natural logarithm of the probability of each chosen token under the raw distribution, that is at
    temperature 1 with nothing removed. `entropy` list[float], nats, raw. `steps` list[Distribution] with the raw
    logits. `stop_reason`: "eos" (the model ended the text) or "length" (max_new_tokens reached).
    """

    prompt: str
    text: str
    tokens: list[str]
    ids: list[int]
    prompt_ids: list[int]
    logprobs: list[float]
    entropy: list[float]
    settings: dict
    stop_reason: str
    steps: list[Distribution] = field(compare=False)

    @property
    def logprob(self) -> float:
        """Log-probability of the whole continuation, in nats: the sum of `logprobs`."""
        return sum(self.logprobs)

    def __repr__(self) -> str:
        return (
            f"Generation({self.text!r}; {len(self.ids)} tokens, log-probability {self.logprob:.3f} nats, "
            f"stopped by {self.stop_reason})"
        )


def generate(model: LanguageModel, prompt: str, prompt_ids: list[int], settings: dict) -> Generation:
    """Continue `prompt_ids` with transformers' own `generate` and record the raw logits of every step.

    `settings`: max_new_tokens, temperature (None = greedy), top_k, top_p, min_p, seed, num_beams, repetition_penalty.
    Raises ValueError for settings that cannot work, an encoder, or a prompt that leaves too little of the context.
    """
    _check_settings(model, settings)
    _check_room(model, len(prompt_ids), settings["max_new_tokens"])
    inputs = torch.tensor([prompt_ids], device=model.device)
    with _only(settings, model) as config, _seeded(settings, model.device), model.evaluation():
        out = model.torch_model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            generation_config=config,
            logits_processor=[_refuse_nan],
        )
    n_given = 1 if model.family == "encoder-decoder" else len(prompt_ids)
    given, ids = out.sequences[0].tolist()[:n_given], out.sequences[0].tolist()[n_given:]
    ends = end_ids(model)
    stop = next((position + 1 for position, id in enumerate(ids) if id in ends), None)
    ids = ids[:stop]  # a beam that ended early is padded
    forced = config.forced_eos_token_id is not None and len(ids) == settings["max_new_tokens"]
    if settings["num_beams"] == 1:
        logits = torch.cat(out.logits)[: len(ids)].float().cpu()
    else:  # beams change places from step to step, so the chosen one is read again as a whole
        logits = _reread(model, prompt_ids, given, ids)
    log_probs = logits.log_softmax(-1)
    return Generation(
        prompt=prompt,
        text=model.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False),
        tokens=model.token_strings(ids),
        ids=ids,
        prompt_ids=prompt_ids,
        logprobs=log_probs[range(len(ids)), ids].tolist(),
        entropy=(-log_probs.exp() * log_probs).nansum(-1).tolist(),
        settings=settings,
        stop_reason="eos" if stop and not forced else "length",
        steps=[Distribution(step, model.token_string) for step in logits],
    )


def end_ids(model: LanguageModel) -> list[int]:
    """Ids that end a text: the model's own, or the tokenizer's where the model names none."""
    ids = model.torch_model.generation_config.eos_token_id
    ids = model.tokenizer.eos_token_id if ids is None else ids
    if ids is None:
        return []
    return list(ids) if isinstance(ids, (list, tuple)) else [ids]


def _check_settings(model: LanguageModel, settings: dict) -> None:
    if model.family == "encoder":
        raise ValueError(
            f"{model.name} is an encoder: it reads a whole text at once and does not write one. "
            "Load a decoder (lmkit.catalog() lists some)."
        )
    warps = {name: settings[name] for name in ("top_k", "top_p", "min_p")}
    given = ", ".join(f"{name}={value}" for name, value in warps.items() if value is not None)
    if settings["temperature"] is None and given:
        raise ValueError(
            f"{given} changes nothing in greedy decoding. To sample, give a temperature too: temperature=1.0."
        )
    check_warp(1.0 if settings["temperature"] is None else settings["temperature"], **warps)
    for name in ("max_new_tokens", "num_beams"):
        if settings[name] != int(settings[name]) or settings[name] < 1:
            raise ValueError(f"{name}={settings[name]}: give a whole number of at least 1.")
    penalty = settings["repetition_penalty"]
    if not penalty > 0:
        raise ValueError(f"repetition_penalty={penalty}: give a number above 0; 1.0 changes nothing.")


def _check_room(model: LanguageModel, n_prompt: int, n_new: int) -> None:
    if model.family == "encoder-decoder":  # the decoder has its own positions, and its start token takes one
        model.check_length(1 + n_new, f"max_new_tokens={n_new}, with the start token,")
    else:
        model.check_length(n_prompt + n_new, f"A prompt of {n_prompt} tokens with max_new_tokens={n_new}")


@contextlib.contextmanager
def _only(settings: dict, model: LanguageModel) -> Iterator[GenerationConfig]:
    """A generation config of `settings` and the model's special tokens, with its stored one put aside meanwhile.

    transformers fills what a config leaves open from the checkpoint's own (Qwen3 ships top_k=20, BART num_beams=4).
    """
    from transformers import GenerationConfig

    stored = model.torch_model.generation_config
    form = {name: getattr(stored, name, None) for name in FORMAT} | {"eos_token_id": end_ids(model) or None}
    if form["pad_token_id"] is None:
        form["pad_token_id"] = next(iter(end_ids(model)), 0)
    sampled = {
        "temperature": float(settings["temperature"] or 1.0),
        "top_k": settings["top_k"] or 0,  # 0 turns it off; None would mean transformers' default of 50
        "top_p": 1.0 if settings["top_p"] is None else float(settings["top_p"]),
        "min_p": settings["min_p"],
    }
    config = GenerationConfig(
        max_new_tokens=settings["max_new_tokens"],
        num_beams=settings["num_beams"],
        repetition_penalty=float(settings["repetition_penalty"]),
        do_sample=settings["temperature"] is not None,
        return_dict_in_generate=True,
        output_logits=settings["num_beams"] == 1,
        **form,
        **({} if settings["temperature"] is None else sampled),
    )
    model.torch_model.generation_config = GenerationConfig(**form)
    try:
        yield config
    finally:
        model.torch_model.generation_config = stored


@contextlib.contextmanager
def _seeded(settings: dict, device: torch.device) -> Iterator[None]:
    """Draw with the given seed and leave the caller's random state as it was; seed=None uses the caller's state."""
    if settings["seed"] is None or settings["temperature"] is None:
        yield
        return
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings["seed"])
        yield


def _refuse_nan(_: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """Stop at the step where NaN appears: greedy decoding would hide it, and drawing from it can take a GPU down."""
    bad = scores.amax(-1).isnan()
    if bad.any():
        Distribution(scores[bad][0])
    return scores


def _reread(model: LanguageModel, prompt_ids: list[int], given: list[int], ids: list[int]) -> torch.Tensor:
    """Raw logits [new token, vocab] that lead to `ids`, from one forward pass over them."""
    read = torch.tensor([given + ids], device=model.device)
    inputs = {"input_ids": read}
    if model.family == "encoder-decoder":
        inputs = {"input_ids": torch.tensor([prompt_ids], device=model.device), "decoder_input_ids": read}
    with torch.no_grad(), model.evaluation():
        logits = model.torch_model(**inputs, use_cache=False).logits[0]
    return logits[-len(ids) - 1 : -1].float().cpu()
