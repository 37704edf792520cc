"""AttentionView: its arithmetic in Chromium against NumPy, its payload, and every control in a page against the trace.

What a page shows is compared with arrays computed here from the trace: the cells of the matrix by their colours, which
stand for weights, and numbers, tables and files by their values.
"""

import base64
import csv
import io
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np
import pytest
import torch
from browser import chromium, imported, pages, scrolls_sideways, with_fake_model  # noqa: F401
from playwright.sync_api import expect

from book import vendor
from lmkit.trace import Trace
from lmkit.widgets.attention import AttentionView, pool_max, quantise
from lmkit.widgets.base import bundle, page

TEXT = ["The", " animal", " didn", "'t", " cross", " it", " was", " too", " tired"]
HOSTILE = [
    "<s>",
    "</script>",
    "<img src=x onerror=alert(1)>",
    "👩🏽‍🚀",
    "<0xE4><0xBB>",
    "مرحبا",
    "\n",
    "",
    " ",
    "动物园里的长颈鹿和大象都很高兴",
    '=1+"1"',
    "a,b",
]
STEP = 1 / 255  # of the stored weights


# ---------------------------------------------------------------- traces


def weights(layers, heads, queries, keys, mask="full", windows=None, seed=0):
    """Attention [layer, head, query, key] with a strong first token, like a real model's, and rows that sum to 1."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(layers, heads, queries, keys, generator=generator) * 1.5
    scores[..., 0] += 1.5
    query, key = torch.arange(queries)[:, None], torch.arange(keys)[None]
    for layer in range(layers if mask == "causal" else 0):
        window = (windows or [None] * layers)[layer]
        scores[layer, :, (key > query) | (key <= query - (window or keys + queries))] = -torch.inf
    return scores.softmax(-1)


def trace(tokens=TEXT, layers=3, heads=4, mask="causal", windows=None, kv_heads=None, seed=0, source=None, name="tiny"):
    queries = len(tokens)
    encoder = source and trace(source, layers, heads, "full", name=name)
    return Trace(
        tokens=list(tokens),
        ids=list(range(queries)),
        attention=weights(layers, heads, queries, queries, mask, windows, seed),
        hidden=torch.zeros(layers + 1, queries, 2),
        logits=None,
        kind="encoder-decoder" if source else "decoder" if mask == "causal" else "encoder",
        mask=mask,
        windows=windows or [None] * layers,
        n_kv_heads=kv_heads or heads,
        model_name=name,
        encoder=encoder,
        cross_attention=weights(layers, heads, queries, len(source), seed=seed + 1) if source else None,
    )


def stored(attention) -> np.ndarray:
    """The weights as the browser has them, in double precision."""
    return quantise(np.asarray(attention)) / 255


def without_first(matrix) -> np.ndarray:
    rest = matrix.copy()
    rest[..., 0] = 0
    left = rest.sum(-1, keepdims=True)
    return np.divide(rest, left, out=np.zeros_like(rest), where=left > 0)


# ---------------------------------------------------------------- the arithmetic


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    """A blank page with `attention.js` as `attention`, and `run(js, *arrays)` that hands it Float32Arrays or Uint8Arrays."""
    with imported(chromium, "attention", bundle("attention.js")) as blank:
        blank.evaluate(
            """() => {
                window.open = ({ kind, text }) => {
                    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                    return kind === "|u1" ? bytes : new Float32Array(bytes.buffer);
                };
                window.plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
            }"""
        )
        yield blank


def run(module, expression, *arguments):
    """Evaluates `expression` with a, b, c, … bound to the arguments; arrays go as typed arrays and come back as lists."""
    sent = []
    for value in arguments:
        if isinstance(value, np.ndarray):
            value = value if value.dtype == np.uint8 else value.astype("<f4")
            sent.append({"kind": value.dtype.str, "text": base64.b64encode(value.tobytes()).decode()})
        else:
            sent.append(value)
    names = ", ".join("abcdefgh"[: len(sent)])
    opened = "sent.map((one) => (one && one.kind ? open(one) : one))"
    result = module.evaluate(f"(sent) => {{ const [{names}] = {opened}; return plain({expression}); }}", sent)
    return np.array(result) if isinstance(result, list) and result and not isinstance(result[0], dict | list) else result


def test_every_byte_becomes_its_weight(module):
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_allclose(run(module, "attention.dequantise(a)", every), every / 255, atol=1e-7)


@pytest.mark.parametrize("mask", ["causal", "full"])
def test_what_the_browser_opens_is_the_trace_to_half_a_step(module, mask):
    made = trace([f"t{i}" for i in range(17)], mask=mask)
    view = AttentionView(made)
    sizes = np.cumsum([0, *view.layer_sizes])
    for layer in range(3):
        packed = np.frombuffer(view.weights[sizes[layer] : sizes[layer + 1]], np.uint8)
        for head in range(4):
            got = module.evaluate(
                """async ([text, head, causal]) => {
                    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                    const packed = await attention.unpack(new DataView(bytes.buffer), "uint8");
                    return Array.from(attention.headWeights(attention.fromColumns(packed, 4, 17, 17, causal), head, 17 * 17));
                }""",
                [base64.b64encode(packed.tobytes()).decode(), head, mask == "causal"],
            )
            np.testing.assert_allclose(np.reshape(got, (17, 17)), made.attention[layer, head], atol=STEP / 2 + 1e-6)


def test_means_are_exact(module):
    bytes_ = np.random.RandomState(0).randint(0, 256, (5, 7, 6, 9)).astype(np.uint8)
    one = run(module, "attention.meanHeads([a], b)", bytes_[2], 54)
    np.testing.assert_allclose(one, bytes_[2].mean(0).ravel() / 255, atol=1e-6)
    layers = "Array.from({ length: 5 }, (_, i) => a.subarray(i * 378, (i + 1) * 378))"
    np.testing.assert_allclose(
        run(module, f"attention.meanHeads({layers}, b)", bytes_, 54), bytes_.mean((0, 1)).ravel() / 255, atol=1e-6
    )
    many = np.full((64, 32, 4), 255, np.uint8)  # sums far beyond what a byte, or 16 bits, could hold
    np.testing.assert_array_equal(run(module, "attention.meanHeads(Array(40).fill(a), 4)", many), np.ones(4))


ROWS = {
    "usual": [0.5, 0.25, 0.25, 0],
    "one token": [1.0],
    "one token, no weight": [0.0],
    "all zeros": [0.0, 0.0, 0.0],
    "all on the first": [1.0, 0.0, 0.0],
    "a trace of the rest": [254 / 255, 1 / 255, 0],
    "nothing on the first": [0.0, 0.5, 0.5],
}


@pytest.mark.parametrize("name", ROWS)
def test_renormalising_without_the_first(module, name):
    row = np.array(ROWS[name], np.float32)
    got = run(module, "attention.renormaliseWithoutFirst(a)", row)
    shown = run(module, "Array.from(attention.renormaliseWithoutFirst(a).weights)", row)
    assert got["removed"] == pytest.approx(row[0]) and got["left"] == pytest.approx(row[1:].sum())
    np.testing.assert_allclose(np.atleast_1d(shown), without_first(row.astype(float)), atol=1e-6)
    assert np.isfinite(shown).all() and (row[1:].sum() == 0 or np.sum(shown) == pytest.approx(1))


def test_a_matrix_without_the_first_is_its_rows_without_the_first(module):
    matrix = np.random.RandomState(1).random_sample((6, 5)).astype(np.float32)
    matrix[2, 1:] = 0
    got = run(module, "attention.withoutFirst(a, 5)", matrix).reshape(6, 5)
    np.testing.assert_allclose(got, without_first(matrix.astype(float)), atol=1e-6)
    row = run(module, "attention.rowOf(a, 3, 5)", matrix)
    np.testing.assert_array_equal(row, matrix[3])


def test_difference(module):
    a, b = np.random.RandomState(2).random_sample((2, 40)).astype(np.float32)
    np.testing.assert_allclose(run(module, "attention.difference(a, b)", a, b), b - a, atol=1e-7)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (24, 24), (25, 24), (100, 37), (3, 300), (511, 512)])
def test_pooling_is_the_same_in_python_and_in_the_browser(module, shape):
    maps = np.random.RandomState(3).randint(0, 256, shape).astype(np.uint8)
    ours = pool_max(maps)
    assert ours.shape == (min(24, shape[0]), min(24, shape[1])) and ours.max() == maps.max()
    got = run(module, "attention.poolMax(a, b, c, 24)", maps / np.float32(255), *shape)
    np.testing.assert_array_equal(np.rint(np.atleast_1d(got) * 255).reshape(ours.shape), ours)


def test_pooling_keeps_the_sign_of_the_larger(module):
    got = run(module, "attention.poolMax(a, 1, 4, 2)", np.array([-0.5, 0.25, 0.125, -0.0625], np.float32))
    assert got.tolist() == [-0.5, 0.125]


@pytest.mark.parametrize("count", [1, 3, 8, 50])
def test_top_links_are_those_of_a_stable_sort(module, count):
    random = np.random.RandomState(4)
    for row in (random.randint(-5, 6, 30) / 8, random.random_sample(200), np.zeros(4), np.array([0.0]), np.array([-0.25])):
        order = [k for k in np.argsort(-np.abs(row), kind="stable") if row[k] != 0][:count]
        got = run(module, "attention.topLinks(a, b)", row.astype(np.float32), count)
        assert [one["key"] for one in got] == order
        np.testing.assert_allclose([one["weight"] for one in got], row[order], atol=1e-6)


def test_strongest_query_looks_past_the_first_token_and_itself(module):
    matrix = np.array([[1, 0, 0], [0.9, 0.1, 0], [0.5, 0.3, 0.2]], np.float32)
    assert run(module, "attention.strongestQuery(a, 3, 3)", matrix) == 2
    for nothing, last in ((np.zeros((1, 1)), 0), (np.eye(4), 3), (np.zeros((3, 5)), 2)):
        assert run(module, "attention.strongestQuery(a, b, c)", nothing.astype(np.float32), *nothing.shape) == last


@pytest.mark.parametrize(("mask", "window"), [("causal", None), ("causal", 1), ("causal", 4), ("causal", 99), ("full", None)])
def test_visible_span_is_where_the_weights_are(module, mask, window):
    attention = weights(1, 2, 9, 9, mask, [window])[0].amax(0).numpy()
    for query in range(9):
        seen = np.flatnonzero(attention[query])
        span = run(module, "attention.visibleSpan(a, 9, b, c)", query, mask, window)
        assert span.tolist() == [seen[0], seen[-1] + 1] and len(seen) == span[1] - span[0]


@pytest.mark.parametrize(
    ("weight", "signed", "text"),
    [
        (0, False, "0"),
        (0.004, False, "<0.01"),
        (0.746, False, "0.75"),
        (1, False, "1.00"),
        (0.12, True, "+0.12"),
        (-0.12, True, "−0.12"),
        (-0.004, True, "≈0"),
        (0, True, "0"),
    ],
)
def test_weights_as_words(module, weight, signed, text):
    assert run(module, "attention.weightText(a, b)", weight, signed) == text


FORMULAS = ["=1+1", "+1", "-1", "@sum", "\t=1", "\r", " =1", "\n@x", "＝1", "-"]


@pytest.mark.parametrize("token", [*FORMULAS, *HOSTILE, '"', '""', "a\r\nb", "1-1", "'=1", "a=1"])
def test_csv_token_is_one_quoted_field_and_no_formula(module, token):
    field = run(module, "attention.csvToken(a)", token)
    [[read]] = csv.reader(io.StringIO(field, newline=""), strict=True)
    assert field[0] == field[-1] == '"' and not re.match(r"\s*[=+\-@＝＋－＠]|[\t\r]", read)
    assert read == ("'" + token if token in FORMULAS or token.startswith("=") else token)


# ---------------------------------------------------------------- the payload and the Python side


def test_repr_says_sizes_and_the_largest_weights_beyond_the_first_token():
    attention = torch.zeros(2, 3, 4, 4)
    attention[1, 2] = torch.tensor([[1, 0, 0, 0], [0.75, 0.25, 0, 0], [0.1, 0.6126, 0.2876, 0], [0.9, 0.05, 0.05, 0]])
    made = trace(["A", " b", "\n", "</s>"], 2, 3)
    object.__setattr__(made, "attention", attention)
    start = "AttentionView(2 layers × 3 heads, 4 × 4 tokens; "
    wanted = start + r"layer 1 head 2: largest '\n'→' b' 0.613, '\n'→'\n' 0.288, ' b'→' b' 0.250)"
    assert repr(AttentionView(made, layer=1, head=2)) == wanted
    assert repr(AttentionView(made)) == start + "layer 0 head 0: nothing beyond the first token)"
    assert "9 × 9 tokens, two compared" in repr(AttentionView(trace(), trace(seed=1)))
    assert "9 × 4 tokens" in repr(AttentionView(trace(source=["s1", "s2", "s3", "s4"]), which="cross"))
    assert repr(AttentionView(trace(["one"]))).endswith("nothing beyond the first token)")


def test_repr_is_the_same_after_the_reader_has_moved():
    view = AttentionView(trace(), layer=1, head=1)
    before = repr(view)
    view.layer, view.head = 2, 3
    assert repr(view) == before


def streams(view) -> list[np.ndarray]:
    ends = np.cumsum([0, *view.layer_sizes])
    return [np.frombuffer(zlib.decompress(view.weights[a:b], wbits=-15), np.uint8) for a, b in itertools.pairwise(ends)]


def test_weights_travel_layer_by_layer_as_rounded_bytes():
    first, second = trace(mask="full"), trace(seed=1)
    view = AttentionView(first, second)
    assert len(view.layer_sizes) == 6 and sum(view.layer_sizes) == len(view.weights)
    for layer, stream in enumerate(streams(view)[:3]):  # every query of each key
        expected = np.rint(first.attention[layer].numpy() * 255).transpose(0, 2, 1)
        np.testing.assert_array_equal(stream, expected.ravel())
    for layer, stream in enumerate(streams(view)[3:]):  # only the queries that a causal mask lets see the key
        expected = np.rint(second.attention[layer].numpy() * 255)
        np.testing.assert_array_equal(stream, [expected[h, q, k] for h in range(4) for k in range(9) for q in range(k, 9)])


def test_rounding_is_at_most_half_a_step():
    attention = np.random.RandomState(0).random_sample((2, 2, 50, 50))
    assert np.abs(quantise(attention) / 255 - attention).max() <= STEP / 2
    assert quantise(np.array([[[[0.0, 1.0, 1.0000001, -1e-9]]]])).tolist() == [[[[0, 255, 255, 0]]]]


def test_maps_of_the_overview_travel_beside_many_weights_only():
    assert AttentionView(trace()).thumbs == b""
    long = trace([f"t{i}" for i in range(420)])
    view = AttentionView(long)
    maps = np.frombuffer(zlib.decompress(view.thumbs, wbits=-15), np.uint8).reshape(3, 4, 24, 24)
    np.testing.assert_array_equal(maps, pool_max(quantise(long.attention.numpy())))


def test_payload_of_a_real_text(smollm2):
    """A tenth of a byte a weight and more is what deflate makes of real attention; 4 / 3 is base64."""
    made = smollm2.trace("The animal didn't cross the street because it was too tired")
    view = AttentionView(made, layer=13, head=8)
    assert len(view.weights) * 4 / 3 < 30 * 9 * 100
    assert "30 layers × 9 heads" in repr(view) and view.kv_heads == 3


def test_comparing_texts_of_different_length_shows_both():
    with pytest.raises(ValueError) as error:
        AttentionView(trace(), trace([*TEXT[:7], " very", *TEXT[7:]]))
    text = str(error.value)
    assert f"9 tokens {TEXT}" in text and "10 tokens ['The'" in text
    assert "position 7: ' too' against ' very'" in text
    with pytest.raises(ValueError, match=r"position 9: the end against '!'"):
        AttentionView(trace(), trace([*TEXT, "!"]))


def test_comparing_other_heads_or_sources_is_refused():
    with pytest.raises(ValueError, match=r"tiny has 3 layers × 4 heads, other has 2 × 6"):
        AttentionView(trace(), trace(layers=2, heads=6, name="other"))
    with pytest.raises(ValueError, match="position 2: the end against 'c'"):
        AttentionView(trace(source=["a", "b"]), trace(source=["a", "b", "c"]), which="cross")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": 3}, r"layer=3 is not there: tiny has 3, numbered 0 to 2"),
        ({"head": -1}, r"head=-1 is not there: tiny has 4, numbered 0 to 3"),
        ({"query": 9}, r"query=9 is not there: the text has 9, numbered 0 to 8"),
        ({"which": "cross"}, 'tiny is a decoder and has no cross-attention.*Use which="self"'),
        ({"which": "both"}, 'which=\'both\' is not a kind of attention: use which="self" or which="cross"'),
    ],
)
def test_what_is_not_there_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AttentionView(trace(), **arguments)


def test_values_that_are_no_numbers_are_refused_with_their_place():
    broken = trace()
    broken.attention[1, 2, 3, 0] = float("nan")
    with pytest.raises(ValueError, match="not a number, first at layer 1, head 2, query 3, key 0"):
        AttentionView(broken)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3", "bert", "t5"])
def test_traces_of_real_architectures(tiny, family):
    """Every cell outside what the mask lets a query see is exactly zero, so that hatching it hides nothing."""
    made = tiny(family).trace("The animal didn't cross", **({"target": "the street"} if family == "t5" else {}))
    view = AttentionView(made)
    assert f"{len(made.tokens)} × {len(made.tokens)} tokens" in repr(view)
    side = view.sides[0]
    for layer, window in enumerate(side["windows"]):
        for query in range(len(made.tokens)) if side["mask"] == "causal" else ():
            hidden = made.attention[layer, :, query].clone()
            hidden[:, max(0, query - (window or 10**6) + 1) : query + 1] = 0
            assert hidden.abs().max() == 0
    if family == "t5":
        cross = AttentionView(made, which="cross")
        assert cross.sides[0]["keys"] == made.encoder.tokens and cross.sides[0]["queries"] == made.tokens
        expected = quantise(made.cross_attention.numpy()).transpose(0, 1, 3, 2)
        np.testing.assert_array_equal(np.concatenate(streams(cross)), expected.ravel())


# ---------------------------------------------------------------- a page


class Seen:
    """One widget on a page: what it shows, in terms of the trace, and where to point."""

    def __init__(self, page, index=0):
        self.page = page
        self.root = page.locator(".att-root").nth(index)
        self.picture = self.root.locator(".att-picture")
        self.overview = self.root.locator(".att-overview canvas")
        self.live = self.root.locator("[aria-live]")

    def state(self, *names):
        values = self.root.evaluate("(e) => ({ ...e.dataset })")
        found = [values.get(name) for name in names]
        return found[0] if len(names) == 1 else found

    def geometry(self, canvas=None):
        return json.loads((canvas or self.picture).get_attribute("data-geometry"))

    def cell(self, query, key):
        """The middle of a cell of the matrix, relative to the picture."""
        g = self.geometry()
        return {"x": g["left"] + (key + 0.5) * g["cell"], "y": g["top"] + (query + 0.5) * g["cell"]}

    def token(self, query=None, key=None):
        """The middle of a token's label in the links."""
        g = self.geometry()
        scrolled = self.picture.evaluate("(e) => e.closest('.att-scroller').scrollTop")
        y = g["top"] + ((query if key is None else key) + 0.5) * g["step"] - scrolled
        return {"x": g["left"] - 20 if key is None else g["right"] + 20, "y": y}

    def square(self, layer, head):
        """The middle of a head's square in the overview."""
        g = self.geometry(self.overview)
        return {"x": g["xs"][head] + g["cell"] / 2, "y": g["top"] + (layer + 0.5) * g["cell"]}

    def heat(self):
        """The colours of the matrix's cells [query, key, rgb], as the widget put them into its image."""
        pixels = base64.b64decode(self.root.locator(".att-heat").evaluate(PIXELS))
        return np.frombuffer(pixels, np.uint8).reshape(*self.shape(), 4)[..., :3].astype(float)

    def shape(self):
        return self.root.locator(".att-heat").evaluate("(e) => [e.height, e.width]")

    def colour(self, name):
        probe = "(e, name) => { e = e.appendChild(document.createElement('i')); e.style.color = `var(--lm-${name})`;"
        probe += " const text = getComputedStyle(e).color; e.remove(); return text; }"
        return np.array(re.findall(r"[\d.]+", self.root.evaluate(probe, name))[:3], float)

    def expect_heat(self, matrix):
        """The matrix's cells have the colours of these weights; signed where some are negative."""
        soft, accent, accent2 = (self.colour(name) for name in ("soft", "accent", "accent-2"))
        end = np.where((np.asarray(matrix) > 0)[..., None] & (np.min(matrix) < 0), accent2, accent)
        both = []
        for half in (0.49, 0.51):  # a weight just between two steps may become either
            level = np.floor(np.asarray(matrix) * 255 + half) / 255
            both.append(soft + (end - soft) * np.sqrt(np.abs(level))[..., None])
        assert (self.heat() >= np.minimum(*both) - 1.01).all() and (self.heat() <= np.maximum(*both) + 1.01).all()

    def top(self):
        return [tuple(one.split("\n")) for one in self.root.locator(".att-top li:not([hidden])").all_inner_texts()]

    def expect_top(self, tokens, row, signed=False):
        order = [k for k in np.argsort(-np.abs(np.round(row, 6)), kind="stable") if abs(row[k]) > 1e-6][:8]
        assert self.top() == [(visible(tokens[k]), words(row[k], signed)) for k in order]

    def text(self, name):
        return self.root.locator(name).inner_text()

    def expect_address(self, ending):
        expect(self.page).to_have_url(re.compile(re.escape(ending) + "$"))

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def radio(self, name):
        return self.root.get_by_role("radio", name=name, exact=True)


PIXELS = """async (e) => { // as base64: a list of a million numbers takes a minute to arrive
    const { data } = e.getContext("2d").getImageData(0, 0, e.width, e.height);
    const reader = new FileReader();
    const url = new Promise((done) => { reader.onload = () => done(reader.result); });
    reader.readAsDataURL(new Blob([data]));
    return (await url).split(",")[1];
}"""


def visible(token):
    edges = re.sub(r"^ +| +$", lambda run: "␣" * len(run[0]), token.replace("\n", "↵").replace("\t", "⇥"))
    return edges or "∅"


def words(weight, signed=False):
    size = abs(weight)
    if size < 1e-6:
        return "0"
    if size < 0.005:
        return "≈0" if signed else "<0.01"
    return ("−" if weight < 0 else "+") * signed + f"{np.floor(size * 100 + 0.5 + 1e-6) / 100:.2f}"


@pytest.fixture
def show(chromium, tmp_path):  # noqa: F811
    """show(widget, …) opens widgets in a page of their own; at the end nothing may have gone wrong there."""
    with pages(chromium, tmp_path) as open_page:
        yield lambda *widgets, **options: Seen(open_page(page(list(widgets), "Test"), motion="reduce", **options).page)


def pixels(page, **clip):
    """A screenshot as [row, column, rgb], decoded by the browser itself."""
    shot = base64.b64encode(page.screenshot(**clip)).decode()
    width, height, data = page.evaluate(
        """async (text) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
            const canvas = new OffscreenCanvas(image.width, image.height);
            canvas.getContext("2d").drawImage(image, 0, 0);
            const { data } = canvas.getContext("2d").getImageData(0, 0, image.width, image.height);
            return [image.width, image.height, Array.from(data)];
        }""",
        shot,
    )
    return np.array(data).reshape(height, width, 4)[..., :3]


def pixel(seen, place):
    box = seen.picture.bounding_box()
    return pixels(seen.page, clip={"x": box["x"] + place["x"], "y": box["y"] + place["y"], "width": 1, "height": 1})[0, 0]


def test_first_picture_is_the_chosen_head_with_its_strongest_query(show):
    made = trace()
    seen = show(AttentionView(made, layer=1, head=2, title="A title"))
    matrix = stored(made.attention)[1, 2]
    seen.expect_heat(matrix)
    beyond = matrix.copy()
    beyond[:, 0] = 0
    np.fill_diagonal(beyond, 0)
    query = int(beyond.max(1).argmax())
    assert seen.state("layer", "head", "query", "locked") == ["1", "2", str(query), "false"]
    assert seen.text(".att-where") == "Layer 1 · Head 2" and seen.text(".lmkit-title") == "A title"
    seen.expect_top(TEXT, matrix[query])
    assert seen.picture.get_attribute("aria-label").startswith("Layer 1 · Head 2, matrix of 9 queries by 9 keys")


def test_python_chooses_the_first_query(show):
    seen = show(AttentionView(trace(), query=5))
    assert seen.state("query") == "5" and seen.text(".att-name") == "␣it"


def test_cells_have_their_colour_on_the_screen(show):
    made = trace()
    seen = show(AttentionView(made, query=0))
    matrix = stored(made.attention)[0, 0]
    soft, accent = seen.colour("soft"), seen.colour("accent")
    for query, key in ((3, 0), (5, 2), (8, 8)):
        wanted = soft + (accent - soft) * np.sqrt(matrix[query, key])
        np.testing.assert_allclose(pixel(seen, seen.cell(query, key)), wanted, atol=2)


# ---------------------------------------------------------------- choosing a head


def test_overview_by_mouse(show):
    made = trace()
    seen = show(AttentionView(made))
    seen.overview.hover(position=seen.square(2, 1))
    assert seen.text(".att-where") == "Layer 2 · Head 1" and seen.state("layer", "head") == ["0", "0"]
    seen.overview.click(position=seen.square(2, 1))
    assert seen.state("layer", "head") == ["2", "1"]
    seen.expect_heat(stored(made.attention)[2, 1])
    seen.expect_address("#layer=2&head=1")
    assert seen.root.get_by_label("Layer", exact=True).input_value() == "2"
    ring, square = seen.root.locator(".att-chosen").bounding_box(), seen.square(2, 1)
    box = seen.overview.bounding_box()
    assert ring["x"] < box["x"] + square["x"] < ring["x"] + ring["width"]
    assert ring["y"] < box["y"] + square["y"] < ring["y"] + ring["height"]
    seen.page.mouse.move(0, 0)
    assert seen.root.locator(".att-focused").is_hidden()


def test_overview_by_keyboard(show):
    made = trace()
    seen = show(AttentionView(made, layer=1, head=1))
    seen.page.keyboard.press("Tab")
    expect(seen.overview).to_be_focused()
    assert seen.overview.evaluate("(e) => getComputedStyle(e).outlineStyle") == "solid"
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp"):
        seen.page.keyboard.press(key)
    assert seen.text(".att-where") == "Layer 1 · Head 3" and seen.state("head") == "1"
    expect(seen.live).to_have_text("Layer 1 · Head 3")
    seen.page.keyboard.press("Enter")
    assert seen.state("layer", "head") == ["1", "3"]
    seen.expect_heat(stored(made.attention)[1, 3])
    expect(seen.live).to_have_text(re.compile(r"^Layer 1 · Head 3\. Query \d+ .* attends to .* 0\.\d\d"))
    for key, place in (("Home", "1 · Head 0"), ("End", "1 · Head 3"), ("PageDown", "2 · Head 3"), ("PageUp", "0 · Head 3")):
        seen.page.keyboard.press(key)
        assert seen.text(".att-where") == f"Layer {place}"
    seen.page.keyboard.press(" ")
    assert seen.state("layer", "head") == ["0", "3"]


def test_overview_shows_the_maps_of_all_heads(show):
    made = trace()
    seen = show(AttentionView(made, query=0))
    expect(seen.root).to_have_attribute("data-opened", "3")
    drawn = seen.overview.evaluate(
        """(e) => {
            const ratio = e.width / e.clientWidth, context = e.getContext("2d");
            const { xs, top, cell } = JSON.parse(e.dataset.geometry);
            const at = (x, y) => Array.from(context.getImageData(Math.floor(x * ratio), Math.floor(y * ratio), 1, 1).data);
            return [0, 1, 2].map((layer) => xs.map((x) => at(x + 2.78, top + layer * cell + cell - 2.78)));
        }"""
    )
    last_first = stored(made.attention)[:, :, -1, 0]  # bottom left of every square: the last query on the first token
    soft, accent = seen.colour("soft"), seen.colour("accent")
    wanted = soft + (accent - soft) * np.sqrt(last_first)[..., None]
    drawn = np.array(drawn)[..., :3]
    np.testing.assert_allclose(drawn, wanted, atol=25)  # smoothed where cells meet
    assert np.corrcoef(drawn.ravel(), wanted.ravel())[0, 1] > 0.97


def test_steppers_by_mouse_and_keyboard(show):
    made = trace()
    seen = show(AttentionView(made, layer=2, head=0))
    seen.button("Next layer").click()
    assert seen.state("layer") == "0"
    seen.button("Previous head").click()
    assert seen.state("head") == "3"
    seen.button("Previous layer").focus()
    seen.page.keyboard.press("Enter")
    assert seen.state("layer") == "2"
    select = seen.root.get_by_label("Head", exact=True)
    select.focus()
    seen.page.keyboard.press("ArrowUp")
    assert seen.state("head") == "2"
    select.select_option("1")
    seen.expect_heat(stored(made.attention)[2, 1])
    seen.expect_address("#layer=2&head=1")


def test_kv_groups_are_marked(show):
    seen = show(AttentionView(trace(heads=6, kv_heads=2), head=5))
    assert seen.text(".att-where") == "Layer 0 · Head 5 · KV head 1"
    assert "Heads under one bracket share their keys and values (grouped-query attention, 2 KV heads)" in seen.text(
        ".att-overview"
    )
    xs = np.diff(seen.geometry(seen.overview)["xs"])
    assert xs[2] > xs[0] == xs[1] == xs[3] == xs[4]  # a gap between heads 2 and 3
    assert "multi-query" in show(AttentionView(trace(kv_heads=1))).text(".att-overview")
    assert "KV" not in show(AttentionView(trace())).text(".att-overview")


@pytest.mark.parametrize(("layers", "heads", "kv"), [(30, 9, 3), (12, 12, 12), (18, 4, 1), (32, 32, 8), (1, 1, 1)])
@pytest.mark.parametrize("width", [360, 760, 1280])
def test_overviews_of_many_shapes(show, layers, heads, kv, width):
    seen = show(AttentionView(trace(TEXT[:4], layers, heads, kv_heads=kv)), width=width)
    assert scrolls_sideways(seen.page) == []
    assert seen.geometry(seen.overview)["cell"] >= (32 if width < 600 else 15)
    seen.root.locator(".att-overview .att-scroller").evaluate("(e) => { e.scrollTop = e.scrollLeft = 1e5; }")
    place, box = seen.square(layers - 1, heads - 1), seen.overview.bounding_box()
    seen.page.mouse.click(box["x"] + place["x"], box["y"] + place["y"])
    assert seen.state("layer", "head") == [str(layers - 1), str(heads - 1)]


def test_means_by_mouse_and_keyboard(show):
    made = trace()
    seen = show(AttentionView(made, layer=1, head=2))
    all_ = stored(made.attention)
    seen.radio("Layer mean").click()
    seen.expect_heat(all_[1].mean(0))
    assert seen.text(".att-where") == "Layer 1 · mean of its heads"
    assert seen.button("Next head").is_disabled() and seen.button("Next layer").is_enabled()
    seen.page.keyboard.press("ArrowRight")
    seen.expect_heat(all_.mean((0, 1)))
    assert seen.text(".att-where") == "Mean of all layers and heads" and seen.button("Next layer").is_disabled()
    query = int(seen.state("query"))
    seen.expect_top(TEXT, all_.mean((0, 1))[query])
    seen.overview.click(position=seen.square(0, 3))  # choosing one head ends the mean
    seen.expect_heat(all_[0, 3])
    expect(seen.radio("One head")).to_be_checked()


# ---------------------------------------------------------------- choosing a query


def test_hover_previews_and_click_locks(show):
    made = trace()
    seen = show(AttentionView(made))
    matrix = stored(made.attention)[0, 0]
    seen.picture.hover(position=seen.cell(6, 2))
    assert seen.state("query", "key", "locked") == ["6", "2", "false"]
    seen.expect_top(TEXT, matrix[6])
    assert seen.text(".att-cell") == f"␣was → ␣didn: {words(matrix[6, 2])}"
    assert seen.text(".att-name") == "␣was"
    seen.picture.click(position=seen.cell(6, 2))
    assert seen.state("locked") == "true" and "Locked" in seen.text(".att-reading")
    seen.picture.hover(position=seen.cell(3, 1))  # another row only moves the key
    assert seen.state("query", "key") == ["6", "1"]
    assert seen.text(".att-cell") == f"␣was → ␣animal: {words(matrix[6, 1])}"
    seen.picture.click(position=seen.cell(8, 4))  # a click on another row locks that one
    assert seen.state("query", "locked") == ["8", "true"]
    seen.picture.click(position=seen.cell(8, 4))
    assert seen.state("locked") == "false"
    seen.picture.click(position=seen.cell(4, 4))
    seen.page.keyboard.press("Escape")
    assert seen.state("locked") == "false"
    seen.picture.hover(position=seen.cell(2, 0))
    assert seen.state("query") == "2"


def test_cursor_by_keyboard(show):
    made = trace()
    seen = show(AttentionView(made, query=4))
    matrix = stored(made.attention)[0, 0]
    seen.picture.focus()
    seen.page.keyboard.press("Home")
    assert seen.state("key") == "0"
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"):
        seen.page.keyboard.press(key)
    assert seen.state("query", "key") == ["5", "1"]
    seen.expect_top(TEXT, matrix[5])
    expect(seen.live).to_have_text(f"␣it → ␣animal: {words(matrix[5, 1])}")
    seen.page.keyboard.press("ArrowUp")
    order = np.argsort(-matrix[4], kind="stable")[:3]
    expect(seen.live).to_have_text(
        "Query 4 ␣cross attends to " + " · ".join(f"{visible(TEXT[k])} {words(matrix[4, k])}" for k in order)
    )
    seen.page.keyboard.press("End")
    assert seen.text(".att-cell") == "␣cross → ␣tired: masked, no weight is possible"
    seen.page.keyboard.press("Control+Home")  # the browser's own
    assert seen.state("query", "key") == ["4", "8"]
    seen.page.keyboard.press("Enter")
    assert seen.state("locked") == "true"
    seen.page.keyboard.press("PageDown")  # keys move a locked query and keep it locked
    assert seen.state("query", "locked") == ["8", "true"]
    seen.page.keyboard.press("Escape")
    assert seen.state("locked") == "false"


def test_text_previews_locks_and_is_shaded(show):
    made = trace()
    seen = show(AttentionView(made, layer=2, head=3))
    matrix = stored(made.attention)[2, 3]
    chips = seen.root.locator(".att-strip [role=option]")
    assert chips.all_text_contents() == TEXT
    chips.nth(7).hover()
    assert seen.state("query") == "7" and chips.nth(7).get_attribute("aria-selected") == "true"
    soft, accent = seen.colour("soft"), seen.colour("accent")
    for key in range(9):
        shown = chips.nth(key).evaluate("(e) => getComputedStyle(e).backgroundColor")
        found = np.array(re.findall(r"[\d.]+", shown), float)
        if key > 7:
            assert found[3] == 0  # masked: no shade at all
        else:
            wanted = soft + (accent - soft) * np.sqrt(matrix[7, key]) * 0.5
            np.testing.assert_allclose(found[:3], wanted, atol=1.01)
    chips.nth(7).click()
    chips.nth(2).hover()
    assert seen.state("query", "locked") == ["7", "true"]
    seen.page.keyboard.press("ArrowLeft")  # the text has the focus
    assert seen.state("query", "locked") == ["6", "true"]
    listbox = seen.root.get_by_role("listbox")
    active = listbox.get_attribute("aria-activedescendant")
    assert chips.nth(6).get_attribute("id") == active
    seen.page.keyboard.press("Enter")
    assert seen.state("locked") == "false"


def test_query_buttons(show):
    seen = show(AttentionView(trace(), query=8))
    seen.button("Next query").click()
    assert seen.state("query") == "0"
    seen.button("Previous query").focus()
    seen.page.keyboard.press("Enter")
    assert seen.state("query") == "8"
    lock = seen.button("Lock query")
    lock.click()
    assert seen.state("locked") == "true" and lock.get_attribute("aria-pressed") == "true"
    lock.press("Space")
    assert seen.state("locked") == "false" and lock.get_attribute("aria-pressed") == "false"


def test_query_stays_when_the_head_changes(show):
    made = trace()
    seen = show(AttentionView(made))
    seen.picture.click(position=seen.cell(5, 2))
    seen.button("Next head").click()
    assert seen.state("head", "query", "key", "locked") == ["1", "5", "2", "true"]
    seen.expect_top(TEXT, stored(made.attention)[0, 1, 5])


def test_row_as_a_table(show):
    made = trace()
    seen = show(AttentionView(made, query=6))
    matrix = stored(made.attention)[0, 0]
    assert seen.root.locator("tbody tr").count() == 0  # made only when somebody looks
    seen.root.locator("summary").focus()
    seen.page.keyboard.press("Enter")
    expect(seen.root.locator("tbody tr")).to_have_count(9)
    rows = [row.split("\t") for row in seen.root.locator("tbody tr").all_inner_texts()]
    assert rows == [[str(k), visible(TEXT[k]), words(matrix[6, k])] for k in range(9)]
    assert seen.root.locator("th").all_inner_texts() == ["key", "token", "weight"]
    seen.button("Next query").click()
    assert seen.text("caption") == "Layer 0 · Head 0, query 7 ␣too"
    assert seen.root.locator("tbody tr").nth(7).inner_text().split("\t")[2] == words(matrix[7, 7])


# ---------------------------------------------------------------- links


def test_links_by_mouse_and_keyboard(show):
    made = trace()
    seen = show(AttentionView(made, layer=1, head=1))
    matrix = stored(made.attention)[1, 1]
    seen.radio("Links").click()
    assert seen.picture.get_attribute("aria-label").startswith("Layer 1 · Head 1, links from 9 queries to 9 keys")
    assert seen.root.locator(".att-heat").is_hidden()
    seen.picture.hover(position=seen.token(query=5))
    assert seen.state("query", "locked") == ["5", "false"]
    seen.expect_top(TEXT, matrix[5])
    seen.picture.hover(position=seen.token(key=3))
    assert seen.state("query", "key") == ["5", "3"]
    assert seen.text(".att-cell") == f"␣it → 't: {words(matrix[5, 3])}"
    seen.picture.click(position=seen.token(query=8))
    seen.picture.hover(position=seen.token(query=1))
    assert seen.state("query", "locked") == ["8", "true"]
    seen.page.keyboard.press("ArrowUp")
    assert seen.state("query", "locked") == ["7", "true"]
    seen.page.keyboard.press("Escape")
    assert seen.state("locked") == "false"
    seen.radio("Links").press("ArrowLeft")
    seen.expect_heat(matrix)


def ink_between(seen, x=0.5):
    """How far every pixel of a column between the two texts is from the paper; x = 0 beside the queries, 1 beside the keys."""
    g = seen.geometry()
    across = g["left"] + x * (g["right"] - g["left"])
    column = seen.picture.evaluate(
        """(e, x) => {
            const ratio = e.width / e.clientWidth;
            return Array.from(e.getContext("2d").getImageData(Math.round(x * ratio), 0, 1, e.height).data);
        }""",
        across,
    )
    return np.array(column).reshape(-1, 4)[:, 3] / 255


def test_curves_end_where_the_weights_are(show):
    made = trace()
    seen = show(AttentionView(made, layer=1, head=1, query=8))
    row = stored(made.attention)[1, 1, 8]
    seen.radio("Links").click()
    seen.button("All queries").click()  # off: the links of query 8 alone
    assert seen.button("All queries").get_attribute("aria-pressed") == "false"
    alpha, g = ink_between(seen, 0.985), seen.geometry()
    at = [round(g["top"] + (key + 0.5) * g["step"]) for key in range(9)]
    strength = np.array([alpha[y - 5 : y + 6].sum() for y in at])  # width times opacity
    shown = sorted(np.argsort(-row, kind="stable")[:8])
    assert (strength[shown] > 0).all() and strength[np.setdiff1d(range(9), shown)].sum() == 0
    assert np.corrcoef(strength[shown], row[shown])[0, 1] > 0.97
    np.testing.assert_array_equal(np.argsort(-strength)[:2], np.argsort(-row)[:2])
    for key in np.argsort(-row)[:2]:
        curve = alpha[at[key] - 8 : at[key] + 9]
        assert curve.max() == pytest.approx(0.35 + 0.65 * row[key], abs=0.08)
        assert curve.sum() / curve.max() == pytest.approx(0.75 + 6.25 * row[key], abs=1)
    alone = alpha.sum()
    seen.button("All queries").press("Enter")
    assert ink_between(seen, 0.985).sum() > 1.2 * alone


def test_masked_keys_are_hatched_in_links_too(show):
    seen = show(AttentionView(trace(), query=4))
    seen.radio("Links").click()
    g = seen.geometry()
    box = seen.picture.bounding_box()
    for key in range(9):
        y = box["y"] + g["top"] + key * g["step"] + 3
        strip = pixels(seen.page, clip={"x": box["x"] + g["right"] + 4, "y": y, "width": 60, "height": 2}).reshape(-1, 3)
        striped = len(np.unique(strip, axis=0)) > 1
        assert striped == (key > 4), key


# ---------------------------------------------------------------- masks


def is_hatched(seen, query, key):
    """Whether the layer above the colours covers this cell: it is transparent where a weight may show."""
    alpha = seen.picture.evaluate(
        """(e, { x, y }) => {
            const ratio = e.width / e.clientWidth;
            const { data } = e.getContext("2d").getImageData(Math.round(x * ratio) - 4, Math.round(y * ratio) - 4, 9, 9);
            return Array.from(data).filter((_, i) => i % 4 === 3);
        }""",
        seen.cell(query, key),
    )
    assert len(set(alpha)) == 1  # all of the cell's middle, or nothing of it
    return alpha[0] == 255


@pytest.mark.parametrize(
    ("mask", "windows", "sentence"),
    [
        ("causal", [None, None], "Causal mask: a query sees itself and what stands before it."),
        ("causal", [3, None], "itself and what stands before it. Sliding window: only the last 3 tokens, itself included."),
        ("causal", [64, None], "Sliding window of 64 tokens, longer than this text."),
        ("full", [None, None], "No mask: every query sees every token."),
    ],
)
def test_masks_are_hatched_and_said(show, mask, windows, sentence):
    made = trace(layers=2, mask=mask, windows=windows)
    seen = show(AttentionView(made))
    possible = made.attention[0, 0].numpy() > 0
    found = np.array([[not is_hatched(seen, q, k) for k in range(9)] for q in range(9)])
    np.testing.assert_array_equal(found, possible)
    assert sentence in seen.text(".att-legend")
    assert seen.root.get_by_text("masked: cannot be seen").is_visible() == (not possible.all())


def test_another_layer_may_have_another_window(show):
    made = trace(windows=[3, None, 3])
    seen = show(AttentionView(made))
    assert is_hatched(seen, 8, 0)
    seen.button("Next layer").click()
    assert not is_hatched(seen, 8, 0) and "Sliding" not in seen.text(".att-legend")
    seen.radio("Mean of all").click()
    assert not is_hatched(seen, 8, 0) and is_hatched(seen, 0, 8)


# ---------------------------------------------------------------- without the first token


def test_first_token_hidden_and_the_rest_renormalised(show):
    made = trace()
    seen = show(AttentionView(made, layer=1, head=2, query=6))
    matrix = stored(made.attention)[1, 2]
    hide = seen.button("Hide first token")
    hide.click()
    assert hide.get_attribute("aria-pressed") == "true"
    seen.expect_heat(without_first(matrix))
    seen.expect_top(TEXT, without_first(matrix)[6])
    assert (
        f"Without the first token, each row renormalised to sum to 1. For this query the first token held {words(matrix[6, 0])}."
        in (seen.text(".att-sink"))
    )
    seen.picture.hover(position=seen.cell(0, 0))
    assert "Nothing is left in this row" in seen.text(".att-sink") and seen.top() == []
    assert "NaN" not in seen.root.inner_text()
    hide.press("Enter")
    seen.expect_heat(matrix)
    assert seen.text(".att-sink") == ""


def test_overview_follows_the_hidden_first_token(show):
    made = trace()
    seen = show(AttentionView(made))
    expect(seen.root).to_have_attribute("data-opened", "3")
    before = seen.overview.evaluate(PIXELS)
    seen.button("Hide first token").click()
    seen.page.wait_for_timeout(600)
    after = seen.overview.evaluate(PIXELS)
    seen.button("Hide first token").click()
    seen.page.wait_for_timeout(600)
    assert after != before and seen.overview.evaluate(PIXELS) == before


def test_renormalising_little_says_how_good_it_is(show):
    made = trace()
    made.attention[0, 0, 5] = torch.tensor([0.96, 0.03, 0.01, 0, 0, 0, 0, 0, 0])
    seen = show(AttentionView(made, query=5))
    seen.button("Hide first token").click()
    left = 11 / 255  # 8 + 3 steps of 1/255
    assert f"good to about ±{0.5 / 255 / left:.2f}" in seen.text(".att-sink")


# ---------------------------------------------------------------- comparing


OTHER = [*TEXT[:8], " wide"]


def comparison(**options):
    a, b = trace(mask="full", name="one"), trace(OTHER, mask="full", seed=5, name="two")
    return a, b, AttentionView(a, b, **options)


def test_comparing_a_b_and_their_difference(show):
    a, b, view = comparison(layer=1, head=3, query=5)
    seen = show(view)
    first, second = stored(a.attention)[1, 3], stored(b.attention)[1, 3]
    seen.expect_heat(first)
    seen.expect_top(TEXT, first[5])
    seen.radio("B").click()
    seen.expect_heat(second)
    seen.expect_top(OTHER, second[5])
    seen.page.keyboard.press("ArrowRight")  # B − A
    assert seen.state("layer", "head", "query") == ["1", "3", "5"]
    seen.expect_heat(second - first)
    labels = [*TEXT[:8], "␣tired | ␣wide"]
    seen.expect_top(labels, (second - first)[5], signed=True)
    assert "more in A" in seen.text(".att-legend") and "more in B" in seen.text(".att-legend")
    seen.picture.hover(position=seen.cell(5, 8))
    change = words((second - first)[5, 8], True)
    assert seen.text(".att-cell") == f"␣it → ␣tired | ␣wide: A {words(first[5, 8])}, B {words(second[5, 8])}, B − A {change}"
    assert "A, one:" in seen.text(".att-detail") and "B, two:" in seen.text(".att-detail")
    seen.button("Next head").click()
    seen.expect_heat(stored(b.attention)[2 - 1, 0] - stored(a.attention)[1, 0])


def test_difference_has_signs_beside_colours(show):
    a, b, view = comparison(query=0)
    seen = show(view)
    seen.radio("B − A").click()
    change = stored(b.attention)[0, 0] - stored(a.attention)[0, 0]
    for query, key in np.argwhere(np.abs(np.abs(change) - 0.05) > 0.01):
        place = seen.cell(int(query), int(key))
        alpha = seen.picture.evaluate(
            """(e, { x, y }) => {
                const ratio = e.width / e.clientWidth, context = e.getContext("2d");
                const at = (right, down) =>
                    context.getImageData(Math.round((x + right) * ratio), Math.floor((y + down) * ratio), 1, 1).data[3];
                return [at(2, 0), at(0, -2.5)];
            }""",
            place,
        )
        big = abs(change[query, key]) >= 0.05
        assert (alpha[0] > 0) == big and (alpha[1] > 0) == (big and change[query, key] > 0)


def test_difference_without_the_first_token_and_as_a_mean(show):
    a, b, view = comparison(query=3)
    seen = show(view)
    seen.radio("B − A").click()
    seen.button("Hide first token").click()
    first, second = stored(a.attention), stored(b.attention)
    seen.expect_heat(without_first(second[0, 0]) - without_first(first[0, 0]))
    held = f"held {words(first[0, 0, 3, 0])} in A, {words(second[0, 0, 3, 0])} in B."
    assert held in seen.text(".att-sink")
    seen.radio("Mean of all").click()
    expect(seen.root).not_to_have_attribute("aria-busy", "true")
    seen.expect_heat(without_first(second.mean((0, 1))) - without_first(first.mean((0, 1))))


def test_difference_as_a_table_and_as_links(show):
    a, b, view = comparison(query=5)
    seen = show(view)
    seen.radio("B − A").click()
    seen.root.locator("summary").click()
    expect(seen.root.locator("th")).to_have_text(["key", "token", "A", "B", "B − A"])
    first, second = stored(a.attention)[0, 0, 5], stored(b.attention)[0, 0, 5]
    rows = [row.split("\t")[2:] for row in seen.root.locator("tbody tr").all_inner_texts()]
    assert rows == [[words(x), words(y), words(y - x, True)] for x, y in zip(first, second, strict=True)]
    seen.radio("Links").click()
    seen.button("All queries").click()
    assert ink_between(seen).sum() > 0


# ---------------------------------------------------------------- cross-attention


def test_cross_attention_is_rectangular(show):
    source = [f" s{i}" for i in range(13)]
    made = trace(TEXT[:6], source=source)
    seen = show(AttentionView(made, which="cross", layer=1, head=1))
    cross = stored(made.cross_attention)[1, 1]
    assert seen.shape() == [6, 13]
    seen.expect_heat(cross)
    seen.picture.click(position=seen.cell(4, 12))
    seen.expect_top(source, cross[4])
    assert seen.text(".att-cell") == f"␣cross → ␣s12: {words(cross[4, 12])}"
    assert "Cross-attention: every target token sees the whole source." in seen.text(".att-legend")
    assert seen.root.locator(".att-strip [role=option]").all_text_contents() == TEXT[:6]
    assert seen.root.get_by_role("group", name="Source").locator(".att-chip").all_text_contents() == source
    seen.radio("Links").click()
    seen.picture.hover(position=seen.token(key=11))
    assert seen.state("key") == "11"
    seen.radio("Mean of all").click()
    expect(seen.root).not_to_have_attribute("aria-busy", "true")
    assert seen.text(".att-where") == "Mean of all layers and heads"


# ---------------------------------------------------------------- saving


def saved(seen, name):
    with seen.page.expect_download() as waiting:
        seen.button(name).click()
    return waiting.value.suggested_filename, open(waiting.value.path(), "rb").read()


def test_csv_is_the_shown_matrix(show):
    made = trace(HOSTILE, mask="full")
    seen = show(AttentionView(made, layer=2, head=1))
    matrix = stored(made.attention)[2, 1]
    name, content = saved(seen, "CSV")
    assert name == "attention-layer-2-head-1.csv" and content.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    assert header == ["layer", "head", "query index", "query token", "key index", "key token", "weight"]
    assert len(rows) == 144 and {(row[0], row[1]) for row in rows} == {("2", "1")}
    safe = ["'" + token if token.startswith("=") else token for token in HOSTILE]
    for row in rows:
        query, key = int(row[2]), int(row[4])
        assert (row[3], row[5]) == (safe[query], safe[key])
        assert float(row[6]) == pytest.approx(matrix[query, key], abs=5e-5)
    seen.radio("Layer mean").click()
    seen.button("Hide first token").click()
    name, content = saved(seen, "CSV")
    assert name == "attention-layer-2-head-mean-without-first-token.csv"
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1:]
    expected = without_first(stored(made.attention)[2].mean(0))
    np.testing.assert_allclose([float(row[6]) for row in rows], expected.ravel(), atol=1e-4)


def test_csv_of_a_difference_has_negative_numbers_that_are_numbers(show):
    a, b, view = comparison()
    seen = show(view)
    seen.radio("B − A").press("Enter")
    name, content = saved(seen, "CSV")
    assert name == "attention-layer-0-head-0-B-minus-A.csv"
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1:]
    change = stored(b.attention)[0, 0] - stored(a.attention)[0, 0]
    np.testing.assert_allclose([float(row[6]) for row in rows], change.ravel(), atol=1e-4)


def svg_texts(root):
    return [
        "".join(e.itertext()).strip("\u2068\u2069").replace("\u2068", "") for e in root.iter("{http://www.w3.org/2000/svg}text")
    ]


def test_svg_is_made_of_vectors_and_text(show):
    made = trace(HOSTILE)
    seen = show(AttentionView(made, layer=1, head=1))
    name, content = saved(seen, "SVG")
    root = ElementTree.fromstring(content)
    assert name == "attention-layer-1-head-1.svg" and root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [e.tag for e in root.iter() if e.tag.rsplit("}")[-1] in ("image", "script", "foreignObject", "img")]
    texts = svg_texts(root)
    assert "Layer 1 · Head 1" in texts and texts.count("<s>") == 2 and texts.count("</script>") == 2 and texts.count("↵") == 2
    cell = f"{seen.geometry()['cell']:g}"
    paths = [e.get("d") for e in root.iter("{http://www.w3.org/2000/svg}path") if (e.get("fill") or "").startswith("rgba")]
    squares = sum(len(re.findall(rf"M[\d.]+ [\d.]+h{cell}v{cell}h-{cell}z", d)) for d in paths)
    assert squares == np.count_nonzero(quantise(made.attention.numpy())[1, 1])
    seen.radio("Links").click()
    root = ElementTree.fromstring(saved(seen, "SVG")[1])
    curves = [e for e in root.iter("{http://www.w3.org/2000/svg}path") if "C" in e.get("d")]
    assert 8 <= len(curves) <= 8 + 240 and "query" in svg_texts(root)


def test_png_is_the_picture_at_twice_its_size(show):
    made = trace()
    seen = show(AttentionView(made, query=0))
    name, content = saved(seen, "PNG")
    assert name == "attention-layer-0-head-0.png" and content.startswith(b"\x89PNG")
    size = np.frombuffer(content[16:24], ">u4")
    g = seen.geometry()
    matrix = stored(made.attention)[0, 0]
    got = seen.page.evaluate(
        """async ([text, places]) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
            const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
            context.drawImage(image, 0, 0);
            return places.map(([x, y]) => Array.from(context.getImageData(x, y, 1, 1).data.slice(0, 3)));
        }""",
        [
            base64.b64encode(content).decode(),
            [[2 * (g["left"] + (k + 0.5) * g["cell"]), 2 * (32 + g["top"] + (8 + 0.5) * g["cell"])] for k in range(9)],
        ],
    )
    soft, accent = seen.colour("soft"), seen.colour("accent")
    np.testing.assert_allclose(got, soft + (accent - soft) * np.sqrt(matrix[8])[:, None], atol=2)
    assert size[1] > 2 * 9 * g["cell"] and size[0] > 2 * 9 * g["cell"]


# ---------------------------------------------------------------- the address


def test_address_chooses_the_head_at_the_start_and_later(show):
    made = trace()
    seen = show(AttentionView(made), address="#layer=2&head=3")
    assert seen.state("layer", "head") == ["2", "3"]
    seen.expect_heat(stored(made.attention)[2, 3])
    seen.page.evaluate("location.hash = '#layer=1&head=0'")
    expect(seen.root).to_have_attribute("data-layer", "1")
    seen.expect_heat(stored(made.attention)[1, 0])
    seen.page.evaluate("location.hash = '#head=2'")
    expect(seen.root).to_have_attribute("data-head", "2")
    assert seen.state("layer") == "1"


@pytest.mark.parametrize(
    "address", ["#layer=3&head=9", "#layer=-1", "#layer=1e0&head=", "#the-mask", "#a2.layer=2", "#layer=%F0%9F"]
)
def test_address_of_something_else_changes_nothing(show, address):
    assert show(AttentionView(trace(), layer=1, head=1), address=address).state("layer", "head") == ["1", "1"]


def test_two_widgets_share_the_address(show):
    first = show(AttentionView(trace()), AttentionView(trace(seed=9), layer=1), address="#layer=2&a2.head=3")
    second = Seen(first.page, 1)
    assert first.state("layer", "head") == ["2", "0"] and second.state("layer", "head") == ["1", "3"]
    second.overview.click(position=second.square(0, 1))
    first.expect_address("#a2.layer=0&a2.head=1&layer=2")
    assert first.state("layer", "head") == ["2", "0"]
    first.button("Next head").click()
    first.expect_address("#layer=2&head=1&a2.layer=0&a2.head=1")
    assert second.state("layer", "head") == ["0", "1"]


def test_reading_writes_no_address(show):
    seen = show(AttentionView(trace()), address="#some-section")
    seen.picture.hover(position=seen.cell(3, 1))
    seen.radio("Links").click()
    seen.button("Hide first token").click()
    seen.page.wait_for_timeout(400)
    assert seen.page.url.endswith("#some-section")


# ---------------------------------------------------------------- tokens that want to be something else


def test_hostile_tokens_stay_text(show):
    made = trace(HOSTILE, mask="full")
    seen = show(AttentionView(made), AttentionView(trace(HOSTILE, source=HOSTILE), which="cross"))
    assert seen.page.title() == "Test" and seen.page.locator("img").count() == 0
    chips = seen.root.locator(".att-strip [role=option]").all_text_contents()
    assert chips == [visible(token) for token in HOSTILE]
    seen.root.locator("summary").click()
    expect(seen.root.locator("tbody td:nth-child(2)")).to_have_count(len(HOSTILE))
    cells = seen.root.locator("tbody td:nth-child(2)").all_text_contents()
    assert cells == [visible(token) for token in HOSTILE]
    seen.radio("Links").click()
    for query in range(len(HOSTILE)):
        seen.picture.hover(position=seen.token(query=query))
        assert seen.root.locator(".att-name").text_content() == visible(HOSTILE[query])
    assert seen.page.locator("img").count() == 0


# ---------------------------------------------------------------- sizes, themes, access


def test_narrow_and_by_touch(show):
    made = trace(layers=30, heads=9, kv_heads=3)
    seen = show(AttentionView(made), width=360, height=740)
    assert scrolls_sideways(seen.page) == []
    small = [
        (box, control.inner_text())
        for control in seen.root.locator("button:visible, select:visible, summary:visible").all()
        if min((box := control.bounding_box())["width"], box["height"]) < 32
    ]
    assert small == []
    seen.picture.scroll_into_view_if_needed()
    box, place = seen.picture.bounding_box(), seen.cell(6, 3)
    seen.page.touchscreen.tap(box["x"] + place["x"], box["y"] + place["y"])
    assert seen.state("query", "key", "locked") == ["6", "3", "true"]
    seen.page.touchscreen.tap(box["x"] + place["x"], box["y"] + place["y"])
    assert seen.state("locked") == "false"
    seen.overview.scroll_into_view_if_needed()
    box, place = seen.overview.bounding_box(), seen.square(3, 8)
    seen.page.touchscreen.tap(box["x"] + place["x"], box["y"] + place["y"])
    assert seen.state("layer", "head") == ["3", "8"]
    seen.radio("Links").tap()
    assert scrolls_sideways(seen.page) == [] and seen.geometry()["step"] >= 32


@pytest.mark.parametrize("width", [360, 760, 1280])
def test_long_tokens_do_not_widen_the_page(show, width):
    long = ["Donaudampfschifffahrtsgesellschaft" * 4, "长颈鹿" * 20, "👩🏽‍🚀" * 12, "a"]
    seen = show(AttentionView(trace(long, mask="full")), width=width)
    assert scrolls_sideways(seen.page) == []
    seen.picture.hover(position=seen.cell(0, 3))
    assert seen.root.locator(".att-name").text_content() == long[0]
    seen.radio("Links").click()
    assert scrolls_sideways(seen.page) == []


def test_theme_changes_under_way(show):
    made = trace()
    seen = show(AttentionView(made))
    light = seen.colour("soft")
    seen.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    seen.page.wait_for_timeout(300)
    assert seen.colour("soft").sum() < light.sum() / 2
    seen.expect_heat(stored(made.attention)[0, 0])
    seen.page.evaluate("document.documentElement.dataset.theme = 'light'")
    seen.page.wait_for_timeout(300)
    seen.expect_heat(stored(made.attention)[0, 0])
    dark = show(AttentionView(made), dark=True)
    assert dark.colour("soft").sum() < light.sum() / 2
    dark.expect_heat(stored(made.attention)[0, 0])


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_serious(show, dark, width):
    _, _, view = comparison()
    seen = show(AttentionView(trace(heads=6, kv_heads=2)), view, width=width, dark=dark)
    for each in (seen, Seen(seen.page, 1)):
        each.radio("Links").click()
        each.root.locator("summary").click()
    seen.page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    found = seen.page.evaluate("async () => (await axe.run(document.querySelector('main'))).violations")
    bad = {one["id"]: [node["html"][:120] for node in one["nodes"]] for one in found if one["impact"] in ("serious", "critical")}
    assert bad == {}


def test_everything_has_a_name(show):
    _, _, view = comparison()
    seen = show(view)
    nameless = seen.root.evaluate(
        """(root) => [...root.querySelectorAll("button, select, canvas[tabindex], [tabindex='0'], summary")]
            .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    assert seen.root.get_by_role("application").count() == 2


def test_preview_moves_nothing_on_the_page(show):
    seen = show(AttentionView(trace()), AttentionView(trace(seed=1)))
    below = Seen(seen.page, 1).root
    before = below.bounding_box()["y"]
    for query in (0, 8, 3):
        seen.picture.hover(position=seen.cell(query, 0))
        assert below.bounding_box()["y"] == before


@pytest.mark.parametrize("width", [360, 760])
@pytest.mark.parametrize("shape", [(30, 9, 12), (12, 12, 14), (6, 12, 30), (30, 9, 128)])
def test_height_is_reserved(show, width, shape):
    """The height that the page keeps free before the widget is there is near the height that it takes."""
    layers, heads, tokens = shape
    view = AttentionView(trace([f" token{i % 7}" for i in range(tokens)], layers, heads))
    seen = show(view, width=width)
    taken, kept = seen.root.bounding_box()["height"], view._height[width < 600]
    assert -80 <= kept - taken <= 200


# ---------------------------------------------------------------- long texts


@pytest.fixture(scope="module")
def long_view():
    tokens = [f" w{i}" for i in range(512)]
    return AttentionView(trace(tokens, layers=2, heads=4))


def test_512_tokens(show, long_view):
    seen = show(long_view)
    expect(seen.root).to_have_attribute("data-opened", "2")
    seen.expect_heat(stored(trace([f" w{i}" for i in range(512)], layers=2, heads=4).attention)[0, 0])
    assert seen.root.evaluate("(e) => e.querySelectorAll('*').length") < 512 + 400
    cdp = seen.page.context.new_cdp_session(seen.page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})  # processor time: the machine may be busy
    used = lambda: next(m["value"] for m in cdp.send("Performance.getMetrics")["metrics"] if m["name"] == "ScriptDuration")  # noqa: E731
    before = used()
    seen.page.evaluate(
        """async () => {
            const next = document.querySelector("[aria-label='Next head']");
            for (let i = 0; i < 20; i++) {
                next.click();
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            }
        }"""
    )
    assert (used() - before) / 20 < 0.016


def test_512_tokens_as_links_draw_what_is_in_sight(show, long_view):
    seen = show(long_view, width=760)
    seen.radio("Links").click()
    assert seen.picture.bounding_box()["height"] <= 600
    seen.button("Hide first token").focus()
    seen.picture.focus()
    for _ in range(60):
        seen.page.keyboard.press("PageDown")
    assert seen.state("query") == "511"
    scroller = seen.root.locator(".att-stage .att-scroller")
    assert scroller.evaluate("(e) => e.scrollTop + e.clientHeight >= e.scrollHeight - 40")
    seen.picture.hover(position=seen.token(query=505))
    assert seen.state("query") == "505" and seen.text(".att-name") == "␣w505"


# ---------------------------------------------------------------- the life of a widget


def test_kernel_may_choose_the_head_and_hears_of_the_reader(chromium):  # noqa: F811
    view = AttentionView(trace(), layer=1)
    blank = chromium.new_page()
    with_fake_model(blank, bundle("attention.js"), view)
    seen = Seen(blank)
    assert seen.state("layer", "head") == ["1", "0"]
    blank.evaluate("model.set('layer', 2); model.set('head', 3)")
    expect(seen.root).to_have_attribute("data-head", "3")
    assert seen.state("layer") == "2" and blank.evaluate("model.saved") == 0
    seen.button("Next head").click()
    assert blank.evaluate("[model.get('layer'), model.get('head'), model.saved]") == [2, 0, 1]
    blank.evaluate("stop()")
    assert blank.evaluate("model.listening()") == 0
    blank.evaluate("location.hash = '#layer=0&head=1'")
    blank.wait_for_timeout(200)
    assert seen.state("layer", "head") == ["2", "0"]
    blank.close()
