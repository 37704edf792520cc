"""PreferenceView: the reader ranks answers, and the ranking becomes pairs from which a reward model can learn.

Ranking, keeping the labels and training a linear reward model happen in the browser (`preference.js`); the arithmetic stands
in `preference_model.js` and, the same, in the functions of this module. It knows nothing about language models.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import traitlets

from .base import Widget, pack

FORMAT = "lmkit preferences"
MOST_OTHERS = 3  # as many as can be told apart by colour and pattern, beside the reader
Ranking = list[list[int]]  # groups of answers, the best group first; the answers of one group are tied


class Preference(NamedTuple):
    """One pair of a ranking: the texts of the prompt, of the better answer and of the worse one."""

    prompt: str
    better: str
    worse: str


# ---------------------------------------------------------------- arithmetic, as in preference_model.js


def pairs_of(ranking: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Every (better, worse) that a ranking contains, as indices of answers.

    `ranking` is a list of groups, the best first; answers in one group are tied and make no pair with each other. A ranking
    of K answers without ties makes K(K − 1)/2 pairs. A group of one answer may be written without its list: [2, 0, 1].
    """
    groups = [[group] if isinstance(group, int) else group for group in ranking]
    return [
        (better, worse)
        for i, group in enumerate(groups)
        for later in groups[i + 1 :]
        for better, worse in itertools.product(group, later)
    ]


def standardised(features: np.ndarray) -> np.ndarray:
    """[answer, feature] with mean 0 and standard deviation 1 in each column, so that weights can be compared; a constant
    column becomes 0."""
    features = np.asarray(features, dtype=np.float64)
    constant = features.max(0) == features.min(0)
    return np.where(constant, 0, (features - features.mean(0)) / np.where(constant, 1, features.std(0)))


def log_loss(weights: np.ndarray, differences: np.ndarray) -> float:
    """Bradley–Terry: the mean of −ln σ(w · difference), in nats. `differences` is [pair, feature], better minus worse."""
    return float(np.logaddexp(0, -(np.asarray(differences) @ weights)).mean())


def count_right(weights: np.ndarray, differences: np.ndarray) -> float:
    """How many pairs get the higher reward on the better answer; equal rewards count one half."""
    margins = np.asarray(differences) @ weights
    return float(((np.sign(np.where(np.abs(margins) < 1e-9, 0, margins)) + 1) / 2).sum())


def fit(differences: np.ndarray, l2: float = 1.0) -> np.ndarray:
    """The weights [feature] of a linear Bradley–Terry reward model (Bradley and Terry, 1952).

    differences  [pair, feature]: features of the better answer minus those of the worse one
    l2           minimised is Σ −ln σ(w · difference) + l2/2 |w|². With l2 > 0 there is exactly one minimum, also where the
                 pairs contradict each other or all agree; 1 is a standard normal prior on each weight

    Newton's method with a step that shrinks until the sum falls. Raises ValueError where l2 is not positive.
    """
    differences = np.asarray(differences, dtype=np.float64)
    if differences.ndim != 2:
        raise ValueError(f"differences has the shape {differences.shape}; it must be [pair, feature]")
    if not l2 > 0:
        raise ValueError(f"l2={l2}: it must be positive, or the weights grow without end when the pairs all agree")

    def value(w: np.ndarray) -> float:
        return np.logaddexp(0, -(differences @ w)).sum() + l2 / 2 * w @ w

    w = np.zeros(differences.shape[1])
    for _ in range(100):
        surprise = 1 / (1 + np.exp(np.clip(differences @ w, -700, 700)))  # σ(−margin)
        gradient = l2 * w - differences.T @ surprise
        curvature = (differences.T * (surprise * (1 - surprise))) @ differences + l2 * np.eye(len(w))
        step = np.linalg.solve(curvature, gradient)
        promised, now, length = step @ gradient, value(w), 1.0
        while value(w - length * step) > now - 1e-4 * length * promised + 1e-14 * abs(now) and length > 1e-12:
            length /= 2
        w = w - length * step
        if promised < 1e-20:
            break
    return w


# ---------------------------------------------------------------- the widget


class PreferenceView(Widget):
    """Prompts with answers that the reader ranks, or of two answers the better.

    items          [{"prompt": str, "answers": [str, ...]}, ...] with 2 to 6 answers each; perhaps "features": one list of
                   numbers per answer, all of one length. With features a linear Bradley–Terry model learns from the
                   reader's pairs in the page (features standardised over all answers, rounded to 32-bit floats)
    feature_names  one name per feature
    key            names the place in the browser where the labels are kept. Views with the same key and the same prompts
                   and answers share their labels; give each view that stands for itself a key of its own
    labels         what to start from: a list as in `labels` below, or what `load_labels` takes
    others         {name: labels}: up to three other annotators to compare with
    l2, seed       of the reward model (see `fit`); of the order in which answers are shown

    `labels` is a list of {"item": index, "ranking": groups of answers, the best first, tied ones in one group}; the ranking []
    is a prompt that the reader passed over. `pairs` holds the same as texts. With a kernel both follow the reader.
    Labels that the browser has kept for this key win over those given here, and the reader is told and can take these.

    The reader can save two files. JSON: {"format": "lmkit preferences", "version": 1, "key", "digest" (of the prompts and
    answers), "seed", "labels": as above, each with its "prompt" and "answers"}. CSV, one row a pair: item, prompt, better,
    worse, better_position, worse_position (where each was shown, from 1).

    Raises ValueError naming the item or label and what is wrong with it.
    """

    _module = "preference.js"

    title = traitlets.Unicode().tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)
    digest = traitlets.Unicode().tag(sync=True)
    items = traitlets.List(traitlets.Dict()).tag(sync=True)
    feature_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    features = traitlets.Bytes().tag(sync=True)  # float32 [answer of all items, feature]
    l2 = traitlets.Float(1.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    labels = traitlets.List(traitlets.Dict()).tag(sync=True)
    others = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        items: Sequence[Mapping],
        *,
        title: str = "",
        key: str = "preferences",
        feature_names: Sequence[str] = (),
        labels: str | Mapping | Sequence[Mapping] = (),
        others: Mapping[str, str | Mapping | Sequence[Mapping]] | None = None,
        l2: float = 1.0,
        seed: int = 0,
    ) -> None:
        texts = check_items(items)
        table = check_features(items)
        names = check_names(feature_names, table.shape[1])
        if len(others or {}) > MOST_OTHERS:
            raise ValueError(f"at most {MOST_OTHERS} other annotators can be compared, not {len(others)}")
        if not l2 > 0:
            raise ValueError(f"l2={l2}: it must be positive")
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed={seed}: give a whole number from 0 to {2**32 - 1}")
        digest = digest_of(texts)
        self._table = standardised(table)
        self._reserve = reserved(title, texts, names, list(others or {}))
        super().__init__(
            title=title,
            key=key,
            digest=digest,
            items=texts,
            feature_names=names,
            features=pack(table),
            labels=check_labels(labels, texts, digest),
            others={str(name): check_labels(one, texts, digest) for name, one in (others or {}).items()},
            l2=l2,
            seed=seed,
        )

    @traitlets.validate("labels")
    def _checked(self, proposal: dict) -> list[dict]:
        return check_labels(proposal["value"], self.items, self.digest)

    def load_labels(self, labels: str | Mapping | Sequence[Mapping]) -> None:
        """Replace the labels by those of an exported JSON text, of the same parsed, or of a list of {item, ranking}.

        Raises ValueError where they belong to other prompts or a ranking does not name every answer once; nothing is lost
        then.
        """
        self.labels = check_labels(labels, self.items, self.digest)

    @property
    def pairs(self) -> list[Preference]:
        """Every pair that the labels contain, as texts."""
        return [
            Preference(item["prompt"], item["answers"][better], item["answers"][worse])
            for item, better, worse in self._pairs(self.labels)
        ]

    def differences(self, labels: Sequence[Mapping] | None = None) -> np.ndarray:
        """[pair, feature]: standardised features of the better answer minus those of the worse, of the reader's pairs or of
        `labels`: what `fit` takes and what the page's own model learns from."""
        starts = np.cumsum([0, *(len(item["answers"]) for item in self.items)])
        rows = [
            self._table[starts[label["item"]] + better] - self._table[starts[label["item"]] + worse]
            for label in check_labels(self.labels if labels is None else labels, self.items, self.digest)
            for better, worse in pairs_of(label["ranking"])
        ]
        return np.array(rows).reshape(len(rows), self._table.shape[1])

    def _pairs(self, labels: Sequence[Mapping]) -> list[tuple[dict, int, int]]:
        return [(self.items[label["item"]], *pair) for label in labels for pair in pairs_of(label["ranking"])]

    def describe(self) -> str:
        """How much there is to rank, and the features; not what the reader has ranked."""
        prompts, answers = len(self.items), sum(len(item["answers"]) for item in self.items)
        names = ", ".join(self.feature_names[:6]) + (", …" if len(self.feature_names) > 6 else "")
        features = f"; features: {names}" if names else ""
        others = f"; compared with {', '.join(self.others)}" if self.others else ""
        return f"PreferenceView({prompts} prompt{'s' * (prompts > 1)}, {answers} answers{features}{others})"


# ---------------------------------------------------------------- checks


def check_items(items: Sequence[Mapping]) -> list[dict]:
    """Prompts and answers as plain dicts; ValueError where a reader could not rank them."""
    if isinstance(items, Mapping | str) or not isinstance(items, Sequence) or not items:
        raise ValueError('items is a list of {"prompt": ..., "answers": [...]} and holds at least one')
    for number, item in enumerate(items):
        where = f"item {number}"
        if not isinstance(item, Mapping) or set(item) - {"prompt", "answers", "features"}:
            raise ValueError(f"{where} must be a dict with 'prompt', 'answers' and perhaps 'features'; it is {item!r}")
        prompt, answers = item.get("prompt"), item.get("answers")
        if not isinstance(prompt, str) or not prompt.strip():
            raise ValueError(f"{where} has no text under 'prompt'")
        if isinstance(answers, str) or not isinstance(answers, Sequence) or not 2 <= len(answers) <= 6:
            raise ValueError(f"{where} needs 2 to 6 answers, and has {answers!r}")
        if not all(isinstance(answer, str) for answer in answers):
            raise ValueError(f"{where} has an answer that is no text: {list(answers)!r}")
        if len(set(answers)) < len(answers):
            raise ValueError(f"{where} has the same answer twice, which nobody can rank: {list(answers)!r}")
    return [{"prompt": item["prompt"], "answers": list(item["answers"])} for item in items]


def check_features(items: Sequence[Mapping]) -> np.ndarray:
    """float32 [answer of all items, feature]; zero columns where no item has features."""
    if not any("features" in item for item in items):
        return np.zeros((sum(len(item["answers"]) for item in items), 0), dtype=np.float32)
    rows = []
    for number, item in enumerate(items):
        given = list(item.get("features", ()))
        if len(given) != len(item["answers"]):
            raise ValueError(f"item {number} has {len(item['answers'])} answers and features for {len(given)}")
        for row in given:
            rows.append(np.asarray(row, dtype=np.float32))
            if rows[-1].ndim != 1 or len(rows[-1]) != len(rows[0]) or not len(rows[-1]):
                shapes = f"{rows[-1].shape}; those of the first answer are {rows[0].shape}"
                raise ValueError(f"item {number} has features of the shape {shapes}")
            if not np.isfinite(rows[-1]).all():
                raise ValueError(f"item {number} has a feature that is not a finite number: {rows[-1].tolist()}")
    return np.stack(rows)


def check_names(names: Sequence[str], width: int) -> list[str]:
    names = [str(name) for name in names]
    if names and len(names) != width:
        raise ValueError(f"there are {width} features and {len(names)} feature_names: {names}")
    return names or [f"feature {number}" for number in range(1, width + 1)]


def check_labels(labels: str | Mapping | Sequence[Mapping], items: Sequence[Mapping], digest: str) -> list[dict]:
    """Labels as a list of {"item", "ranking"}, by item; from such a list, from an exported file's text or from its content."""
    if isinstance(labels, str):
        try:
            labels = json.loads(labels)
        except json.JSONDecodeError as error:
            raise ValueError(f"these labels are not JSON: {error}") from None
    if isinstance(labels, Mapping):
        if labels.get("format") != FORMAT or labels.get("version") != 1:
            raise ValueError(f"this is no file of labels: its format is {labels.get('format')!r}, not {FORMAT!r} version 1")
        if labels.get("digest") != digest:
            raise ValueError("these labels belong to other prompts or answers")
        labels = labels.get("labels")
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise ValueError(f"labels is a list, not {type(labels).__name__}")
    by_item = {}
    for label in labels:
        item, ranking = check_label(label, items)
        by_item[item] = {"item": item, "ranking": ranking}
    return [by_item[item] for item in sorted(by_item)]


def check_label(label: Mapping, items: Sequence[Mapping]) -> tuple[int, Ranking]:
    if not isinstance(label, Mapping) or not {"item", "ranking"} <= set(label):
        raise ValueError(f"a label is a dict with 'item' and 'ranking'; this is {label!r}")
    item = label["item"]
    if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < len(items):
        raise ValueError(f"a label names the item {item!r}; there are items 0 to {len(items) - 1}")
    groups = label["ranking"] if isinstance(label["ranking"], Sequence) else [[]]
    ranking = [list(group) if isinstance(group, Sequence) else [group] for group in groups]
    named, count = [answer for group in ranking for answer in group], len(items[item]["answers"])
    if ranking and (not all(ranking) or len(named) != count or set(named) != set(range(count))):
        raise ValueError(f"the ranking {label['ranking']!r} of item {item} does not name each of its {count} answers once")
    return item, ranking


def digest_of(items: Sequence[Mapping]) -> str:
    """A short name of the prompts and answers, without their features: labels belong to texts."""
    texts = [[item["prompt"], *item["answers"]] for item in items]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]


# ---------------------------------------------------------------- space on the page


@dataclass(frozen=True)
class Page:
    """How much fits on a page of one width: letters in a line of each part, and heights in CSS pixels."""

    room: int  # for the content
    prompt: int  # letters in a line: of the prompt, an answer, a card, the name of a feature
    answer: int
    card: int
    name: int
    row: tuple[int, int]  # of a row of the list: at least, and beyond its lines
    fixed: tuple[int, int, int, int, int]  # hint, hint of two, buttons, note before the guess, buttons at the foot
    model: tuple[int, int, int]  # heading with note, a line about an annotator, a row of their table
    chips: int  # pairs in a line


WIDE = Page(674, 72, 59, 37, 22, (50, 11), (43, 22, 34, 34, 49), (77, 34, 30), 12)
NARROW = Page(323, 27, 28, 34, 9, (92, 51), (86, 43, 76, 55, 133), (121, 56, 46), 5)
GAP = 11


def width_of(text: str) -> int:
    """Roughly how many letters wide a text is: Chinese characters count twice."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def lines(text: str, room: int) -> int:
    return sum(max(1, math.ceil(width_of(line) / room)) for line in text.split("\n"))


def reserved(title: str, items: Sequence[Mapping], names: Sequence[str], others: Sequence[str]) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page: what the first prompt takes before it is ranked."""
    return tuple(height(page, title, items, names, others) for page in (WIDE, NARROW))


def height(page: Page, title: str, items: Sequence[Mapping], names: Sequence[str], others: Sequence[str]) -> int:
    hint, hint_two, buttons, note, foot = page.fixed
    prompt, answers = items[0]["prompt"], items[0]["answers"]
    parts = [44 + 25 * (lines(prompt, page.prompt) - 1), buttons]
    if len(answers) == 2:
        cards = [max(80, 23 * lines(answer, page.card) + 24) for answer in answers]
        parts += [max(cards) if page is WIDE else sum(cards) + 10, hint_two, 23 if page is WIDE else 45]
    else:
        least, more = page.row
        rows = [max(least, round(22.5 * lines(answer, page.answer)) + more) + 6 for answer in answers]
        chips = math.ceil(len(answers) * (len(answers) - 1) / 2 / page.chips)
        parts += [sum(rows) - 6, hint, 24 + 28 * chips]
    if names or others:
        parts.append(note)
    total = 67 if page is WIDE else 47
    total += dots(page, len(items)) + foot + 25 * bool(title) + GAP * (len(parts) + 1 + bool(title)) + sum(parts)
    if names:
        heading, _, row = page.model
        total += 24 + heading + sum(feature(page, name, len(others)) for name in names[:10]) + 34 * (len(names) > 10)
        total += GAP + 23 if page is WIDE else GAP + 45
        total += GAP + (32 + GAP + row * (len(others) + 1) + 30 if others else 0)
    return total + page.model[1] * len(others) + (0 if names or not others else 13)


def feature(page: Page, name: str, others: int) -> int:
    return max(7 + 23 * lines(name, page.name), 7 + 17 * (others + 1))


def dots(page: Page, items: int) -> int:
    """The line of prompts: its number, a button each, and the progress, which wrap."""
    if 129 + 39 * items + (240 if page is WIDE else 0) <= page.room + 1:
        return 34 if page is WIDE else 64
    if 129 + 39 * items <= page.room + 1:
        return 64
    rows = math.ceil(items / (page.room // 39))
    return 60 + 39 * rows - 5
