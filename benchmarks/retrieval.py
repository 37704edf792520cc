"""Searching 100,000 passages: exact comparison against HNSW graphs, in time, recall and memory; and indexing the whole book.

    python -m benchmarks.retrieval [index] [words] [scale] [paper]

`index`: the course in both languages is split, embedded and stored. `words`: how Chinese is best cut for keyword search. `scale`:
100,000 vectors of 384 numbers that have the structure of real ones (each is a passage of the course with noise that has the
covariance of all of them), then the hardest case, directions drawn at random, then real vectors alone, as many as there are.
`paper`: how many bytes a million would take.
Every method answers the same 200 questions one by one, in one thread; recall@10 is the share of the ten nearest that it finds.
Times are medians; memory is what the process has grown by. Qdrant Edge (`pip install qdrant-edge-py`) is the server's engine
inside this process.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np

from lmkit import course, retrieval

COUNT, QUESTIONS, NEAREST = 100_000, 200, 10
M, BUILD_EF = 16, 100  # links of a point in the graph, and how wide is searched while it is built: Qdrant's defaults
WIDTHS = (16, 32, 64, 128, 256)


def passages(language: str, size: int = 500, overlap: int = 100) -> list[retrieval.Passage]:
    return [p for document in course.documents(language) for p in retrieval.split(document.text, size, overlap, document.id)]


def table(*columns: str, words: int) -> None:
    print(f"| {' | '.join(columns)} |\n|{'---|' * words}{'--:|' * (len(columns) - words)}", flush=True)


# Indexing


def index() -> None:
    columns = ("documents", "passages", "split", "embed and store", "processor time", "a question encoded", "found, by both")
    table("encoder", "language", *columns, words=2)
    for name, languages in {"minilm-l6": ("en",), "e5-small-multilingual": ("en", "zh")}.items():
        encoder = retrieval.Encoder(name)
        encoder.encode(["warm up"])
        for language in languages:
            documents, start = len(course.documents(language)), time.perf_counter()
            cut = passages(language)
            between, processor = time.perf_counter(), time.process_time()
            with tempfile.TemporaryDirectory() as folder, retrieval.Retriever(encoder, path=folder) as retriever:
                retriever.add(cut)
                end, processor = time.perf_counter(), time.process_time() - processor
                questions = [question.text for question in course.questions(language)][:50]
                encoded = milliseconds(lambda question: encoder.encode([question], query=True), questions)  # noqa: B023
                found = milliseconds(lambda question: retriever.search(question, by="both"), questions)
            row = f"{documents} | {len(cut)} | {between - start:.2f} s | {end - between:.1f} s | {processor:.1f} s"
            print(f"| {name} | {language} | {row} | {encoded:.1f} ms | {found:.1f} ms |", flush=True)


def milliseconds(call: Callable, items: list) -> float:
    """The median time of `call` on one of the items, after the first."""
    times = []
    for item in items:
        start = time.perf_counter()
        call(item)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[1:])


# How to cut Chinese into terms


def words() -> None:
    """Hit@k of BM25 over the Chinese documents for four ways to cut a run of Chinese characters."""
    from lmkit.retrieval import keywords

    ways: dict[str, Callable[[str], list[str]]] = {
        "single characters": lambda run: list(run),
        "pairs (ours)": lambda run: [run[place : place + 2] for place in range(len(run) - 1)] or [run],
        "both": lambda run: list(run) + [run[place : place + 2] for place in range(len(run) - 1)],
    }
    try:
        import jieba

        jieba.setLogLevel("ERROR")
        ways["words (jieba)"] = lambda run: list(jieba.cut_for_search(run))
    except ImportError:
        print("(jieba is not installed, so words are left out)")
    documents, questions = course.documents("zh"), course.questions("zh")
    table(f"{len(questions)} questions, {len(documents)} documents", "hit@1", "hit@5", words=1)
    ours = keywords.terms
    try:
        for name, cut in ways.items():
            keywords.terms = lambda text, cut=cut: [
                term for run in keywords.RUN.findall(text.lower()) for term in (cut(run) if keywords.HAN.match(run) else [run])
            ]
            scores = retrieval.Keywords([document.text for document in documents])
            ranks = []
            for question in questions:
                best = np.argsort(-scores.scores(question.text), kind="stable")
                ranks.append([documents[row].id for row in best].index(question.document))
            print(f"| {name} | {np.mean(np.array(ranks) < 1):.1%} | {np.mean(np.array(ranks) < 5):.1%} |", flush=True)
    finally:
        keywords.terms = ours


# Scale


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def real(size: int = 60, overlap: int = 0) -> np.ndarray:
    """The vectors of many short passages of the course, kept in a file between runs."""
    kept = os.path.join(tempfile.gettempdir(), f"lmkit-vectors-{size}-{overlap}.npy")
    if not os.path.exists(kept):
        texts = list({passage.text: None for passage in passages("en", size, overlap) if len(passage.text) > 20})
        np.save(kept, retrieval.Encoder("minilm-l6").encode(texts))
    return np.load(kept)


def around(vectors: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` vectors near real ones: one of them, and noise with the covariance of all, three quarters as large.

    So near that the tenth neighbour is about as close as it is among real passages, had one 100,000 of them.
    """
    spread = np.linalg.cholesky(np.cov(vectors.T) + 1e-6 * np.eye(vectors.shape[1])).astype(np.float32)
    noise = rng.standard_normal((count, vectors.shape[1]), np.float32) @ spread.T
    return unit(vectors[rng.integers(len(vectors), size=count)] + 0.75 * noise)


def data(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if kind == "random directions":
        return tuple(unit(rng.standard_normal((count, 384), np.float32)) for count in (COUNT, QUESTIONS))
    vectors = real()
    if kind == "like real passages":
        return around(vectors, COUNT, rng), around(vectors, QUESTIONS, rng)
    questions = [question.text for question in course.questions("en")]
    return vectors, retrieval.Encoder("minilm-l6").encode(questions, query=True)


def resident() -> float:
    """Megabytes of memory that this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


Search = Callable[[np.ndarray], np.ndarray]  # the ten nearest rows to one question


def numpy_exact(vectors: np.ndarray) -> Iterator[tuple[str, Search]]:
    def search(question: np.ndarray) -> np.ndarray:
        scores = vectors @ question
        return np.argpartition(-scores, NEAREST)[:NEAREST]

    yield "exact", search


def client(vectors: np.ndarray) -> Iterator[tuple[str, Search]]:
    """The embedded client, as `Retriever` uses it without a server."""
    import warnings

    from qdrant_client import QdrantClient, models

    store = QdrantClient(":memory:")
    store.create_collection("c", vectors_config=models.VectorParams(size=vectors.shape[1], distance=models.Distance.COSINE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that a server is better above 20,000 points, which is what is measured here
        for first in range(0, len(vectors), 1000):
            rows = range(first, min(first + 1000, len(vectors)))
            store.upsert("c", models.Batch(ids=list(rows), vectors=vectors[rows].tolist()))
    yield "exact", lambda question: np.array([p.id for p in store.query_points("c", query=question, limit=NEAREST).points])


def retriever(vectors: np.ndarray) -> Iterator[tuple[str, Search]]:
    """`Retriever(graph=True)` as a program uses it, but for the encoding: passages in Qdrant, found by a walk, as hits."""
    import warnings

    class Question(str):
        """A text that carries its vector, as if it had just been encoded."""

        vector: np.ndarray

    class Kept:
        name, width = "kept", vectors.shape[1]

        def encode(self, texts: list, query: bool = False) -> np.ndarray:
            return texts[0].vector[None] if query else vectors[[int(text) for text in texts]]

    store = retrieval.Retriever(Kept(), graph=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the client advises a server above 20,000 points
        store.add([retrieval.Passage(str(row), "all", row, row + 1) for row in range(len(vectors))])

    def search(vector: np.ndarray) -> np.ndarray:
        question = Question("a question")
        question.vector = vector
        return np.array([int(hit.passage.text) for hit in store.search(question, k=NEAREST)])

    search(vectors[0])  # builds the graph
    yield "graph=True", search


def faiss_hnsw(vectors: np.ndarray) -> Iterator[tuple[str, Search]]:
    import faiss

    faiss.omp_set_num_threads(1)
    graph = faiss.IndexHNSWFlat(vectors.shape[1], M, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = BUILD_EF
    graph.add(vectors)
    for width in WIDTHS:
        graph.hnsw.efSearch = width
        yield f"ef {width}", lambda question: graph.search(question[None], NEAREST)[1][0]


def edge(vectors: np.ndarray) -> Iterator[tuple[str, Search]]:
    """Qdrant Edge: the engine of the Qdrant server, embedded."""
    import qdrant_edge as q

    with tempfile.TemporaryDirectory() as folder:
        shard = q.EdgeShard.create(
            folder,
            q.EdgeConfig(
                vectors=q.EdgeVectorParams(size=vectors.shape[1], distance=q.Distance.Cosine),
                hnsw_config=q.HnswIndexConfig(m=M, ef_construct=BUILD_EF, full_scan_threshold=10, max_indexing_threads=1),
                optimizers=q.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1000),
                max_search_threads=1,
            ),
        )
        for first in range(0, len(vectors), 5000):
            points = [q.Point(first + row, vector.tolist()) for row, vector in enumerate(vectors[first : first + 5000])]
            shard.update(q.UpdateOperation.upsert_points(points))
        while shard.optimize():
            pass
        print(f"(Qdrant Edge: {shard.info().indexed_vectors_count:,} of {len(vectors):,} vectors are in its graph)")
        for name, options in [("exact", {"exact": True}), *((f"ef {width}", {"hnsw_ef": width}) for width in WIDTHS)]:
            params = q.SearchParams(**options)

            def search(question: np.ndarray, params=params) -> np.ndarray:
                nearest = q.Query.Nearest(question.tolist())
                return np.array([int(p.id) for p in shard.query(q.QueryRequest(NEAREST, query=nearest, params=params))])

            yield name, search
        shard.close()


METHODS = {
    "numpy": numpy_exact,
    "Qdrant client, embedded": client,
    "Retriever": retriever,
    "faiss HNSW": faiss_hnsw,
    "Qdrant Edge, HNSW": edge,
}


def measure(name: str, vectors: np.ndarray, questions: np.ndarray, nearest: list[set]) -> None:
    """Print a row for each setting. Processor time is that of the whole process, and does not count the work of others."""
    before, start = resident(), time.process_time()
    build = None
    for setting, search in METHODS[name](vectors):
        if build is None:
            build, grown = time.process_time() - start, resident() - before
        search(questions[0])
        times, found = [], 0
        for question, wanted in zip(questions, nearest, strict=True):
            begin, processor = time.perf_counter(), time.process_time()
            rows = search(question)
            times.append((1e3 * (time.perf_counter() - begin), 1e3 * (time.process_time() - processor)))
            found += len(wanted & set(rows.tolist()))
        recall = found / (NEAREST * len(questions))
        clock, processor = map(statistics.median, zip(*times, strict=True))
        print(
            f"| {name} | {setting} | {recall:.3f} | {clock:.2f} ms | {processor:.2f} ms | {build:.0f} s | {grown:.0f} MB |",
            flush=True,
        )


def scale(kinds: list[str], methods: list[str]) -> None:
    for kind in kinds:
        vectors, questions = data(kind, np.random.default_rng(0))
        cosines = questions @ vectors.T
        order = np.argsort(-cosines, axis=1)[:, :NEAREST]
        tenth = np.median(np.take_along_axis(cosines, order, axis=1)[:, -1])
        print(f"\n{kind}: {len(vectors):,} vectors, {len(questions)} questions; cosine of the tenth nearest {tenth:.2f}\n")
        table("method", "setting", "recall@10", "clock", "processor", "to build", "memory", words=2)
        for name in methods:
            measure(name, vectors, questions, [set(row) for row in order.tolist()])


# On paper


def paper() -> None:
    """A graph holds 2 M links of 4 bytes for each point in its lowest layer, and M in each further one; one in M points rises."""
    table("passages", "vectors, float32", "vectors, int8", "graph, M 16", "texts of 500 bytes", words=0)
    for count in (100_000, 1_000_000, 100_000_000):
        links = 4 * M * (2 + 1 / (M - 1))
        sizes = [f"{count * size / 1e9:,.2f} GB" for size in (384 * 4, 384, links, 500)]
        print(f"| {count:,} | {' | '.join(sizes)} |")


KINDS = ["like real passages", "random directions", "real passages"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["index", "words", "scale", "paper"])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=None)
    options = parser.parse_args()
    if options.methods is None:
        import importlib.util

        there = importlib.util.find_spec("qdrant_edge") is not None
        options.methods = [name for name in METHODS if there or name != "Qdrant Edge, HNSW"]
    for part in options.parts:
        {"index": index, "words": words, "paper": paper, "scale": lambda: scale(options.kinds, options.methods)}[part]()


if __name__ == "__main__":
    main()
