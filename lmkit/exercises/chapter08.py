"""Checkers for chapter 8, the whole Transformer. Answers are compared with plain torch on inputs that they have not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, draw, name_mistake, single


def tensor(result: Any, shape: tuple[int, ...], what: str = "the result") -> torch.Tensor:
    """`result` if it is a tensor of this shape, else a `Mistake` that says what it is."""
    if not isinstance(result, torch.Tensor):
        raise Mistake(f"return a torch tensor; {what} is a {type(result).__name__}.")
    if tuple(result.shape) != shape:
        raise Mistake(f"{what} should have the shape {shape}, and has {tuple(result.shape)}.")
    return result


def several(result: Any, n: int, names: str) -> Sequence[Any]:
    if not isinstance(result, tuple | list) or len(result) != n:
        raise Mistake(f"return {n} things: {names}.")
    return result


# 8.1 RMSNorm


def rms_norm(answer: Callable) -> None:
    x, gain, eps = draw(2, 5, 8, seed=1) * 3 + 1, draw(8, seed=2), 0.5
    result = tensor(call(answer, x.clone(), gain.clone(), eps), (2, 5, 8))
    square = x.pow(2)
    mean = square.mean(-1, keepdim=True)
    if close(result, gain * x / (mean + eps).sqrt()):
        return
    away = x - x.mean(-1, keepdim=True)
    wrong = [
        (x / (mean + eps).sqrt(), "the gain is missing: multiply each entry by its own learned factor."),
        (
            gain * away / (away.pow(2).mean(-1, keepdim=True) + eps).sqrt(),
            "that is LayerNorm: it subtracts the mean first. RMSNorm does not.",
        ),
        (gain * x / (mean.sqrt() + eps), "is your epsilon inside the square root? It belongs there."),
        (gain * x / mean.sqrt(), "epsilon is missing: a vector of zeros would be divided by zero."),
        (gain * x / (square.sum(-1, keepdim=True) + eps).sqrt(), "take the mean of the squares, not their sum."),
        (gain * x / (mean + eps), "the square root is missing."),
        (gain * x * (mean + eps).sqrt(), "divide by the root mean square; you multiplied."),
        (gain * x / (x.mean(-1, keepdim=True) + eps), "square the entries before you take their mean."),
        (gain * x / (square.mean() + eps).sqrt(), "each token has its own size: take the mean over the last axis only."),
        (gain * x / (square.mean(-2, keepdim=True) + eps).sqrt(), "the mean goes over the last axis, the entries of one vector."),
    ]
    name_mistake(result, wrong, "not yet: gain · x / √(mean of x² over the last axis + eps).")


# 8.2 the parameters of a Llama-like model


def parameters(answer: Callable) -> None:
    for V, d, L, h, k, f, tied in [(1000, 64, 3, 8, 2, 160, True), (500, 48, 5, 6, 6, 128, False)]:
        config = SimpleNamespace(
            vocab_size=V,
            hidden_size=d,
            num_hidden_layers=L,
            num_attention_heads=h,
            num_key_value_heads=k,
            intermediate_size=f,
            tie_word_embeddings=tied,
        )
        result = single(call(answer, config))
        table, look, mlp, norms = V * d * (1 if tied else 2), 2 * d * d + 2 * d * (d // h) * k, 3 * d * f, 2 * d
        right = table + L * (look + mlp + norms) + d
        if result == right:
            continue
        wrong = {
            right - d: "the norm after the last block is missing.",
            right - L * norms - d: "the norms are missing: two in each block, and one after the last.",
            right - L * d: "each block has two norms.",
            right + L * (4 * d * d - look): "keys and values are narrower: they have a matrix for each key-value head only.",
            right - L * d * f: "the MLP has three matrices: gate, up and down.",
            right - L * d * d: "attention has four matrices: one more mixes the heads at the end.",
            right + (V * d if tied else -V * d): "look at tie_word_embeddings: a tied table serves both ends; else two.",
            right - table: "the table of embeddings is missing.",
            table + look + mlp + norms + d: "that is one block: there are num_hidden_layers of them.",
        }
        wrong.pop(right, None)
        raise Mistake(wrong.get(result, f"not yet: for {vars(config)} it should be {right:,}; you get {result:,.0f}."))


# 8.3 the mask with a prefix


def prefix_mask(answer: Callable) -> None:
    n, known = 7, 3
    result = tensor(call(answer, n, known), (n, n))
    if result.dtype != torch.bool:
        raise Mistake(f"return booleans, True where a token may look; the result holds {result.dtype}.")
    i, j = torch.arange(n)[:, None], torch.arange(n)
    right = (j <= i) | (j < known)
    if torch.equal(result, right):
        return
    wrong = [
        (j <= i, "that is the plain causal mask: the first `known` tokens should see each other."),
        (torch.ones(n, n, dtype=torch.bool), "that is the full mask: the tokens after the prefix must not look ahead."),
        (right.T, "rows are those who look, columns what they look at: yours are the other way round."),
        ((j <= i) | (j <= known), "one token too many: the prefix is the tokens 0 to known − 1."),
        ((j <= i) | (j < known - 1), "one token too few: the prefix is the tokens 0 to known − 1."),
        ((j <= i) | (i < known), "the tokens of the prefix see each other, and nothing that comes after the prefix."),
        ((i < known) & (j < known), "the tokens after the prefix see it too, and each other backwards."),
        (~right, "it is the wrong way round: True means *may look*."),
    ]
    name_mistake(result, wrong, "not yet: query i may see key j when j ≤ i, or when j is in the prefix.", torch.equal)


# 8.4 when the answer leads for good


def first_lead(answer: Callable) -> None:
    for ranks, right in [([40, 9, 1, 3, 1, 1, 1], 4), ([1, 1, 1], 0), ([7, 5, 1], 2), ([5, 1, 1, 2], None)]:
        function = answer
        if right is None:  # it never leads for good; None is the answer that is asked for
            if not callable(answer):
                call(answer)
            try:
                result = function(list(ranks))
            except Exception as error:
                raise Mistake(f"for the ranks {ranks} your function raised {type(error).__name__}: {error}") from error
            if result is not None:
                raise Mistake(f"in {ranks} the answer does not lead at the end: return None. You return {result!r}.")
            continue
        result = single(call(answer, list(ranks)))
        if result == right:
            continue
        wrong = [
            (ranks.index(1), "that is where it leads first; it loses the lead again later. Find where it *stays*."),
            (right + 1, "one too far: count the entries from 0, which is before the first block."),
            (len(ranks) - right, "that is how many entries it leads in; asked is the first of them."),
            (len(ranks) - 1, "that is the last entry: it leads for good from earlier on."),
        ]
        otherwise = f"not yet: in {ranks} the rank is 1 from entry {right} to the end; you return {result:g}."
        name_mistake(result, wrong, otherwise)


# 8.5 one token, with the keys and values of those before it


def attend_next(answer: Callable) -> None:
    heads, n, d = 2, 4, 16
    q, k, v = (draw(heads, 1, d, seed=seed) for seed in (11, 12, 13))
    keys, values = (draw(heads, n, d, seed=seed) for seed in (14, 15))
    found = several(call(answer, *(x.clone() for x in (q, k, v, keys, values))), 3, "the output, all keys, all values")
    output = tensor(found[0], (heads, 1, d), "the output")
    all_keys, all_values = torch.cat([keys, k], 1), torch.cat([values, v], 1)
    kept = [tensor(x, (heads, n + 1, d), what) for x, what in zip(found[1:], ("the keys", "the values"), strict=True)]
    if close(kept[0], torch.cat([k, keys], 1)):
        raise Mistake("the new key stands before the old ones: the cache is in the order of the text, the new token last.")
    if close(kept[0], all_values) and close(kept[1], all_keys):
        raise Mistake("keys and values are swapped: return the output, then the keys, then the values.")
    if not (close(kept[0], all_keys) and close(kept[1], all_values)):
        raise Mistake("the keys and values that you return should be the old ones with the new one at the end.")

    def look(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float = d**-0.5) -> torch.Tensor:
        return (q @ k.mT * scale).softmax(-1) @ v

    if close(output, look(q, all_keys, all_values)):
        return
    wrong = [
        (look(q, keys, values), "the new token sees itself too: join its key and value to the others before you look."),
        (v, "only the new token was looked at: its query meets the keys of all earlier tokens."),
        (look(q, all_keys, all_values, 1.0), "the scores are not scaled: divide them by √d."),
        (look(q, all_keys, all_values, 1 / d), "did you divide by d instead of √d?"),
        (look(k, all_keys, all_values), "the query asks, not the key of the new token."),
    ]
    name_mistake(output, wrong, "not yet: softmax(q Kᵀ/√d) V with all keys and values, the new ones included.")


# 8.6 routing to experts


def route(answer: Callable) -> None:
    tokens, experts, top = 6, 5, 2
    scores = draw(tokens, experts, seed=21) * 2
    result = tensor(call(answer, scores.clone(), top), (tokens, experts))
    chosen = torch.zeros_like(scores).scatter(1, scores.topk(top).indices, 1.0)
    right = scores.masked_fill(chosen == 0, float("-inf")).softmax(-1)
    if close(result, right):
        return
    by_token = torch.zeros_like(scores).scatter(0, scores.topk(top, 0).indices, 1.0)
    wrong = [
        (scores.softmax(-1), "every expert gets something: set all but the `top` best of each token to zero."),
        (scores.softmax(-1) * chosen, "the weights of a token must sum to 1: share anew among the chosen experts."),
        (chosen / top, "the chosen experts share by their scores, not equally."),
        (chosen, "that says who is chosen; the weights of a token must sum to 1."),
        (torch.zeros_like(scores).scatter(1, scores.topk(1).indices, 1.0), "only the best expert was chosen: take `top`."),
        (
            scores.masked_fill(by_token == 0, float("-inf")).softmax(-1).nan_to_num(),
            "you let each expert choose its tokens: here each token chooses its experts, so work along the last axis.",
        ),
        (scores * chosen, "these are the scores: make weights of them with a softmax over the chosen ones."),
        ((scores * chosen).softmax(-1), "a score of 0 still gets weight, because exp(0) = 1: use -inf for those left out."),
    ]
    name_mistake(result, wrong, "not yet: in each row a softmax over the `top` largest scores, and 0 elsewhere.")


CHECKERS: dict[str, Callable[[Any], None]] = {
    "8.1": rms_norm,
    "8.2": parameters,
    "8.3": prefix_mask,
    "8.4": first_lead,
    "8.5": attend_next,
    "8.6": route,
}
