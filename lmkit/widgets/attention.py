"""`AttentionView`: every attention head of a trace, as an overview, a matrix and token-to-token links, and two traces compared.

This module turns traces into what the browser needs: tokens, masks, weights as bytes, and a small map of every head. It draws
nothing and reads nothing back; all interaction is in `attention.js`.

A page with several of these widgets has one address for all. `#layer=13&head=8` is the first widget on the page,
`#a2.layer=13&a2.head=8` the second, and so on; only the widget that a reader touches writes its own part.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from lmkit.widgets.base import Widget, pack

if TYPE_CHECKING:
    from lmkit.trace import Trace

THUMB = 24  # the overview's map of a head has at most this many rows and columns
MANY = 2_000_000  # weights from which the overview's maps travel beside them; below that the browser soon has them all
KINDS = ("self", "cross")
AXES = ("layer", "head", "query", "key")


def quantise(weights: np.ndarray) -> np.ndarray:
    """Weights in [0, 1] as uint8, round(255 w): an error of at most 1/510. Raises ValueError where a weight is no number."""
    if not np.isfinite(weights).all():
        where = ", ".join(f"{name} {at}" for name, at in zip(AXES, np.argwhere(~np.isfinite(weights))[0], strict=True))
        raise ValueError(
            f"The attention holds a value that is not a number, first at {where}. Half precision can overflow: load the model "
            'again with dtype="float32".'
        )
    return np.rint(np.clip(weights, 0, 1) * 255).astype(np.uint8)


def by_key(layer: np.ndarray, causal: bool) -> np.ndarray:
    """One layer [head, query, key] as it travels: key by key the queries that may see it. A fifth smaller than row by row."""
    columns = layer.transpose(0, 2, 1)
    return columns[:, np.triu(np.ones(columns.shape[1:], bool))] if causal else columns


def pool_max(maps: np.ndarray, most: int = THUMB) -> np.ndarray:
    """The last two axes cut into at most `most` equal bins each, and the largest value of every bin."""
    for axis in (-2, -1):
        length = maps.shape[axis]
        starts = np.arange(min(length, most)) * length // min(length, most)
        maps = np.maximum.reduceat(maps, starts, axis=axis)
    return maps


def read_trace(trace: Trace, which: str) -> tuple[dict[str, Any], np.ndarray]:
    """What the browser must know of one trace, and its attention [layer, head, query, key] as float32."""
    if which not in KINDS:
        raise ValueError(f'which={which!r} is not a kind of attention: use which="self" or which="cross"')
    cross = which == "cross"
    if cross and (trace.cross_attention is None or trace.encoder is None):
        raise ValueError(
            f"{trace.model_name} is a {trace.kind} and has no cross-attention: only an encoder-decoder (T5, BART) attends "
            'from its target to its source. Use which="self", or load an encoder-decoder.'
        )
    attention = trace.cross_attention if cross else trace.attention
    if attention is None or attention.ndim != 4:
        raise ValueError(f"The trace of {trace.model_name} holds no attention [layer, head, query, key] to show.")
    described = {
        "name": trace.model_name,
        "queries": trace.tokens,
        "keys": trace.encoder.tokens if cross else trace.tokens,
        "mask": "full" if cross else trace.mask,
        "windows": [None] * len(attention) if cross else list(trace.windows),
    }
    return described, np.asarray(attention, dtype=np.float32)


def check_comparable(a: dict[str, Any], b: dict[str, Any], shape_a: tuple, shape_b: tuple) -> None:
    """Raises ValueError, with both token lists, unless the two have the same heads and the same number of tokens."""
    for role in ("queries", "keys"):
        ours, theirs = a[role], b[role]
        if len(ours) == len(theirs):
            continue
        at = next((i for i, (x, y) in enumerate(zip(ours, theirs, strict=False)) if x != y), min(len(ours), len(theirs)))
        here = [repr(tokens[at]) if at < len(tokens) else "the end" for tokens in (ours, theirs)]
        raise ValueError(
            "A comparison needs two texts of the same number of tokens, so that row i and column j mean the same in both.\n"
            f"  trace:   {len(ours):3} tokens {ours}\n  compare: {len(theirs):3} tokens {theirs}\n"
            f"They part at position {at}: {here[0]} against {here[1]}. Reword one text, or show the two one below the other."
        )
    if shape_a[:2] != shape_b[:2]:
        raise ValueError(
            f"A comparison needs the same heads: {a['name']} has {shape_a[0]} layers × {shape_a[1]} heads, "
            f"{b['name']} has {shape_b[0]} × {shape_b[1]}. Compare two texts in one model, or two checkpoints of one model."
        )


def strongest(weights: np.ndarray, n: int = 3) -> list[tuple[int, int, float]]:
    """The `n` largest weights [query, key] beyond the first key, rounded to 3 decimals: (query, key, weight), largest first."""
    rest = weights[:, 1:].round(3)
    order = np.argsort(-rest, axis=None, kind="stable")[:n]
    found = [(int(i // rest.shape[1]), int(i % rest.shape[1]) + 1) for i in order] if rest.size else []
    return [(q, k, float(weights[q, k])) for q, k in found if rest[q, k - 1] > 0]


def reserve(column: int, layers: int, heads: int, grouped: bool, side: dict[str, Any], compared: bool) -> int:
    """CSS pixels to keep free in a `column` so wide, so that drawing moves nothing on the page: the sum of its parts."""
    narrow = column < 620
    room = column if narrow else column - 286  # beside the overview
    queries, keys = side["queries"], side["keys"]

    def strip(tokens: list[str]) -> int:
        lines = -(-sum(7.6 * len(token) + 9 for token in tokens) // (room - 10))
        return min(138, 6 + 32 * int(lines))

    label = min(74 if narrow else 104, 7 * max(map(len, keys)))
    cell = min(40, max(250 / len(keys), (room - 1.6 * label - 24) / len(keys)))
    stage = min(600, 0.8 * label + 20 + max(cell, 1) * len(queries))
    overview = min(240, 34 * layers + 26) if narrow else layers * min(34, 242 / heads, 720 / layers) + 26
    beside = not narrow and overview < 420  # then the numbers stand below the overview
    overview += 34 + 66 * grouped
    numbers = 185 + 28 * min(8, len(keys))
    texts = 2 * 22 * -(-9 * sum(map(len, keys)) // room) + 56 if compared else 0
    strips = strip(keys) + (strip(queries) + 46 if queries is not keys else 0)
    detail = 140 + texts + strips + stage + (100 if narrow else 75) + 45
    if narrow:
        return round(overview + detail + numbers + 160)
    return round(max(overview + beside * (numbers + 20), detail + (not beside) * (numbers + 12)) + 110)


class AttentionView(Widget):
    """Shows the attention of a `Trace`.

    trace    what `model.trace(text)` returned
    compare  a second trace of the same number of tokens and the same heads; the reader switches between A, B and B − A
    layer    the layer shown first, and `head`, the head; both count from 0
    query    the token whose row is shown first; None takes the one with the strongest link
    which    "self", or "cross" for the rectangular attention from an encoder-decoder's target to its source
    title    one line above the figure

    Weights travel as round(255 w): what the browser shows is within 1/510 of the trace.
    Raises ValueError for a layer or head that is not there, for traces that cannot be compared and for NaN.
    """

    _module = "attention.js"

    title = traitlets.Unicode().tag(sync=True)
    which = traitlets.Unicode("self").tag(sync=True)
    layers = traitlets.Int().tag(sync=True)
    heads = traitlets.Int().tag(sync=True)
    kv_heads = traitlets.Int().tag(sync=True)
    layer = traitlets.Int().tag(sync=True)
    head = traitlets.Int().tag(sync=True)
    query = traitlets.Int(None, allow_none=True).tag(sync=True)
    sides = traitlets.List(traitlets.Dict()).tag(sync=True)  # one entry, or A and B: name, queries, keys, mask, windows
    weights = traitlets.Bytes().tag(sync=True)  # one deflate stream a layer, as `by_key` orders it: all of A, then all of B
    layer_sizes = traitlets.List(traitlets.Int()).tag(sync=True)  # bytes of each of those streams
    thumbs = traitlets.Bytes().tag(sync=True)  # uint8 [layer, head, row, column] of A, or empty

    def __init__(
        self,
        trace: Trace,
        compare: Trace | None = None,
        layer: int = 0,
        head: int = 0,
        which: str = "self",
        title: str = "",
        query: int | None = None,
    ) -> None:
        side, attention = read_trace(trace, which)
        shown, bytes_ = [side], quantise(attention)
        layers, heads, queries, _ = attention.shape
        for name, value, count in (("layer", layer, layers), ("head", head, heads), ("query", query or 0, queries)):
            if not 0 <= value < count:
                whose = "the text" if name == "query" else trace.model_name
                raise ValueError(f"{name}={value} is not there: {whose} has {count}, numbered 0 to {count - 1}.")
        streams = [by_key(one, side["mask"] == "causal") for one in bytes_]
        if compare is not None:
            other, attention_b = read_trace(compare, which)
            check_comparable(side, other, attention.shape, attention_b.shape)
            shown.append(other)
            streams += [by_key(one, other["mask"] == "causal") for one in quantise(attention_b)]
        with ThreadPoolExecutor() as pool:  # zlib lets go of the interpreter's lock
            packed = list(pool.map(pack, streams))
        self._first = (layer, head, strongest(attention[layer, head]))
        super().__init__(
            title=title,
            which=which,
            layers=layers,
            heads=heads,
            kv_heads=trace.n_kv_heads,
            layer=layer,
            head=head,
            query=query,
            sides=shown,
            weights=b"".join(packed),
            layer_sizes=[len(stream) for stream in packed],
            thumbs=pack(pool_max(bytes_)) if bytes_.size > MANY else b"",
        )
        grouped = trace.n_kv_heads < heads
        self._height = [reserve(column, layers, heads, grouped, side, compare is not None) for column in (690, 322)]

    def describe(self) -> str:
        """Sizes, and the largest weights of the first head shown, without those on the first token (the attention sink)."""
        side = self.sides[0]
        layer, head, largest = self._first
        links = ", ".join(f"{side['queries'][q]!r}→{side['keys'][k]!r} {w:.3f}" for q, k, w in largest)
        across = f"{len(side['queries'])} × {len(side['keys'])} tokens" + (", two compared" if len(self.sides) > 1 else "")
        return (
            f"AttentionView({self.layers} layers × {self.heads} heads, {across}; "
            f"layer {layer} head {head}: {'largest ' + links if links else 'nothing beyond the first token'})"
        )
