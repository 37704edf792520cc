"""AttentionView: its arithmetic in Chromium against NumPy, its payload, and every control in a page against the trace.

What a page shows is compared with arrays computed here from the trace: the cells of the matrix by their colours, which
stand for weights, and numbers, tables and files by their values.
"""

import base64
import contextlib
import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np
import pytest
import torch
from browser import chromium, scrolls_sideways, visit, wait_for_widgets  # noqa: F401
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
    blank = chromium.new_page()
    blank.evaluate(
        """async (source) => {
            window.attention = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
            window.open = ({ kind, text }) => {
                const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                return kind === "|u1" ? bytes : new Float32Array(bytes.buffer);
            };
            window.plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
        }""",
        bundle("attention.js"),
    )
    yield blank
    blank.close()


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
    opened = f"sent.map((one) => (one && one.kind ? open(one) : one))"  # noqa: F541
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
    [(0, False, "0"), (0.004, False, "<0.01"), (0.746, False, "0.75"), (1, False, "1.00"), (0.12, True, "+0.12")]
    + [(-0.12, True, "−0.12"), (-0.004, True, "≈0"), (0, True, "0")],
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
    attention[1, 2] = torch.tensor([[1, 0, 0, 0], [0.75, 0.25, 0, 0], [0.1, 0.6125, 0.2875, 0], [0.9, 0.05, 0.05, 0]])
    made = trace(["A", " b", "\n", "</s>"], 2, 3)
    object.__setattr__(made, "attention", attention)
    wanted = r"AttentionView(2 layers × 3 heads, 4 × 4 tokens; layer 1 head 2: largest '\n'→' b' 0.613, '\n'→'\n' 0.287, ' b'→' b' 0.250)"
    assert repr(AttentionView(made, layer=1, head=2)) in (wanted, wanted.replace("0.613", "0.612").replace("0.287", "0.288"))
    assert repr(AttentionView(made)) == "AttentionView(2 layers × 3 heads, 4 × 4 tokens; layer 0 head 0: nothing beyond the first token)"
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
    return [np.frombuffer(zlib.decompress(view.weights[a:b], wbits=-15), np.uint8) for a, b in zip(ends, ends[1:], strict=False)]


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
        ({"which": "cross"}, "tiny is a decoder and has no cross-attention.*Use which=\"self\""),
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
