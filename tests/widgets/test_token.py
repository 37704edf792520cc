"""TokenView: its tokens against those of the tokenizers library, typing and choosing, and how vocabularies come in."""

import base64
import json
import random
import re

import numpy as np
import pytest
from browser import (  # noqa: F401
    as_file,
    chromium,
    imported,
    pages,
    scrolls_sideways,
    served,
    shower,
    stops_listening,
    visit,
    wait_for_widgets,
    with_kernel,
)
from playwright.sync_api import expect

from lmkit import vocabularies
from lmkit.widgets import checkpoint
from lmkit.widgets.base import bundle
from lmkit.widgets.token import TokenView, encode

TEXT = "She is in a restaurant. 她在餐馆里。"
PAIR = ["gpt-2", "tiny"]
HOSTILE = '<s></script><img src=x onerror="document.title=1"> <|endoftext|>龘👩🏽‍🚀\u202e\x00'
SCRIPTS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZéèüñçßøåĳﬃſK",
    "我在餐馆里吃饭中国的首都是北京繁體字𠀀𠮷𪚥々〇",
    "ひらがなカタカナｶﾀｶﾅーっ",
    "한국어의자모ㄱㅏ",
    "абвгдежзийклмнопрстуЁёЖЩѢ",
    "αβγδεζηθικλμνξοπρσςΩάϊ",
    "مرحبا بالعالم٠١٢٣ًٌ",
    "שלום עולםְֱ",
    "नमस्ते दुनिया०१२क्षि",
    "สวัสดีชาวโลก๑๒",
    "বাংলা ভাষা",
    "தமிழ் மொழி",
    "ქართული ႠႡ",
    "Հայերեն և",
]
OTHERS = [
    "0123456789 ٣४５²½Ⅷ①",
    " \t\n\r\u00a0\u3000\u2028\u0085\u200b\ufeff\x0b\x0c\x1c\x1f\u180e",
    ".,;:!?¿—…'\"()[]{}<>|/\\@#$%^&*_+=~`-，。、；：？！“”‘’（）《》【】",
    "😀❤️👍🏽🇨🇳👩🏽‍🚀🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "e\u0301a\u0308o\u0302n\u0303\u0f71\u0f72\u1161\u11a8\u0327",
    "\x00\x01\x04\x1f\x7f\x80\x9f\u0378\ue000\ufffe\ufffd\U000e0001\U0010ffff",
]
WORDS = ["'s", "'S", "'ſ", "'re", "'RE", "'Ll", "'LL", "'t", "'d", "’s", " the", "She", " is", " in", " restaurant", "1234567"]
WORDS += ["    ", "\n\n", "\r\n", "\n ", "  \n", "http://", "3.14", "人工智能", "def f(x):\n\treturn x", "/*", " ?", "...", "ǅ"]


def fuzzed(n: int, spelled: list[str], seed: int = 0) -> list[str]:
    """Texts in fourteen scripts, mixed, with numbers, marks, emoji, control characters, spelled-out tokens, and long words."""
    rng = random.Random(seed)

    def part() -> str:
        draw = rng.random()
        if draw < 0.06:
            return rng.choice(spelled)
        if draw < 0.1:
            code = rng.randrange(0x110000)
            return chr(code if not 0xD800 <= code < 0xE000 else 0x41)
        if draw < 0.35:
            return rng.choice(WORDS)
        pool = rng.choice(OTHERS if draw < 0.55 else SCRIPTS)
        return rng.choice(["", " "]) + "".join(rng.choice(pool) for _ in range(rng.randint(1, 10)))

    texts = ["".join(part() for _ in range(rng.randint(0, 8))) for _ in range(n - len(SCRIPTS))]
    return texts + ["".join(rng.choice(pool) for _ in range(1500)) for pool in SCRIPTS]


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "tk", bundle("token.js")) as page:
        yield page


OPEN = """async ([name, text]) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    async function* chunks() { yield { bytes, part: 1 }; }
    (window.open_ ??= {})[name] = await tk.openVocabulary(name, "1", chunks);
}"""


def opened(module, name: str):
    module.evaluate(OPEN, [name, base64.b64encode(vocabularies.path(name).read_bytes()).decode()])
    return module


ENCODE = """([name, texts]) => {
    const all = texts.map((text, i) => open_[name].encode(text, { special: i % 2 === 1 }));
    const flat = Int32Array.from([...all.map((ids) => ids.length), ...all.flat()]);
    const bytes = new Uint8Array(flat.buffer);
    let out = "";
    for (let i = 0; i < bytes.length; i += 8192) out += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(out);
}"""


@pytest.mark.parametrize("name", vocabularies.names())
def test_tokens_are_those_of_the_library(module, name):
    """5,000 texts in ten scripts and more; in every other one special tokens that are spelled out are those tokens."""
    tokenizer = vocabularies.load(name)
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    texts = fuzzed(5000, [*added[:12], *added[-3:], "<s>", "<|end|>"])
    expected: list[list[int]] = [[]] * len(texts)
    for special in (False, True):
        tokenizer.encode_special_tokens = not special
        found = tokenizer.encode_batch_fast(texts[special::2], add_special_tokens=False)
        expected[special::2] = [one.ids for one in found]
    tokenizer.encode_special_tokens = False
    flat = np.frombuffer(base64.b64decode(opened(module, name).evaluate(ENCODE, [name, texts])), np.int32).tolist()
    lengths, at = flat[: len(texts)], len(texts)
    for text, length, ids in zip(texts, lengths, expected, strict=True):
        assert flat[at : at + length] == ids, text
        at += length


def test_half_a_surrogate_pair_is_a_replacement_character(module):
    ids = opened(module, "gpt-2").evaluate("open_['gpt-2'].encode('a\\ud83d \\ude00b\\ud83d\\ude00')")
    assert ids == encode("gpt-2", "a\ufffd \ufffdb😀", False)


def test_long_words_do_not_grow_as_squares(module):
    opened(module, "gpt-2")
    time = """(n) => {
        const letters = Array.from({ length: n }, (_, i) => "abcdefghij"[(i * 7 + (i >> 3)) % 10]).join("");
        const from = performance.now();
        open_["gpt-2"].encode(letters);
        return performance.now() - from;
    }"""
    module.evaluate(time, 5000)
    assert min(module.evaluate(time, 100_001 + i) for i in range(3)) < 1500


def test_merges_of_a_word_step_by_step(module):
    opened(module, "gpt-2")
    steps = module.evaluate("open_['gpt-2'].steps(' restaurant')")
    tokenizer = vocabularies.load("gpt-2")
    merges = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    assert [len(state) for state in steps["states"]] == list(range(11, 0, -1))
    for before, after, merge in zip(steps["states"][:-1], steps["states"][1:], steps["merges"], strict=True):
        left, right = (tokenizer.id_to_token(merge[side]) for side in ("left", "right"))
        assert merges[merge["rank"]] == (left, right) and tokenizer.id_to_token(merge["id"]) == left + right
        at = merge["at"]
        assert before[at : at + 2] == [merge["left"], merge["right"]]
        assert after == [*before[:at], merge["id"], *before[at + 2 :]]
    repeated = module.evaluate("open_['gpt-2'].steps('ananananan')")
    assert repeated["states"][-1] == encode("gpt-2", "ananananan", False)


def test_parts_of_characters_are_named_and_what_is_invisible_is_shown(module):
    shown = "([piece, whole]) => tk.shownPiece({ piece, whole, bytes: new TextEncoder().encode(piece) })"
    for piece, whole, said in [("\u0301", True, "◌\u0301"), (" a\n", True, "␣a↵"), ("é", False, "C3 A9")]:
        assert module.evaluate(shown, [piece, whole]) == said
    for parts, i, said in [
        (["她".encode()], 0, None),
        ([b" \xe5", b"\xa5", b"\xb9"], 1, {"text": "她", "from": 2, "to": 2, "of": 3}),
        ([b" \xe5", b"\xa5", b"\xb9"], 0, {"text": " 她", "from": 1, "to": 2, "of": 4}),
        ([b" \xe5", b"\xa5", b"\xb9"], 2, {"text": "她", "from": 3, "to": 3, "of": 3}),
        ([b"a", b"\xf0\x9f", b"\x98\x80b"], 1, {"text": "😀", "from": 1, "to": 2, "of": 4}),
        ([b"\xb9"], 0, None),
        ([b"\xe5", b"a"], 0, None),
    ]:
        found = module.evaluate(
            "([parts, i]) => tk.partOf(parts.map((one) => Uint8Array.from(one)), i)", [[list(p) for p in parts], i]
        )
        assert found == said, (parts, i)


# ---------------------------------------------------------------- the widget

show = shower(".tk-root")


def ready(page) -> None:
    expect(page.locator(".tk-root")).to_have_attribute("data-ready", "true")


def ids_of(page) -> list[int]:
    return [int(text) for text in page.locator(".tk-line .tk-id").all_text_contents()]


CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.copied = text; } } });"


def test_type_choose_and_look(show):
    page = show(TokenView(TEXT, PAIR), before=CLIPBOARD)
    assert ids_of(page) == encode("gpt-2", TEXT, False), "known before a vocabulary is there"
    assert "loads the vocabulary" in page.locator(".tk-status").inner_text()
    said = "GPT-2: 20 tokens for 30 characters (42 bytes in UTF-8): 1.50 characters per token."
    assert page.locator(".tk-summary").inner_text() == said
    rows = page.locator(".tk-compare tbody tr")
    assert [row.split()[-2] for row in rows.all_inner_texts()] == [str(len(encode(name, TEXT, False))) for name in PAIR]

    tokens = page.locator(".tk-line .tk-token")
    tokens.nth(4).click()
    ready(page)
    expect(page.locator(".tk-word")).to_have_text("“␣restaurant”: 11 bytes, 10 merges.")
    assert page.locator(".tk-detail").inner_text().split("\n")[0] == "Token 5 of 20"
    state = page.locator(".tk-state .tk-token")
    assert state.count() == 11
    page.get_by_role("button", name="On one merge").click()
    assert state.count() == 10
    page.get_by_role("slider").press("End")
    assert state.all_inner_texts() == ["␣restaurant"]
    expect(page.locator(".tk-merge")).to_have_text(re.compile(r"^Joined: .* → ␣restaurant\. It is number [\d,]+ on the list"))
    tokens.nth(4).press("ArrowRight")
    tokens.nth(5).press("ArrowRight")
    assert tokens.nth(6).evaluate("(one) => one === document.activeElement")
    assert tokens.evaluate_all("(all) => all.filter((one) => one.tabIndex === 0).length") == 1
    assert page.locator(".tk-detail .lmkit-note").inner_text() == "bytes 1 to 2 of the 4 that spell ␣她"
    page.get_by_role("button", name="Copy the ids").click()
    expect(page.get_by_role("button", name="Copied.")).to_be_visible()
    assert json.loads(page.evaluate("copied")) == encode("gpt-2", TEXT, False)
    page.get_by_role("button", name="Show ids").click()
    assert tokens.first.inner_text().split() == ["She", "3347"]

    box = page.get_by_label("Your text, in any language")
    box.fill("北京 is <|endoftext|>")
    expect(tokens).to_have_count(len(encode("gpt-2", "北京 is <|endoftext|>", False)))
    expect(rows.nth(1)).to_contain_text("–")
    page.get_by_role("radio", name="tokens").click()
    assert ids_of(page) == encode("gpt-2", "北京 is <|endoftext|>", True) and ids_of(page)[-1] == 50256
    tokens.last.click()
    assert "no merge makes it" in page.locator(".tk-detail").inner_text() and not page.locator(".tk-merges").is_visible()
    page.get_by_role("button", name="Count in the other one").click()
    expect(rows.nth(1)).not_to_contain_text("–")
    page.get_by_role("button", name="Show the tokens of The course's tiny model").click()
    expect(tokens.first).to_have_text(re.compile("北"))
    assert ids_of(page) == encode("tiny", "北京 is <|endoftext|>", True)
    expect(page.locator("[role=status]")).to_have_text(re.compile(r"tokens in The course's tiny model\."))
    page.get_by_role("button", name="spaces").click()
    expect(page.locator(".tk-line")).to_contain_text("⇥")
    box.fill("")
    expect(page.locator(".tk-summary")).to_have_text("Write something.")
    assert tokens.count() == 0 and not page.locator(".tk-detail").is_visible()


def test_what_is_typed_is_text_and_input_methods_are_waited_for(show):
    page = show(TokenView(HOSTILE, PAIR))
    assert ids_of(page) == encode("gpt-2", HOSTILE, False)
    assert page.locator("img").count() == 0 and page.title() == "TokenView"
    box, tokens = page.locator("textarea"), page.locator(".tk-line .tk-token")
    box.fill("法国")
    ready(page)
    before = tokens.count()
    box.evaluate(
        """(box) => {
            box.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
            box.value = "法国de";
            box.dispatchEvent(new InputEvent("input", { isComposing: true, bubbles: true }));
        }"""
    )
    page.wait_for_timeout(400)
    assert tokens.count() == before, "an input method is at work"
    end = "(box) => { box.value = '法国的'; box.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true })); }"
    box.evaluate(end)
    expect(tokens).to_have_count(len(encode("gpt-2", "法国的", False)))
    box.fill("龘" * 400)
    expect(page.locator(".tk-pager")).to_contain_text("Tokens 1 to 300 of 800")
    page.get_by_role("button", name="Later tokens").click()
    expect(page.locator(".tk-pager")).to_contain_text("Tokens 301 to 600 of 800")
    assert tokens.count() == 300 and "1,200 bytes; the merges of words of up to 120" in page.locator(".tk-merges").inner_text()


def test_ten_thousand_characters_are_shown_at_once(show):
    page = show(TokenView("", PAIR))
    page.locator("textarea").fill("warm")
    ready(page)
    times = page.evaluate(
        """async (text) => {
            const box = document.querySelector("textarea"), times = [];
            for (let i = 0; i < 4; i++) {
                box.value = `${i} ${text}`;
                const from = performance.now();
                box.dispatchEvent(new InputEvent("input", { bubbles: true }));
                await new Promise((done) => setTimeout(done));
                times.push(performance.now() - from);
            }
            return times;
        }""",
        " ".join(fuzzed(1000, ["<s>"]))[:10_000],
    )
    assert min(times) < 300, "milliseconds, on a machine that may be busy; benchmarks/token_view.py measures"
    assert page.locator(".tk-line .tk-token").count() == 300


def test_it_loads_from_a_folder_when_it_is_used_and_tries_again(chromium, tmp_path):  # noqa: F811
    view = TokenView("Hello", PAIR)
    html = re.sub(r'<script type="application/x-lmkit-weights-chunk".*?</script>\n?', "", view.to_html("Test"))
    (tmp_path / "parts").mkdir()
    (tmp_path / "page.html").write_text(html.replace('{"root":"",', '{"root":"parts/",'), "utf8")
    for name in PAIR:
        for file, text in checkpoint.scripts(f"vocabulary-{name}", vocabularies.path(name)):
            (tmp_path / "parts" / file).write_text(text, "utf8")
    with served(tmp_path) as address, visit(chromium, address + "page.html") as seen:
        page = seen.page
        wait_for_widgets(page)
        assert not any("/parts/" in url for url in seen.loaded), "nothing is loaded before it is used"
        assert "this loads the vocabulary (0.2 MB)" in page.locator(".tk-status").inner_text()
        page.route("**/parts/*gpt-2*", lambda route: route.fulfill(status=404))
        page.locator("textarea").fill("Hello there")
        expect(page.locator(".tk-status")).to_contain_text("A part of the vocabulary did not arrive.")
        page.unroute("**/parts/*gpt-2*")
        page.get_by_role("button", name="Try again").click()
        ready(page)
        assert ids_of(page) == encode("gpt-2", "Hello there", False) and not page.locator(".tk-status").is_visible()
        assert not any("tiny" in url for url in seen.loaded), "only what is chosen"
        assert all("404" in error for error in seen.errors) and not seen.cut


def test_a_page_that_holds_no_vocabulary_says_so(chromium, tmp_path):  # noqa: F811
    html = re.sub(r'<script type="application/x-lmkit-weights[^"]*".*?</script>\n?', "", TokenView(TEXT, PAIR).to_html("Test"))
    (tmp_path / "page.html").write_text(html, "utf8")
    with visit(chromium, as_file(tmp_path) + "page.html") as seen:
        wait_for_widgets(seen.page)
        seen.page.locator("textarea").fill("Hello")
        expect(seen.page.locator(".tk-status")).to_contain_text("This page does not hold the vocabulary, and there is no kernel.")
        assert not seen.page.get_by_role("button", name="Try again").is_visible() and seen.clean()


def test_with_a_kernel_it_asks_for_vocabularies_and_shares_its_text(module):
    view = TokenView("Hello", PAIR)
    with_kernel(module, "tk", view, ("title", "text", "vocabulary", "special", "about", "first", "versions"))
    module.locator("textarea").fill("Paris, 北京")
    ready(module)
    assert ids_of(module) == encode("gpt-2", "Paris, 北京", False)
    module.wait_for_timeout(400)
    assert module.evaluate("widget.saved.text") == "Paris, 北京"
    module.evaluate("widget.push('vocabulary', 'tiny')")
    expect(module.locator(".tk-summary")).to_contain_text("The course's tiny model: ")
    assert ids_of(module) == encode("tiny", "Paris, 北京", False)
    assert stops_listening(module)
    module.evaluate("document.body.replaceChildren()")


# ---------------------------------------------------------------- looks


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_does_not_scroll_sideways_and_axe_finds_nothing_serious(show, dark):
    from book import vendor

    page = show(TokenView(TEXT + " 👩🏽‍🚀 " + "x" * 80, ["gpt-2", "tiny", "gpt-4"], special=True), width=360, dark=dark)
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
        page.locator(".tk-line .tk-token").nth(7).tap()
        ready(page)
        page.get_by_role("button", name="Show ids").tap()
    paper = page.evaluate("getComputedStyle(document.querySelector('.tk-root')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) < 120) == dark


@pytest.mark.parametrize("width", [360, 720])
def test_reserved_height_is_what_is_needed(show, width):
    view = TokenView(vocabularies=["gpt-2", "tiny", "gpt-4"], title="Tokens")
    page = show(view, width=width)
    height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
    assert abs(height - view._height[0 if width > 600 else 1]) < 0.06 * height, (height, view._height)


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows_and_holds_no_vocabulary():
    view = TokenView("She is in a restaurant", PAIR)
    assert repr(view) == "TokenView('She is in a restaurant'; tokens: gpt-2 5, tiny 10)"
    state = {key: value for key, value in view.get_state().items() if key not in ("_esm", "_css")}
    assert len(json.dumps(state, default=repr)) < 3000
    assert TokenView("a\ud83d", "tiny").text == "a\ufffd"
    assert view.about[0]["title"] == "GPT-2" and "/" not in json.dumps(view.about)
    assert not vocabularies.load("tiny").encode_special_tokens, "what others use stays as it was"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": None}, "The text is None: give a text of at most 20,000 characters."),
        ({"text": "x" * 20_001}, "The text is 20,001 characters: give a text of at most 20,000"),
        ({"vocabularies": []}, "vocabularies=[]: give one or more, each once, of gpt-2, gpt-4, gpt-4o,"),
        ({"vocabularies": ["tiny", "tiny"]}, "each once"),
        ({"vocabularies": ["gpt-9"]}, "no vocabulary 'gpt-9'"),
        ({"vocabularies": ["llama-3"]}, "The vocabulary 'llama-3' is not here. Meta's licence"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        TokenView(**arguments)
