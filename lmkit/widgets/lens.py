"""LensView: what a model would say if it stopped after each layer, for every position of a text (the logit lens).

The reader picks a cell of the grid and sees its list, steps through the layers, and follows one token from the embedding to
the last layer. This module ranks the tokens and packs what the page needs; the drawing is in `lens.js`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import torch
import traitlets

from .base import Widget, pack

if TYPE_CHECKING:
    from lmkit.models import LanguageModel
    from lmkit.trace import Trace

MOST_CELLS = 2000  # every cell is an element of the page
MOST_TOP = 10


class LensView(Widget):
    """A grid of the logit lens: one row after each layer (row 0 is the embedding), one column a position.

    trace     what `model.trace(text)` returned, of a decoder
    model     the model that made it: it knows how to spell any token
    top       length of the list of each cell, 1 to 10
    follow    how many tokens of a position can be followed through the layers: the model's final answer, what really came
              next in the text, the answer's rivals in the last row, then those that lead after most layers
    layer     the row shown first; default: where the answer takes the lead for good
    position  the column shown first, counted from 0; default: the last

    `leads` says for each position after which layer the model's final answer leads and stays in the lead.
    Probabilities and log-probabilities (nats) travel as 16-bit floats and are within 0.05 % of themselves, probabilities below
    0.0001 less so. Ranks are exact; tokens that are exactly as probable share the better rank.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
    Raises ValueError for an encoder or encoder-decoder, for a model that did not make the trace, and for what is not there.
    """

    _module = "lens.js"

    title = traitlets.Unicode().tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode()).tag(sync=True)  # of the text
    vocabulary = traitlets.List(traitlets.Unicode()).tag(sync=True)  # pieces of the tokens below, which count in it
    leads = traitlets.List(traitlets.Int()).tag(sync=True)
    layer = traitlets.Int().tag(sync=True)
    position = traitlets.Int().tag(sync=True)
    rows = traitlets.Int().tag(sync=True)
    top = traitlets.Int().tag(sync=True)
    top_tokens = traitlets.Bytes().tag(sync=True)  # int32 [row, position, top]
    top_p = traitlets.Bytes().tag(sync=True)  # float16 [row, position, top]
    followed = traitlets.Bytes().tag(sync=True)  # int32 [position, follow], −1 where there are fewer
    came = traitlets.List(traitlets.Int()).tag(sync=True)  # for each position: where what came next stands in `followed`, or −1
    logp = traitlets.Bytes().tag(sync=True)  # float16 [position, follow, row]
    ranks = traitlets.Bytes().tag(sync=True)  # int32 [position, follow, row]

    def __init__(
        self,
        trace: Trace,
        model: LanguageModel,
        *,
        top: int = 5,
        follow: int = 16,
        layer: int | None = None,
        position: int | None = None,
        title: str = "",
    ) -> None:
        if trace.model_name != model.name:
            raise ValueError(f"The trace is by {trace.model_name}, not by {model.name}: give the model that made it.")
        if not 1 <= top <= MOST_TOP:
            raise ValueError(f"top={top}: the list of a cell has 1 to {MOST_TOP} tokens.")
        if not 1 <= follow <= 64:
            raise ValueError(f"follow={follow}: 1 to 64 tokens of a position can be followed.")
        rows, count = trace.hidden.shape[:2]
        if rows * count > MOST_CELLS:
            raise ValueError(
                f"{count} tokens × {rows} rows are {rows * count:,} cells; a page shows at most {MOST_CELLS:,}. "
                f"Trace at most {MOST_CELLS // rows} tokens."
            )
        position = count - 1 if position is None else position
        check_place("position", position, count)
        best, p, lists, curves, places = read(trace, top, follow)
        leads = [lead(column) for column in best[..., 0].T]
        layer = leads[position] if layer is None else layer
        check_place("layer", layer, rows)
        known = sorted({int(one) for one in (*best.flat, *lists.flat) if one >= 0})
        index = np.full(max(known) + 1, -1, np.int32)
        index[known] = np.arange(len(known))
        self._reserve = reserved(title, rows, count, top)
        super().__init__(
            title=title,
            tokens=list(trace.tokens),
            vocabulary=model.token_strings(known),
            leads=leads,
            layer=layer,
            position=position,
            rows=rows,
            top=top,
            top_tokens=pack(index[best]),
            top_p=pack(p.astype(np.float16)),
            followed=pack(np.where(lists < 0, -1, index[lists]).astype(np.int32)),
            came=came_at(trace.ids, lists),
            logp=pack(curves.astype(np.float16)),
            ranks=pack(places),
        )
        self._shown = (trace.tokens[position], model.token_string(int(best[-1, position, 0])), leads[position])

    def describe(self) -> str:
        """Sizes, and the answer at the position shown first with the layer after which it leads for good."""
        token, answer, lead = self._shown
        after = "from the embedding on" if lead == 0 else f"from layer {lead} on"
        size = f"{len(self.tokens)} tokens × {self.rows} rows, top {self.top}"
        return f"LensView({size}; after {token!r}: {answer!r} leads {after})"


def check_place(name: str, value: int, count: int) -> None:
    if not 0 <= value < count:
        what = {"layer": "rows (0 is the embedding)", "position": "tokens"}[name]
        raise ValueError(f"{name}={value} is not there: there are {count} {what}, numbered 0 to {count - 1}.")


def lead(best: np.ndarray) -> int:
    """The first row from which on the last row's token is the best one in every row."""
    others = np.flatnonzero(best != best[-1])
    return int(others[-1]) + 1 if len(others) else 0


def came_at(ids: list[int], lists: np.ndarray) -> list[int]:
    """For each position, where the token that follows in the text stands in its list; −1 after the last."""
    found = [np.flatnonzero(one == token) for one, token in zip(lists, ids[1:], strict=False)]
    return [int(at[0]) if len(at) else -1 for at in found] + [-1]


def read(trace: Trace, top: int, follow: int) -> tuple[np.ndarray, ...]:
    """From the logit lens: best tokens [row, position, top] with their probabilities, the ids that can be followed
    [position, follow] (−1: none), their log-probabilities [position, follow, row] and ranks, counted from 1."""
    lens = trace.logit_lens()
    rows, count, _ = lens.shape
    top = min(top, lens.shape[-1])
    norms = lens.logsumexp(-1)  # [row, position]
    if not torch.isfinite(norms).all():
        raise ValueError('The logit lens holds a value that is not a number. Load the model again with dtype="float32".')
    best = torch.stack([ranked(layer, top) for layer in lens])
    p = (lens.gather(-1, best) - norms[..., None]).exp()
    lists = np.full((count, follow), -1, np.int64)
    curves, places = np.zeros((count, follow, rows), np.float32), np.zeros((count, follow, rows), np.int32)
    for at in range(count):
        chosen = candidates(best[:, at].tolist(), trace.ids[at + 1] if at + 1 < count else None)[:follow]
        lists[at, : len(chosen)] = chosen
        column = lens[:, at].numpy()
        curves[at, : len(chosen)] = (lens[:, at, chosen] - norms[:, at, None]).T.numpy()
        for row, scores in enumerate(column):
            places[at, : len(chosen), row] = [1 + np.count_nonzero(scores > scores[one]) for one in chosen]
    return best.numpy(), p.numpy(), lists, curves, places


def ranked(scores: torch.Tensor, top: int) -> torch.Tensor:
    """Ids [position, top] of the largest scores [position, vocab], largest first; of equal ones the lower id."""
    ids = scores.topk(min(2 * top, scores.shape[-1])).indices.sort().values
    order = scores.gather(-1, ids).argsort(descending=True, stable=True)
    return ids.gather(-1, order)[:, :top]


def candidates(lists: list[list[int]], came: int | None) -> list[int]:
    """Tokens worth following at one position: the answer, what came, the rest of the last row's list, those that lead after
    most layers, and the others of the lists by how often they are in them."""
    leaders = Counter(one[0] for one in lists)
    others = Counter(token for one in lists for token in one)
    late = [token for one in reversed(lists) for token in one]  # of two as frequent, the one that is in a later list
    order = sorted(dict.fromkeys(late), key=lambda token: (-leaders[token], -others[token]))
    return list(dict.fromkeys([lists[-1][0], *([] if came is None else [came]), *lists[-1], *order]))


def reserved(title: str, rows: int, count: int, top: int) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page."""
    heading = 33 if title else 0
    scrolls = 64 * count + 78 > 690  # then a scroll bar stands below the grid
    wide = 265 + max(277, 91 + 30 * top) + min(816, 24 * (rows + 2) + 1) + 12 * scrolls
    narrow = 704 + 91 + 30 * top + min(432, 33 * (rows + 2) + 1)
    return heading + wide, heading + narrow
