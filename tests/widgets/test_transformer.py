"""TransformerView: every box's numbers in the browser against torch, the boxes against each other, and every control of the page.

The reference is written out here from the model's own modules, in plain torch; it shares nothing with the widget but the model.
"""

import base64
import math
import re

import numpy as np
import pytest
import torch
from browser import chromium, imported, pages, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from book import vendor
from lmkit import tiny as course
from lmkit.widgets.base import bundle
from lmkit.widgets.transformer import NEURONS, SHOWN, TransformerView, digits_of, rounded

SIXTEEN = "When the animal crossed the street, it was too tired to notice the car again"
HOSTILE = "法国👩🏽 </script><b>\n^{x}_{y}"
BOXES = [
    "tokens", "embedding", "norm", "qkv", "rotary", "scores", "softmax", "values", "heads", "added", "norm2", "mlp", "added2",
    "blocks", "logits", "next",
]  # fmt: skip
GRIDS = [box for box in BOXES if box not in ("tokens", "blocks", "logits", "next")]
show = shower(".tf-root")


# ---------------------------------------------------------------- what torch says


class Reference:
    """One pass, box by box, from the model's modules."""

    @torch.no_grad()
    def __init__(self, model, ids):
        body, self.model, self.tokens = model.torch_model.base_model, model, len(ids)
        self.logits = model.trace(ids).logits
        x = body.embed_tokens(torch.tensor(ids))
        cos, sin = (part[0] for part in body.rotary_emb(x[None], torch.arange(len(ids))[None]))
        self.stream, self.copies, self.blocks = [x], [], []
        for layer in body.layers:
            attn, mlp, got = layer.self_attn, layer.mlp, {}
            copy = layer.input_layernorm(x)
            q, k, v = (w(copy).unflatten(-1, (-1, model.head_width)) for w in (attn.q_proj, attn.k_proj, attn.v_proj))
            q, k = (getattr(attn, f"{n}_norm", lambda y: y)(y) for n, y in (("q", q), ("k", k)))
            q, k, v = (y.transpose(0, 1) for y in (q, k, v))
            k, v = (y.repeat_interleave(model.n_heads // model.n_kv_heads, 0) for y in (k, v))
            got |= {"query": q, "key": k, "value": v}
            got |= {"turned query": self.turn(q, cos, sin), "turned key": self.turn(k, cos, sin)}
            back = torch.arange(len(ids))[:, None] - torch.arange(len(ids))
            seen = (back >= 0) & (back < (model.windows[len(self.blocks)] or 999))
            got["scores"] = (got["turned query"] @ got["turned key"].mT / model.head_width**0.5).masked_fill(~seen, -torch.inf)
            got["weights"] = got["scores"].softmax(-1)
            got["mixed"] = got["weights"] @ v
            got["attention"] = attn.o_proj(got["mixed"].transpose(0, 1).flatten(1))
            middle = x + got["attention"]
            copy2 = layer.post_attention_layernorm(middle)
            got["gate"], got["up"] = mlp.gate_proj(copy2), mlp.up_proj(copy2)
            got["bent"] = torch.nn.functional.silu(got["gate"])
            got["hidden"] = got["bent"] * got["up"]
            got["mlp"] = mlp.down_proj(got["hidden"])
            x = middle + got["mlp"]
            self.stream += [middle, x]
            self.copies += [copy, copy2]
            self.blocks.append(got)
        self.copies.append(body.norm(x))
        pairs = [(layer.input_layernorm, layer.post_attention_layernorm) for layer in body.layers]
        self.norms = [*(norm for pair in pairs for norm in pair), body.norm]
        lens = torch.stack([self.stream[2 * i] for i in range(len(self.blocks) + 1)])
        self.lens = model.torch_model.get_output_embeddings()(body.norm(lens)).softmax(-1)

    @staticmethod
    def turn(x, cos, sin):
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat([-b, a], -1) * sin

    def rows(self, box, block, head, token):
        """The rows of a box's figure as torch has them."""
        got, cut = self.blocks[block], slice(0, SHOWN)

        def norm(place):
            x = self.stream[place][token]
            root = (x.square().mean() + self.model.config.rms_norm_eps).sqrt()
            return [x[cut], (x / root)[cut], self.norms[place].weight[cut], self.copies[place][token][cut]]

        def added(place, name):
            return [self.stream[place][token][cut], got[name][token][cut], self.stream[place + 1][token][cut]]

        most = got["hidden"][token].abs().topk(min(NEURONS, got["hidden"].shape[-1])).indices
        part = {name: got[name][head] for name in got if got[name].ndim == 3}
        return {
            "embedding": lambda: list(self.stream[0][:, cut]),
            "norm": lambda: norm(2 * block),
            "qkv": lambda: [part[name][token] for name in ("query", "key", "value")],
            "rotary": lambda: [part[name][token] for name in ("query", "turned query", "key", "turned key")],
            "scores": lambda: list(part["scores"]),
            "softmax": lambda: list(part["weights"]),
            "values": lambda: [
                *(part["weights"][token, i] * part["value"][i] for i in range(self.tokens) if part["weights"][token, i] > 0),
                part["mixed"][token],
            ],
            "heads": lambda: list(got["mixed"][:, token]),
            "added": lambda: added(2 * block, "attention"),
            "norm2": lambda: norm(2 * block + 1),
            "mlp": lambda: [got[name][token][most] for name in ("gate", "bent", "up", "hidden")],
            "added2": lambda: added(2 * block + 1, "mlp"),
        }[box]()

    def allowed(self, box, block, head, token):
        """How far a row may be off: half a step of what travels, carried through the box's own arithmetic."""
        got = self.blocks[block]
        travel = ("query", "key", "value", "gate", "up")
        half = {name: 0.5 * 10.0 ** -digits_of(got[name][None])[0] + 1e-5 for name in travel}
        fine, tiny_bit = 0.5e-3 + 1e-6, 2e-6
        size = {name: value[torch.isfinite(value)].abs().max().item() for name, value in got.items()}
        place = 2 * block + (box == "norm2")
        x = self.stream[place][token]
        root = x.square().mean().sqrt().item()
        gain = self.norms[place].weight.abs().max().item()
        weight = fine / 2 + tiny_bit  # p (1 − p) times the error of two scores
        mixed = half["value"] + self.tokens * weight * size["value"] / 2
        bent = 1.1 * half["gate"]
        large = tiny_bit * x.abs().max().item()  # float32 itself
        return {
            "embedding": [fine] * self.tokens,
            "norm": [fine + large, fine / root + 1e-5, 1e-6, gain * (fine / root + 1e-5)],
            "norm2": [fine + large, fine / root + 1e-5, 1e-6, gain * (fine / root + 1e-5)],
            "qkv": [half["query"], half["key"], half["value"]],
            "rotary": [half["query"], 1.42 * half["query"], half["key"], 1.42 * half["key"]],  # a point's two numbers: √2
            "scores": [fine + 2e-5] * self.tokens,
            "softmax": [weight] * self.tokens,
            "values": [mixed] * (self.tokens + 1),
            "heads": [mixed] * self.model.n_heads,
            "added": [fine + large, 2 * fine + large, fine + large],
            "added2": [fine + large, 2 * fine + large, fine + large],
            "mlp": [half["gate"], bent, half["up"], bent * size["up"] + half["up"] * size["bent"] + bent * half["up"]],
        }[box]


# ---------------------------------------------------------------- the arithmetic in the browser


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "tf", bundle("transformer.js")) as blank:
        yield blank


def opened(module, view):
    """`p`, the pass, and `s`, its steps, in the page, from the traits that travel."""
    module.evaluate(
        """async ([text, facts, layout, words]) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            window.p = tf.passOf(facts, tf.openParcel(await tf.unpack(new DataView(bytes.buffer), "uint8"), layout), words);
            window.s = tf.stepsOf(p);
        }""",
        [base64.b64encode(view.numbers).decode(), view.facts, view.layout, view.words],
    )


def figure(module, box, block, head, token):
    """The rows of a figure, NaN where a cell is masked."""
    rows = module.evaluate(
        """([id, block, head, token]) => {
            const f = s.figure(id, { block, head, token, number: null, part: null, key: null, neuron: null });
            return f.rows.map(({ values }, r) => values.map((value, c) => (f.masked(r, c) ? null : value)));
        }""",
        [box, block, head, token],
    )
    return [np.array([np.nan if value is None else value for value in row], float) for row in rows]


def compare(module, model, ids, places):
    """Every grid at (block, head, token) against torch, within what the rounding allows."""
    reference, worst = Reference(model, ids), {}
    for block, head, token in places:
        for box in GRIDS:
            theirs, ours = reference.rows(box, block, head, token), figure(module, box, block, head, token)
            allowed = reference.allowed(box, block, head, token)
            assert len(theirs) == len(ours), box
            for i, (a, b) in enumerate(zip(theirs, ours, strict=True)):
                a = np.asarray(a.detach(), float)
                hidden = ~np.isfinite(a) if box == "scores" else np.isnan(b)
                assert (np.isnan(b) == hidden).all() and (box != "softmax" or (a[hidden] == 0).all()), (box, i)
                off = np.abs(a - b)[~hidden].max()
                assert off <= allowed[i], f"{box}, row {i}, block {block}, head {head}, token {token}: {off} > {allowed[i]}"
                worst[box] = max(worst.get(box, 0), off)
    return reference, worst


def places(model, tokens, every=1):
    """Blocks, heads and tokens so that each of them is met."""
    count = max(model.n_layers, model.n_heads, tokens)
    return [(i % model.n_layers, i % model.n_heads, (7 * i) % tokens) for i in range(0, count, every)]


def predictions(module, model, reference, ids):
    for token in (0, len(ids) - 1):
        told = module.evaluate("(token) => p.logits(token)", token)
        best = reference.logits[token].topk(20)
        probabilities = reference.logits[token].softmax(-1)[best.indices]
        assert [row["logit"] for row in told["rows"]] == pytest.approx(best.values.tolist(), abs=6e-4)
        assert [row["p"] for row in told["rows"]] == pytest.approx(probabilities.tolist(), abs=1e-3)
        assert told["rows"][0]["text"] == model.token_string(int(best.indices[0]))
        for layer in range(0, model.n_layers + 1, 5):
            lens = module.evaluate("([layer, token]) => p.lens(layer, token)", [layer, token])
            wanted = reference.lens[layer, token].topk(5)
            assert [one["p"] for one in lens] == pytest.approx(wanted.values.tolist(), abs=1e-3)
            texts = [model.token_string(int(one)) for one in wanted.indices]
            assert lens[0]["text"] == texts[0] or wanted.values[0] - wanted.values[1] < 1e-5
        for place in (0, 1, 2 * model.n_layers):
            assert module.evaluate("([place, token]) => p.length(place, token)", [place, token]) == pytest.approx(
                reference.stream[place][token].norm().item(), rel=1e-4
            )


def test_every_number_of_the_real_model_is_torchs_within_its_rounding(module, smollm2):
    ids = smollm2.encode(SIXTEEN)
    view = TransformerView(smollm2, SIXTEEN, block=13, head=8)
    assert len(ids) == 16 and len(view.numbers) * 4 / 3 < 1.2e6
    opened(module, view)
    reference, worst = compare(module, smollm2, ids, [*places(smollm2, 16, 3), (29, 8, 0), (4, 3, 15)])
    assert worst["softmax"] < 3e-4
    predictions(module, smollm2, reference, ids)
    assert "16 tokens through 30 blocks × 9 heads, width 576; after ' again': " in repr(view)


def test_every_number_of_the_tiny_model_is_torchs_within_its_rounding(module, tiny_base):
    text = "The capital of France is Paris. 法国的首都是"
    ids = tiny_base.encode(text)
    opened(module, TransformerView(tiny_base, text))
    reference, _ = compare(module, tiny_base, ids, places(tiny_base, len(ids)))
    predictions(module, tiny_base, reference, ids)


@pytest.mark.parametrize("family", ["llama", "qwen3", "mistral"])
def test_relatives_of_llama_are_shown_too(module, tiny, family):
    """Grouped queries, normed queries, and a sliding window that is shorter than the text."""
    model = tiny(family)
    ids = model.encode("the cat sat 你好")
    assert len(ids) > 5  # the window of this Mistral
    opened(module, TransformerView(model, "the cat sat 你好"))
    compare(module, model, ids, places(model, len(ids)))


def test_the_boxes_agree_with_each_other(module, tiny_base):
    opened(module, TransformerView(tiny_base, "The capital of France is"))

    def rows(box, block=2):
        found = f"s.figure('{box}', {{ block: {block}, head: 3, token: 4 }}).rows.map((row) => row.values)"
        return np.array(module.evaluate(found), float)

    assert (rows("embedding")[-1] == rows("norm", 0)[0]).all()
    assert (rows("added")[-1] == rows("norm2")[0]).all() and (rows("norm2")[0] == rows("added2")[0]).all()
    assert (rows("added2")[-1] == rows("norm", 3)[0]).all()  # what leaves a block enters the next
    for box in ("added", "added2"):
        before, by, after = np.rint(1000 * rows(box))
        assert (before + by == after).all()
    scores, weights = rows("scores")[4], rows("softmax")[4]
    np.testing.assert_allclose(np.exp(scores) / np.exp(scores).sum(), weights, atol=1e-12)
    values = rows("values")
    np.testing.assert_allclose(values[:-1].sum(0), values[-1], atol=1e-12)
    assert (rows("heads")[3] == values[-1]).all()
    for key in range(5):
        product = module.evaluate("(key) => p.product(2, 3, 4, key)", key)
        assert sum(product["parts"]) == pytest.approx(product["sum"])
        assert product["order"][0]["i"] == np.argmax(np.abs(product["parts"]))
        assert product["sum"] / math.sqrt(32) == pytest.approx(scores[key], abs=0.1)


def test_what_the_lens_says_last_is_what_the_model_says(module, tiny_base):
    opened(module, TransformerView(tiny_base, "The capital of France is"))
    for token in range(5):
        assert module.evaluate("(t) => p.lens(4, t)[0].text === p.logits(t).rows[0].text", token)
    table = [module.evaluate("(i) => p.lens(i, 4)[0].word", i) for i in range(5)]
    leads = module.evaluate("p.leadsFrom(4)")
    assert all(word == table[-1] for word in table[leads:]) and (leads == 0 or table[leads - 1] != table[-1])


# ---------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def tiny_base():
    return course.load("base")


def go(page, box):
    page.locator(".tf-box").nth(BOXES.index(box)).click()
    expect(page.locator(".tf-root")).to_have_attribute("data-step", box)


def number(text):
    return float(text.replace("−", "-").replace(",", ""))


def test_the_page_shows_those_numbers(show, tiny_base):
    """Tables, readings and calculations as a reader sees them."""
    text = "The capital of France is"
    view = TransformerView(tiny_base, text, block=1, head=2)
    reference = Reference(tiny_base, tiny_base.encode(text))
    page = show(view)
    go(page, "embedding")
    page.locator("summary").click()
    for box in GRIDS:
        go(page, box)
        cells = page.locator(".tf-numbers tbody tr").evaluate_all(
            "rows => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))"
        )
        theirs, allowed = reference.rows(box, 1, 2, 4), reference.allowed(box, 1, 2, 4)
        for i, row in enumerate(theirs):
            for j, value in enumerate(row.tolist()):
                shown = cells[j][i]
                if shown == "masked":
                    assert j > i and box in ("scores", "softmax")
                else:
                    assert abs(number(shown) - value) <= allowed[i] + 0.51 * 10.0 ** -len(shown.partition(".")[2]), (box, i, j)
    go(page, "scores")
    page.locator(".tf-grid").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tf-reading")).to_contain_text("4 ␣is, 1 ␣capital: ")
    lines = page.locator(".tf-lines-box")
    written = r"All 32 together: ([−\d.]+)\. Divided by √32: ([−\d.]+)\.\s*The model's own score: ([−\d]+\.\d+)"
    total, quotient, own = map(number, re.search(written, lines.inner_text()).groups())
    assert total / math.sqrt(32) == pytest.approx(quotient, abs=2e-3) and quotient == pytest.approx(own, abs=0.05)
    assert own == pytest.approx(reference.blocks[1]["scores"][2, 4, 1].item(), abs=1e-3)
    go(page, "added2")
    before, sign, by, after = re.search(r"Number 0: ([−\d.]+) ([+−]) ([\d.]+) = ([−\d.]+)\.", lines.inner_text()).groups()
    assert round(1000 * (number(before) + (-1 if sign == "−" else 1) * number(by))) == round(1000 * number(after))
    go(page, "next")
    best = reference.logits[4].softmax(-1).topk(2)
    row = page.locator(".tf-table tbody tr").first.inner_text().split()
    assert row[0] == tiny_base.token_string(int(best.indices[0])).replace(" ", "␣")
    assert number(row[1]) == pytest.approx(100 * best.values[0].item(), abs=0.1)
    go(page, "blocks")
    expect(page.locator(".tf-table tbody tr")).to_have_count(5)
    page.locator(".tf-table tbody tr").nth(4).click()
    expect(page.locator(".tf-root")).to_have_attribute("data-block", "3")
    expect(page.locator(".tf-frame-name")).to_have_text("Block 3 · one of 4")


def test_stepping_by_every_control(show, tiny_base):
    page = show(TransformerView(tiny_base, "The capital of France is", token=2))
    root = page.locator(".tf-root")
    at = lambda name: root.get_attribute(f"data-{name}")  # noqa: E731
    assert (at("step"), at("token")) == ("tokens", "2")
    expect(page.get_by_role("button", name="Back")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Next →").click()
    assert at("step") == "embedding"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert at("step") == "qkv"
    page.keyboard.press("ArrowLeft")
    assert at("step") == "norm"
    page.keyboard.press("End")
    assert at("step") == "next"
    go(page, "softmax")
    page.keyboard.press("ArrowRight")  # the box that has the focus hands it on
    assert at("step") == "values" and page.evaluate("document.activeElement.getAttribute('aria-current')") == "step"
    expect(page.locator("[aria-live]")).to_contain_text("Box 8 of 16: The values are mixed. The value of each token")
    page.get_by_role("slider", name="Block").press("ArrowRight")
    assert (at("step"), at("block")) == ("values", "1")
    page.get_by_label("Head").select_option("3")
    page.get_by_role("radio", name="Token 4: ␣is").click()
    page.keyboard.press("ArrowLeft")
    assert (at("head"), at("token")) == ("3", "3")
    expect(page.get_by_role("radio", name="Token 3")).to_be_focused()
    go(page, "heads")
    page.locator(".tf-grid").focus()
    for key in ("ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert at("head") == "1"
    go(page, "embedding")
    page.locator(".tf-grid").focus()
    for key in ("ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    assert at("step") == "embedding" and page.locator(".tf-reading").inner_text().startswith("2 ␣of, number 1: ")
    expect(page.locator("[aria-live]")).to_contain_text("2 ␣of, number 1: ")
    page.keyboard.press("Enter")
    assert at("token") == "2"
    geometry = page.locator(".tf-grid").evaluate("(e) => JSON.parse(e.dataset.geometry)")
    where = {"x": geometry["left"] + 5.5 * geometry["cell"], "y": geometry["top"] + 0.5 * geometry["high"]}
    page.locator(".tf-grid").hover(position=where)
    expect(page.locator(".tf-reading")).to_contain_text("0 The, number 5: ")
    assert at("token") == "2"
    page.locator(".tf-grid").click(position=where)
    assert at("token") == "0"


def test_play_goes_on_by_itself_unless_motion_is_reduced(show, tiny_base):
    view = TransformerView(tiny_base, "The capital")
    page = show(view, before="{ const real = setInterval; window.setInterval = (f, ms) => real(f, ms / 60); }")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".tf-root")).to_have_attribute("data-step", "next")
    expect(page.get_by_role("button", name="Play")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Play").click()  # from the end it begins again
    page.get_by_role("button", name="Pause").click()
    assert show(view, motion="reduce").get_by_role("button", name="Play").count() == 0


@pytest.mark.parametrize(("width", "dark"), [(360, True), (752, False)])
def test_nothing_moves_and_nothing_is_cut_off(show, tiny_base, width, dark):
    for view in (TransformerView(tiny_base, HOSTILE, title="<b>Hostile"), TransformerView(tiny_base, "The capital of France is")):
        page = show(view, width=width, dark=dark)
        assert page.locator(".tf-root b, .tf-root script").count() == 0
        heights, cut = set(), []
        for box in BOXES:
            go(page, box)
            heights.add(page.locator(".tf-root").evaluate("(e) => e.getBoundingClientRect().height"))
            cut += page.evaluate(
                """() => [...document.querySelectorAll(".tf-lines-box, .tf-note, .tf-reading, .tf-figure")]
                    .filter((e) => e.scrollHeight > e.clientHeight + 1)
                    .map((e) => `${e.className}: ${e.scrollHeight - e.clientHeight} px, ${e.textContent.slice(0, 60)}`)"""
            )
            assert page.locator(".tf-box[aria-current]").evaluate(
                "(e) => { const a = e.getBoundingClientRect(), b = e.closest('.tf-diagram').getBoundingClientRect();"
                " return a.left >= b.left - 1 && a.right <= b.right + 1; }"
            )
        assert len(heights) == 1 and cut == [] and scrolls_sideways(page) == []
        reserved = view._height[0 if width > 600 else 1]
        assert abs(heights.pop() - reserved) < 0.04 * reserved
        controls = "[...document.querySelectorAll('.tf-root :is(button, select, input)')]"
        assert page.evaluate(f"Math.min(...{controls}.map((e) => e.offsetHeight))") >= 32


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1280, True)])
def test_axe_finds_nothing_serious(show, tiny_base, width, dark):
    page = show(TransformerView(tiny_base, HOSTILE, title="<b>Hostile"), width=width, dark=dark)
    page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    page.locator("summary").evaluate("(e) => e.click()")
    for box in ("tokens", "scores", "blocks"):
        go(page, box)
        found = page.evaluate("async () => (await axe.run(document.querySelector('main'))).violations")
        grave = [one for one in found if one["impact"] in ("serious", "critical")]
        bad = {one["id"]: [node["html"][:120] for node in one["nodes"]] for one in grave}
        assert bad == {}, box


def test_tokens_show_as_what_they_are(show, tiny_base):
    page = show(TransformerView(tiny_base, HOSTILE))
    shown = "".join(page.locator(".tf-strip .tf-token").all_inner_texts())
    assert "</script>" in shown.replace("␣", "") and "↵" in shown and "法国" in shown
    go(page, "softmax")
    chips = page.locator(".tf-strip .tf-token")
    for i in range(0, chips.count(), 6):
        chips.nth(i).click()
        word = page.locator(".tf-lines-box .tf-word").first.inner_text()
        assert word == chips.nth(i).inner_text()


# ---------------------------------------------------------------- Python


def test_values_travel_as_decimals():
    assert rounded(torch.tensor([0.12345, -7.0004]), 3).tolist() == [123, -7000]
    assert rounded(torch.tensor([[0.5], [0.123]]), [1, 3]).tolist() == [[5], [123]]
    assert digits_of(torch.tensor([[0.6, 0.6], [0.019, 0.019], [50.0, 50.0], [0.0, 0.0]])) == [2, 3, 2, 4]


def test_it_says_what_it_shows(tiny_base):
    view = TransformerView(tiny_base, "The capital of France is")
    start = "TransformerView(tiny-base: 5 tokens through 4 blocks × 5 heads, width 160; after ' is': "
    assert repr(view).startswith(start)
    assert re.fullmatch(r"' P' \d\.\d\d, '.+' 0\.\d\d, '.+' 0\.\d\d\)", repr(view)[len(start) :])
    ids = tiny_base.encode("The capital of France is")
    assert TransformerView(tiny_base, ids).facts["text"] == "The capital of France is"


def test_the_model_is_left_as_it_was(tiny_base):
    tiny_base.trace("The capital")  # transformers hangs hooks of its own into a model that is traced

    def hooks():
        return [list(module._forward_hooks) for module in tiny_base.torch_model.modules()]

    before = hooks()
    TransformerView(tiny_base, "The capital")
    assert hooks() == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m, tiny: TransformerView(m.trace("a"), "a"), "A Trace keeps no queries"),
        (lambda m, tiny: TransformerView(m, [5] * 33), "The text has 33 tokens; a walk-through shows 1 to 32"),
        (lambda m, tiny: TransformerView(m, ""), "The text is empty"),
        (lambda m, tiny: TransformerView(m, "a", block=4), "block=4 is not there: tiny-base has 4, numbered 0 to 3"),
        (lambda m, tiny: TransformerView(m, "a", head=-1), "head=-1 is not there"),
        (lambda m, tiny: TransformerView(m, [5, 6], token=2), "token=2 is not there: the text has 2"),
        (lambda m, tiny: TransformerView(tiny("bert"), "the cat"), "tiny-bert is an encoder"),
        (lambda m, tiny: TransformerView(tiny("t5"), "the cat"), "tiny-t5 is an encoder-decoder"),
        (lambda m, tiny: TransformerView(tiny("gpt2"), "the cat"), "tiny-gpt2 (gpt2) has no embed_tokens, layers, norm"),
        (lambda m, tiny: TransformerView(tiny("gemma3"), "the cat"), "turns its queries and keys in a way"),
    ],
)
def test_bad_input_is_named(make, message, tiny_base, tiny):
    with pytest.raises(ValueError, match=re.escape(message)):
        make(tiny_base, tiny)


def test_numbers_that_overflow_are_named(tiny_base):
    weight = tiny_base.torch_model.model.layers[0].mlp.down_proj.weight
    kept = weight.detach().clone()
    try:
        with torch.no_grad():
            weight.fill_(float("nan"))
        with pytest.raises(ValueError, match="overflow in half precision"):
            TransformerView(tiny_base, "The capital")
    finally:
        with torch.no_grad():
            weight.copy_(kept)
