"""An HNSW graph: the nearest of very many vectors, found by looking at a few hundred of them.

Malkov and Yashunin (2018), *Efficient and Robust Approximate Nearest Neighbor Search Using Hierarchical Navigable Small World
Graphs*, as faiss builds it. Every vector is linked to some that are near; a search walks along the links towards the question.
What it finds is nearly always, and not surely, the nearest. It knows nothing of texts.
"""

from __future__ import annotations

import numpy as np

LINKS = 16  # of a vector to others (M in the paper): Qdrant's default
BUILD = 100  # how widely is searched for a new vector's links (ef_construct): Qdrant's default
WIDTH = 64  # how many candidates a search keeps at least (ef): more of them find more, and take longer


class Graph:
    """The graph over unit vectors, float32 [vector, width]; built at once, on one thread so that it is the same every time."""

    def __init__(self, vectors: np.ndarray) -> None:
        import faiss

        self.size = len(vectors)
        self._index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = BUILD
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            self._index.add(np.ascontiguousarray(vectors, np.float32))
        finally:
            faiss.omp_set_num_threads(threads)

    def nearest(self, vector: np.ndarray, k: int) -> list[tuple[int, float]]:
        """(row, cosine) of the `k` nearest that the walk has found, nearest first."""
        self._index.hnsw.efSearch = max(WIDTH, k)
        cosines, rows = self._index.search(np.ascontiguousarray(vector, np.float32)[None], min(k, self.size))
        return [(int(row), float(cosine)) for row, cosine in zip(rows[0], cosines[0], strict=True) if row >= 0]
