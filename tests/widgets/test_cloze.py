"""ClozeView: what it reads and expects against tokenizers and torch, hiding and showing tokens, and how weights come in."""

import base64
import json
import random
import re

import pytest
import torch
from browser import (  # noqa: F401
    as_file,
    chromium,
    imported,
    pages,
    scrolls_sideways,
    served,
    stops_listening,
    visit,
    wait_for_widgets,
    with_kernel,
)
from playwright.sync_api import expect
from transformers import AutoModelForCausalLM, AutoTokenizer

from lmkit import tiny
from lmkit.tiny import masked
from lmkit.tiny import model as shape
from lmkit.tiny.recipe import save
from lmkit.tokens import Pieces
from lmkit.widgets import checkpoint
from lmkit.widgets.base import bundle
from lmkit.widgets.cloze import ClozeView

TEXT = "The capital of France is Paris."
HOSTILE = '<|end|><s></script><img src=x onerror="document.title=1">龘👩🏽‍🚀'


@pytest.fixture(scope="module")
def plain(world):
    return shape.train_tokenizer(document.text for document in world.corpus(1))


@pytest.fixture(scope="module")
def world():
    return tiny.load_world()


def masked_model(plain, folder, **size):
    """An untrained model with weights large enough that heads and layers differ, saved as the recipe saves it."""
    tokenizer = masked.with_mask(plain)
    net = masked.open_both_eyes(shape.new(plain, **size), tokenizer)
    with torch.no_grad():
        for weight in net.parameters():
            weight.mul_(5 if weight.dim() == 2 else torch.linspace(0.8, 1.2, len(weight)))
    save(net, tokenizer, [], tiny.checkpoint("masked", folder))
    return folder


@pytest.fixture(scope="module")
def small(plain, tmp_path_factory):
    return masked_model(plain, tmp_path_factory.mktemp("small"), width=64, layers=2, heads=2)


@pytest.fixture(scope="module")
def whole(plain, tmp_path_factory):
    """One of the shipped size."""
    return masked_model(plain, tmp_path_factory.mktemp("whole"))


def loaded(folder):
    path = tiny.checkpoint("masked", folder)
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval(), AutoTokenizer.from_pretrained(path)


@pytest.fixture(scope="module")
def net(small):
    return loaded(small)[0]


@pytest.fixture(scope="module")
def tokenizer(small):
    return loaded(small)[1]


@torch.no_grad()
def logits(net, ids, n_eyes=2):
    with masked.eyes(net, n_eyes):
        return net(torch.tensor([ids])).logits[0]


# ---------------------------------------------------------------- arithmetic


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "cz", bundle("cloze.js")) as page:
        yield page


OPEN = """async (texts) => {
    const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    async function* chunks() {
        for (const [i, text] of texts.entries()) yield { bytes: decode(text), part: (i + 1) / texts.length };
    }
    const opened = await cz.openCheckpoint(chunks());
    window.it = { model: cz.newModel(opened), tokenizer: cz.newTokenizer(opened.tokenizer) };
}"""


@pytest.fixture(scope="module")
def engine(module, whole):
    chunks = checkpoint.cut(checkpoint.pack_files(tiny.checkpoint("masked", whole)))
    module.evaluate(OPEN, [base64.b64encode(chunk).decode() for chunk in chunks])
    return module


SCORES = """(all) => Promise.all(all.map(async ([ids, places, eyes]) => {
    const text = (floats) => btoa(Array.from(new Uint8Array(floats.buffer), (byte) => String.fromCharCode(byte)).join(""));
    return (await cz.scoresAt(it.model, ids, places, eyes, () => {})).map(text);
}))"""


def test_scores_are_those_of_torch_with_one_eye_and_with_two(engine, whole, world):
    net, tokenizer = loaded(whole)
    rng, asked = random.Random(0), []
    for document in rng.sample(world.corpus(1), 40):
        ids = [0, *tokenizer.encode(document.text, add_special_tokens=False)[:24], 0]
        places = sorted(rng.sample(range(len(ids)), 2))
        ids[places[0]] = tokenizer.mask_token_id
        asked += [[ids, places, n_eyes] for n_eyes in (1, 2)]
    for (ids, places, n_eyes), found in zip(asked, engine.evaluate(SCORES, asked), strict=True):
        ours = torch.stack([torch.frombuffer(bytearray(base64.b64decode(one)), dtype=torch.float32) for one in found])
        assert torch.allclose(ours, logits(net, ids, n_eyes)[places], rtol=0, atol=1e-4), (tokenizer.decode(ids), n_eyes)


def test_guesses_are_ranked_and_the_true_token_is_found(module):
    scores = torch.randn(300, generator=torch.Generator().manual_seed(0))
    scores[[7, 8]] = scores[7].clone()
    probabilities, order = scores.double().softmax(0), scores.argsort(descending=True, stable=True).tolist()
    for truth in (order[0], order[40], 7, 8):
        found = module.evaluate("([scores, truth]) => cz.guessOf(Float32Array.from(scores), truth, 6)", [scores.tolist(), truth])
        assert [one["id"] for one in found["top"]] == order[:6]
        assert [one["p"] for one in found["top"]] == pytest.approx(probabilities[order[:6]].tolist(), abs=1e-6)
        assert found["truth"]["rank"] == order.index(truth) + 1
        assert found["truth"]["p"] == pytest.approx(probabilities[truth].item(), abs=1e-6)
    assert module.evaluate("cz.guessOf(Float32Array.from([1, 2, 3]), null, 6)")["truth"] is None


def test_masks_in_a_text_are_read_as_tokenizers_read_them(engine, whole):
    _, tokenizer = loaded(whole)
    for text in ("<|mask|> is the capital of <|mask|><|mask|>.", "法国的首都是 <|mask|>。", TEXT, "\n <|mask|>\n"):
        items = engine.evaluate("(text) => cz.itemsOf(it.tokenizer, text)", text)
        assert [one["id"] for one in items] == tokenizer.encode(text, add_special_tokens=False), text
        assert [one["unknown"] for one in items] == [one["id"] == tokenizer.mask_token_id for one in items]
    ids = engine.evaluate("(text) => cz.itemsOf(it.tokenizer, text).map(({ id }) => id)", HOSTILE)
    assert ids == tokenizer.encode(HOSTILE, add_special_tokens=False, split_special_tokens=True)


def test_parts_of_a_text_cover_tokens_and_stay_hidden_while_it_changes(engine):
    hidden = """([text, parts]) => {
        const items = cz.itemsOf(it.tokenizer, text);
        return [...cz.covered(it.tokenizer, items, parts)].map((i) => it.tokenizer.piece(items[i].id)).join("");
    }"""
    assert engine.evaluate(hidden, [TEXT, ["Paris"]]) == " Paris"
    assert engine.evaluate(hidden, [TEXT, ["of", "France"]]) == " of France"
    assert engine.evaluate(hidden, ["是是", ["是", "是", "是"]]) == "是是"
    assert engine.evaluate(hidden, [TEXT, ["Rome"]]) == ""
    moved = """([before, after, at]) => {
        const [a, b] = [before, after].map((text) => cz.itemsOf(it.tokenizer, text));
        return [...cz.carried(a, b, new Set(at))].map((i) => it.tokenizer.piece(b[i].id));
    }"""
    assert engine.evaluate(moved, ["a is b", "a is not b", [0, 2]]) == ["a", " b"]
    assert engine.evaluate(moved, ["a is b", "a is c", [0, 2]]) == ["a"]
    assert engine.evaluate(moved, ["a a a", "a a", [2]]) == []


# ---------------------------------------------------------------- the widget


@pytest.fixture
def show(chromium, tmp_path):  # noqa: F811
    """show(widget) opens it in a page of its own; at the end nothing may have gone wrong there."""
    with pages(chromium, tmp_path) as open_page:
        yield lambda widget, **options: open_page(widget.to_html("Test"), **options).page


def done(page) -> None:
    expect(page.locator(".cz-root")).to_have_attribute("data-ready", "true", timeout=60_000)


def read(page) -> None:
    page.locator(".cz-read").click()
    done(page)


def eye(page, name: str):
    return page.get_by_role("region", name=name, exact=True)


def shown_guesses(page, name: str) -> list[tuple[str, float]]:
    rows = eye(page, name).locator(".cz-row")
    texts = zip(rows.locator(".cz-word").all_inner_texts(), rows.locator(".cz-number").all_inner_texts(), strict=True)
    return [(word, float(number.removesuffix(" %")) / 100) for word, number in texts]


def expected_guesses(net, tokenizer, ids, place, n_eyes):
    best = logits(net, [0, *ids, 0], n_eyes)[place + 1].double().softmax(-1).topk(6)
    return list(zip(Pieces(tokenizer).strings(best.indices.tolist()), best.values.tolist(), strict=True))


def same(found, expected) -> bool:
    words = [word.replace("␣", " ") for word, _ in found]
    numbers = [p for _, p in found]
    assert numbers == pytest.approx([p for _, p in expected], abs=6e-4)
    return words == [word for word, _ in expected]


def test_hiding_and_showing_gives_what_torch_gives(show, small, net, tokenizer):
    page = show(ClozeView(TEXT, hide="France", folder=small))
    assert page.locator(".cz-token").count() == 0
    read(page)
    ids = tokenizer.encode(TEXT, add_special_tokens=False)
    tokens, where = page.locator(".cz-token"), page.locator(".cz-where")
    assert tokens.count() == len(ids) and tokens.all_inner_texts()[:4] == ["The", " capital", " of", " France"]
    mask = tokenizer.mask_token_id

    def check(hidden, at):
        done(page)
        assert [i for i in range(len(ids)) if tokens.nth(i).get_attribute("aria-pressed") == "true"] == hidden
        given = [mask if i in hidden else id for i, id in enumerate(ids)]
        for n_eyes, name in ((1, "One eye"), (2, "Two eyes")):
            assert same(shown_guesses(page, name), expected_guesses(net, tokenizer, given, at, n_eyes))
        assert f"Blank {hidden.index(at) + 1} of {len(hidden)}, token {at + 1}:" in where.inner_text()

    check([3], 3)
    rank = (logits(net, [0, *ids[:3], mask, *ids[4:], 0])[4] > logits(net, [0, *ids[:3], mask, *ids[4:], 0])[4, ids[3]]).sum() + 1
    expect(eye(page, "Two eyes").locator(".cz-truth")).to_contain_text(re.compile(rf"Hidden is ␣France: .*guess number {rank}\."))
    tokens.nth(1).click()
    check([1, 3], 1)
    tokens.nth(1).press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    last = len(ids) - 2
    check([1, 3, last], last)
    page.get_by_role("button", name="Next blank").click()
    check([1, 3, last], 1)
    expect(page.locator("[role=status]")).to_contain_text("Blank 1 of 3. Two eyes: ")
    assert tokens.evaluate_all("(all) => all.filter((one) => one.tabIndex === 0).length") == 1
    filled = eye(page, "Two eyes").locator(".cz-filled mark")
    assert filled.count() == 3
    assert eye(page, "Two eyes").locator(".cz-filled").inner_text().startswith("The")
    page.get_by_role("radio", name="two eyes", exact=True).click()
    assert not eye(page, "One eye").is_visible() and eye(page, "Two eyes").is_visible()
    page.get_by_role("radio", name="two eyes", exact=True).press("ArrowLeft")
    assert eye(page, "One eye").is_visible() and not eye(page, "Two eyes").is_visible()
    page.get_by_role("radio", name="one eye and two").click()
    tokens.nth(3).click()
    check([1, last], 1)
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".cz-status")).to_have_text("Nothing is hidden yet.")
    assert not where.is_visible()


def test_every_token_in_turn(show, small, net, tokenizer):
    text = "法国的首都是<|mask|>黎。"
    page = show(ClozeView(text, folder=small))
    read(page)
    page.get_by_role("button", name="Hide every token in turn").click()
    done(page)
    ids = tokenizer.encode(text, add_special_tokens=False)
    known = [i for i, id in enumerate(ids) if id != tokenizer.mask_token_id]
    rows = page.locator(".cz-turn tbody tr")
    assert rows.count() == len(known) == len(ids) - 1
    sums = {1: 0.0, 2: 0.0}
    for row, i in enumerate(known):
        given = [tokenizer.mask_token_id if j == i else id for j, id in enumerate(ids)]
        numbers = rows.nth(row).locator(".cz-number").all_inner_texts()
        for n_eyes, number in zip((1, 2), numbers, strict=True):
            logprob = logits(net, [0, *given, 0], n_eyes)[i + 1].log_softmax(-1)[ids[i]].item()
            sums[n_eyes] += logprob
            assert float(number.removesuffix(" %")) / 100 == pytest.approx(torch.tensor(logprob).exp().item(), abs=6e-4)
    for n_eyes, words in zip((1, 2), page.locator(".cz-sum").all_inner_texts(), strict=True):
        nats = float(re.search(r"add up to (−[\d.]+) nats", words)[1].replace("−", "-"))
        assert nats == pytest.approx(sums[n_eyes], abs=0.02)
    page.locator(".cz-token").first.click()
    done(page)
    assert not page.locator(".cz-turn").is_visible(), "hiding one token by hand ends it"
    assert page.locator(".cz-hidden").count() == 2, "the unknown one is a blank too"
    page.locator(".cz-token.cz-hidden").nth(1).click()
    assert page.locator(".cz-where").inner_text().endswith("?") and eye(page, "Two eyes").locator(".cz-truth").inner_text() == ""


def test_what_is_typed_is_text_and_is_read_while_it_is_typed(show, small, tokenizer):
    page = show(ClozeView(HOSTILE, folder=small))
    box, tokens = page.locator("textarea"), page.locator(".cz-token")
    read(page)
    assert tokens.count() == len(tokenizer.encode(HOSTILE, add_special_tokens=False, split_special_tokens=True))
    assert page.locator("img").count() == 0 and page.title() == "Test"
    assert "".join(page.locator(".cz-bytes").all_inner_texts()).replace(" ", "").startswith("龘".encode().hex().upper())
    box.fill("法国")
    expect(tokens).to_have_count(2)
    box.evaluate(
        """(box) => {
            const type = (text, isComposing) => {
                box.value = text;
                box.dispatchEvent(new InputEvent("input", { isComposing, bubbles: true }));
            };
            box.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
            type("法国de", true);
            box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true }));
        }"""
    )
    page.wait_for_timeout(400)
    assert tokens.count() == 2, "an input method is at work"
    box.evaluate(
        "(box) => { box.value = '法国的'; box.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true })); }"
    )
    expect(tokens).to_have_count(3)
    tokens.nth(2).click()
    box.fill("好法国的")
    expect(tokens).to_have_count(4)
    assert tokens.nth(3).get_attribute("aria-pressed") == "true", "what was hidden stays hidden"
    box.fill("龘" * 40)
    expect(page.locator(".cz-status")).to_have_text("This text is 120 tokens long, and 96 fit in here. Shorten it.")
    box.fill("")
    expect(page.locator(".cz-status")).to_have_text("Write a text first.")
    page.get_by_role("button", name="广东人爱吃白切鸡。").click()
    expect(page.locator(".cz-hidden")).to_have_count(2)
    assert box.input_value() == "广东人爱吃白切鸡。"


def test_it_loads_from_a_folder_when_it_is_used_and_tries_again(chromium, small, tmp_path):  # noqa: F811
    view, path = ClozeView(TEXT, hide="Paris", folder=small), tiny.checkpoint("masked", small)
    html = re.sub(r'<script type="application/x-lmkit-weights-chunk".*?</script>\n?', "", view.to_html("Test"))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "page.html").write_text(html.replace('{"root":"",', '{"root":"tiny/",'), "utf8")
    for name, text in checkpoint.scripts("masked", path):
        (tmp_path / "tiny" / name).write_text(text, "utf8")
    with served(tmp_path) as address, visit(chromium, address + "page.html") as seen:
        page, held = seen.page, []
        wait_for_widgets(page)
        assert not any("/tiny/" in url for url in seen.loaded), "nothing is loaded before it is used"
        assert re.search(r"loads a small model into this page \(\d\.\d MB\)", page.locator(".cz-first").inner_text())
        page.route("**/tiny/masked-*-1.js", lambda route: held.append(route))
        page.locator(".cz-read").click()
        expect(page.locator(".cz-status")).to_contain_text("Loading the model: ", timeout=20_000)
        expect(page.locator("progress")).to_have_attribute("aria-label", re.compile(r"Loading the model: \d+ %"))
        held[0].fulfill(status=404)
        expect(page.locator(".cz-status")).to_contain_text("A part of the model did not arrive.")
        page.unroute("**/tiny/masked-*-1.js")
        page.get_by_role("button", name="Try again").click()
        done(page)
        assert page.locator(".cz-hidden").count() > 0 and not page.get_by_role("button", name="Try again").is_visible()
        assert all("404" in error for error in seen.errors) and not seen.cut


def test_a_page_that_holds_no_model_says_so(chromium, small, tmp_path):  # noqa: F811
    html = re.sub(r'<script type="application/x-lmkit-weights[^"]*".*?</script>\n?', "", ClozeView(folder=small).to_html("Test"))
    (tmp_path / "page.html").write_text(html, "utf8")
    with visit(chromium, as_file(tmp_path) + "page.html") as seen:
        wait_for_widgets(seen.page)
        seen.page.locator(".cz-read").click()
        expect(seen.page.locator(".cz-status")).to_contain_text("This page does not hold the model, and there is no kernel.")
        assert not seen.page.get_by_role("button", name="Try again").is_visible() and seen.clean()


def test_with_a_kernel_it_asks_for_weights_and_shares_its_text(module, small):
    view = ClozeView("Hello", folder=small)
    with_kernel(module, "cz", view, ("title", "text", "hide", "stage", "versions"))
    read(module)
    module.locator("textarea").fill("Paris")
    module.wait_for_timeout(600)
    assert module.evaluate("widget.saved.text") == "Paris"
    module.evaluate("widget.push('text', '你好')")
    expect(module.locator(".cz-token").last).to_have_text(re.compile("好|BD"))
    assert module.locator("textarea").input_value() == "你好"
    assert stops_listening(module)
    module.evaluate("document.body.replaceChildren()")


def longest_task(browser, page, act) -> float:
    """Milliseconds of processor time of the longest task of the page's main thread while `act` ran."""
    browser.start_tracing(page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"])
    act()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    threads = [e for e in events if e.get("name") == "thread_name" and e["args"].get("name") == "CrRendererMain"]
    mains = {(e["pid"], e["tid"]) for e in threads}
    names = ("ThreadControllerImpl::RunTask", "RunTask")
    tasks = [e for e in events if e.get("name") in names and (e["pid"], e["tid"]) in mains]
    return max(e.get("tdur", e.get("dur", 0)) / 1000 for e in tasks)


def test_nothing_holds_up_the_page(chromium, show, whole):  # noqa: F811
    """A model of the shipped size is loaded, reads, and hides every token in turn."""
    page = show(ClozeView("Germany lies in Europe. Its capital is Berlin.", hide="Berlin", folder=whole))
    page.wait_for_timeout(300)

    def act():
        read(page)
        page.get_by_role("button", name="Hide every token in turn").click()
        done(page)

    assert longest_task(chromium, page, act) < 50


# ---------------------------------------------------------------- looks


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_does_not_scroll_sideways_and_axe_finds_nothing_serious(show, small, dark):
    from book import vendor

    page = show(ClozeView("The capital of 中国 is Beijing. 👩🏽‍🚀", hide="Beijing", folder=small), width=360, dark=dark)
    page.locator(".cz-read").tap()
    done(page)
    page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    for _ in range(2):
        assert scrolls_sideways(page) == []
        heights = (
            "() => [...document.querySelectorAll('.lmkit :is(button, textarea)')].map((one) => one.offsetHeight).filter(Boolean)"
        )
        assert min(page.evaluate(heights)) >= 30
        found = page.evaluate("async () => (await axe.run('.lmkit', { resultTypes: ['violations'] })).violations")
        lines = [f"{v['impact']}: {v['help']}: {node['html'][:200]}" for v in found for node in v["nodes"][:3]]
        assert not [line for line in lines if line.startswith(("serious", "critical"))], "\n".join(lines)
        page.get_by_role("button", name="Hide every token in turn").tap()
        done(page)
    paper = page.evaluate("getComputedStyle(document.querySelector('.cz-root')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) < 120) == dark


@pytest.mark.parametrize("width", [360, 720])
def test_reserved_height_is_what_is_needed(show, small, width):
    view = ClozeView(folder=small, title="Fill it")
    page = show(view, width=width)
    height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
    assert abs(height - view._height[0 if width > 600 else 1]) < 0.06 * height, (height, view._height)


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows_and_holds_no_weights(small):
    assert repr(ClozeView(folder=small)) == "ClozeView(masked; 'The capital of France is Paris.')"
    view = ClozeView(TEXT, hide=["France", "Paris"], folder=small)
    assert repr(view) == "ClozeView(masked; 'The capital of France is Paris.', 'France', 'Paris' hidden)"
    assert (
        sum(len(json.dumps(value, default=repr)) for key, value in view.get_state().items() if key not in ("_esm", "_css")) < 2000
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": None}, "text=None: give a text"),
        ({"stage": "gpt"}, "no stage 'gpt' of the tiny model"),
        ({"stage": "sft"}, "tiny-sft is no checkpoint"),
        ({"stage": "base", "folder": None}, "The stage 'base' sees one side only"),
        ({"hide": "Rome"}, "hide='Rome' does not stand in the text"),
        ({"hide": [""]}, "hide='' does not stand in the text"),
    ],
)
def test_bad_input_is_named(small, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ClozeView(**{"folder": small} | arguments)


def test_the_shipped_checkpoint_stays_small_on_its_way():
    assert checkpoint.entry(tiny.checkpoint("masked"))["bytes"] < 6e6
