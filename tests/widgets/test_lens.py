"""LensView: lists, ranks and curves in the browser against torch, every control, and what it refuses."""

import base64
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from browser import chromium, imported, scrolls_sideways, shower, with_fake_model  # noqa: F401
from playwright.sync_api import expect

from book import vendor
from lmkit.trace import Trace
from lmkit.widgets.base import bundle
from lmkit.widgets.lens import LensView, candidates, lead

TEXT = ["The", " <b>", "\n", "</script>", "首都", " is"]
HOSTILE = ["<s>", "<img src=x onerror='document.title=1'>", "👩🏽‍🚀", "", "<0xE4><0xBB>", "مرحبا", "\n"]
VOCABULARY = [f" w{i}" for i in range(290)] + HOSTILE

show = shower(".ln-root")


def spell(ids):
    return [VOCABULARY[int(id)] for id in ids]


SPELLER = SimpleNamespace(name="tiny", token_strings=spell, token_string=lambda id: spell([id])[0])


def trace(rows=7, tokens=TEXT, seed=0):
    """A trace without a model: hidden states that walk, and an unembedding of random numbers."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(rows, len(tokens), 12, generator=generator).cumsum(0)
    weight = torch.randn(len(VOCABULARY), 12, generator=generator)
    weight[5] = weight[6]  # two tokens that are always exactly as probable
    return Trace(
        tokens=list(tokens),
        ids=[*range(len(tokens))],
        attention=torch.zeros(rows - 1, 1, len(tokens), len(tokens)),
        hidden=hidden,
        logits=hidden[-1] @ weight.T,
        kind="decoder",
        mask="causal",
        windows=[None] * (rows - 1),
        n_kv_heads=1,
        model_name="tiny",
        _unembed=lambda states: states @ weight.T,
    )


def view(made=None, **how):
    return LensView(made or trace(), SPELLER, **how)


# ---------------------------------------------------------------- what the browser has, against torch


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "lens", bundle("lens.js")) as page:
        yield page


OPEN = """async ([traits, arrays]) => {
    const opened = await Promise.all(arrays.map(([text, kind]) => {
        const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        return lens.unpack(new DataView(bytes.buffer), kind);
    }));
    const [topTokens, topP, followed, logp, ranks] = opened;
    const it = lens.openLens({ ...traits, topTokens, topP, followed, logp, ranks });
    const all = (f) => lens.upTo(it.rows).map((row) => lens.upTo(it.count).map((position) => f(row, position)));
    return {
        lists: all(it.list), answers: all(it.answer),
        followed: lens.upTo(it.count).map((at) => it.candidates(at).map((token, k) => [it.vocabulary[token], it.curve(at, k)])),
    };
}"""
ARRAYS = [("top_tokens", "int32"), ("top_p", "float16"), ("followed", "int32"), ("logp", "float16"), ("ranks", "int32")]


def opened(module, shown):
    traits = {"rows": shown.rows, "top": shown.top, "count": len(shown.tokens), "vocabulary": shown.vocabulary}
    arrays = [[base64.b64encode(getattr(shown, name)).decode(), kind] for name, kind in ARRAYS]
    return module.evaluate(OPEN, [traits, arrays])


def compare(found, made, spell, top):
    """Everything that the browser holds, with log-softmax, top-k and ranks of torch."""
    logits = made.logit_lens()
    logp = logits.log_softmax(-1)
    for row in range(len(logits)):
        for position in range(len(made.tokens)):
            scores = logp[row, position]
            order = scores.argsort(descending=True, stable=True)[:top]
            listed = found["lists"][row][position]
            assert [one["text"] for one in listed] == spell(order.tolist())
            np.testing.assert_allclose([one["p"] for one in listed], scores[order].exp(), rtol=5e-4, atol=5e-8)
            answer, best = found["answers"][row][position], logits[-1, position].argmax().item()
            assert answer["text"] == spell([best])[0]
            assert answer["rank"] == 1 + (logits[row, position] > logits[row, position, best]).sum()
            assert answer["logp"] == pytest.approx(scores[best].item(), rel=5e-4, abs=1e-5)
    for position, curves in enumerate(found["followed"]):
        texts = [text for text, _ in curves]
        assert texts[0] == found["answers"][0][position]["text"] and len(texts) > 1
        ids = {text: id for id, text in enumerate(spell(range(logits.shape[-1])))}
        for text, curve in curves:
            at = logits[:, position, ids[text]]
            assert [one["rank"] for one in curve] == (1 + (logits[:, position] > at[:, None]).sum(-1)).tolist()
            np.testing.assert_allclose([one["logp"] for one in curve], logp[:, position, ids[text]], rtol=5e-4, atol=1e-5)


@pytest.mark.parametrize(("seed", "top", "follow"), [(0, 5, 16), (1, 1, 2), (2, 10, 64)])
def test_the_browser_holds_what_torch_computes(module, seed, top, follow):
    made = trace(seed=seed)
    shown = view(made, top=top, follow=follow)
    compare(opened(module, shown), made, spell, top)
    best = made.logit_lens().argmax(-1)
    for position, row in enumerate(shown.leads):
        assert (best[row:, position] == best[-1, position]).all() and (row == 0 or best[row - 1, position] != best[-1, position])


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_lens_of_a_real_architecture(module, tiny, family):
    model = tiny(family)
    made = model.trace("the cat sat")
    alone = [f"{id}" for id in range(model.vocab_size)]  # pieces of the tiny vocabulary are not all different
    named = SimpleNamespace(name=model.name, token_strings=lambda ids: [alone[id] for id in ids], token_string=alone.__getitem__)
    compare(opened(module, LensView(made, named)), made, named.token_strings, 5)
    assert LensView(made, model).vocabulary[0] in model.token_strings(range(model.vocab_size))


def test_a_real_text_stays_small_and_says_where_the_answer_leads(smollm2):
    shown = LensView(smollm2.trace("The capital of France is Paris, and the capital of Italy is the city of"), smollm2)
    size = sum(len(getattr(shown, name)) * 4 / 3 for name, _ in ARRAYS) + sum(4 + len(one.encode()) for one in shown.vocabulary)
    assert (shown.rows, len(shown.tokens), shown.top) == (31, 16, 5) and size < 100_000  # bytes on the page
    assert repr(shown) == "LensView(16 tokens × 31 rows, top 5; after ' of': ' Rome' leads from layer 29 on)"


def test_a_token_that_leads_twice_leads_for_good_only_once():
    assert lead(np.array([4, 7, 7, 4, 7])) == 4 and lead(np.array([7, 7])) == 0 and lead(np.array([4, 7])) == 1
    assert candidates([[1, 2], [3, 1], [3, 1], [5, 4]], came=9) == [5, 9, 4, 3, 1, 2]
    assert candidates([[1, 2], [1, 3]], came=1) == [1, 3, 2]


def test_words_for_probabilities(module):
    texts = {1: "> 99.9 %", 0.9999: "> 99.9 %", 0.9994: "99.9 %", 0.5: "50.0 %", 0.09999: "10.0 %", 0.01234: "1.23 %"}
    texts |= {0.000456: "0.0456 %", 1e-5: "< 0.01 %", 0: "< 0.01 %"}
    assert module.evaluate("(ps) => ps.map((p) => lens.chance(p))", list(texts)) == list(texts.values())
    assert module.evaluate("lens.chance(0.1361, 2)") == "14 %"


def test_axes_run_from_the_best_down_to_the_worst(module):
    points = [{"logp": -0.01, "rank": 1}, {"logp": -9.0, "rank": 1200}]
    for measure, depth in (("p", 9.0), ("rank", np.log(1200))):
        deep = module.evaluate("([points, measure]) => lens.depthOf([points], measure)", [points, measure])
        assert deep == pytest.approx(depth * 1.02)
        heights = module.evaluate("([ps, m, d]) => ps.map((p) => lens.heightOf(p, m, d))", [points, measure, deep])
        assert heights[0] > 0.99 and heights[1] == pytest.approx(1 - 1 / 1.02)
        ticks = module.evaluate("([m, d]) => lens.ticksOf(m, d)", [measure, deep])
        expected = {"p": ["100 %", "10 %", "1 %", "0.1 %"], "rank": ["1", "10", "100", "1,000"]}
        assert [tick["text"] for tick in ticks] == expected[measure]
    assert module.evaluate("lens.ticksOf('p', 23).map(({ text }) => text)") == ["100 %", "1 %", "0.01 %", "10⁻⁶", "10⁻⁸"]
    assert module.evaluate("lens.depthOf([[{ logp: -200, rank: 9 }]], 'p')") < 24


# ---------------------------------------------------------------- a page


def state(page):
    return [int(page.locator(".ln-root").get_attribute(f"data-{name}")) for name in ("row", "position")]


def test_cells_lists_and_curves_follow_the_reader(show):
    made = trace()
    shown = view(made, title="Six tokens")
    page = show(shown)
    best = spell(made.logit_lens().argmax(-1).flatten().tolist())
    cells = page.locator(".ln-cell")
    assert cells.count() == 42 and state(page) == [shown.leads[5], 5]
    assert [cell.split(":", 1)[0] for cell in cells.evaluate_all("(all) => all.map((e) => e.ariaLabel)")][:2] == [
        "the embedding, to come after The", "the embedding, to come after ␣<b>"
    ]  # fmt: skip
    at = lambda row, position: cells.nth(6 * row + position)  # noqa: E731
    at(3, 1).click()
    assert state(page) == [3, 1] and at(3, 1).evaluate("(e) => e === document.activeElement")
    listed = page.locator(".ln-item .ln-name").evaluate_all("(all) => all.map((e) => e.title.replaceAll('␣', ' '))")
    assert listed[0].replace("↵", "\n").replace("∅", "") == best[6 * 3 + 1] and len(listed) == 5
    # the keyboard of a grid
    moves = {
        "ArrowRight": [3, 2],
        "ArrowUp": [2, 2],
        "End": [2, 5],
        "Control+Home": [0, 0],
        "PageDown": [5, 0],
        "ArrowLeft": [5, 0],
    }
    for key, where in moves.items():
        page.keyboard.press(key)
        assert state(page) == where, key
    assert page.locator(".ln-cell[tabindex='0']").count() == page.locator("[aria-selected='true']").count() == 1
    # buttons and slider
    page.get_by_role("button", name="One layer back").click()
    page.get_by_label("After", exact=True).press("ArrowLeft")
    assert state(page) == [3, 0]
    page.get_by_label("After", exact=True).press("End")
    assert page.get_by_role("button", name="One layer on").get_attribute("aria-disabled") == "true"
    # after the last layer the answer is first everywhere, and leads from where its column is marked
    assert page.locator("tbody tr").nth(6).locator(".ln-is").count() == 6
    assert page.locator(".ln-lead").count() == 6 and ": here rank 1," in page.locator(".ln-here").inner_text()
    feet = page.locator(".ln-grid tfoot td").all_inner_texts()
    assert feet == ["embedding" if row == 0 else str(row) for row in shown.leads]
    # ranks of the answer
    page.get_by_role("radio", name="Rank of the answer").click()
    logits = made.logit_lens()
    final = logits[-1].argmax(-1)
    ranks = 1 + (logits > logits.gather(-1, final.expand(7, 6)[..., None])).sum(-1)
    assert cells.all_inner_texts() == [str(one) for one in ranks.flatten().tolist()]
    expect(page.locator("[aria-live]")).to_contain_text("the best tokens to come after The: ")


def test_a_token_is_followed_through_the_layers(show):
    page = show(view())
    page.locator(".ln-cell").nth(6 * 4 + 2).click()
    select = page.get_by_label("Follow", exact=True)
    options = select.locator("option").all_inner_texts()
    assert options[0] == "nothing else" and [one for one in options if one.endswith("(what came)")]
    assert page.locator(".ln-chart polyline").count() == 2
    followed = page.locator(".ln-root").get_attribute("data-follow")
    other = page.locator(f".ln-item:not(:disabled):not(.ln-is):not([value='{followed}'])").first
    name = other.locator(".ln-name").get_attribute("title")
    other.click()
    assert page.locator(".ln-key span").nth(1).inner_text().startswith(f"{name}: rank ")
    assert select.evaluate("(e) => e.selectedOptions[0].textContent").startswith(name)
    before = page.locator(".ln-chart polyline").first.get_attribute("points")
    page.get_by_role("radio", name="Rank", exact=True).click()
    assert page.locator(".ln-chart polyline").first.get_attribute("points") != before
    select.select_option(index=0)
    assert page.locator(".ln-chart polyline").count() == page.locator(".ln-key span").count() == 1
    page.locator(".ln-chart").click(position={"x": 58, "y": 80})
    assert state(page) == [0, 2]
    page.get_by_text("This column as a table").click()
    body = page.locator(".ln-table tbody tr")
    expect(body).to_have_count(7)
    assert body.nth(6).locator("td").nth(2).inner_text() == "1"


@pytest.mark.parametrize(("width", "dark"), [(360, True), (736, False)])
def test_it_fits_its_page_and_its_reserved_height_and_axe_finds_nothing_serious(show, width, dark):
    shown = view(trace(31, (TEXT * 3)[:16]), title="Sixteen tokens, thirty layers")
    page = show(shown, width=width, dark=dark)
    before = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
    page.locator(".ln-cell").nth(16 * 3).click()
    page.get_by_role("radio", name="Rank of the answer").click()
    assert page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32") == before
    assert abs(before - shown._height[0 if width > 600 else 1]) < 0.05 * before, (before, shown._height)
    assert scrolls_sideways(page) == [] and page.locator(".lmkit img, .lmkit b").count() == 0 and page.title() != "1"
    inside = """(cell) => {
        const { left, right, top, bottom } = cell.getBoundingClientRect();
        const view = cell.closest(".ln-scroll").getBoundingClientRect();
        return left >= view.left + 60 && right <= view.right + 1 && top >= view.top + 20 && bottom <= view.bottom - 20;
    }"""
    assert page.locator(".ln-cell[aria-selected]").evaluate(inside)
    page.keyboard.press("Tab")
    page.locator(".ln-cell[tabindex='0']").press("Control+End")
    assert state(page) == [30, 15] and page.locator(".ln-cell[aria-selected]").evaluate(inside)
    page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    found = page.evaluate("async () => (await axe.run('.lmkit', { resultTypes: ['violations'] })).violations")
    lines = [f"{v['impact']}: {v['help']}: {node['html'][:200]}" for v in found for node in v["nodes"][:3]]
    assert not [line for line in lines if line.startswith(("serious", "critical"))], "\n".join(lines)


def test_a_kernel_moves_it_and_nothing_is_left_behind(chromium):  # noqa: F811
    page = chromium.new_page()
    with_fake_model(page, bundle("lens.js"), view())
    page.evaluate("() => { model.set('layer', 2); model.set('position', 1); model.set('position', 99); }")
    assert state(page) == [2, 1]
    page.evaluate("stop()")
    assert page.evaluate("model.listening()") == 0
    page.close()


# ---------------------------------------------------------------- what it refuses


def not_a_number():
    made = trace()
    made.hidden[2, 3, 4] = float("nan")
    return made


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LensView(trace(), SimpleNamespace(name="other")), "The trace is by tiny, not by other"),
        (lambda: view(top=0), "top=0: the list of a cell has 1 to 10 tokens"),
        (lambda: view(follow=65), "follow=65: 1 to 64 tokens"),
        (lambda: view(layer=7), "layer=7 is not there: there are 7 rows (0 is the embedding), numbered 0 to 6"),
        (lambda: view(position=-1), "position=-1 is not there: there are 6 tokens, numbered 0 to 5"),
        (lambda: view(trace(31, ["a"] * 65)), "31 rows are 2,015 cells; a page shows at most 2,000. Trace at most 64 tokens"),
        (lambda: view(not_a_number()), "not a number"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_an_encoder_has_no_lens(tiny):
    model = tiny("bert")
    with pytest.raises(ValueError, match="Trace a decoder"):
        LensView(model.trace("the cat"), model)
