"""The next-token distribution, and what a sampler does to it.

A `Distribution` is a vector of logits with names: it turns them into probabilities, removes candidates as the samplers
of transformers do, and draws. It does not know which model made the logits, nor what came before (so no repetition
penalty).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch

INFINITY = float("inf")


class Distribution:
    """The scores of every candidate for the next token, and the probabilities they stand for.

    `logits` is one-dimensional: [vocabulary]. float64 is kept, everything else becomes float32. -inf means "removed".
    Entries of +inf share the whole probability equally, which is the limit of the softmax. NaN is refused.
    `tokens` names the entries: a callable id -> str, a list of str, or None.

    Raises ValueError for logits that are empty, not one-dimensional, NaN, or all -inf.
    """

    def __init__(self, logits, tokens: Callable[[int], str] | Sequence[str] | None = None) -> None:
        logits = torch.as_tensor(logits).detach().cpu()
        logits = logits if logits.dtype == torch.float64 else logits.float()
        if logits.dim() != 1 or len(logits) == 0:
            raise ValueError(
                "A distribution needs one logit for each token, a vector [vocabulary]; got shape "
                f"{tuple(logits.shape)}. Take one position of a trace: trace.logits[-1]."
            )
        best = logits.max()  # NaN where any is NaN
        if best.isnan():
            bad = torch.isnan(logits).nonzero().flatten()
            raise ValueError(
                f"{len(bad)} of {len(logits)} logits are NaN (the first is token {bad[0]}), so there are no "
                "probabilities. NaN usually comes from an overflow: load the model with dtype='float32' and look again."
            )
        if best == -INFINITY:
            raise ValueError(f"All {len(logits)} logits are -inf: no candidate is left. Loosen what removed them.")
        self.logits = logits
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self.logits)

    def token(self, id: int) -> str:
        """The display piece of one token, or its id as text where no names were given."""
        if self._tokens is None:
            return str(id)
        return self._tokens(id) if callable(self._tokens) else self._tokens[id]

    @cached_property
    def _exact(self) -> torch.Tensor:
        """Probabilities in float64 [vocabulary]: what `entropy` and `sample` compute with."""
        return _without_plus_inf(self.logits).double().softmax(-1)

    @cached_property
    def probs(self) -> torch.Tensor:
        """Probabilities [vocabulary] in the dtype of the logits: softmax(logits)."""
        return self._exact.to(self.logits.dtype)

    def entropy(self) -> float:
        """Shannon entropy in nats: 0 when one token is certain, ln(vocabulary) when all are equally likely."""
        return torch.special.entr(self._exact).sum().item()

    def top(self, n: int = 10) -> list[tuple[str, int, float]]:
        """The n most probable (token, id, probability), largest first; of equals, the smaller id first.

        Removed candidates are not listed, so there may be fewer than n.
        """
        ids = self.logits.sort(descending=True, stable=True).indices[:n].tolist()
        return [(self.token(id), id, self.probs[id].item()) for id in ids if self.logits[id] > -INFINITY]

    def warp(
        self,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
    ) -> Distribution:
        """What a sampler leaves: temperature, then top-k, then top-p, then min-p, over the whole vocabulary.

        The same arithmetic, in the same order and dtype, as the logits warpers of transformers. Removed candidates get
        the logit -inf. Top-k (Fan et al. 2018) keeps everything that ties with the k-th logit. Top-p (Holtzman et al.
        2020) sorts ascending and removes from the bottom while the cumulative probability is at most 1 - top_p; where
        that edge falls among equal logits, the larger ids stay. Min-p (Nguyen et al. 2024) removes what is less
        probable than min_p times the most probable.

        Raises ValueError for temperature <= 0, top_k < 1, top_p outside (0, 1] and min_p outside [0, 1].
        """
        check_warp(temperature, top_k, top_p, min_p)
        logits = _without_plus_inf(self.logits)
        scores = logits / temperature
        if not scores[logits > -INFINITY].isfinite().all():  # a tiny temperature overflows; below the maximum it may
            scores = ((logits - logits.max()).double() / temperature).to(logits.dtype)
        if top_k is not None:
            kth_best = scores.topk(min(top_k, len(scores))).values[-1]
            scores = scores.masked_fill(scores < kth_best, -INFINITY)
        if top_p is not None and top_p < 1:
            ascending, order = scores.sort(stable=True)
            removed = ascending.softmax(-1).cumsum(-1) <= 1 - top_p
            removed[-1] = False  # the most probable token always stays
            scores = scores.index_fill(0, order[removed], -INFINITY)
        if min_p is not None:
            probs = scores.softmax(-1)
            scores = scores.masked_fill(probs < min_p * probs.max(), -INFINITY)
        return Distribution(scores, self._tokens)

    def sample(self, seed: int, n: int | None = None) -> int | list[int]:
        """Draw a token id, or n of them, reproducibly and alike in Python and in the browser.

        u = numpy.random.RandomState(seed).random_sample(n) (MT19937, 53-bit doubles); the id drawn is the first whose
        cumulative float64 probability, in id order, is greater than u times the total.
        """
        cumulative = np.cumsum(self._exact.numpy())
        draws = np.random.RandomState(seed).random_sample(1 if n is None else n)
        ids = np.searchsorted(cumulative, draws * cumulative[-1], side="right")
        ids = np.minimum(ids, np.flatnonzero(self._exact.numpy())[-1]).tolist()
        return ids[0] if n is None else ids

    def __repr__(self) -> str:
        best = ", ".join(f"{token!r} {prob:.3f}" for token, _, prob in self.top(3))
        left = int((self._exact > 0).sum())
        return f"Distribution({len(self)} tokens, {left} possible, entropy {self.entropy():.3f} nats; {best})"


def _without_plus_inf(logits: torch.Tensor) -> torch.Tensor:
    """Replace +inf by 0 and all else by -inf where there is any +inf; otherwise return the logits as they are."""
    certain = logits == INFINITY
    if not certain.any():
        return logits
    return torch.full_like(logits, -INFINITY).masked_fill(certain, 0.0)


def check_warp(temperature: float, top_k: int | None, top_p: float | None, min_p: float | None) -> None:
    """Raise ValueError, with the value and what to do, for a setting that no sampler can use."""
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ValueError(
            f"temperature={temperature} cannot be sampled with: logits are divided by it, so it must be above 0. "
            "To always take the most probable token use greedy decoding: leave temperature out (temperature=None)."
        )
    if top_k is not None and (top_k != int(top_k) or top_k < 1):
        raise ValueError(
            f"top_k={top_k} is not a number of tokens: give an integer of at least 1, or None to keep all."
        )
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(
            f"top_p={top_p} is outside (0, 1]: it is the share of probability to keep. 1 or None keeps all."
        )
    if min_p is not None and not 0 <= min_p <= 1:
        raise ValueError(
            f"min_p={min_p} is outside [0, 1]: it is a share of the largest probability. 0 or None keeps all."
        )
