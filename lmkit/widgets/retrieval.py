"""RetrievalView: a collection of passages as a map, a question that moves among them, three ways to search, and the prompt.

Everything is computed in the page: dense search from the rounded vectors, keyword search from the passages' own words
(`retrieval_search.js` repeats the formula of `lmkit.retrieval`), their fusion, and the prompt that the model would read. Only a
vector for a question that nobody prepared cannot be had there, because the encoder is not in the page. This module checks what
it is given, finds the map, and turns the function that writes the prompt into a form with gaps.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from itertools import islice, takewhile

import numpy as np
import traitlets

from lmkit import retrieval
from lmkit.retrieval import keywords, store

from .base import Widget, lines_of, pack
from .embedding import components

MOST_PASSAGES = 2_000
MOST_NUMBERS = 800_000  # of all vectors together: so many bytes
MOST_QUESTIONS = 400
MOST_K = 10
WAYS = ("dense", "keyword", "both")
SCRIPTS = {"latin": "?", "han": "问？"}  # a prompt may speak the language of the question, which its script tells
GAP = re.compile("\ue000([qtd])(\\d*)\ue001")  # question, text and document of a passage: private-use characters, in no text


def numbered(question: str, hits: Sequence[retrieval.Hit]) -> str:
    """A prompt for any model: numbered passages with their documents, the question, and leave to say that they do not say."""
    passages = "\n\n".join(f"[{i}] {hit.passage.document}: {hit.passage.text}" for i, hit in enumerate(hits, 1))
    return (
        "Answer the question from the numbered passages, and cite the one you used, like [1]. "
        f"If they do not hold the answer, say so.\n\n{passages}\n\nQuestion: {question}\nAnswer:"
    )


class RetrievalView(Widget):
    """Search a collection in the page: a map of its passages, the question among them, scores, and the assembled prompt.

    retriever   a `lmkit.retrieval.Retriever` with 3 to 2,000 passages; anything with `.vectors()` → (passages, [n, width])
                and an `.encoder` with `.name` and `.encode(texts, query=True)` will do
    questions   texts, or `lmkit.course.Question`s: where one has `.document` and `.evidence`, the passages of that document
                which hold the evidence whole count as right, and the view says hit or miss
    k           passages that go into the prompt at first, 1 to 10
    prompt      function(question, hits) → the text that the model reads; default: `numbered`. It may use each hit's passage
                (`.text`, `.document`) and its place, and it may speak Chinese where the question holds Chinese; it is asked
                once for each number of hits, with gaps in place of texts, and the page fills the gaps
    by          how it searches at first: "dense", "keyword" or "both"
    title       one line above the figure
    group       function(document) → the name under which the map colours it; default: what stands before its first "/", so
                that "07/heads" and "07/masks" are both "07", and a title without one is itself

    The map shows the first two principal components of the passages' vectors. Vectors travel as 8-bit whole numbers times a
    factor of their own, added to the mean; `error` is the largest change of any score by that.
    Raises ValueError where this cannot be shown, naming what is wrong.
    """

    _module = "retrieval.js"

    title = traitlets.Unicode().tag(sync=True)
    passages = traitlets.Bytes().tag(sync=True)  # JSON list of [text, index of its document, start, end]
    documents = traitlets.List(traitlets.Unicode()).tag(sync=True)
    groups = traitlets.List(traitlets.Unicode()).tag(sync=True)  # of documents, each with a mark of its own on the map
    kinds = traitlets.List(traitlets.Int()).tag(sync=True)  # of each document, the index of its group
    width = traitlets.Int().tag(sync=True)  # numbers in a vector
    vectors = traitlets.Bytes().tag(sync=True)  # int8 [n, width]: a vector is frame[0] + step × its factor × these
    factors = traitlets.Bytes().tag(sync=True)  # float16 [n], at most 1
    step = traitlets.Float().tag(sync=True)
    frame = traitlets.Bytes().tag(sync=True)  # float32 [4, width]: the mean, the directions of the map, one more
    variance = traitlets.List(traitlets.Float()).tag(sync=True)  # share of each direction of the map
    error = traitlets.Float().tag(sync=True)
    questions = traitlets.Bytes().tag(sync=True)  # JSON list of {"text", "right": places of passages, or null}
    query_vectors = traitlets.Bytes().tag(sync=True)  # as `vectors`, one for each question
    query_factors = traitlets.Bytes().tag(sync=True)
    prompts = traitlets.Dict().tag(sync=True)  # script: for 1, 2, … passages a list of texts and gaps
    bm25 = traitlets.Dict().tag(sync=True)  # k1 and b
    fusion = traitlets.Dict().tag(sync=True)  # of how many from either search, and the constant
    encoder = traitlets.Unicode().tag(sync=True)
    k = traitlets.Int().tag(sync=True)
    by = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        retriever: retrieval.Retriever,
        questions: Sequence[object],
        k: int = 3,
        prompt: Callable[[str, Sequence[retrieval.Hit]], str] | None = None,
        title: str = "",
        *,
        by: str = "dense",
        group: Callable[[str], str] = lambda document: document.split("/")[0],
    ) -> None:
        passages, matrix = retriever.vectors()
        matrix = check_vectors(passages, matrix)
        if isinstance(questions, str) or not 1 <= len(questions) <= MOST_QUESTIONS:
            given = repr(questions) if isinstance(questions, str) else f"{len(questions):,} questions"
            raise ValueError(f"{given}: give a list of 1 to {MOST_QUESTIONS} questions.")
        asked = [as_question(one, passages) for one in questions]
        if by not in WAYS:
            raise ValueError(f"by={by!r}: choose one of {', '.join(WAYS)}.")
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST_K:
            raise ValueError(f"k={k!r}: give a whole number of passages from 1 to {MOST_K}.")
        queries = np.asarray(retriever.encoder.encode([one["text"] for one in asked], query=True), dtype=np.float64)
        if queries.shape != (len(asked), matrix.shape[1]):
            raise ValueError(f"the encoder gave {queries.shape} for {len(asked)} questions, and passages have {matrix.shape[1]}.")
        mean, axes, variance = components(matrix)
        (whole, factors), (whole_q, factors_q), step = rounded_alike(matrix, queries, mean)
        self._rounded = [mean + step * f.astype(np.float64)[:, None] * w for w, f in ((whole, factors), (whole_q, factors_q))]
        rounded = [unit(rows) for rows in self._rounded]
        titles = list(dict.fromkeys(passage.document for passage in passages))
        at = {title: i for i, title in enumerate(titles)}
        named = [str(group(title)) for title in titles]
        groups = list(dict.fromkeys(named))
        rows = [[passage.text, at[passage.document], passage.start, passage.end] for passage in passages]
        exact = unit(queries) @ unit(matrix).T
        self._first = int(np.argmax(exact[0])), float(exact[0].max())
        self._asked = asked
        self._reserve = reserved(title, groups)
        super().__init__(
            title=title,
            passages=packed_json(rows),
            documents=titles,
            groups=groups,
            kinds=[groups.index(name) for name in named],
            width=matrix.shape[1],
            vectors=pack(whole),
            factors=pack(factors),
            step=step,
            frame=pack(np.concatenate([mean[None], axes])),
            variance=variance[:2],
            error=rounded_up(np.abs(rounded[1] @ rounded[0].T - exact).max()),
            questions=packed_json(asked),
            query_vectors=pack(whole_q),
            query_factors=pack(factors_q),
            prompts=forms(prompt or numbered, passages, asked),
            bm25={"k1": keywords.K1, "b": keywords.B},
            fusion={"depth": store.DEPTH, "constant": store.RRF},
            encoder=retriever.encoder.name,
            k=min(k, len(passages)),
            by=by,
        )
        self._passages = passages

    def rounded(self) -> tuple[np.ndarray, np.ndarray]:
        """The vectors that the page computes with, of the passages and of the questions, in float64; cosines are of these."""
        return self._rounded[0], self._rounded[1]

    def describe(self) -> str:
        """How many passages, what the map keeps of them, how many questions, and what lies nearest to the first."""
        known = sum(bool(one["right"]) for one in self._asked)
        best, score = self._first
        return (
            f"RetrievalView({len(self._passages):,} passages of {len(self.documents)} documents × {self.width} numbers; the map "
            f"keeps {100 * sum(self.variance):.0f} % of the variance; {len(self._asked)} questions, {known} with a right passage "
            f"marked; nearest to {self._asked[0]['text']!r}: {self._passages[best].document!r} {score:.2f})"
        )


def packed_json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return pack(np.frombuffer(text.encode("utf8", "surrogatepass"), dtype=np.uint8))


def check_vectors(passages: Sequence[retrieval.Passage], matrix: object) -> np.ndarray:
    """The matrix as float64; ValueError where it cannot be a map of the passages."""
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or len(matrix) != len(passages):
        raise ValueError(f"{len(passages):,} passages and vectors of the shape {matrix.shape}: give one vector a passage.")
    if not 3 <= len(passages) <= MOST_PASSAGES:
        raise ValueError(f"{len(passages):,} passages: RetrievalView shows 3 to {MOST_PASSAGES:,}. Add some, or take fewer.")
    if matrix.size > MOST_NUMBERS:
        most = MOST_NUMBERS // matrix.shape[1]
        raise ValueError(f"{len(passages):,} × {matrix.shape[1]} numbers are too many for a page: show {most:,} passages.")
    if not np.isfinite(matrix).all() or not matrix.any(axis=1).all():
        bad = int(np.argmin(np.isfinite(matrix).all(axis=1) & matrix.any(axis=1)))
        raise ValueError(f"the vector of passage {bad}, {passages[bad].text[:40]!r}, is zero or holds no finite numbers.")
    return matrix


def as_question(one: object, passages: Sequence[retrieval.Passage]) -> dict:
    """{"text", "right"}: `right` are the places of the passages that hold its evidence whole; None where nobody knows."""
    text = one if isinstance(one, str) else getattr(one, "text", None)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{one!r} is no question: give a text that is not empty, or an object with such a .text.")
    document, evidence = (getattr(one, name, None) for name in ("document", "evidence"))
    if not document or not evidence:
        return {"text": text, "right": None}
    if document not in {passage.document for passage in passages}:
        raise ValueError(f"{text!r} is answered in {document!r}, of which there is no passage.")
    held = [i for i, passage in enumerate(passages) if passage.document == document and evidence in passage.text]
    return {"text": text, "right": held}


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def rounded_up(change: float) -> float:
    """The next number above with one digit."""
    digit = 10.0 ** math.floor(math.log10(max(change, 1e-12)))
    return float(f"{math.ceil(change / digit) * digit:.0e}")


def rounded_alike(matrix: np.ndarray, queries: np.ndarray, mean: np.ndarray) -> tuple:
    """Both, minus the mean, as (int8, factor of each row in float16), and the step that they share."""
    centred = [rows - mean for rows in (matrix, queries)]
    step = (max(float(np.abs(rows).max()) for rows in centred) or 1.0) / 127
    return *(rounding(rows, step) for rows in centred), step


def rounding(rows: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    exact = np.abs(rows).max(axis=1) / (127 * step)
    factors = exact.astype(np.float16)
    factors = np.where(factors < exact, np.nextafter(factors, np.float16(2)), factors)  # up: no number may exceed 127
    steps = np.where(factors > 0, step * factors.astype(np.float64), 1.0)[:, None]
    return np.rint(rows / steps).astype("<i1"), factors


# ---------------------------------------------------------------- the prompt as a form


def stand_in(passages: Sequence[retrieval.Passage], marked: bool) -> list[retrieval.Hit]:
    """Hits for asking the prompt's function: real passages, or gaps in their place."""
    hits = []
    for i, passage in enumerate(islice(passages, MOST_K)):
        text, document = (f"\ue000t{i}\ue001", f"\ue000d{i}\ue001") if marked else (passage.text, passage.document)
        hits.append(retrieval.Hit(retrieval.Passage(text, document, passage.start, passage.end), 0.5, i + 1))
    return hits


def forms(prompt: Callable, passages: Sequence[retrieval.Passage], asked: Sequence[dict]) -> dict[str, list[list]]:
    """For each script of a question and each number of passages the prompt as a list of texts and gaps, [kind, place].

    Raises ValueError where the function does more with texts than put them in: then the page could not write its prompt.
    """
    gaps = stand_in(passages, marked=True)
    found = {}
    for script, sign in SCRIPTS.items():
        asks = f"\ue000q\ue001{sign}" if script == "han" else "\ue000q\ue001"
        found[script] = []
        for n in range(1, len(gaps) + 1):
            try:
                text = prompt(asks, gaps[:n])
            except Exception as error:  # whatever the reader's function raises
                raise ValueError(f"prompt() must take any question and any passages; it raised {error!r}.") from error
            if not isinstance(text, str):
                raise ValueError(f"prompt() must return the text that the model reads, not {type(text).__name__}.")
            found[script].append(split_form(text.replace(asks, "\ue000q\ue001")))
    real = stand_in(passages, marked=False)
    samples = {("han" if keywords.HAN.search(one["text"]) else "latin"): one["text"] for one in reversed(asked)}
    for script, text in samples.items():
        for n in {1, len(real)}:
            wanted, filled = prompt(text, real[:n]), fill(found[script][n - 1], text, real)
            if wanted != filled:
                at = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(wanted, filled, strict=False)))
                raise ValueError(
                    f"prompt() may put in the question and each passage's text and document as they are, nothing else: for "
                    f"{text!r} and {n} passages it wrote {wanted[at : at + 30]!r} where the page would write "
                    f"{filled[at : at + 30]!r}."
                )
    return found


def split_form(text: str) -> list:
    parts: list = []
    at = 0
    for gap in GAP.finditer(text):
        parts += [text[at : gap.start()]] * (gap.start() > at)
        parts.append([gap[1], int(gap[2] or 0)])
        at = gap.end()
    return parts + [text[at:]] * (at < len(text))


def fill(form: list, question: str, hits: Sequence[retrieval.Hit]) -> str:
    """The prompt from its form, as the page fills it."""
    values = {
        "q": lambda _: question,
        "t": lambda i: hits[i].passage.text,
        "d": lambda i: hits[i].passage.document,
    }
    return "".join(part if isinstance(part, str) else values[part[0]](part[1]) for part in form)


def reserved(title: str, groups: Sequence[str]) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page."""
    heading = 38 * bool(title)
    lines = lines_of([7.2 * len(one) + 40 for one in groups], 322, gap=8)
    return 1534 + heading, 2430 + heading + (27 * lines if len(groups) <= 8 else 34)  # wide, the list is longer than the legend
