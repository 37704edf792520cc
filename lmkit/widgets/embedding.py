"""EmbeddingView: thousands of vectors as a map, with search, neighbours and analogies computed in the page from all numbers.

The map is flat or has three dimensions; the vectors have many more. So the map is only a picture of them (their first principal
components, found here), while every neighbour and every analogy is computed in `embedding_math.js` in all dimensions. This
module checks the words and vectors, finds the components, and rounds the vectors for the way.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import traitlets

from .base import Widget, lines_of, pack

MOST_WORDS = 20_000
MOST_NUMBERS = 1_000_000  # of all vectors together: so many bytes in 8 bits each
FINE = 125_000  # up to so many numbers, each travels in 16 bits
MOST_GROUPS = 8  # as many as there are shapes and colours that can be told apart
MOST_ARROWS = 60
MOST_SUMS = 8
SAMPLE = 200  # words whose cosines with all others are measured, to say how much rounding changes them


class EmbeddingView(Widget):
    """A map of word vectors: the reader turns and zooms it, searches, and asks for neighbours and for a − b + c.

    words       n texts, no two alike, at most 20,000; words that stand first get their labels first (put frequent ones there)
    matrix      [n, d] vectors, torch or NumPy, d ≥ 2, at most 1,000,000 numbers; none of them zero
    arrows      pairs of words, each drawn as an arrow from the first to the second; at most 60
    groups      name: words, shown each in a colour and a shape of its own; at most 8, and no word in two of them
    title       one line above the figure
    picked      the word whose neighbours are shown first; default: the first of the arrows, of the groups, or of the words
    analogies   (a, b, c) each, for a − b + c: the first stands on the bench, the others (at most 7) are buttons; default: one
                from the first two arrows (b → a, c → ?). An empty list: no bench
    dimensions  2 or 3: how the map opens

    The components are those of the vectors minus their mean. Each vector travels as whole numbers times a factor of its own: 16
    bits each where all vectors together hold at most 125,000 numbers, 8 bits above. What the page computes with is `rounded()`.
    Neighbours are by cosine; a − b + c is computed with the vectors as they are given, so give unit vectors if you want unit
    vectors to be added. Raises ValueError, naming the word, where this cannot be shown.
    """

    _module = "embedding.js"

    title = traitlets.Unicode().tag(sync=True)
    words = traitlets.Bytes().tag(sync=True)  # JSON list of texts
    width = traitlets.Int().tag(sync=True)  # numbers in a vector
    bits = traitlets.Int().tag(sync=True)  # of each number on its way: 8 or 16
    vectors = traitlets.Bytes().tag(sync=True)  # int8 or int16 [n, d]: a vector is frame[0] + step × its factor × these
    factors = traitlets.Bytes().tag(sync=True)  # float16 [n], at most 1
    step = traitlets.Float().tag(sync=True)
    frame = traitlets.Bytes().tag(sync=True)  # float32 [4, d]: the mean vector, then the directions of three components
    variance = traitlets.List(traitlets.Float()).tag(sync=True)  # share of each component
    error = traitlets.Float().tag(sync=True)  # no cosine of a sample is changed by more, by rounding
    arrows = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)  # indices of words
    groups = traitlets.List(traitlets.Dict()).tag(sync=True)  # {"name": text, "words": indices}
    picked = traitlets.Int().tag(sync=True)
    analogies = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)  # three indices each
    bench = traitlets.Bool(True).tag(sync=True)
    dimensions = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        words: Sequence[str],
        matrix: object,
        arrows: Sequence[tuple[str, str]] = (),
        groups: Mapping[str, Sequence[str]] | None = None,
        title: str = "",
        *,
        picked: str | None = None,
        analogies: Sequence[tuple[str, str, str]] | None = None,
        dimensions: int = 2,
    ) -> None:
        words = list(words)
        matrix = check_vectors(words, matrix)
        self._at = {word: i for i, word in enumerate(words)}
        self._words = words
        pairs = self._indices("arrows", arrows, 2, MOST_ARROWS)
        named = self._grouped(groups or {})
        sums = self._indices("analogies", analogies or (), 3, MOST_SUMS)
        if analogies is None and len(pairs) > 1:
            sums = [[pairs[0][1], pairs[0][0], pairs[1][0]]]
        if picked is None:
            first = [pair[1] for pair in pairs] + [group["words"][0] for group in named] + [0]
            picked = words[first[0]]
        bench = analogies is None or len(analogies) > 0
        if dimensions not in (2, 3):
            raise ValueError(f"dimensions={dimensions!r}: a map has 2 or 3.")
        if dimensions > matrix.shape[1]:
            raise ValueError("dimensions=3: these vectors have 2 numbers each, which a flat map shows whole.")
        mean, axes, variance = components(matrix)
        whole, factors, step = rounding(matrix, mean)
        self._rounded = mean.astype(np.float64) + (step * factors.astype(np.float64))[:, None] * whole
        rest = len(words) - sum(len(group["words"]) for group in named)
        buttons = [f"{group['name']} ({len(group['words'])})" for group in named] + [f"{rest:,} other words"] * bool(
            named and rest
        )
        self._reserve = reserved(title, buttons, [" − + ".join(words[i] for i in three) for three in sums], bench)
        super().__init__(
            title=title,
            words=pack(np.frombuffer(json.dumps(words, ensure_ascii=False).encode("utf8", "surrogatepass"), dtype=np.uint8)),
            width=matrix.shape[1],
            bits=8 * whole.itemsize,
            vectors=pack(whole),
            factors=pack(factors),
            step=step,
            frame=pack(np.concatenate([mean[None], axes])),
            variance=variance,
            error=rounding_error(matrix, self._rounded),
            arrows=pairs,
            groups=named,
            picked=self.index(picked, "picked"),
            analogies=sums,
            bench=bench,
            dimensions=dimensions,
        )

    def rounded(self) -> np.ndarray:
        """The vectors that the page computes with, [n, d] in float64: those given, up to the rounding for the way."""
        return self._rounded

    def index(self, word: str, where: str) -> int:
        """The place of a word; ValueError naming it, and one that differs only in case or outer spaces if there is one."""
        if word in self._at:
            return self._at[word]
        alike = [one for one in self._at if one.strip().lower() == str(word).strip().lower()]
        hint = f" There is {alike[0]!r}." if alike else ""
        raise ValueError(f"{where}: {word!r} is not among the {len(self._at):,} words.{hint}")

    def _indices(self, what: str, lists: Sequence[Sequence[str]], size: int, most: int) -> list[list[int]]:
        if len(lists) > most:
            raise ValueError(f"{len(lists)} {what}: show at most {most}.")
        for k, words in enumerate(lists):
            if isinstance(words, str) or len(words) != size:
                raise ValueError(f"{what}[{k}] must be {('two', 'three')[size - 2]} words, not {words!r}.")
        return [[self.index(word, f"{what}[{k}]") for word in words] for k, words in enumerate(lists)]

    def _grouped(self, groups: Mapping[str, Sequence[str]]) -> list[dict]:
        if len(groups) > MOST_GROUPS:
            raise ValueError(f"{len(groups)} groups: show at most {MOST_GROUPS}.")
        seen: dict[str, str] = {}
        for name, members in groups.items():
            if isinstance(members, str) or not len(members):
                raise ValueError(f"groups[{name!r}] must be a list of words, not {members!r}.")
            for word in members:
                if word in seen:
                    raise ValueError(f"{word!r} stands in the group {seen[word]!r} and in {name!r}: a word has one mark.")
                seen[word] = name
        return [{"name": name, "words": [self.index(word, f"groups[{name!r}]") for word in groups[name]]} for name in groups]

    def _nearest(self, vector: np.ndarray, k: int, left: Sequence[int] = ()) -> str:
        cosine = self._rounded @ vector / np.linalg.norm(self._rounded, axis=1) / (np.linalg.norm(vector) or 1.0)
        cosine[list(left)] = -2
        best = np.argsort(-cosine, kind="stable")[:k]
        return ", ".join(f"{self._words[i]!r} {cosine[i]:.2f}" for i in best)

    def describe(self) -> str:
        """How many words, how much of their variance the map holds, what is marked on it, and the first answers in its lists."""
        shares = f"the map holds {100 * sum(self.variance[:2]):.0f} % of the variance, {100 * sum(self.variance):.0f} % in 3-D"
        parts = [f"{len(self._words):,} words × {self.width} numbers in {self.bits} bits", shares]
        parts += [f"{len(self.arrows)} arrows"] if self.arrows else []
        parts += [f"{group['name']} {len(group['words'])}" for group in self.groups]
        parts.append(f"nearest to {self._words[self.picked]!r}: {self._nearest(self._rounded[self.picked], 2, [self.picked])}")
        if self.analogies:
            a, b, c = self.analogies[0]
            vector = self._rounded[a] - self._rounded[b] + self._rounded[c]
            terms = " ".join(f"{sign}{self._words[i]!r}" for sign, i in (("", a), ("− ", b), ("+ ", c)))
            parts.append(f"to {terms}: {self._nearest(vector, 1)}, without these {self._nearest(vector, 1, [a, b, c])}")
        return f"EmbeddingView({'; '.join(parts)})"


def check_vectors(words: list[str], matrix: object) -> np.ndarray:
    """The matrix as float64; ValueError where it does not fit the words or holds what has no place on a map."""
    if hasattr(matrix, "detach"):
        matrix = matrix.detach().cpu().double().numpy()
    matrix = np.asarray(matrix, dtype=np.float64)
    odd = next((word for word in words if not isinstance(word, str)), None)
    if odd is not None:
        raise ValueError(f"the words must be texts; {odd!r} is {type(odd).__name__}.")
    if matrix.ndim != 2 or matrix.shape[1] < 2:
        raise ValueError(f"matrix has the shape {matrix.shape}; it must be [words, numbers], with at least 2 numbers a word.")
    if len(matrix) != len(words):
        raise ValueError(f"there are {len(words):,} words, and matrix has {len(matrix):,} rows.")
    if not 3 <= len(words) <= MOST_WORDS:
        raise ValueError(f"{len(words):,} words: EmbeddingView shows 3 to {MOST_WORDS:,}.")
    if matrix.size > MOST_NUMBERS:
        raise ValueError(
            f"{len(words):,} words × {matrix.shape[1]} numbers are {matrix.size:,}: a page holds at most {MOST_NUMBERS:,}. "
            f"Show {MOST_NUMBERS // matrix.shape[1]:,} words."
        )
    word, times = Counter(words).most_common(1)[0]
    if times > 1:
        raise ValueError(f"{word!r} stands {times} times among the words; each word needs one vector.")
    if not (finite := np.isfinite(matrix).all(axis=1)).all():
        raise ValueError(f"the vector of {words[int(np.argmin(finite))]!r} holds a value that is not a finite number.")
    if not (there := matrix.any(axis=1)).all():
        raise ValueError(f"the vector of {words[int(np.argmin(there))]!r} is zero: it has no direction. Leave the word out.")
    return matrix


def components(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """The mean vector, three principal directions [3, d] (float32), and the share of the variance along each.

    The sign of a direction is free; here its largest entry is positive. With two numbers a vector, the third is zero.
    """
    mean = matrix.mean(axis=0).astype(np.float32)
    centred = matrix - matrix.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(values)[::-1][:3]
    axes = directions[:, order].T
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    total = values.sum() or 1.0
    shares = [max(float(value / total), 0.0) for value in values[order]]
    missing = 3 - len(axes)
    return mean, np.pad(axes, ((0, missing), (0, 0))).astype(np.float32), shares + [0.0] * missing


def rounding(matrix: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The vectors minus the mean as whole numbers [n, d] of 8 or 16 bits, the factor of each (float16), and a common one."""
    bits = 16 if matrix.size <= FINE else 8
    largest = 2 ** (bits - 1) - 1
    centred = matrix - mean
    reach = np.abs(centred).max(axis=1)
    step = (float(reach.max()) or 1.0) / largest
    exact = reach / (step * largest)
    factors = exact.astype(np.float16)
    factors = np.where(
        factors < exact, np.nextafter(factors, np.float16(2)), factors
    )  # up, so that none is too small for its vector
    steps = np.where(factors > 0, step * factors.astype(np.float64), 1.0)[:, None]
    return np.rint(centred / steps).astype(f"<i{bits // 8}"), factors, step


def rounding_error(matrix: np.ndarray, rounded: np.ndarray) -> float:
    """The largest change of a cosine by rounding, between words of a sample and all words; one digit, rounded up."""
    rows = np.linspace(0, len(matrix) - 1, min(SAMPLE, len(matrix))).astype(int)
    unit = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in (matrix, rounded)]
    change = float(np.abs(unit[0][rows] @ unit[0].T - unit[1][rows] @ unit[1].T).max())
    digit = 10.0 ** math.floor(math.log10(max(change, 1e-12)))
    return float(f"{math.ceil(change / digit) * digit:.0e}")


def lines(texts: list[str], beside: int, room: int) -> int:
    """In how many lines buttons with these texts stand, each `beside` pixels wider than its text."""
    return lines_of((7.7 * len(text) + beside for text in texts), room, gap=8)


def reserved(title: str, groups: list[str], sums: list[str], bench: bool) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page: for what is always there, then for the rows of buttons."""
    heights = []
    for whole, alone, room, beside in ((1193, 973, 656, 450), (1679, 1195, 322, 322)):
        legend = 40 * lines(groups, 46, room) + 5 if groups else 0
        ready = 39 * lines(["Ready-made", *sums], 24, beside) + 4 if len(sums) > 1 else 0
        heights.append((whole if bench else alone) + 36 * bool(title) + legend + ready)
    return tuple(heights)
