"""RetrievalView: its searches against `lmkit.retrieval`, the prompt against its function, and the reader's hands on it."""

import functools
import hashlib
import json
import random
import re
import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from browser import chromium, imported, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from book import vendor
from lmkit import retrieval
from lmkit.retrieval import Hit, Passage
from lmkit.retrieval.keywords import K1, B, Keywords
from lmkit.widgets.base import bundle
from lmkit.widgets.retrieval import RetrievalView, numbered

HOSTILE = '</script><b>x</b> & "quoted" <img src=x onerror="document.title=1">'


class Toy:
    """An encoder without a model: words that begin alike lie near one another, and so do their texts."""

    name, width = "toy", 48

    def encode(self, texts, query=False):
        rows = []
        for text in texts:
            seeds = [int(hashlib.md5(term[:4].encode()).hexdigest()[:8], 16) for term in retrieval.terms(text)] or [0]
            rows.append(sum(np.random.RandomState(seed).randn(self.width) for seed in seeds) + 0.3)
        return np.array([row / np.linalg.norm(row) for row in rows], np.float32)


@dataclass(frozen=True)
class Question:
    text: str
    document: str = ""
    evidence: str = ""


def passages(n=160):
    rng = random.Random(0)
    english = [
        "river",
        "mountain",
        "capital",
        "currency",
        "island",
        "desert",
        "harbour",
        "winter",
        "bread",
        "salt",
        "copper",
        "train",
    ]
    chinese = ["首都", "货币", "语言", "河流", "山脉", "岛屿", "沙漠", "港口", "冬天", "面包", "铜矿", "火车", "大海"]
    found = []
    for i in range(n):
        words = rng.choices(chinese, k=24) if i % 4 == 3 else rng.choices(english, k=30)
        text = ("，".join(words) + "。") if i % 4 == 3 else f"Passage{i} " + " ".join(words) + "."
        found.append(Passage(text, f"Document {i * 5 // n}" if i % 4 < 3 else "文档", 100 * i, 100 * i + len(text)))
    found[7] = Passage(f"{HOSTILE} unusual words", "Document 0", 700, 700 + len(HOSTILE) + 14)
    return found


def questions(given):
    return [
        Question("Which passage names passage20, a river and a mountain?", given[20].document, given[20].text[:40]),
        Question("首都和货币在哪里？", "文档", given[3].text[:20]),
        "What about the unusual <b>x</b> words?",
        Question("Where is the copper?", given[41].document, "evidence that was cut in two"),
        *(Question(f"river desert train {i}", given[i].document, given[i].text[:60]) for i in range(60, 90, 2)),
    ]


@dataclass
class Stored:
    """What `RetrievalView` asks of a `Retriever`."""

    passages: list
    encoder: object

    def vectors(self):
        return self.passages, self.encoder.encode([passage.text for passage in self.passages])


def bilingual(question, hits):
    chinese = any("一" <= sign <= "龥" for sign in question)
    blocks = "\n".join(f"({hit.rank}) {hit.passage.text} — {hit.passage.document}" for hit in hits)
    return f"<|user|>{question}\n根据下文回答：\n{blocks}<|end|>" if chinese else f"{blocks}\nQ: {question}\nA:"


def shown(**settings):
    given = passages()
    return RetrievalView(Stored(given, Toy()), questions(given), **({"title": "Search"} | settings))


@functools.cache
def keywords():
    return Keywords([passage.text for passage in passages()])


def searched(view, text, place, way):
    """(place of a passage, score) in order, as `Retriever.search` finds them, with the page's rounded vectors."""
    scores = keywords().scores(text)
    keyword = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] > 0]
    if way == "keyword":
        return [(i, float(scores[i])) for i in keyword]
    rows, asked = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in view.rounded())
    cosine = rows @ asked[place]
    dense = [int(i) for i in np.argsort(-cosine, kind="stable")]
    if way == "dense":
        return [(i, float(cosine[i])) for i in dense]
    return retrieval.fuse([dense[:50], keyword[:50]])


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "rt", bundle("retrieval.js")) as page:
        yield page


show = shower(".rt-name")


def listed(page, way):
    """(place of a passage, score) of the rows, by a search."""
    cells = page.locator(f'.rt-list td[data-way="{way}"]')
    cells = cells.evaluate_all("(all) => all.map(({ dataset }) => [dataset.rank, dataset.score])")
    names = page.locator(".rt-name").evaluate_all("(all) => all.map(({ dataset }) => Number(dataset.i))")
    return [(i, int(rank), float(score)) for i, (rank, score) in zip(names, cells, strict=True)]


def data(page, name):
    return page.locator(".rt-root").get_attribute(f"data-{name}")


# ---------------------------------------------------------------- arithmetic

SIGNS = [
    "abc DEF ghi'jkl don't x_y ",
    "0123 4½ ² Ⅷ １２ ",
    "首都北京的货币，是々〇人民币。",
    "ひらがなカタカナ 한국어 ",
    "éè e\u0301a\u0308 İı ẞß ﬁ ΑΣ Σας ",
    "ＦＵＬＬ ｗｉｄｔｈ　",
    "\n\t\u00a0 -—.,;:!?()[]{}|/ ",
    "𠀀𠮷豈丽 ",
    "👩🏽‍🚀🇨🇳 \u200d \ufeff",
    "مرحبا שלום ",
]


def random_text(rng):
    return "".join(rng.choice(rng.choice(SIGNS)) for _ in range(rng.randint(0, 40)))


def test_terms_are_those_of_python_and_stand_where_they_stand(module):
    rng = random.Random(0)
    texts = [*(random_text(rng) for _ in range(1500)), *(passage.text for passage in passages()), "", "１２ Ａ首都\u0301"]
    for text, found in zip(texts, module.evaluate("(texts) => texts.map(rt.termsOf)", texts), strict=True):
        assert found == retrieval.terms(text), repr(text)
    slices = "(texts) => texts.map((t) => rt.placedTerms(t).map(({ term, start, end }) => [term, t.slice(start, end)]))"
    placed = module.evaluate(slices, texts)
    told = 0
    for text, found in zip(texts, placed, strict=True):
        if not found:
            continue
        told += 1
        assert [term for term, _ in found] == retrieval.terms(text)
        assert all(term in "".join(retrieval.terms(part)) or len(part) < 3 for term, part in found), repr(text)
    assert told > 0.8 * len(texts)
    cut = module.evaluate("rt.marked('The Ｒiver, 首都北京', new Set(['river', '首都', '都北']))")
    assert [one["text"] for one in cut] == ["The ", "Ｒiver", ", ", "首都北", "京"]
    assert [one["hit"] for one in cut] == [False, True, False, True, False]


def test_bm25_is_that_of_bm25s(module):
    rng = random.Random(1)
    texts = [passage.text for passage in passages()] + ["", "，。", "river"] + [random_text(rng) for _ in range(60)]
    asked = ["river river 首都 bread", "passage20", "nothing here", "", *(random_text(rng) for _ in range(60))]
    index = Keywords(texts)
    scores = """([texts, asked, k1, b]) => { const index = rt.newIndex(texts, { k1, b });
        return asked.map((q) => [...rt.keywordScores(index, q)]); }"""
    for question, found in zip(asked, module.evaluate(scores, [texts, asked, K1, B]), strict=True):
        assert found == pytest.approx(index.scores(question).tolist(), rel=1e-6, abs=1e-6), question
    parts = """([texts, q, i, k1, b]) => { const index = rt.newIndex(texts, { k1, b });
        return [rt.keywordScores(index, q)[i], rt.partsOf(index, q, i)]; }"""
    score, added = module.evaluate(parts, [texts, asked[0], 20, K1, B])
    assert sum(one["adds"] for one in added) == pytest.approx(score, abs=1e-12)
    assert [one["adds"] for one in added] == sorted((one["adds"] for one in added), reverse=True)
    assert {one["term"]: one["asked"] for one in added}.get("river", 2) == 2


def test_fusion_is_that_of_python(module):
    rng = random.Random(2)
    for n in (3, 40, 200):
        orders = [rng.sample(range(n), n), rng.sample(range(n), n // 2)]
        found = module.evaluate("([orders, n]) => rt.fuse(orders, n, { depth: 50, constant: 60 }).order", [orders, n])
        assert found == [item for item, _ in retrieval.fuse([order[:50] for order in orders])]


# ---------------------------------------------------------------- the widget


def test_three_searches_and_the_prompt(show):
    view = shown(prompt=bilingual, k=2)
    given, asked = passages(), [one if isinstance(one, str) else one.text for one in questions(passages())]
    page = show(view, width=1100)
    select = page.get_by_role("combobox", name="Prepared questions")
    for place in (0, 1, 2):
        select.select_option(str(place))
        for way, name in (("dense", "meaning (dense)"), ("keyword", "words (BM25)"), ("both", "both (fused)")):
            page.get_by_role("radio", name=name).click()
            expected = searched(view, asked[place], place, way)
            rows = listed(page, way)
            assert [i for i, _, _ in rows] == [i for i, _ in expected[:10]]
            assert [score for _, _, score in rows] == pytest.approx([score for _, score in expected[:10]], rel=1e-6)
            for other in ("dense", "keyword", "both"):
                ranks = {i: rank for rank, (i, _) in enumerate(searched(view, asked[place], place, other), start=1)}
                assert [(i, rank) for i, rank, _ in listed(page, other)] == [(i, ranks.get(i, 0)) for i, _, _ in rows]
            for k in (2, 3) if way == "both" else ():
                page.get_by_role("slider", name="Passages in the prompt").fill(str(k))
                hits = [Hit(given[i], score, rank) for rank, (i, score) in enumerate(expected[:k], start=1)]
                assert page.locator(".rt-prompt").evaluate("(one) => one.textContent") == bilingual(asked[place], hits)
                assert page.locator(".rt-taken").count() == k
    assert page.locator(".rt-root b b, .rt-root img").count() == 0 and page.title() != "1"
    assert {"<b>x</b> ", "x", "words", "unusual"} & set(page.locator(".rt-text mark").all_inner_texts())
    expect(page.locator(".rt-sums")).to_contain_text("BM25")
    # What rounding to eight bits changes is what the view says.
    exact, queries = Toy().encode([passage.text for passage in given]), Toy().encode(asked)
    rows, rounded = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in view.rounded())
    change = np.abs(rounded @ rows.T - queries @ exact.T).max()
    assert change <= view.error < 0.01


def test_hit_or_miss_and_how_often(show):
    view = shown(by="keyword", k=1)
    page = show(view, width=1100)
    expect(page.locator(".rt-root")).to_have_attribute("data-counted", "true")
    asked = questions(passages())
    verdict = page.locator(".rt-verdict")
    expect(verdict).to_have_text("Hit: a right passage is among the first 1.")
    assert page.locator(".rt-right").count() == 1 and data(page, "first") == "20"
    known = [(place, one) for place, one in enumerate(asked) if not isinstance(one, str)]

    def rank(place, one, way):
        right = [i for i, passage in enumerate(passages()) if passage.document == one.document and one.evidence in passage.text]
        order = [i for i, _ in searched(view, one.text, place, way)]
        return min((order.index(i) + 1 for i in right if i in order), default=0)

    for k in (1, 4):
        page.get_by_role("slider", name="Passages in the prompt").fill(str(k))
        counts = [sum(0 < rank(place, one, way) <= k for place, one in known) for way in ("dense", "keyword", "both")]
        n = len(known)
        said = f"found among the first {k} by dense {counts[0]}/{n}, BM25 {counts[1]}/{n}, both {counts[2]}/{n}."
        expect(page.locator(".rt-totals")).to_contain_text(said)
    page.get_by_role("slider", name="Passages in the prompt").fill("1")
    missed = next((place, one) for place, one in known if rank(place, one, "keyword") > 1)
    page.get_by_role("combobox", name="Prepared questions").select_option(str(missed[0]))
    names = {"dense": "dense", "keyword": "BM25", "both": "both"}
    ranks = ", ".join(f"{name} {rank(*missed, way) or 'none'}" for way, name in names.items())
    expect(verdict).to_have_text(f"Miss: no right passage is among the first 1. Ranks of the best one: {ranks}.")
    page.get_by_role("combobox", name="Prepared questions").select_option("3")
    expect(verdict).to_contain_text("no passage holds the whole evidence")
    page.get_by_role("combobox", name="Prepared questions").press("ArrowUp")
    expect(verdict).to_have_text("Nobody has marked a right passage for this question.")
    page.get_by_role("button", name="Previous question").click()
    assert data(page, "at") == "1"


IME = """([text, composing]) => {
    const box = document.querySelector(".rt-ask textarea");
    box.value = text;
    box.dispatchEvent(composing ? new InputEvent("input", { isComposing: true }) : new CompositionEvent("compositionend"));
}"""


def test_a_question_of_the_readers_own(show):
    view = shown(k=3)
    page = show(view, width=1100)
    box = page.get_by_role("textbox", name="Question")
    box.fill("salt and copper, salt")
    expected = searched(view, "salt and copper, salt", -1, "keyword")
    for row, rank, (i, score) in zip(listed(page, "keyword"), range(1, 11), expected[:10], strict=True):
        assert row == (i, rank, pytest.approx(score, rel=1e-6))
    assert {rank for _, rank, _ in listed(page, "dense") + listed(page, "both")} == {0}
    expect(page.locator(".rt-new")).to_contain_text("only the encoder (toy) can make one")
    expect(page.locator(".rt-overlap")).to_contain_text("has no vector here")
    assert page.get_by_role("radio", name="meaning (dense)").is_disabled() and data(page, "at") == "-1"
    hits = [Hit(passages()[i], score, rank) for rank, (i, score) in enumerate(expected[:3], start=1)]
    assert page.locator(".rt-prompt").evaluate("(one) => one.textContent") == numbered("salt and copper, salt", hits)
    page.evaluate(IME, ["huo", True])
    assert listed(page, "keyword")[0][0] == expected[0][0], "an input method is still writing"
    page.evaluate(IME, ["火车", False])
    assert [i for i, _, _ in listed(page, "keyword")] == [i for i, _ in searched(view, "火车", -1, "keyword")[:10]]
    box.fill("zzz")
    expect(page.locator(".rt-new")).to_contain_text("No passage holds any of these words.")
    assert page.locator(".rt-name").count() == 0 and page.locator(".rt-prompt").inner_text() == ""
    expect(page.locator(".rt-whole .rt-head")).to_contain_text("nothing to put into a prompt")
    box.fill("  ")
    expect(page.locator(".rt-new")).to_contain_text("Write a question.")
    box.press("Enter")
    assert box.input_value() == "  "
    box.fill("首都和货币在哪里？")  # it is one of the prepared ones, and has its vector again
    assert data(page, "at") == "1" and data(page, "way") == "dense" and page.locator(".rt-new").count() == 0


def test_passages_by_keys_and_by_mouse(show):
    view = shown()
    page = show(view, width=1100, motion="reduce")
    first = int(data(page, "first"))
    names = page.locator(".rt-name")
    assert int(data(page, "picked")) == first
    names.first.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    third = listed(page, "dense")[2][0]
    assert int(data(page, "picked")) == third and names.nth(2).get_attribute("aria-pressed") == "true"
    given = passages()[third]
    assert page.locator(".rt-text").evaluate("(one) => one.textContent") == given.text
    expect(page.locator(".rt-where")).to_have_text(f"{given.document}, characters {given.start:,} to {given.end:,}")
    page.get_by_role("button", name="Passage after it").click()
    assert int(data(page, "picked")) == third + 1
    stage = page.locator(".rt-stage")
    stage.focus()
    page.keyboard.press("Home")
    assert int(data(page, "picked")) == first
    seen = {first}
    for key in ("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft") * 3:
        page.keyboard.press(key)
        seen.add(int(data(page, "picked")))
    assert len(seen) > 3
    expect(page.locator("[role=status]")).to_contain_text(", passage ")
    before = data(page, "picked")
    box = stage.bounding_box()
    for x in range(20, 400, 12):
        stage.click(position={"x": x, "y": box["height"] / 2})
        if data(page, "picked") != before:
            break
    assert data(page, "picked") != before


def test_the_question_moves_and_the_map_is_the_first_components(show, module):
    view = shown()
    rows, asked = view.rounded()
    centred = Toy().encode([passage.text for passage in passages()]).astype(float)
    mean = centred.mean(0)
    values, axes = np.linalg.eigh((centred - mean).T @ (centred - mean))
    assert view.variance == pytest.approx((values[::-1][:2] / values.sum()).tolist())
    page = show(view, width=1100)
    places, question = ((one - mean) @ axes[:, ::-1][:, :2] for one in (rows, asked))
    for place in (0, 4):
        page.get_by_role("combobox", name="Prepared questions").select_option(str(place))
        near = np.argsort(np.linalg.norm(places - question[place], axis=1))[:3].tolist()
        shared = len(set(near) & {i for i, _ in searched(view, questions(passages())[place].text, place, "dense")[:3]})
        expect(page.locator(".rt-overlap")).to_contain_text(f", {shared or 'none'} ")
    assert data(page, "moving") == "true"
    moving = page.locator(".rt-stage canvas").last.evaluate("(canvas) => canvas.toDataURL()")
    expect(page.locator(".rt-root")).to_have_attribute("data-moving", "false")
    assert page.locator(".rt-stage canvas").last.evaluate("(canvas) => canvas.toDataURL()") != moving


SHIFTS = """window.shifted = 0;
const own = ({ sources }) => sources.some(({ node }) => node?.closest?.(".lmkit"));
new PerformanceObserver((list) => list.getEntries().filter(own).forEach((one) => (shifted += one.value)))
    .observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.parametrize(("width", "dark"), [(360, False), (720, True)])
def test_it_fits_and_stands_still(show, width, dark):
    page = show(shown(), width=width, dark=dark, before=SHIFTS)
    assert not scrolls_sideways(page)
    height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
    assert abs(height - shown()._height[0 if width > 600 else 1]) < 0.04 * height, height
    assert page.evaluate("shifted") == 0
    page.get_by_role("textbox", name="Question").fill("salt")
    assert not scrolls_sideways(page)
    page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    found = page.evaluate("async () => (await axe.run('.lmkit', { resultTypes: ['violations'] })).violations")
    lines = [f"{v['impact']}: {v['help']}: {node['html'][:200]}" for v in found for node in v["nodes"][:3]]
    assert not [line for line in lines if line.startswith(("serious", "critical"))], "\n".join(lines)


# ---------------------------------------------------------------- Python


def test_a_real_retriever_finds_the_same():
    given = passages(60)
    with retrieval.Retriever(Toy()) as retriever:
        retriever.add(given)
        view = RetrievalView(retriever, questions(passages())[:3], k=4)
        stored, _ = retriever.vectors()
        rows, asked = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in view.rounded())
        for place, one in enumerate(questions(passages())[:3]):
            text = one if isinstance(one, str) else one.text
            hits = retriever.search(text, k=4)
            scores = rows @ asked[place]
            assert [hit.score for hit in hits] == pytest.approx(np.sort(scores)[::-1][:4].tolist(), abs=2 * view.error)
            assert scores[stored.index(hits[0].passage)] == pytest.approx(scores.max(), abs=2 * view.error)
    opened = json.loads(zlib.decompress(view.passages, wbits=-15))
    assert [Passage(text, view.documents[at], start, end) for text, at, start, end in opened] == stored


def test_it_says_what_it_shows_and_stays_small():
    view = shown()
    best, score = searched(view, "", 0, "dense")[0]
    assert repr(view) == (
        f"RetrievalView(160 passages of 6 documents × 48 numbers; the map keeps {100 * sum(view.variance):.0f} % of the "
        f"variance; 19 questions, 17 with a right passage marked; nearest to 'Which passage names passage20, a river and a "
        f"mountain?': {passages()[best].document!r} {score:.2f})"
    )
    rng = np.random.default_rng(0)

    class Wide(Toy):
        width = 384

        def encode(self, texts, query=False):
            rows = rng.normal(size=(len(texts), self.width))
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    english = "".join(passage.text for passage in passages() if passage.document != "文档")
    many = [Passage(english[20 * i : 20 * i + 500], f"Document {i % 9}", i, i + 500) for i in range(400)]
    large = RetrievalView(Stored(many, Wide()), [f"question {i}" for i in range(60)])
    held = (large.passages, large.vectors, large.factors, large.frame, large.questions, large.query_vectors, large.query_factors)
    assert sum(map(len, held)) < 300_000  # 400 kB as base64 in a page


def bad(**settings):
    return lambda: shown(**settings)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (bad(by="meaning"), "by='meaning': choose one of dense, keyword, both."),
        (bad(k=0), "k=0: give a whole number of passages from 1 to 10."),
        (bad(prompt=lambda question, hits: question.upper()), "a river and a mountain?' and 1 passages it wrote 'WHICH"),
        (bad(prompt=lambda question, hits: hits[0].passage.text[:9]), "as they are, nothing else"),
        (bad(prompt=lambda question, hits: [question]), "prompt() must return the text that the model reads, not list."),
        (bad(prompt=lambda question, hits: hits[9].text), "it raised IndexError"),
        (lambda: RetrievalView(Stored(passages(), Toy()), []), "0 questions: give a list of 1 to 400 questions."),
        (lambda: RetrievalView(Stored(passages(), Toy()), "Why?"), "'Why?': give a list of 1 to 400 questions."),
        (lambda: RetrievalView(Stored(passages(), Toy()), [" "]), "' ' is no question"),
        (lambda: RetrievalView(Stored(passages(), Toy()), [Question("a", "b", "c")]), "'a' is answered in 'b', of which there"),
        (lambda: RetrievalView(Stored(passages()[:2], Toy()), ["a"]), "2 passages: RetrievalView shows 3 to 2,000."),
    ],
)  # fmt: skip
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
