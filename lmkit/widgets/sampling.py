"""The next-token distribution, what a sampler does to it, seeded draws, and a recorded generation step by step.

The arithmetic is in `sampling.js`; this module checks what it is given and packs it. It knows nothing about models.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
import traitlets

from lmkit.generation import Generation
from lmkit.sampling import Distribution, check_warp

from .base import Widget, pack

ALTERNATIVES = 40  # candidates kept for each step of a generation
KEPT, IMPOSSIBLE, TOP_K, TOP_P, MIN_P = 0, 1, 3, 4, 5  # why a candidate was removed, as in sampling.js


class SamplingView(Widget):
    """Play with a next-token distribution: temperature, top-k, top-p, min-p, draws. Or step through a generation.

    `source` is one of
    - a `Distribution`;
    - a dict {label: Distribution}: the reader picks among the labels (usually prompts). All share one vocabulary;
    - a `Generation`: the reader steps through its tokens. Each step keeps its 40 most probable candidates, no more, and
      the sliders are not shown.

    `temperature` (0 is greedy), `top_k`, `top_p`, `min_p` and `seed` are where the controls stand at first. The order
    of operations and the candidates kept are those of `Distribution.warp`, and so of the Hugging Face warpers.

    Every token of the vocabulary travels, so that a draw from the far tail can be named. The logits travel as float16
    of (logit - largest logit). That changes probabilities a little: `rounding` holds by how much at most, one number
    for each label, and the widget tells its reader. `rounded()` is the distribution that the widget works with:
    `view.rounded().warp(...).sample(seed, n)` are the widget's own draws.

    Raises TypeError for any other source, and ValueError for a setting out of its range, an empty dict and
    vocabularies of different sizes.
    """

    _module = "sampling.js"

    kind = traitlets.Unicode("distribution").tag(sync=True)  # or "generation"
    title = traitlets.Unicode().tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    selected = traitlets.Int(0).tag(sync=True)
    temperature = traitlets.Float(1.0).tag(sync=True)
    top_k = traitlets.Int(None, allow_none=True).tag(sync=True)
    top_p = traitlets.Float(None, allow_none=True).tag(sync=True)
    min_p = traitlets.Float(None, allow_none=True).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    vocabulary = traitlets.Bytes().tag(sync=True)  # deflated JSON: the token strings in id order
    vocab_size = traitlets.Int(0).tag(sync=True)
    logits = traitlets.Bytes().tag(sync=True)  # one deflated float16 array per label, one after the other
    logit_sizes = traitlets.List(traitlets.Int()).tag(sync=True)  # their lengths in bytes
    rounding = traitlets.List(traitlets.Float()).tag(sync=True)
    recording = traitlets.Bytes().tag(sync=True)  # deflated JSON of a generation, see `record`

    def __init__(
        self,
        source: Distribution | Mapping[str, Distribution] | Generation,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        seed: int = 0,
        title: str = "",
    ) -> None:
        check_settings(temperature, top_k, top_p, min_p, seed)
        controls = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p, "seed": seed}
        if isinstance(source, Generation):
            self._reserve = reserved(title, [], ALTERNATIVES, source.prompt + source.text)
            self._summary = summary_of_generation(source)
            super().__init__(kind="generation", title=title, recording=pack_json(record(source)))
            return
        named = dict(source) if isinstance(source, Mapping) else {"": source}
        check_distributions(named)
        self._reserve = reserved(title, list(named), len(next(iter(named.values()))), "")
        shifted = [shift(distribution) for distribution in named.values()]
        halves = [to_half(logits) for logits in shifted]
        chunks = [pack(half) for half in halves]
        first = next(iter(named.values()))
        tokens = [first.token(id) for id in range(len(first))]
        self._halves, self._tokens = dict(zip(named, halves, strict=True)), tokens
        self._summary = summary_of_distributions(named)
        super().__init__(
            title=title,
            labels=list(named),
            vocabulary=pack_json(tokens),
            vocab_size=len(tokens),
            logits=b"".join(chunks),
            logit_sizes=[len(chunk) for chunk in chunks],
            rounding=[rounding_error(exact, half) for exact, half in zip(shifted, halves, strict=True)],
            **controls,
        )

    def rounded(self, label: str | None = None) -> Distribution:
        """The distribution as the widget has it, after rounding to float16; of the first label unless one is named."""
        if self.kind == "generation":
            raise ValueError("A recorded generation carries no full distribution; look at Generation.steps.")
        if label is None:
            label = self.labels[0]
        if label not in self._halves:
            raise ValueError(f"No distribution is labelled {label!r}; the labels are {self.labels}.")
        return Distribution(self._halves[label].astype(np.float64), self._tokens)

    def describe(self) -> str:
        return f"SamplingView({self._summary})"


# ---------------------------------------------------------------- checking


def check_settings(temperature: float, top_k: int | None, top_p: float | None, min_p: float | None, seed: int) -> None:
    """Raises ValueError for a setting that no slider can show. Temperature 0, which no sampler can use, is greedy."""
    check_warp(temperature if temperature != 0 else 1.0, top_k, top_p, min_p)
    if isinstance(seed, bool) or int(seed) != seed or not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed}: give a whole number from 0 to {2**32 - 1}.")


def check_distributions(named: Mapping[str, Distribution]) -> None:
    """Raises if there is nothing to show, something that is no distribution, or more than one vocabulary."""
    if not named:
        raise ValueError("There is no distribution to show: the dict is empty.")
    for label, distribution in named.items():
        if not isinstance(label, str) or not isinstance(distribution, Distribution):
            given = f"{type(distribution).__name__} under {label!r}" if label else type(distribution).__name__
            raise TypeError(f"Give a Distribution, a dict {{label: Distribution}} or a Generation, not {given}.")
    sizes = {label: len(distribution) for label, distribution in named.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"The distributions of one view share one vocabulary, but their sizes differ: {sizes}.")


# ---------------------------------------------------------------- packing


def pack_json(value: object) -> bytes:
    """The value as UTF-8 JSON, deflated."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return pack(np.frombuffer(text.encode("utf8"), dtype=np.uint8))


def shift(distribution: Distribution) -> np.ndarray:
    """Logits - the largest, [vocab] float64. Entries of +inf share all the probability: they become 0, others -inf."""
    values = distribution.logits.double().numpy()
    top = values.max()
    return np.where(values == np.inf, 0.0, -np.inf) if top == np.inf else values - top


def to_half(shifted: np.ndarray) -> np.ndarray:
    """Rounded to float16. A finite value stays finite, because minus infinity means that a token is impossible."""
    lowest = float(np.finfo(np.float16).min)
    return np.where(shifted == -np.inf, -np.inf, np.maximum(shifted, lowest)).astype(np.float16)


def rounding_error(exact: np.ndarray, half: np.ndarray) -> float:
    """The largest change of any probability that the rounding to float16 makes, rounded up to two significant digits."""
    change = np.exp(log_softmax(exact)) - np.exp(log_softmax(half.astype(np.float64)))
    largest = float(np.abs(change).max())
    unit = 10.0 ** (math.floor(math.log10(largest)) - 1) if largest > 0 else 1.0
    return float(f"{math.ceil(largest / unit) * unit:.1e}")


def log_softmax(shifted: np.ndarray) -> np.ndarray:
    return shifted - np.log(np.exp(shifted).sum())


# ---------------------------------------------------------------- recording a generation


def record(generation: Generation) -> dict:
    """What the widget needs of a generation, ready for JSON.

    Per step: the chosen token, its log-probability (nats), its rank (1 is the best) and the entropy (nats), all of the
    raw distribution; and the best candidates as [token, id, log-probability, probability as sampled, why removed].
    """
    raw = zip(generation.steps, generation.ids, generation.tokens, generation.logprobs, generation.entropy, strict=True)
    steps = [
        {"token": token, "logprob": clean(logprob), "entropy": clean(entropy), **ranked(step, id, generation.settings)}
        for step, id, token, logprob, entropy in raw
    ]
    return {
        "prompt": generation.prompt,
        "settings": generation.settings,
        "stop": generation.stop_reason,
        "vocab_size": len(generation.steps[0]) if steps else 0,
        "logprob": clean(generation.logprob),
        "steps": steps,
    }


def ranked(step: Distribution, chosen: int, settings: Mapping) -> dict:
    """The chosen token's rank, and its own entry and those of the most probable tokens, as `record` describes them."""
    logprobs = log_softmax(shift(step))
    best = np.argsort(-logprobs, kind="stable")[:ALTERNATIVES].tolist()
    after, reasons = sampled(step, settings)

    def entry(id: int) -> list:
        probability = None if after is None else clean(after[id])
        return [step.token(id), id, clean(logprobs[id]), probability, int(reasons[id])]

    rank = 1 + int((logprobs > logprobs[chosen]).sum())
    return {"rank": rank, "chosen": entry(chosen), "candidates": [entry(id) for id in best if logprobs[id] > -np.inf]}


def sampled(step: Distribution, settings: Mapping) -> tuple[np.ndarray | None, np.ndarray]:
    """The probabilities that the sampler drew from and why it removed others, [vocab] each.

    The probabilities are None if the tokens were not simply sampled with the warps (greedy, beams, repetition penalty).
    """
    reasons = np.where(step.logits.numpy() == -np.inf, IMPOSSIBLE, KEPT)
    if settings["temperature"] is None or settings["num_beams"] != 1 or settings["repetition_penalty"] != 1:
        return None, reasons
    warps = {"temperature": settings["temperature"]}
    for name, reason in (("top_k", TOP_K), ("top_p", TOP_P), ("min_p", MIN_P)):
        warps[name] = settings[name]
        left = step.warp(**warps)
        reasons[(left.logits.numpy() == -np.inf) & (reasons == KEPT)] = reason
    return left.probs.numpy(), reasons


def clean(value: float) -> float | None:
    """Rounded to 7 decimals, and None for minus infinity, which JSON cannot hold."""
    return None if value == -math.inf else round(float(value), 7)


# ---------------------------------------------------------------- describing


def summary_of_distributions(named: Mapping[str, Distribution]) -> str:
    parts = []
    for label, distribution in named.items():
        best = ", ".join(f"{token!r} {probability:.3f}" for token, _, probability in distribution.top(3))
        parts.append(f"{label!r}: {best}" if label else best)
    return f"{len(distribution):,} tokens; " + "; ".join(parts)


def summary_of_generation(generation: Generation) -> str:
    text = generation.text if len(generation.text) <= 40 else generation.text[:39] + "…"
    return f"{len(generation.ids)} steps; {text!r}; log-probability {generation.logprob:.3f}"


def reserved(title: str, labels: list[str], size: int, text: str) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page, so that the page does not move when the widget appears."""
    heading = 37 if title else 0
    missing = max(0, 15 - size)  # rows of the chart
    wide, narrow = heading + 1180 - 32 * missing, heading + 1545 - 45 * missing
    if any(labels):
        wide, narrow = wide + 50, narrow + 50 + 40 * (sum(map(len, labels)) // 36)
    if text:
        wide, narrow = wide - 10 + 34 * (len(text) // 85), narrow - 115 + 34 * (len(text) // 38)
    return wide, narrow
