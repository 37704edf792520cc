"""SamplingView: its arithmetic in Chromium against Python and transformers, its payload, and every control in a page."""

import base64
import csv
import functools
import itertools
import json
import math
import re
import zlib

import numpy as np
import pytest
import torch
import transformers
from browser import chromium, imported, pages, scrolls_sideways  # noqa: F401
from playwright.sync_api import expect

from lmkit import Distribution, Generation
from lmkit.widgets.base import bundle, styles
from lmkit.widgets.sampling import SamplingView

HOSTILE = [
    "<s>",
    "</script>",
    '<img src=x onerror="document.title=1">',
    "👩🏽‍🚀",
    "<0xE4><0xBB>",
    "مرحبا",
    "\n",
    "",
    " the",
    "=1+1",
]
SIZE = 2000
KEPT = 0


@pytest.fixture
def show(chromium, tmp_path):  # noqa: F811
    """show(widget) opens it in a page of its own; at the end nothing may have gone wrong there."""
    with pages(chromium, tmp_path) as open_page:
        yield lambda widget, motion="reduce", **options: open_page(widget.to_html("Test"), motion=motion, **options).page


# ---------------------------------------------------------------- the arithmetic


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    """A blank page with `sampling.js` as `sampling` and helpers to carry float64 arrays without loss."""
    with imported(chromium, "sampling", bundle("sampling.js")) as page:
        page.evaluate(
            """() => {
                const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                window.floats = (text) => new Float64Array(bytes(text).buffer);
                window.text = (array) => {
                    const all = new Uint8Array(Float64Array.from(array).buffer);
                    let out = "";
                    for (let i = 0; i < all.length; i += 8192) out += String.fromCharCode(...all.subarray(i, i + 8192));
                    return btoa(out);
                };
            }"""
        )
        yield page


def to_text(array) -> str:
    return base64.b64encode(np.asarray(array, dtype="<f8").tobytes()).decode()


def from_text(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f8")


def warps_in_browser(module, logits, every):
    """For each of `every` settings (probabilities, reasons, mass cut off), the first two in the order of ids."""
    renamed = [
        {"temperature": s.get("temperature", 1), "topP": s.get("top_p") or 1, "minP": s.get("min_p") or 0}
        | ({"topK": s["top_k"]} if s.get("top_k") else {})
        for s in every
    ]
    answers = module.evaluate(
        """([logits, every]) => every.map((settings) => {
            const sorted = sampling.sortLogits(floats(logits));
            const { probs, reasons, massCut, kept } = sampling.warp(sorted, settings);
            return [text(sampling.byId(sorted, probs)), text(sampling.byId(sorted, reasons)), massCut, kept];
        })""",
        [to_text(logits), renamed],
    )
    for probs, reasons, cut, kept in answers:
        assert kept == (from_text(reasons) == KEPT).sum()
        yield from_text(probs), from_text(reasons), cut


def warp_in_browser(module, logits, **settings):
    return next(warps_in_browser(module, logits, [settings]))


def transformers_warp(logits, temperature=1.0, top_k=None, top_p=None, min_p=None) -> torch.Tensor:
    """The logits after the warpers that `generate` would use, in their order."""
    hf = transformers.generation.logits_process
    scores = torch.as_tensor(logits)[None]
    warpers = [hf.TemperatureLogitsWarper(temperature)] if temperature != 1 else []
    warpers += [hf.TopKLogitsWarper(top_k)] if top_k is not None else []
    warpers += [hf.TopPLogitsWarper(top_p)] if top_p is not None and top_p < 1 else []
    warpers += [hf.MinPLogitsWarper(min_p)] if min_p is not None else []
    for warper in warpers:
        scores = warper(None, scores)
    return scores[0]


@pytest.fixture
def stable_sort(monkeypatch):
    """torch.sort promises nothing about equal values; ask it for their order, so that transformers' choice is defined."""
    monkeypatch.setattr(torch, "sort", functools.partial(torch.sort, stable=True))


def random_logits(size, seed=0, scale=3.0):
    return np.random.RandomState(seed).standard_normal(size) * scale


def with_holes(size):
    logits = random_logits(size, 5)
    logits[::2] = -np.inf
    return logits


ADVERSARIAL = {
    "whole vocabulary": random_logits(49152),
    "whole vocabulary, half precision": random_logits(49152, 1).astype(np.float16).astype(np.float64),
    "few different values": np.random.RandomState(2).randint(0, 4, 1000).astype(np.float64),
    "all equal": np.zeros(64),
    "one token": np.array([3.5]),
    "two, equal": np.array([1.0, 1.0]),
    "half impossible": with_holes(1000),
    "all but one impossible": np.array([-np.inf, 2.0, -np.inf]),
    "huge": np.array([1e4, 1e4 - 1, -1e4, 0.0]),
    "tied best": np.array([0.0, 5.0, 1.0, 5.0, 5.0]),
}
SETTINGS = [
    dict(zip(("temperature", "top_k", "top_p", "min_p"), values, strict=True))
    for values in itertools.product((0.05, 0.7, 1.0, 3.0), (None, 1, 50, 10**6), (None, 1.0, 0.9, 0.013), (None, 0.0, 0.1, 1.0))
]


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_warp_equals_transformers_and_distribution(module, stable_sort, name):
    logits = ADVERSARIAL[name]
    raw = Distribution(torch.tensor(logits))
    every = SETTINGS if logits.size < 40000 else SETTINGS[::11]
    for settings, (probs, reasons, cut) in zip(every, warps_in_browser(module, logits, every), strict=True):
        reference, ours = transformers_warp(logits, **settings), raw.warp(**settings)
        for expected in (reference, ours.logits):
            np.testing.assert_array_equal(reasons == KEPT, expected.numpy() > -np.inf, err_msg=str(settings))
            np.testing.assert_allclose(probs, expected.softmax(-1).numpy(), atol=1e-9, err_msg=str(settings))
        tempered = raw.warp(temperature=settings["temperature"]).probs.numpy()
        assert cut == pytest.approx(tempered[reasons != KEPT].sum(), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_warp_equals_transformers_in_single_precision(module, stable_sort, seed):
    """Real models give float32. Only a token at the very edge of top-p could differ, by the rounding of float32 sums."""
    logits = random_logits(49152, 10 + seed, 2 + seed).astype(np.float32)
    for settings in ({"top_p": 0.9}, {"temperature": 0.8, "top_k": 50, "top_p": 0.95, "min_p": 0.02}, {"min_p": 0.05}):
        expected = transformers_warp(logits, **settings)
        probs, reasons, _ = warp_in_browser(module, logits, **settings)
        differ = np.flatnonzero((reasons == KEPT) != (expected.numpy() > -np.inf))
        assert len(differ) <= 2 and all(torch.tensor(logits).softmax(-1)[differ] < 1e-4)
        np.testing.assert_allclose(probs, expected.softmax(-1).numpy(), atol=1e-6 if len(differ) == 0 else 1e-4)


def test_kept_set_without_a_tie_needs_no_stable_sort(module):
    """As transformers really runs, wherever equal logits do not straddle the edge of top-p."""
    logits = ADVERSARIAL["whole vocabulary"]
    for top_p in (0.05, 0.5, 0.99):
        _, reasons, _ = warp_in_browser(module, logits, top_p=top_p)
        np.testing.assert_array_equal(reasons == KEPT, transformers_warp(logits, top_p=top_p).numpy() > -np.inf)


def test_a_tie_at_the_edge_of_top_p_keeps_the_larger_ids(module):
    _, reasons, _ = warp_in_browser(module, np.zeros(4), top_p=0.5)
    assert (reasons == KEPT).tolist() == [False, False, True, True]


def test_top_k_keeps_all_that_tie_with_the_kth(module):
    _, reasons, _ = warp_in_browser(module, [1.0, 3.0, 2.0, 2.0, 2.0, 0.0], top_k=2)
    assert (reasons == KEPT).tolist() == [False, True, True, True, True, False]


def test_plus_infinity_shares_all_the_probability(module):
    logits = np.array([0.0, np.inf, 5.0, np.inf, -np.inf])
    for settings in ({}, {"temperature": 0.1}, {"top_k": 2}, {"top_p": 0.99}, {"min_p": 1.0}):
        probs, _, _ = warp_in_browser(module, logits, **settings)
        np.testing.assert_array_equal(probs, [0, 0.5, 0, 0.5, 0])
        np.testing.assert_array_equal(probs, Distribution(torch.tensor(logits)).warp(**settings).probs)


def test_reasons_name_the_first_cut_that_removed_a_token(module):
    logits = np.log([0.4, 0.3, 0.15, 0.1, 0.05])
    _, reasons, cut = warp_in_browser(module, [*logits, -np.inf], top_k=4, top_p=0.85, min_p=0.5)
    # top-k leaves .4 .3 .15 .1 of .95; top-p .85 needs .4 .3 .15 (.895); min-p wants half of the best
    assert reasons.tolist() == [0, 0, 5, 4, 3, 1]
    assert cut == pytest.approx(0.3)


def test_temperature_zero_is_the_argmax_and_the_limit(module):
    logits = random_logits(49152, 7)
    probs, reasons, cut = warp_in_browser(module, logits, temperature=0)
    assert probs.sum() == 1 and probs.argmax() == logits.argmax() and (reasons == KEPT).sum() == 1
    assert cut == pytest.approx(1 - torch.tensor(logits).softmax(-1).max().item())
    for small in (1e-3, 1e-12, 1e-300):
        np.testing.assert_allclose(warp_in_browser(module, logits, temperature=small)[0], probs, atol=1e-6)
    tied, _, _ = warp_in_browser(module, [1.0, 2.0, 2.0], temperature=0)
    assert tied.tolist() == [0, 1, 0]  # torch.argmax takes the first


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_softmax_and_entropy(module, temperature):
    for logits in (random_logits(49152, 3), np.array([0.0, -np.inf]), np.array([np.inf, 1.0, np.inf]), np.zeros(7)):
        probs, entropy = module.evaluate(
            """([logits, temperature]) => {
                const probs = sampling.softmax(floats(logits), temperature);
                return [text(probs), sampling.entropy(probs)];
            }""",
            [to_text(logits), temperature],
        )
        expected = Distribution(torch.tensor(logits)).warp(temperature)
        np.testing.assert_allclose(from_text(probs), expected.probs.numpy(), atol=1e-12)
        assert entropy == pytest.approx(expected.entropy(), abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
def test_draws_are_those_of_distribution_sample(module, seed):
    for logits in (random_logits(49152, seed % 97), with_holes(1000), np.array([-np.inf, 0.0]), np.zeros(3)):
        ids, probs = module.evaluate(
            """([logits, seed]) => {
                const probs = sampling.softmax(floats(logits)), cumulative = sampling.cumulate(probs);
                const next = sampling.mt19937(seed);
                return [Array.from({ length: 2000 }, () => sampling.inverseCdfDraw(cumulative, next())), text(probs)];
            }""",
            [to_text(logits), seed],
        )
        assert ids == Distribution(torch.tensor(logits)).sample(seed, 2000)
        counts = np.bincount(ids, minlength=logits.size)
        distance = module.evaluate(
            "([counts, probs]) => sampling.totalVariation(floats(counts), 2000, floats(probs))", [to_text(counts), probs]
        )
        assert distance == pytest.approx(np.abs(counts / 2000 - from_text(probs)).sum() / 2, abs=1e-12)


def test_extreme_draws_stay_among_the_possible(module):
    draw = "([probs, u]) => sampling.inverseCdfDraw(sampling.cumulate(floats(probs)), u)"
    probs = to_text([0, 0.5, 0, 0.5, 0])
    almost_one = 1 - 2.0**-53
    assert [module.evaluate(draw, [probs, u]) for u in (0, 0.4999, 0.5, almost_one)] == [1, 1, 3, 3]


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (3e-7, "< 0.001 %"),
        (0.00042, "0.042 %"),
        (0.0123, "1.23 %"),
        (0.5, "50.0 %"),
        (0.9996, "99.960 %"),
    ],
)
def test_percent_never_rounds_to_certainty(module, p, text):
    assert module.evaluate("(p) => sampling.percent(p)", p) == text


# ---------------------------------------------------------------- the payload and the Python side


def tokens_for(size):
    letters = np.random.RandomState(0).randint(97, 123, (size, 4))
    return [" " + "".join(map(chr, four)) + str(i) for i, four in enumerate(letters)]


@pytest.fixture(scope="module")
def distribution():
    return Distribution(torch.tensor(random_logits(SIZE, 11)), tokens_for(SIZE))


def half(packed: bytes) -> np.ndarray:
    return np.frombuffer(zlib.decompress(packed, wbits=-15), dtype="<f2").astype(np.float64)


def opened(packed: bytes) -> object:
    return json.loads(zlib.decompress(packed, wbits=-15))


def test_logits_travel_as_half_floats_of_the_difference_to_the_largest(distribution):
    view = SamplingView({"a": distribution, "b": distribution.warp(top_k=5)})
    first, second = half(view.logits[: view.logit_sizes[0]]), half(view.logits[view.logit_sizes[0] :])
    exact = distribution.logits.numpy() - distribution.logits.numpy().max()
    np.testing.assert_array_equal(first, exact.astype(np.float16))
    assert (second > -np.inf).sum() == 5
    assert opened(view.vocabulary) == [distribution.token(i) for i in range(SIZE)]
    error = (view.rounded("a").probs - distribution.probs).abs().max().item()
    assert 0 < error < 2e-4 and error <= view.rounding[0] < 1.1 * error


def test_far_logits_stay_possible_and_removed_ones_do_not():
    view = SamplingView(Distribution([0.0, -1e30, -math.inf]))
    assert half(view.logits).tolist() == [0, -65504, -math.inf]
    assert half(SamplingView(Distribution([1.0, math.inf, math.inf])).logits).tolist() == [-math.inf, 0, 0]


def test_payload_of_a_real_vocabulary_stays_in_its_budget():
    """The size of SmolLM2's vocabulary with logits as spread as a model's; the real figures are in benchmarks/."""
    view = SamplingView(Distribution(torch.tensor(random_logits(49152)), tokens_for(49152)))
    assert len(base64.b64encode(view.logits)) < 120_000


def test_repr_is_one_short_line_of_sizes_and_best_tokens():
    distribution = Distribution(torch.log(torch.tensor([0.5, 0.3, 0.2])), ["a", " b", "\n"])
    assert repr(SamplingView(distribution)) == "SamplingView(3 tokens; 'a' 0.500, ' b' 0.300, '\\n' 0.200)"
    both = SamplingView({"x": distribution, "y": distribution.warp(top_k=1)})
    assert repr(both) == "SamplingView(3 tokens; 'x': 'a' 0.500, ' b' 0.300, '\\n' 0.200; 'y': 'a' 1.000)"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1}, "temperature=-1"),
        ({"temperature": math.nan}, "temperature=nan"),
        ({"top_k": 0}, "top_k=0"),
        ({"top_p": 0}, "top_p=0"),
        ({"top_p": 1.5}, "top_p=1.5"),
        ({"min_p": -0.1}, "min_p=-0.1"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2**32}, "seed=4294967296"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SamplingView(Distribution([0.0, 1.0]), **settings)


def test_temperature_zero_is_allowed_here():
    assert SamplingView(Distribution([0.0, 1.0]), temperature=0).temperature == 0


def test_other_sources_are_refused():
    with pytest.raises(TypeError, match=r"Give a Distribution.* not list"):
        SamplingView([1.0, 2.0])
    with pytest.raises(TypeError, match="not str under 'a prompt'"):
        SamplingView({"a prompt": "text"})
    with pytest.raises(ValueError, match="the dict is empty"):
        SamplingView({})
    with pytest.raises(ValueError, match=r"one vocabulary.*'a': 2, 'b': 3"):
        SamplingView({"a": Distribution([0.0, 1.0]), "b": Distribution([0.0, 1.0, 2.0])})
    with pytest.raises(ValueError, match=r"'c'.*\['a'\]"):
        SamplingView({"a": Distribution([0.0, 1.0])}).rounded("c")


# ---------------------------------------------------------------- the page: settings


def number(page, label):
    return page.get_by_role("spinbutton", name=f"{label}, value")


def knob(page, label):
    return page.get_by_role("slider", name=label, exact=True)


def figures(page) -> dict:
    """{label: (value, note)} of the readouts."""
    rows = page.locator(".sv-figure").all()
    return {
        row.locator(".sv-label").inner_text(): (row.locator("b").inner_text(), row.locator("span").last.inner_text())
        for row in rows
    }


def whole_number(text):
    return int(text.replace(",", ""))


def percentage(text):
    return float(text.removesuffix(" %")) / 100


def rows(page) -> list[dict]:
    """What the chart shows, read from the page; `bar` is the share of the axis that the 'after' bar covers, in pixels."""
    return page.evaluate(
        """async () => {
            await Promise.allSettled(document.getAnimations().map((bar) => bar.finished)); // bars glide to their lengths
            return [...document.querySelectorAll(".sv-row")].map((row) => {
            const width = (kind) => row.querySelector(".sv-" + kind).getBoundingClientRect().width;
            const [before, after] = [...row.querySelectorAll(".sv-numbers span")].map((s) => s.textContent);
            const track = row.querySelector(".sv-track").getBoundingClientRect().width;
            return { token: row.querySelector(".sv-name").title, before, after, why: row.querySelector(".sv-why").textContent,
                count: row.querySelector(".sv-count").textContent, bar: width("after") / track, drawn: width("drawn") / track,
                chosen: row.getAttribute("aria-current") === "true" };
            });
        }"""
    )


def check_state(page, view, temperature=1.0, top_k=None, top_p=None, min_p=None, label=None):
    """Every readout and every bar against Python."""
    raw = view.rounded(label)
    if temperature == 0:
        best = raw.logits.argmax().item()
        after = Distribution(torch.where(torch.arange(len(raw)) == best, 0.0, -math.inf).double(), raw.token)
        tempered = raw
    else:
        after = raw.warp(temperature, top_k, top_p, min_p)
        tempered = raw.warp(temperature)
    kept = after.logits > -math.inf
    shown = figures(page)
    assert whole_number(shown["Candidates left"][0]) == kept.sum().item()
    assert percentage(shown["Probability cut off"][0]) == pytest.approx(tempered.probs[~kept].sum().item(), abs=6e-4)
    assert float(shown["Entropy in nats"][0]) == pytest.approx(after.entropy(), abs=0.0051)
    assert shown["Entropy in nats"][1] == f"was {raw.entropy():.2f}"
    assert float(shown["Entropy in bits"][0]) == pytest.approx(after.entropy() / math.log(2), abs=0.0051)
    end = percentage(page.locator(".sv-axis span").last.inner_text())
    chart = rows(page)
    best = torch.sort(raw.logits, descending=True, stable=True).indices.tolist()[: len(chart) - 1]
    for row, id in zip(chart, best, strict=False):
        assert percentage(row["before"]) == pytest.approx(raw.probs[id].item(), abs=6e-4)
        assert bool(row["why"]) == (not kept[id])
        assert row["bar"] == pytest.approx(after.probs[id].item() / end, abs=0.01)
        if kept[id]:
            assert percentage(row["after"]) == pytest.approx(after.probs[id].item(), abs=6e-4)
    tail = chart[-1]
    assert percentage(tail["before"]) == pytest.approx(1 - raw.probs[best].sum().item(), abs=6e-4)
    assert tail["bar"] == pytest.approx(min(1, (1 - after.probs[best].sum().item()) / end), abs=0.01)


CONTROLS = {
    "Temperature": ("temperature", 0.05, "sharper"),
    "Top-k": ("top_k", None, "best"),
    "Top-p": ("top_p", 0.01, "likeliest"),
    "Min-p": ("min_p", 0.01, "of the best"),
}


@pytest.mark.parametrize("label", CONTROLS)
def test_slider_by_mouse(show, distribution, label):
    view = SamplingView(distribution)
    page = show(view)
    check_state(page, view)
    box = knob(page, label).bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    name, _, words = CONTROLS[label]
    value = number(page, label).input_value()
    assert value not in ("", "1", "0", str(SIZE))
    check_state(page, view, **{name: int(value) if name == "top_k" else float(value)})
    assert words in knob(page, label).get_attribute("aria-valuetext")


@pytest.mark.parametrize("label", CONTROLS)
def test_slider_by_keyboard(show, distribution, label):
    name, step, _ = CONTROLS[label]
    start = {"temperature": 0.5, "top_k": 3, "top_p": 0.5, "min_p": 0.2}[name]
    view = SamplingView(distribution, **{name: start})
    page = show(view)
    check_state(page, view, **{name: start})
    knob(page, label).focus()
    for key, moved in (("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", -1)):
        page.keyboard.press(key)
        expected = start + moved * (step or 1)
        assert float(number(page, label).input_value()) == pytest.approx(expected)
        check_state(page, view, **{name: expected if step is None else round(expected, 4)})
    outline = knob(page, label).evaluate("(el) => getComputedStyle(el).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize(("label", "typed"), [("Temperature", 1.37), ("Top-k", 7), ("Top-p", 0.333), ("Min-p", 0.077)])
def test_number_field(show, distribution, label, typed):
    view = SamplingView(distribution)
    page = show(view)
    number(page, label).fill(str(typed))
    check_state(page, view, **{CONTROLS[label][0]: typed})
    for nonsense in ("-4", "99999999", ""):
        number(page, label).fill(nonsense)
        check_state(page, view, **{CONTROLS[label][0]: typed})
    number(page, label).blur()
    assert number(page, label).input_value() == str(typed)


def test_temperature_slider_ends_at_greedy(show, distribution):
    view = SamplingView(distribution)
    page = show(view)
    knob(page, "Temperature").focus()
    page.keyboard.press("Home")
    assert "greedy" in knob(page, "Temperature").get_attribute("aria-valuetext")
    check_state(page, view, temperature=0)
    assert rows(page)[1]["why"] == "not the best"


@pytest.mark.parametrize(
    ("preset", "settings"),
    [("Greedy", {"temperature": 0}), ("Top-k 50", {"top_k": 50}), ("Top-p 0.9", {"top_p": 0.9}), ("Min-p 0.1", {"min_p": 0.1})],
)
def test_presets_and_reset(show, distribution, preset, settings):
    view = SamplingView(distribution, temperature=1.5, top_k=20)
    page = show(view)
    button = page.get_by_role("button", name=preset)
    button.focus()
    page.keyboard.press("Enter")
    check_state(page, view, **settings)
    assert button.get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Reset").click()
    check_state(page, view, temperature=1.5, top_k=20)


def test_all_settings_together_and_reasons(show, distribution):
    view = SamplingView(distribution, temperature=0.9, top_k=12, top_p=0.9, min_p=0.2)
    page = show(view)
    check_state(page, view, temperature=0.9, top_k=12, top_p=0.9, min_p=0.2)
    reasons = [row["why"] for row in rows(page)]
    order = ["", "cut by min-p", "cut by top-p", "cut by top-k"]
    assert reasons == sorted(reasons, key=order.index) and set(reasons) == set(order)
    struck = page.locator(".sv-removed .sv-name").first.evaluate("(el) => getComputedStyle(el).textDecorationLine")
    assert struck == "line-through"


def test_the_reader_picks_the_prompt(show, distribution):
    other = Distribution(torch.tensor(random_logits(SIZE, 12)), distribution.token)
    view = SamplingView({"One": distribution, "Two": other}, top_p=0.8)
    page = show(view)
    check_state(page, view, top_p=0.8, label="One")
    page.get_by_role("radio", name="Two").click()
    expect(page.locator(".sv-name").first).to_have_attribute("title", "␣" + other.top(1)[0][0].strip())
    check_state(page, view, top_p=0.8, label="Two")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".sv-name").first).to_have_attribute("title", "␣" + distribution.top(1)[0][0].strip())
    check_state(page, view, top_p=0.8, label="One")


def test_logarithmic_scale_and_more_tokens(show, distribution):
    view = SamplingView(distribution)
    page = show(view)
    assert len(rows(page)) == 16
    page.get_by_role("button", name="Show more tokens").click()
    assert len(rows(page)) == 41
    check_state(page, view)
    page.get_by_role("button", name="Logarithmic scale").press("Enter")
    for row, (_, _, probability) in zip(rows(page), view.rounded().top(40), strict=False):
        assert row["bar"] == pytest.approx(max(0, 1 + math.log10(probability) / 4), abs=0.01)
    assert page.locator(".sv-axis span").all_inner_texts() == ["0.01 %", "1 %", "100 %"]


# ---------------------------------------------------------------- the page: draws


def check_draws(page, view, seed, n, **settings):
    after = view.rounded().warp(**settings)
    ids = after.sample(seed, n)
    counts = np.bincount(ids, minlength=len(after))
    expect(page.locator(".sv-tally b").first).to_have_text(f"{n:,} draws" if n > 1 else "1 draw")
    distance = np.abs(counts / n - after.probs.double().numpy()).sum() / 2
    assert float(page.locator(".sv-tally b").last.inner_text()) == pytest.approx(distance, abs=0.00051)
    chips = page.locator(".sv-chip").all_inner_texts()
    assert [chip.removeprefix("␣") for chip in chips] == [after.token(id).strip() for id in ids[::-1][:12]]
    end = percentage(page.locator(".sv-axis span").last.inner_text())
    chart = rows(page)
    best = torch.sort(view.rounded().logits, descending=True, stable=True).indices.tolist()[: len(chart) - 1]
    for row, id in zip(chart, best, strict=False):
        assert row["count"] == (f"× {counts[id]:,}" if counts[id] else "")
        assert row["drawn"] == pytest.approx(min(1, counts[id] / n / end), abs=0.012)
    tail = n - counts[best].sum()
    assert chart[-1]["count"] == (f"× {tail:,}" if tail else "")


def test_draws_by_mouse_and_keyboard(show, distribution):
    view = SamplingView(distribution, temperature=0.8, seed=5)
    page = show(view)
    page.get_by_role("button", name="Draw 1", exact=True).click()
    check_draws(page, view, 5, 1, temperature=0.8)
    page.get_by_role("button", name="Draw 10", exact=True).press("Enter")
    check_draws(page, view, 5, 11, temperature=0.8)
    page.get_by_role("button", name="Draw 1,000").press("Space")
    check_draws(page, view, 5, 1011, temperature=0.8)
    expect(page.locator("[role=status]")).to_contain_text("1,011 draws")


def test_draws_move_in_frames_unless_motion_is_reduced(show, distribution):
    view = SamplingView(distribution)
    page = show(view, motion="no-preference")
    page.get_by_role("button", name="Draw 1,000").click()
    check_draws(page, view, 0, 1000)
    assert page.locator(".sv-spark polyline").get_attribute("points").count(" ") > 20


def test_more_draws_come_closer(show, distribution):
    page = show(SamplingView(distribution, top_k=20))
    distances = []
    for _ in range(3):
        page.get_by_role("button", name="Draw 10", exact=True).click()
    distances.append(float(page.locator(".sv-tally b").last.inner_text()))
    for _ in range(5):
        page.get_by_role("button", name="Draw 1,000").click()
    distances.append(float(page.locator(".sv-tally b").last.inner_text()))
    assert distances[1] < 0.03 < distances[0]


def test_seed_and_clear(show, distribution):
    view = SamplingView(distribution)
    page = show(view)
    expect(page.get_by_role("button", name="Clear")).to_be_disabled()
    page.get_by_label("Seed").fill("123")
    page.get_by_label("Seed").press("Enter")
    page.get_by_role("button", name="Draw 10", exact=True).click()
    check_draws(page, view, 123, 10)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".sv-tally")).to_contain_text("No draws yet")
    assert all(row["count"] == "" and row["drawn"] == 0 for row in rows(page))
    page.get_by_role("button", name="Draw 10", exact=True).click()
    check_draws(page, view, 123, 10)  # from the start again


def test_moving_a_control_clears_the_draws_and_says_so(show, distribution):
    view = SamplingView(distribution)
    page = show(view)
    page.get_by_role("button", name="Draw 1,000").click()
    knob(page, "Temperature").press("ArrowLeft")
    expect(page.locator(".sv-notice")).to_have_text("You moved a control, so the 1,000 draws were cleared.")
    expect(page.locator(".sv-tally")).to_contain_text("No draws yet")
    page.get_by_role("button", name="Draw 10", exact=True).click()
    check_draws(page, view, 0, 10, temperature=0.95)
    expect(page.locator(".sv-notice")).to_be_empty()


def test_saving_the_state_disturbs_nothing(show, distribution):
    """Settings are written back to the traits a moment later, one by one; no mixture of old and new may come back."""
    view = SamplingView(distribution, temperature=1.5, top_k=20, min_p=0.05)
    page = show(view)
    page.get_by_role("button", name="Top-p 0.9").click()
    page.get_by_role("button", name="Draw 10", exact=True).click()
    page.wait_for_timeout(400)
    check_state(page, view, top_p=0.9)
    check_draws(page, view, 0, 10, top_p=0.9)


# ---------------------------------------------------------------- the page: table, file, looks


def test_table_and_fine_print(show, distribution):
    view = SamplingView(distribution, top_k=3)
    page = show(view)
    page.get_by_text("Table, file and fine print").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(15)
    cells = page.locator("tbody tr").nth(1).locator("td").all_inner_texts()
    token, id, probability = view.rounded().top(2)[1]
    assert cells[:3] == ["2", token.replace(" ", "␣"), str(id)]
    assert percentage(cells[3]) == pytest.approx(probability, abs=6e-4)
    assert page.locator("tbody tr").nth(3).locator("td").nth(5).inner_text() == "cut by top-k"
    note = page.locator("details .lmkit-note").inner_text()
    assert "16-bit" in note and f"by more than {100 * view.rounding[0]:.2g} %" in note


def test_csv_holds_the_whole_vocabulary(show, distribution):
    view = SamplingView(distribution, temperature=0.7, top_p=0.9)
    page = show(view)
    page.get_by_role("button", name="Draw 1,000").click()
    page.get_by_text("Table, file and fine print").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save all tokens as CSV").click()
    with open(download.value.path(), encoding="utf8", newline="") as file:
        table = list(csv.DictReader(file))
    raw, after = view.rounded(), view.rounded().warp(0.7, top_p=0.9)
    assert [int(row["id"]) for row in table] == list(range(SIZE))
    assert [row["token"] for row in table] == [distribution.token(i) for i in range(SIZE)]
    np.testing.assert_allclose([float(row["probability_before"]) for row in table], raw.probs, atol=1e-12)
    np.testing.assert_allclose([float(row["probability_after"]) for row in table], after.probs, atol=1e-12)
    assert [int(row["drawn"]) for row in table] == np.bincount(after.sample(0, 1000), minlength=SIZE).tolist()
    assert [row["removed"] == "" for row in table] == (after.logits > -math.inf).tolist()


def test_hostile_tokens_are_text(show):
    view = SamplingView(Distribution(torch.linspace(1, 0, len(HOSTILE)), HOSTILE), title="</script><b>title")
    page = show(view)
    shown = ["<s>", "</script>", HOSTILE[2], "👩🏽‍🚀", "<0xE4><0xBB>", "مرحبا", "↵", "∅", "␣the", "=1+1"]
    assert [row["token"] for row in rows(page)] == shown
    page.get_by_role("button", name="Draw 1,000").click()
    page.get_by_text("Table, file and fine print").click()
    expect(page.locator("tbody tr")).to_have_count(len(HOSTILE))
    assert page.locator("tbody td:nth-child(2)").all_inner_texts() == shown
    assert page.locator("img").count() == 0 and page.title() == "Test"
    expect(page.locator(".lmkit-title")).to_have_text("</script><b>title")
    expect(page.locator(".sv-name").nth(5)).to_have_css("unicode-bidi", "isolate")


@pytest.mark.parametrize("logits", [[0.0], [0.0, -math.inf], [math.inf, 1.0, math.inf]])
def test_tiny_vocabularies(show, logits):
    page = show(SamplingView(Distribution(logits)))
    for label in CONTROLS:
        for key in ("Home", "End"):
            knob(page, label).press(key)
    page.get_by_role("button", name="Draw 10", exact=True).click()
    assert "NaN" not in page.locator(".lmkit").inner_text()
    expect(page.locator(".sv-tally b").first).to_have_text("10 draws")


def test_dark_mode(show, distribution):
    paper = "() => getComputedStyle(document.querySelector('.lmkit')).backgroundColor"
    light = show(SamplingView(distribution)).evaluate(paper)
    dark = show(SamplingView(distribution), dark=True).evaluate(paper)
    assert light == "rgb(255, 255, 255)" and sum(map(int, re.findall(r"\d+", dark))) < 120


@pytest.mark.parametrize("width", [360, 768])
def test_narrow_page_by_touch(show, distribution, width):
    view = SamplingView({"A prompt that is rather long, as prompts are": distribution, "二": distribution})
    page = show(view, width=width)
    assert scrolls_sideways(page) == []
    press = "tap" if width < 600 else "click"
    getattr(page.get_by_role("button", name="Min-p 0.1"), press)()
    check_state(page, view, min_p=0.1)
    getattr(page.get_by_role("button", name="Draw 10", exact=True), press)()
    check_draws(page, view, 0, 10, min_p=0.1)
    heights = "() => [...document.querySelectorAll('.lmkit :is(button, input)')].map((el) => el.offsetHeight)"
    assert min(page.evaluate(heights)) >= 30


@pytest.mark.parametrize("width", [360, 720])
def test_reserved_height_is_what_is_needed(show, distribution, width):
    """Too little would push the page while the widget starts, too much would leave a hole."""
    for view in (SamplingView(distribution), SamplingView(recorded())):
        page = show(view, width=width)
        height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        reserved = view._height[0 if width > 600 else 1]
        assert abs(height - reserved) < 0.05 * height, (height, reserved)


def test_moving_a_slider_over_a_whole_vocabulary_takes_less_than_a_frame(show):
    """In processor time of the page's main thread (arithmetic, style, layout), which a busy machine does not change."""
    view = SamplingView(Distribution(torch.tensor(random_logits(49152)), tokens_for(49152)), top_p=0.9, min_p=0.01)
    page = show(view)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy():
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return next(1000 * metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    for label in CONTROLS:
        before = busy()
        knob(page, label).evaluate(
            """(range) => {
                for (let i = 0; i < 40; i++) {
                    range.value = Number(range.max) * (0.2 + 0.6 * ((i * 7) % 40) / 40);
                    range.dispatchEvent(new Event("input"));
                    document.body.getBoundingClientRect();
                }
            }"""
        )
        assert (busy() - before) / 40 < 16, label


# ---------------------------------------------------------------- with a kernel


def test_a_kernel_can_move_the_controls_and_hears_of_moves(module, distribution):
    view = SamplingView({"a": distribution, "b": distribution.warp(2.0)})
    names = ["kind", "title", "labels", "selected", "temperature", "top_k", "top_p", "min_p", "seed", "vocab_size"]
    names += ["logit_sizes", "rounding"]
    state = {name: getattr(view, name) for name in names}
    packed = {name: base64.b64encode(getattr(view, name)).decode() for name in ("logits", "vocabulary", "recording")}
    module.evaluate(
        """async ([state, packed, css]) => {
            for (const [name, data] of Object.entries(packed)) {
                state[name] = new DataView(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
            }
            const listeners = {};
            window.model = {
                listeners,
                get: (name) => state[name],
                set: (name, value) => (state[name] = value),
                save_changes: () => (window.saved = { ...state }),
                on: (name, call) => (listeners[name] = call),
                off: (name) => delete listeners[name],
                push: (name, value) => {
                    state[name] = value;
                    return listeners["change:" + name]();
                },
            };
            document.body.replaceChildren(Object.assign(document.createElement("style"), { textContent: css }));
            window.stop = await sampling.default.render({ model, el: document.body });
        }""",
        [state, packed, styles("sampling.js")],
    )
    module.evaluate("model.push('temperature', 0.5)")
    module.evaluate("model.push('top_k', 40)")
    check_state(module, view, temperature=0.5, top_k=40, label="a")
    module.evaluate("model.push('selected', 1)")
    check_state(module, view, temperature=0.5, top_k=40, label="b")
    knob(module, "Temperature").press("ArrowRight")
    module.wait_for_function("window.saved && saved.temperature === 0.55")
    assert module.evaluate("[saved.top_k, saved.top_p, saved.min_p, saved.selected]") == [40, None, None, 1]
    module.evaluate("stop()")
    assert module.evaluate("Object.keys(model.listeners)") == []


# ---------------------------------------------------------------- a generation


GREEDY = {"max_new_tokens": 9, "temperature": None, "top_k": None, "top_p": None, "min_p": None, "seed": None}
GREEDY |= {"num_beams": 1, "repetition_penalty": 1.0}


def recorded(tokens=None, settings=None, stop="length"):
    """A generation over 300 tokens, made by hand: step i chooses the token of rank i² + 1."""
    tokens = tokens or [f" w{i}" for i in range(300)]
    steps = [Distribution(torch.tensor(random_logits(len(tokens), 20 + i), dtype=torch.float32), tokens) for i in range(9)]
    ids = [step.top(len(tokens))[min(i * i, len(tokens) - 1)][1] for i, step in enumerate(steps)]
    log_probs = [step.logits.log_softmax(-1) for step in steps]
    return Generation(
        prompt="Once <b>upon</b>",
        text="".join(tokens[id] for id in ids),
        tokens=[tokens[id] for id in ids],
        ids=ids,
        prompt_ids=[1, 2, 3],
        logprobs=[lp[id].item() for lp, id in zip(log_probs, ids, strict=True)],
        entropy=[step.entropy() for step in steps],
        settings=GREEDY | (settings or {}),
        stop_reason=stop,
        steps=steps,
    )


def facts(page) -> dict:
    """{heading: {name: value}} beside the bars."""
    return page.evaluate(
        """() => {
            const pair = (dt) => [dt.textContent, dt.nextElementSibling.textContent];
            const list = (part) => [...part.querySelectorAll("dt")].map(pair);
            const parts = [...document.querySelectorAll(".sv-facts > div")];
            return Object.fromEntries(parts.map((part) => [part.firstChild.textContent, Object.fromEntries(list(part))]));
        }"""
    )


def minus(text):
    return float(text.replace("−", "-"))


def check_step(page, generation, i):
    step, id = generation.steps[i], generation.ids[i]
    expect(page.locator(".sv-where")).to_have_text(f"Step {i + 1} of {len(generation.ids)}")
    expect(page.locator(".sv-token").nth(i)).to_have_attribute("aria-pressed", "true")
    shown = facts(page)
    this, sofar, all_ = shown["This token"], shown["Up to here"], shown["The whole continuation"]
    assert percentage(this["probability"]) == pytest.approx(step.probs[id].item(), abs=6e-4)
    assert minus(this["log-probability"]) == pytest.approx(generation.logprobs[i], abs=0.0051)
    assert this["rank"] == f"{min(i * i, 299) + 1} of 300"
    assert this["entropy"] == f"{step.entropy():.2f} nats"
    assert minus(sofar["log-probability"]) == pytest.approx(sum(generation.logprobs[: i + 1]), abs=0.0051)
    assert minus(sofar["per token"]) == pytest.approx(sum(generation.logprobs[: i + 1]) / (i + 1), abs=0.0051)
    assert minus(all_["log-probability"]) == pytest.approx(generation.logprob, abs=0.0051)
    assert float(all_["perplexity"]) == pytest.approx(math.exp(-generation.logprob / len(generation.ids)), rel=0.001)
    chosen = [row for row in rows(page) if row["chosen"]]
    assert [row["token"] for row in chosen] == [generation.tokens[i].replace(" ", "␣")]
    end = percentage(page.locator(".sv-axis span").last.inner_text())
    for row, (token, _, probability) in zip(rows(page), step.top(15), strict=False):
        assert row["token"] == token.replace(" ", "␣")
        assert row["bar"] == pytest.approx(probability / end, abs=0.01)


def test_stepping_by_buttons_keys_and_clicks(show):
    generation = recorded()
    page = show(SamplingView(generation, title="Recorded"))
    check_step(page, generation, 0)
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    check_step(page, generation, 1)
    page.get_by_role("button", name="Next").press("Enter")
    check_step(page, generation, 2)
    page.get_by_role("button", name="Previous").click()
    check_step(page, generation, 1)
    page.locator(".sv-token").nth(6).click()
    check_step(page, generation, 6)
    for key, at in (("ArrowRight", 7), ("End", 8), ("ArrowRight", 8), ("ArrowLeft", 7), ("Home", 0)):
        page.keyboard.press(key)
        check_step(page, generation, at)
    assert page.evaluate("document.activeElement.textContent") == generation.tokens[0]
    box = page.locator(".sv-curve").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 4.5 / 9, box["y"] + 20)
    check_step(page, generation, 4)


def test_the_text_shows_probabilities_without_relying_on_colour(show):
    generation = recorded()
    page = show(SamplingView(generation))
    tokens = page.locator(".sv-token")
    assert tokens.all_text_contents() == generation.tokens
    shades = [float(tokens.nth(i).evaluate("(el) => el.style.getPropertyValue('--sv-shade')")) for i in range(9)]
    assert sorted(range(9), key=lambda i: shades[i]) == sorted(range(9), key=lambda i: -generation.logprobs[i])
    assert tokens.nth(0).get_attribute("aria-label").startswith("Token 1 of 9: ␣w")
    page.get_by_text("Table, file and fine print").click()
    cells = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
    assert [int(row[2]) for row in cells] == generation.ids
    np.testing.assert_allclose([minus(row[4]) for row in cells], generation.logprobs, atol=0.00051)
    np.testing.assert_allclose([minus(row[7]) for row in cells], np.cumsum(generation.logprobs), atol=0.00051)
    np.testing.assert_allclose([float(row[6]) for row in cells], generation.entropy, atol=0.00051)


def test_a_sampled_generation_shows_what_its_settings_removed(show):
    generation = recorded(settings={"temperature": 0.7, "top_k": 12, "top_p": 0.9, "seed": 3})
    page = show(SamplingView(generation))
    expect(page.locator(".lmkit-note").first).to_have_text(
        "temperature 0.7, top-k 12, top-p 0.9, seed 3. Stopped at the length limit."
    )
    page.get_by_role("button", name="Next").click()
    step = generation.steps[1]
    after = step.warp(0.7, 12, 0.9)
    by_k = step.warp(0.7, 12)
    for row, (_, id, probability) in zip(rows(page), step.top(15), strict=False):
        assert percentage(row["before"]) == pytest.approx(probability, abs=6e-4)
        gone = "cut by top-k" if by_k.logits[id] == -math.inf else "cut by top-p" if after.logits[id] == -math.inf else ""
        assert row["why"] == gone
        if not gone:
            assert percentage(row["after"]) == pytest.approx(after.probs[id].item(), abs=6e-4)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "Greedy: always the most probable token"),
        ({"num_beams": 4}, "Beam search, beams 4"),
        ({"repetition_penalty": 1.3}, "repetition penalty 1.3"),
    ],
)
def test_other_ways_of_decoding_show_raw_probabilities_only(show, settings, words):
    page = show(SamplingView(recorded(settings=settings)))
    expect(page.locator(".lmkit-note").first).to_contain_text(words)
    assert {row["before"] for row in rows(page)} == {""}


def test_generation_csv(show):
    generation = recorded()
    page = show(SamplingView(generation))
    page.get_by_text("Table, file and fine print").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    with open(download.value.path(), encoding="utf8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(row["id"]) for row in table] == generation.ids
    np.testing.assert_allclose([float(row["sum_of_logprobs"]) for row in table], np.cumsum(generation.logprobs), atol=1e-5)
    np.testing.assert_allclose([float(row["probability"]) for row in table], np.exp(generation.logprobs), atol=1e-6)


def test_hostile_tokens_in_a_generation(show):
    page = show(SamplingView(recorded(tokens=HOSTILE)), width=360)
    assert page.locator(".sv-text img, .sv-text b").count() == 0
    expect(page.locator(".sv-given")).to_have_text("Once <b>upon</b>")
    assert scrolls_sideways(page) == []
    assert set(page.locator(".sv-token").all_text_contents()) <= {
        "<s>",
        "</script>",
        HOSTILE[2],
        "👩🏽‍🚀",
        "<0xE4><0xBB>",
        "مرحبا",
        "↵",
        "∅",
        " the",
        "=1+1",
    }


def test_a_generation_without_tokens_says_so(show):
    empty = Generation("Hi", "", [], [], [1], [], [], GREEDY, "eos", [])
    page = show(SamplingView(empty))
    expect(page.locator(".lmkit")).to_contain_text("The model ended at once")


def test_a_generation_carries_forty_alternatives_a_step_and_no_vocabulary():
    generation = recorded()
    view = SamplingView(generation)
    record = opened(view.recording)
    assert view.logits == view.vocabulary == b"" and len(view.recording) < 30_000
    assert [len(step["candidates"]) for step in record["steps"]] == [40] * 9
    for step, distribution in zip(record["steps"], generation.steps, strict=True):
        assert [c[1] for c in step["candidates"]] == [id for _, id, _ in distribution.top(40)]
    assert repr(view) == f"SamplingView(9 steps; {generation.text[:39] + '…'!r}; log-probability {generation.logprob:.3f})"
    assert json.loads(json.dumps(record)) == record
    with pytest.raises(ValueError, match=r"look at Generation\.steps"):
        view.rounded()
