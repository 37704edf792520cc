"""TokenStepView: what one or several models expect at each place of a sentence, one token at a time.

The reader steps through it; the chain rule grows below, factor by factor, with its product. The drawing is in
`token_step.js`; this module checks what it is given. It knows nothing about models: `steps` asks any function for them.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence

import traitlets

from .base import Widget, lines_of

MOST_MODELS = 4  # as many as stand side by side
CLOSE = 1e-6  # probabilities are rounded where they travel


def steps(
    predict: Callable | object,
    tokens: Sequence[str],
    *,
    top: int = 6,
    words: Sequence[str] | None = None,
    fraction: Callable[[list[str], str], str] | None = None,
    note: Callable[[list[str], str], str] | None = None,
) -> list[dict]:
    """What is expected at each place of a sentence, as TokenStepView wants it.

    predict   a function from the tokens before to the probabilities: a dict {token: p}, or numbers in the order of `words`.
              Or a model of `lmkit.families`, which has both (`next` and `words`)
    tokens    the sentence; it begins after nothing
    top       how many of the most probable tokens are kept
    fraction  the probability of a token as a text such as "3/5", where it is one (smoothed ones are not); else ""
    note      a few words on a step

    Raises ValueError where a token of the sentence has no probability.
    """
    after = getattr(predict, "next", predict)
    words = words if words is not None else getattr(predict, "words", None)
    found = []
    for i, token in enumerate(tokens):
        before = list(tokens[:i])
        known = after(before)
        if not isinstance(known, Mapping):
            if words is None:
                raise ValueError("steps got numbers without their tokens: give words=[…], or return a dict {token: p}.")
            known = dict(zip(words, map(float, known), strict=True))
        if token not in known:
            raise ValueError(f"{token!r} (token {i + 1}) has no probability: it is not in the vocabulary (model.tokens(text)).")
        best = sorted(known.items(), key=lambda one: -one[1])[:top]
        step = {"token": token, "p": float(known[token]), "top": [(one, float(p)) for one, p in best if p > 0]}
        for key, ask in (("fraction", fraction), ("note", note)):
            if ask and (text := ask(before, token)):
                step[key] = text
        found.append(step)
    return found


class TokenStepView(Widget):
    """One sentence and what up to four models expected at each of its tokens.

    models  {name: steps}; a step is {"token": str, "p": float, "top": [(token, p), …]}, and may have a "fraction" ("3/5") and
            a "note". All models must read the same tokens. `steps` makes them
    start   the token shown first, counted from 0

    Raises ValueError where tokens differ, a probability is none, or `top`, `p` and `fraction` contradict each other.
    """

    _module = "token_step.js"

    title = traitlets.Unicode().tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    models = traitlets.List().tag(sync=True)  # [{name, steps: [{p, top, fraction, note}]}]
    start = traitlets.Int(0).tag(sync=True)

    def __init__(self, models: Mapping[str, Sequence[Mapping]], *, title: str = "", start: int = 0) -> None:
        if not 1 <= len(models) <= MOST_MODELS:
            raise ValueError(f"TokenStepView shows 1 to {MOST_MODELS} models, not {len(models)}: leave some out.")
        sentences = {name: [str(step["token"]) for step in told] for name, told in models.items()}
        first, tokens = next(iter(sentences.items()))
        if not tokens:
            raise ValueError(f"{first} has no steps: there is nothing to step through.")
        for name, others in sentences.items():
            check_same(first, tokens, name, others)
        if not 0 <= start < len(tokens):
            raise ValueError(f"start={start}, but the tokens are counted from 0 to {len(tokens) - 1}.")
        plain = [{"name": name, "steps": [check(name, step) for step in told]} for name, told in models.items()]
        self._reserve = reserved(title, tokens, plain)
        super().__init__(title=title, tokens=tokens, models=plain, start=start)

    def logprob(self, name: str) -> float:
        """ln of the probability of the whole sentence under a model, nats; −inf where a token had none."""
        told = next(model["steps"] for model in self.models if model["name"] == name)
        return sum(math.log(step["p"]) if step["p"] > 0 else -math.inf for step in told)

    def describe(self) -> str:
        """The sentence, and the probability and the perplexity that each model gives it."""
        text = " ".join(self.tokens)
        text = text if len(text) <= 60 else text[:59] + "…"
        parts = []
        for model in self.models:
            total = self.logprob(model["name"])
            perplexity = math.exp(min(700, -total / len(self.tokens))) if math.isfinite(total) else math.inf
            parts.append(f"{model['name']}: ln P = {total:.2f}, perplexity {perplexity:.3g}")
        return f"TokenStepView({len(self.tokens)} tokens: {text}; {'; '.join(parts)})"


def check_same(first: str, tokens: Sequence[str], name: str, others: Sequence[str]) -> None:
    for i, (a, b) in enumerate(itertools.zip_longest(tokens, others)):
        if a != b:
            raise ValueError(f"{first} and {name} must read the same tokens: token {i + 1} is {a!r} here and {b!r} there.")


def check(name: str, step: Mapping) -> dict:
    """The step as plain values, without its token; ValueError where it cannot be."""
    token, p = str(step["token"]), float(step["p"])
    top = [[str(one), float(share)] for one, share in step["top"]]
    for one, share in (*top, (token, p)):
        if not 0 <= share <= 1 + CLOSE:
            raise ValueError(f"{name}: the probability of {one!r} is {share}: it must lie between 0 and 1.")
    if (total := sum(share for _, share in top)) > 1 + 1e-3:
        raise ValueError(f"{name}: the probabilities at {token!r} sum to {total:.4f}, which is more than 1.")
    if sorted((share for _, share in top), reverse=True) != [share for _, share in top]:
        raise ValueError(f"{name}: the top tokens at {token!r} must fall in probability.")
    if any(one == token and abs(share - p) > CLOSE for one, share in top):
        raise ValueError(f"{name}: {token!r} has p={p}, but another probability in top.")
    written = re.fullmatch(r"(\d+)\s*/\s*(\d+)", str(step.get("fraction") or ""))
    if written and abs(int(written[1]) - p * int(written[2])) > 1e-3 * int(written[2]):
        raise ValueError(f"{name}: {token!r} has p={p:.4g}, which is not {written[0]}.")
    plain = {"p": digits(p), "top": [[one, digits(share)] for one, share in top]}
    return plain | {key: str(step[key]) for key in ("fraction", "note") if step.get(key)}


def digits(p: float) -> float:
    """Seven significant digits, and at most 1."""
    return min(1.0, float(f"{p:.7g}"))


def reserved(title: str, tokens: Sequence[str], models: Sequence[Mapping]) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page."""
    told, count = [model["steps"] for model in models], len(models)
    rows = max(len(step["top"]) + 1 for steps in told for step in steps)
    note = max((len(step.get("note", "")) for steps in told for step in steps), default=0)
    found = []
    wide, narrow = (673, {1: 1, 3: 3}.get(count, 2), 32 if count == 3 else 26), (323, min(2, count), 26 if count == 1 else 32)
    for room, columns, row in (wide, narrow):
        card = 23 + row * (rows + 1) + (20 * math.ceil(7 * note / (room / columns - 12)) if note else 0)
        cards = math.ceil(count / columns) * (card + 11) - 11
        table = min(336, 31 * (len(tokens) + 4) + 1)
        frame = (39 if title else 0) + (161 if room > 500 else 211)
        found.append(round(frame + lines(tokens, room) * 34 + cards + table))
    return tuple(found)


def lines(tokens: Sequence[str], room: float) -> int:
    """About how many lines the sentence takes in so many pixels."""
    return lines_of((14 + sum(17 if ord(sign) > 0x2E7F else 10.1 for sign in token) for token in tokens), room)
