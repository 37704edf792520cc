"""Checkers for chapter 7, self-attention. Every answer is compared with torch on inputs that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import torch

from lmkit.exercises import Mistake, call


def draw(*shape: int, seed: int) -> torch.Tensor:
    """Normal random numbers, the same for everyone."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tensor(result: Any, shape: tuple[int, ...]) -> torch.Tensor:
    """`result` if it is a tensor of this shape, else a `Mistake` that says what it is."""
    if isinstance(result, tuple):
        raise Mistake(f"return one tensor, not a tuple of {len(result)}.")
    if not isinstance(result, torch.Tensor):
        raise Mistake(f"return a torch tensor; your function returns a {type(result).__name__}.")
    if tuple(result.shape) != shape:
        raise Mistake(f"the result should have the shape {shape}, and has {tuple(result.shape)}.")
    return result


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a.float(), b.float(), atol=1e-5)


def name_mistake(result: torch.Tensor, wrong: Iterable[tuple[torch.Tensor, str]], otherwise: str) -> None:
    """Raise the `Mistake` whose typical wrong result equals `result`, else `otherwise`."""
    raise Mistake(next((message for value, message in wrong if value.shape == result.shape and close(result, value)), otherwise))


# 7.1 causal attention


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float, mask: torch.Tensor, axis: int = -1) -> torch.Tensor:
    scores = (q @ k.mT * scale).masked_fill(~mask, float("-inf"))
    return scores.softmax(axis).nan_to_num() @ v


def causal_attention(answer: Callable) -> None:
    heads, tokens, width = 2, 5, 16
    q, k, v = (draw(heads, tokens, width, seed=seed) for seed in (1, 2, 3))
    result = tensor(call(answer, q.clone(), k.clone(), v.clone()), (heads, tokens, width))
    causal = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    everything = torch.ones_like(causal)
    scale = width**-0.5
    if close(result, attend(q, k, v, scale, causal)):
        return
    scores = q @ k.mT * scale
    wrong = [
        (attend(q, k, v, scale, everything), "every token still sees the ones after it: the causal mask is missing."),
        (attend(q, k, v, scale, causal.T), "the mask is upside down: a token sees only itself and what follows. Use tril."),
        (attend(q, k, v, scale, causal.tril(-1)), "a token may look at itself too: keep the diagonal of the mask."),
        (attend(q, k, v, 1.0, causal), "the scores are not scaled: divide them by √d."),
        (attend(q, k, v, 1.0, everything), "the scores are not scaled by √d, and the causal mask is missing."),
        (attend(q, k, v, 1 / width, causal), "did you divide by d instead of √d?"),
        (attend(q, k, v, tokens**-0.5, causal), "d is the width of a query, not the number of tokens."),
        (attend(q, k, v, scale, causal, axis=-2), "softmax over the wrong axis: each query's row must sum to 1, so use dim=-1."),
        (
            scores.softmax(-1).tril() @ v,
            "the mask comes after the softmax, so rows no longer sum to 1: mask the scores before it.",
        ),
        (scores.tril().softmax(-1) @ v, "a masked score of 0 still gets weight, because exp(0) = 1: use -inf, not 0."),
    ]
    otherwise = "not yet: compare with softmax(QKᵀ/√d)V, where query i may see the keys 0 to i."
    if result.isnan().any():
        otherwise = "there are NaNs in the result: a row whose scores are all -inf has nothing to look at. Keep the diagonal."
    name_mistake(result, wrong, otherwise)


# 7.2 sharing keys and values among query heads


def share_heads(answer: Callable) -> None:
    kv_heads, group, tokens, width = 3, 4, 5, 2
    shared = draw(kv_heads, tokens, width, seed=4)
    result = tensor(call(answer, shared.clone(), kv_heads * group), (kv_heads * group, tokens, width))
    if close(result, shared.repeat_interleave(group, 0)):
        return
    wrong = [
        (
            shared.repeat(group, 1, 1),
            "the order is 0, 1, 2, 0, 1, 2, …: it must be 0, 0, 0, 0, 1, 1, …. Repeat each head, not the list.",
        ),
        (shared[:1].expand_as(result), "all query heads got key-value head 0: that is multi-query attention, a single group."),
        (shared.mean(0, keepdim=True).expand_as(result), "you averaged the heads: each group keeps a key-value head of its own."),
    ]
    name_mistake(result, wrong, "not yet: query head h uses key-value head h // group, where group = n_heads // kv_heads.")


# 7.3 the duplicate-token score


def duplicate_score(answer: Callable) -> None:
    layers, heads, n = 2, 3, 6
    attention = draw(layers, heads, 2 * n, 2 * n, seed=5).tril().softmax(-1)
    result = tensor(call(answer, attention.clone(), n), (layers, heads))
    second = torch.arange(n, 2 * n)

    def mean(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        return attention[:, :, queries, keys].mean(-1)

    right = mean(second, second - n)
    if close(result, right):
        return
    induction = "that is the induction score, one key too far right: here the key is the same token, n back."
    wrong = [
        (mean(second, second - n + 1), induction),
        (mean(second[:-1], second[:-1] - n + 1), induction),
        (mean(second - n, second), "query and key are swapped: the order is [layer, head, query, key]."),
        (mean(second, second), "that is each token's weight on itself: look n positions back."),
        (mean(second, second - 1), "that is each token's weight on the one before it: look n positions back."),
        (right * n, "take the mean over the second copy, not the sum."),
        (right / 2, "average over the second copy only: in the first there is nothing to find yet."),
    ]
    name_mistake(result, wrong, "not yet: average attention[:, :, i, i - n] over the queries i of the second copy.")


# 7.4 the mask of a sliding window


def window_mask(answer: Callable) -> None:
    n, window = 7, 3
    result = tensor(call(answer, n, window), (n, n))
    back = torch.arange(n)[:, None] - torch.arange(n)  # how far key j lies behind query i
    if result.dtype != torch.bool:
        raise Mistake(f"return booleans, True where a token may look; the result holds {result.dtype}.")
    if torch.equal(result, (back >= 0) & (back < window)):
        return
    future = "the tokens after the query are visible: a sliding window is causal too."
    itself = "a token may look at itself: the window is the token itself and the ones just before it."
    wrong = [
        (back < window, future),
        (back.abs() < window, future),
        ((back >= 0) & (back <= window), "one token too many: a window of 3 is the token itself and the two before it."),
        ((back > 0) & (back <= window), itself),
        ((back > 0) & (back < window), itself),
        (back >= 0, "this is the plain causal mask: what lies `window` or more positions behind must be hidden."),
        ((back < 0) | (back >= window), "it is the wrong way round: True means *may look*."),
        ((back <= 0) & (back > -window), "rows are queries and columns are keys: yours are the other way round."),
    ]
    name_mistake(result, wrong, "not yet: query i may see key j when 0 ≤ i − j < window.")


# 7.5 the KV cache in bytes


def kv_cache_bytes(answer: Callable) -> None:
    for layers, heads, kv_heads, width, tokens, size in [(6, 8, 2, 256, 1000, 4), (5, 12, 3, 576, 77, 1)]:
        config = SimpleNamespace(
            num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv_heads, hidden_size=width
        )
        result = call(answer, config, tokens, size)
        if isinstance(result, torch.Tensor) and result.numel() == 1:
            result = result.item()
        if not isinstance(result, int | float):
            raise Mistake(f"return a number of bytes; your function returns a {type(result).__name__}.")
        right = 2 * layers * kv_heads * (width // heads) * tokens * size
        if result == right:
            continue
        wrong = {
            right / 2: "half of it is missing: the cache holds keys *and* values.",
            right
            * heads
            / kv_heads: "all query heads were counted: only key-value heads are stored, each hidden_size / heads wide.",
            right * heads: "you gave every head the full width: a head is hidden_size / num_attention_heads wide.",
            right / layers: "that is one layer: every layer keeps keys and values of its own.",
            right / tokens: "that is one token: the cache holds all of them.",
            right / size: "that is how many numbers there are: multiply by the bytes of one.",
        }
        otherwise = f"not yet: for {vars(config)}, {tokens} tokens and {size} bytes a number it should be {right:,} bytes."
        raise Mistake(wrong.get(result, otherwise))


CHECKERS: dict[str, Callable[[Any], None]] = {
    "7.1": causal_attention,
    "7.2": share_heads,
    "7.3": duplicate_score,
    "7.4": window_mask,
    "7.5": kv_cache_bytes,
}
