"""A collection of passages in Qdrant, searched by meaning, by words, or by both.

The same code runs on a collection in memory, in a folder, on a Qdrant server and on a cluster of them: only the argument of
`Retriever` changes. In memory and in a folder the client compares the question with every vector, unless graph=True asks for an
HNSW graph (`lmkit.retrieval.graph`); a server builds one itself once a collection has grown large. Open only folders that you
or people you trust have made: the client keeps its points there as pickles, and opening a pickle can run any code.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from lmkit.retrieval.graph import Graph
from lmkit.retrieval.keywords import Keywords
from lmkit.retrieval.passages import Passage

BATCH = 256  # passages that are embedded and stored at once
DEPTH = 50  # how far down either list is read for by="both"
RRF = 60  # Cormack, Clarke and Buettcher (2009): the constant that keeps a first place from counting for everything
NAMESPACE = uuid.UUID("6f0c9d1e-6f5e-5b0e-9f0f-1d2b7a0c5e15")


class TextEncoder(Protocol):
    """What `Retriever` asks of an encoder: `Encoder` has it, and anything else with these three may stand in its place."""

    name: str
    width: int

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray: ...


@dataclass(frozen=True)
class Hit:
    """A passage that was found. `rank` counts from 1; `score` is the cosine ("dense"), BM25 ("keyword"), the sum of reciprocal
    ranks ("both") or the likelihood of the question (`rerank`): compare scores of one search only."""

    passage: Passage
    score: float
    rank: int


def fuse(rankings: Sequence[Sequence], constant: int = RRF) -> list[tuple[object, float]]:
    """Reciprocal rank fusion: every list gives each of its items 1 / (constant + rank), ranks from 1; the sums decide.

    Cormack, Clarke and Buettcher (2009), *Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning Methods*.
    Returns (item, sum), the largest first; equal sums in the order in which the items first stood.
    """
    sums: dict = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            sums[item] = sums.get(item, 0.0) + 1 / (constant + rank)
    return sorted(sums.items(), key=lambda pair: -pair[1])


class Retriever:
    """Passages, their vectors and their words. `add`, `search`, `vectors`, `len`; `close` (or `with`) lets a folder go."""

    def __init__(
        self,
        encoder: TextEncoder,
        path: str | os.PathLike | None = None,
        url: str | None = None,
        collection: str = "passages",
        api_key: str | None = None,
        graph: bool = False,
    ) -> None:
        """Open or make a collection: in memory, in the folder `path`, or on the server or cluster at `url` (with its `api_key`).

        graph=True is for tens of thousands of passages in memory or in a folder: the first dense search builds an HNSW graph in
        memory, about a minute for 100,000, and this and all later ones walk along it. They are nearly exact, and quick.

        Raises ValueError when both `path` and `url` are given, for a graph on a server, which builds its own, or when the
        collection holds vectors of another encoder; RuntimeError when the folder is in use by another Retriever, or the server
        too old to say which encoder a collection is for; ConnectionError, as every other method does, when no Qdrant answers
        at `url`.
        """
        if path is not None and url is not None:
            raise ValueError("A collection is in a folder (path=) or on a server (url=): give one of them, or neither.")
        if graph and url is not None:
            raise ValueError("A Qdrant server builds its graph itself: leave out graph=True, or url=.")
        self.encoder, self.collection, self.graph = encoder, collection, graph
        self.place = f"in {os.fspath(path)!r}" if path is not None else f"at {url}" if url else "in memory"
        self._keywords: tuple[list[Passage], Keywords] | None = None
        self._graph: tuple[list[Passage], Graph] | None = None
        self._client = self._connect(path, url, api_key)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"Retriever({len(self)} passages {self.place}, by {self.encoder.name} in {self.encoder.width} numbers each)"

    def __len__(self) -> int:
        return self._ask("count", exact=True).count

    def __enter__(self) -> Retriever:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Let the folder or the connection go. What was added stays, except in memory."""
        self._client.close()

    # Opening

    def _connect(self, path, url, api_key):
        from qdrant_client import QdrantClient

        if url is not None:
            return QdrantClient(url=url, api_key=api_key, timeout=30, check_compatibility=False)
        try:
            return QdrantClient(path=os.fspath(path)) if path is not None else QdrantClient(":memory:")
        except RuntimeError as error:
            if "already accessed" not in str(error):
                raise
            raise RuntimeError(
                f"The folder {os.fspath(path)!r} is open in another Retriever, here or in another program. Call its close(), "
                "restart that kernel, or run a Qdrant server, which serves many at once: Retriever(encoder, url=…)."
            ) from error

    def _open(self) -> None:
        from qdrant_client import models

        mine = {"encoder": self.encoder.name, "width": self.encoder.width}
        if new := not self._ask("collection_exists"):
            vectors = models.VectorParams(size=self.encoder.width, distance=models.Distance.COSINE)
            self._ask("create_collection", vectors_config=vectors, metadata=mine)
        theirs = self._ask("get_collection").config.metadata or {}
        if new and not theirs:
            raise RuntimeError(
                f"The Qdrant server {self.place} keeps no metadata with a collection: it is older than 1.16. Update it."
            )
        if theirs != mine:
            known = "encoder" in theirs
            made = f"{theirs['encoder']}, {theirs['width']} numbers each" if known else "something other than lmkit"
            raise ValueError(
                f"The collection {self.collection!r} {self.place} holds vectors made by {made}; yours come from "
                f"{self.encoder.name}, {self.encoder.width} numbers each. Vectors of two encoders cannot be compared: use that "
                "encoder, or give another name as collection=."
            )

    def _ask(self, method: str, *arguments, **options):
        """Call a method of the client on this collection. Raises ConnectionError when the server is silent or refuses."""
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        try:
            return getattr(self._client, method)(self.collection, *arguments, **options)
        except ResponseHandlingException as error:
            raise ConnectionError(
                f"No Qdrant server answers {self.place}: {error}. Is it running, and is the address right?"
            ) from error
        except UnexpectedResponse as error:
            raise ConnectionError(f"What answers {self.place} refuses: {error.status_code} {error.reason_phrase}.") from error

    # Adding

    def add(self, passages: Sequence[Passage]) -> int:
        """Embed and store `passages`; return how many were new. What is there already (same document, place and text) is left.

        Stored in batches: if it is interrupted, call it again with the same passages and it goes on.
        """
        from qdrant_client import models

        new = 0
        unique = list({_identity(passage): passage for passage in passages}.items())
        for first in range(0, len(unique), BATCH):
            batch = dict(unique[first : first + BATCH])
            there = self._ask("retrieve", list(batch), with_payload=False)
            batch = {key: passage for key, passage in batch.items() if key not in {str(record.id) for record in there}}
            if not batch:
                continue
            vectors = self.encoder.encode([passage.text for passage in batch.values()])
            points = [
                models.PointStruct(id=key, vector=vector.tolist(), payload=dict(vars(passage)))
                for (key, passage), vector in zip(batch.items(), vectors, strict=True)
            ]
            self._ask("upsert", points, wait=True)
            new += len(points)
        self._keywords = self._graph = None
        return new

    # Searching

    def search(self, question: str, k: int = 5, by: str = "dense") -> list[Hit]:
        """The `k` passages that fit the question best, best first.

        by="dense"    the largest cosine between the vectors of the question and of the passage (with graph=True: nearly always)
        by="keyword"  the largest BM25 (`lmkit.retrieval.keywords`); passages that share no term with the question are not listed
        by="both"     reciprocal rank fusion (`fuse`) of the first 50 of either

        Raises ValueError for an empty question, k below 1, another `by`, or a collection with nothing in it.
        """
        if not isinstance(question, str) or not question.strip():
            raise ValueError(f"The question is empty: there is nothing to search for in {question!r}.")
        if k < 1:
            raise ValueError(f"k is how many passages to find, at least 1; got {k}.")
        ways = {"dense": self._dense, "keyword": self._keyword, "both": self._both}
        if by not in ways:
            raise ValueError(f"by={by!r} is no way to search: use 'dense', 'keyword' or 'both'.")
        if len(self) == 0:
            raise ValueError(f"There is nothing to search {self.place}: add(passages) first.")
        return [Hit(passage, float(score), rank) for rank, (passage, score) in enumerate(ways[by](question, k), start=1)]

    def _dense(self, question: str, k: int) -> list[tuple[Passage, float]]:
        vector = self.encoder.encode([question], query=True)[0]
        if self.graph:
            return self._walk(vector, k)
        found = self._ask("query_points", query=vector.tolist(), limit=k, with_payload=True).points
        return [(Passage(**point.payload), point.score) for point in found]

    def _walk(self, vector: np.ndarray, k: int) -> list[tuple[Passage, float]]:
        if self._graph is None or self._graph[1].size != len(self):  # another program may have added to the collection
            passages, vectors = self.vectors()
            self._graph = passages, Graph(vectors)
        passages, graph = self._graph
        return [(passages[row], cosine) for row, cosine in graph.nearest(vector, k)]

    def _keyword(self, question: str, k: int) -> list[tuple[Passage, float]]:
        if self._keywords is None or self._keywords[1].size != len(self):  # another program may have added to the collection
            passages = [passage for passage, _ in self._all()]
            self._keywords = passages, Keywords([passage.text for passage in passages])
        passages, index = self._keywords
        scores = index.scores(question)
        best = np.argsort(-scores, kind="stable")[:k]
        return [(passages[row], scores[row]) for row in best if scores[row] > 0]

    def _both(self, question: str, k: int) -> list[tuple[Passage, float]]:
        lists = [[passage for passage, _ in way(question, max(k, DEPTH))] for way in (self._dense, self._keyword)]
        return fuse(lists)[:k]

    # Everything that is stored

    def vectors(self) -> tuple[list[Passage], np.ndarray]:
        """All passages, in the order of their documents and places, and their vectors, float32 [passage, width]."""
        everything = self._all(vectors=True)
        stacked = np.array([vector for _, vector in everything], np.float32).reshape(len(everything), self.encoder.width)
        return [passage for passage, _ in everything], stacked

    def _all(self, vectors: bool = False) -> list[tuple[Passage, list[float] | None]]:
        found = [(Passage(**record.payload), record.vector) for record in self._scroll(vectors)]
        return sorted(found, key=lambda pair: (pair[0].document, pair[0].start, pair[0].end, pair[0].text))

    def _scroll(self, vectors: bool) -> Iterator:
        offset = None
        while True:
            records, offset = self._ask("scroll", limit=1000, offset=offset, with_payload=True, with_vectors=vectors)
            yield from records
            if offset is None:
                return


def _identity(passage: Passage) -> str:
    """The same passage has the same id on every machine and in every run."""
    return str(uuid.uuid5(NAMESPACE, "\0".join((passage.document, str(passage.start), str(passage.end), passage.text))))


def ranked(hits: Sequence[Hit], scores: Sequence[float]) -> list[Hit]:
    """The hits with new scores, best first, and ranks to match; equal scores keep their order."""
    order = sorted(range(len(hits)), key=lambda row: -scores[row])
    return [replace(hits[row], score=float(scores[row]), rank=rank) for rank, row in enumerate(order, start=1)]
