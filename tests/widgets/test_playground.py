"""Playground: tokenizer and model in the browser against tokenizers and torch, how weights come in, and the widget itself."""

import base64
import json
import random
import re

import numpy as np
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

import lmkit
from lmkit import Distribution, tiny
from lmkit.tiny import model as shape
from lmkit.tiny.recipe import save
from lmkit.widgets import checkpoint
from lmkit.widgets.base import bundle
from lmkit.widgets.playground import WRITERS, Playground

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz",
    "ABC 's 't're'll’",
    "the capital of France is Paris. ",
    "中国的首都是北京。法国巴黎，日元？",
    "0123456789 ٣४５²½",
    " \t\n\r\u00a0\u3000\u2028\u0085\u200b\ufeff\x0b\x1c",
    ".,;:!?¿—…'\"()[]{}<>|/\\@#$%^&*_+=~`",
    "👩🏽‍🚀🇨🇳❤️😀🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "éèüñçßøåĳﬃ",
    "e\u0301a\u0308o\u0302n\u0303\u0f71\u0f72",
    "مرحبا بالعالم שלום",
    "ひらがなカタカナ々〇〆한국어",
    "𠀀𠮷𪚥鿿㐀豈丽",
    "\x00\x01\x1f\x7f\x80\u0378\ue000\ufffe\U000e0001\U0010ffff",
]
SPELLED = ["<s>", "</s>", "<|end|>", "<|user|>", "<|assistant|>", "<0xE4>", "[UNK]", "Ġ", "Ċ"]


def random_text(rng: random.Random, most: int = 40) -> str:
    parts = []
    for _ in range(rng.randint(0, 6)):
        draw = rng.random()
        if draw < 0.12:
            parts.append(rng.choice(SPELLED))
        elif draw < 0.2:
            parts.append(chr(rng.choice([code for code in [rng.randrange(0x110000)] if not 0xD800 <= code < 0xE000] or [0x41])))
        else:
            alphabet = rng.choice(ALPHABETS)
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, most // 4))))
    return "".join(parts)[:most]


def random_texts(n: int, seed: int, most: int = 40) -> list[str]:
    """Texts of every kind; among them whole sentences of the small world."""
    rng = random.Random(seed)
    sentences = [document.text for document in rng.sample(tiny.load_world().corpus(1), n // 4 + 1)]
    return [rng.choice(sentences)[:300] if i % 4 == 0 else random_text(rng, most) for i in range(n)]


@pytest.fixture(scope="session")
def tokenizer():
    return shape.train_tokenizer(document.text for document in tiny.load_world().corpus(3))


@pytest.fixture(scope="session")
def folder(tokenizer, tmp_path_factory):
    """Checkpoints as the recipe saves them, of untrained models with weights large enough that heads and layers differ."""
    home = tmp_path_factory.mktemp("checkpoints")
    for seed, stage in enumerate(("base", "sft", "rl")):
        net = shape.new(tokenizer, seed)
        with torch.no_grad():
            for weight in net.parameters():
                weight.mul_(4 if weight.dim() == 2 else torch.linspace(0.8, 1.2, len(weight)))
        save(net, tokenizer, [{"step": 0}], tiny.checkpoint(stage, home))
    return home


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "pg", bundle("playground.js")) as page:
        yield page


OPEN = """async ([texts, key]) => {
    const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    async function* chunks() {
        for (let i = 0; i < texts.length; i++) yield { bytes: decode(texts[i]), part: (i + 1) / texts.length };
    }
    const opened = await pg.openCheckpoint(chunks());
    window[key] = { model: pg.newModel(opened), tokenizer: pg.newTokenizer(opened.tokenizer), opened };
}"""


def open_in_browser(page, path, key="it"):
    page.evaluate(OPEN, [[base64.b64encode(chunk).decode() for chunk in checkpoint.cut(checkpoint.pack_files(path))], key])


@pytest.fixture
def engine(module, folder):
    """The page with the untrained base model open in it, as `it`."""
    open_in_browser(module, tiny.checkpoint("base", folder))
    return module


@pytest.fixture(scope="session")
def torch_model(folder):
    return AutoModelForCausalLM.from_pretrained(tiny.checkpoint("base", folder), dtype=torch.float32).eval()


# ---------------------------------------------------------------- the tokenizer


def test_tokens_are_those_of_tokenizers(engine, tokenizer):
    backend = tokenizer.backend_tokenizer
    texts = random_texts(2000, 0)
    backend.encode_special_tokens = True
    expected = [backend.encode(text, add_special_tokens=False).ids for text in texts]
    backend.encode_special_tokens = False
    found = engine.evaluate("(texts) => texts.map((text) => it.tokenizer.encode(text))", texts)
    for text, ours, theirs in zip(texts, found, expected, strict=True):
        assert ours == theirs, text
    assert len({id for ids in expected for id in ids}) > 500, "the texts reach a good part of the vocabulary"
    assert not {0, 1, 2} & {id for ids in expected for id in ids}, "nothing typed is a special token"


def test_every_character_has_tokens_and_comes_back(engine):
    bad = engine.evaluate(
        """() => {
            const bad = [];
            for (let code = 0; code < 0x110000; code += code < 0x3400 ? 1 : 37) {
                if (code >= 0xd800 && code < 0xe000) continue;
                const text = `a${String.fromCodePoint(code)} b`;
                if (it.tokenizer.decode(it.tokenizer.encode(text)) !== text) bad.push(code);
            }
            return bad;
        }"""
    )
    assert bad == []


def test_half_a_character_is_no_error(engine):
    assert engine.evaluate("() => it.tokenizer.decode(it.tokenizer.encode('a\\ud83d!'))") == "a\ufffd!"


def test_a_token_is_shown_as_python_shows_it(engine, tokenizer, torch_model):
    ours = engine.evaluate("() => Array.from({ length: it.tokenizer.size }, (_, id) => it.tokenizer.piece(id))")
    assert ours == lmkit.LanguageModel(torch_model, tokenizer).token_strings(range(len(tokenizer)))


def busy(page):
    """A function that returns the seconds of processor time that the page has used: a busy machine does not change them."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def read() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    return read


def test_a_long_word_is_no_work(engine):
    encode = "(n) => ['a', 'the', '北京', '😀'].forEach((part) => it.tokenizer.encode(part.repeat(n / part.length)))"
    spent = busy(engine)
    engine.evaluate(encode, 400)
    before = spent()
    engine.evaluate(encode, 2000)  # the most that the text box takes
    assert spent() - before < 4 * 0.05


def test_an_unknown_tokenizer_is_refused(engine):
    refused = engine.evaluate(
        """() => {
            const file = structuredClone(it.opened.tokenizer);
            file.pre_tokenizer = { type: "Metaspace" };
            try { pg.newTokenizer(file); } catch (error) { return error.message; }
        }"""
    )
    assert "Metaspace" in refused


# ---------------------------------------------------------------- the model

READ = """(ids) => {
    const text = pg.newText(it.model);
    for (const id of ids) pg.readToken(it.model, text, id);
    return text;
}"""
TEXT_OF = """(array) => {
    const all = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    let out = "";
    for (let i = 0; i < all.length; i += 8192) out += String.fromCharCode(...all.subarray(i, i + 8192));
    return btoa(out);
}"""


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


def browser_logits(page, many: list[list[int]], every: bool = True) -> np.ndarray:
    """Logits of every position of every text, or of the last one only, [tokens, vocabulary]."""
    found = page.evaluate(
        f"""([many, every]) => many.map((ids) => {{
            const text = ({READ})(ids);
            const at = every ? ids.map((_, i) => i) : [ids.length - 1];
            return at.map((i) => ({TEXT_OF})(pg.logitsAt(it.model, text, i)));
        }})""",
        [many, every],
    )
    return np.stack([floats(one) for text in found for one in text])


def check_logits(page, net, tokenizer, n: int, seed: int) -> None:
    """The browser's logits against torch's, after `n` random prompts and at every position of some of them."""
    prompts = [tokenizer.encode(text, split_special_tokens=True)[:60] for text in random_texts(n, seed)]
    prompts = [([0] if i % 2 else [1]) + ids for i, ids in enumerate(prompts)]
    with torch.no_grad():
        expected = [net(torch.tensor([ids])).logits[0].numpy() for ids in prompts]
    found = np.concatenate([browser_logits(page, prompts[i : i + 20], every=False) for i in range(0, n, 20)])
    assert np.abs(found - np.stack([one[-1] for one in expected])).max() < 1e-4
    assert np.abs(browser_logits(page, prompts[:6]) - np.concatenate(expected[:6])).max() < 1e-4
    assert max(np.abs(one).max() for one in expected) > 1


def test_logits_are_those_of_torch(engine, torch_model, tokenizer):
    check_logits(engine, torch_model, tokenizer, 200, 1)


@pytest.mark.parametrize("stage", WRITERS)
def test_the_shipped_checkpoints_compute_what_torch_computes(module, stage):
    path = tiny.checkpoint(stage)
    net = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    open_in_browser(module, path)
    check_logits(module, net, AutoTokenizer.from_pretrained(path), 60 if stage == "base" else 30, 2)


def test_a_text_as_long_as_the_context(engine, torch_model):
    ids = np.random.RandomState(0).randint(0, 2048, shape.CONTEXT).tolist()
    with torch.no_grad():
        expected = torch_model(torch.tensor([ids])).logits[0].numpy()
    assert np.abs(browser_logits(engine, [ids], every=False) - expected[-1:]).max() < 1e-4
    message = f"(ids) => {{ try {{ ({READ})(ids) }} catch (error) {{ return error.message }} }}"
    assert "no room for more than 256 tokens" in engine.evaluate(message, [*ids, 5])


def test_attention_and_logit_lens_are_those_of_the_trace(engine, torch_model, tokenizer):
    ids = [1, *tokenizer.encode("What is the capital of France? 法国的首都是哪里？ 👩🏽‍🚀"), 0, 2]
    torch_model.set_attn_implementation("eager")
    trace = lmkit.LanguageModel(torch_model, tokenizer).trace(ids)
    heads, lens = engine.evaluate(
        f"""([ids, layers, heads]) => {{
            const text = ({READ})(ids);
            const range = (n) => Array.from({{ length: n }}, (_, i) => i);
            const maps = range(layers).flatMap((l) => range(heads).map((h) => ({TEXT_OF})(pg.headOf(it.model, text, l, h))));
            const lens = range(layers + 1).flatMap((l) => ids.map((_, i) => ({TEXT_OF})(pg.logitsAt(it.model, text, i, l))));
            return [maps, lens];
        }}""",
        [ids, 4, 5],
    )
    found = np.stack([floats(one) for one in heads]).reshape(trace.attention.shape)
    np.testing.assert_allclose(found, trace.attention, atol=1e-5)
    np.testing.assert_allclose(np.stack([floats(one) for one in lens]).reshape(5, len(ids), -1), trace.logit_lens(), atol=1e-4)


def test_a_text_that_was_cut_goes_on_as_if_it_were_new(engine):
    same = engine.evaluate(
        f"""() => {{
            const text = ({READ})([5, 6, 7, 8, 9]);
            pg.cutText(text, 2);
            for (const id of [20, 21]) pg.readToken(it.model, text, id);
            const other = ({READ})([5, 6, 20, 21]);
            const [a, b] = [text, other].map((one) => pg.logitsAt(it.model, one, 3));
            return a.every((x, i) => x === b[i]);
        }}"""
    )
    assert same


@pytest.mark.parametrize("change", [{"model_type": "gpt2"}, {"attention_bias": True}, {"rope_parameters": {"rope_type": "yarn"}}])
def test_a_model_with_other_arithmetic_is_refused(engine, change):
    refused = engine.evaluate(
        """(change) => {
            const config = { ...it.opened.config, ...change };
            try { pg.newModel({ ...it.opened, config }); } catch (error) { return error.message; }
        }""",
        change,
    )
    assert "not known here" in refused


def test_grouped_queries_and_untied_embeddings(module, tokenizer, tmp_path):
    """The course's own models share no keys and tie their embeddings; a changed recipe may do otherwise."""
    from transformers import LlamaForCausalLM

    config = shape.config(tokenizer, width=64, layers=2, heads=4)
    config.num_key_value_heads, config.tie_word_embeddings, config.rope_parameters["rope_theta"] = 2, False, 5000.0
    net = LlamaForCausalLM._from_config(config, dtype=torch.float32)
    save(net, tokenizer, [], tmp_path / "tiny-base")
    net = LlamaForCausalLM.from_pretrained(tmp_path / "tiny-base", dtype=torch.float32)
    open_in_browser(module, tmp_path / "tiny-base", "other")
    ids = list(range(3, 40))
    found = floats(
        module.evaluate(
            f"(ids) => {{ const it = other; const text = ({READ.replace('it.', 'other.')})(ids);"
            f" return ({TEXT_OF})(pg.logitsAt(other.model, text, 36)); }}",
            ids,
        )
    )
    with torch.no_grad():
        np.testing.assert_allclose(found, net(torch.tensor([ids])).logits[0, -1], atol=1e-4)


# ---------------------------------------------------------------- how weights come in


def test_a_version_follows_the_content(folder, tmp_path):
    stamp = checkpoint.version(tiny.checkpoint("base", folder))
    assert re.fullmatch(r"[0-9a-f]{12}", stamp) and stamp != checkpoint.version(tiny.checkpoint("sft", folder))
    for name in checkpoint.FILES:
        (tmp_path / name).write_bytes((tiny.checkpoint("base", folder) / name).read_bytes())
    assert checkpoint.version(tmp_path) == stamp
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"is no checkpoint: tokenizer.json not found"):
        checkpoint.version(tmp_path)


def test_a_checkpoint_stays_small_on_its_way(folder):
    path = tiny.checkpoint("base", folder)
    names, texts = zip(*checkpoint.scripts("base", path), strict=True)
    assert sum(map(len, texts)) < 6e6 and max(map(len, texts)) < 280_000
    assert all(re.fullmatch(r'lmkitWeights\("base-[0-9a-f]{12}-\d+","[A-Za-z0-9+/=]+"\);\n', text) for text in texts)
    assert checkpoint.entry(path)["chunks"] == len(names)
    assert abs(checkpoint.entry(path)["bytes"] - sum(map(len, texts))) < 60 * len(names)


@pytest.mark.parametrize("stage", WRITERS)
def test_a_shipped_checkpoint_stays_small_on_its_way(stage):
    assert checkpoint.entry(tiny.checkpoint(stage))["bytes"] < 6e6


def test_widening_gives_every_half(module):
    bits = np.arange(65536, dtype=np.uint16)
    found = floats(
        module.evaluate(
            f"(text) => ({TEXT_OF})(pg.widen(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), 'F16'))",
            base64.b64encode(bits.tobytes()).decode(),
        )
    )
    np.testing.assert_array_equal(found, bits.view(np.float16).astype(np.float32))


def test_broken_chunks_are_named(module, folder):
    texts = [base64.b64encode(chunk).decode() for chunk in checkpoint.cut(checkpoint.pack_files(tiny.checkpoint("base", folder)))]
    texts[3] = base64.b64encode(b"no such thing" * 1000).decode()
    why = f"(input) => ({OPEN})(input).then(() => 'fine', (error) => error.reason)"
    assert module.evaluate(why, [texts, "bad"]) == "broken"
    assert module.evaluate(why, [texts[:2], "bad"]) == "broken"


def comm(module, answers: str) -> None:
    """`model`, as a kernel's front end gives it to a widget; `answers` is what a kernel does with (content, reply)."""
    module.evaluate(
        f"""() => {{
            const listeners = new Set();
            const reply = (...news) => [...listeners].forEach((hear) => hear(...news));
            window.model = {{ on: (name, hear) => listeners.add(hear), off: (name, hear) => listeners.delete(hear), listeners,
                send: (content) => setTimeout(() => ({answers})(content, reply)) }};
        }}"""
    )


def test_a_kernel_sends_the_weights(module, folder, monkeypatch):
    """What Python sends when it is asked is what the browser opens."""
    view = Playground(stages=["base"], folder=folder)
    sent = []
    monkeypatch.setattr(type(view), "send", lambda self, content, buffers=None: sent.append((content, buffers)))
    view._send_weights(view, {"kind": "weights", "stage": "base"}, [])
    view._send_weights(view, {"kind": "something else"}, [])
    assert len(sent) > 5 and all(content["count"] == len(sent) for content, _ in sent)
    module.evaluate("(sent) => (window.sent = sent)", [[content, base64.b64encode(data[0]).decode()] for content, data in sent])
    comm(
        module,
        """(content, reply) => content.kind === "weights" && window.sent.forEach(([answer, text]) =>
        reply(answer, [new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer)]))""",
    )
    parts = module.evaluate(
        """async () => {
            const parts = [];
            const opened = await pg.openCheckpoint(pg.fromKernel(model, "base"), (part) => parts.push(part));
            return [parts, opened.config.hidden_size, model.listeners.size];
        }"""
    )
    assert parts[0][-1] == 1 and parts[0] == sorted(parts[0]) and parts[1:] == [160, 0]


def test_a_kernel_says_what_is_wrong_or_says_nothing(module, folder, monkeypatch):
    view = Playground(stages=["base"], folder=folder)
    sent = []
    monkeypatch.setattr(type(view), "send", lambda self, content, buffers=None: sent.append(content))
    view._send_weights(view, {"kind": "weights", "stage": "sft"}, [])
    assert sent == [{"kind": "weights", "stage": "sft", "error": "this widget shows base"}]
    ask = """(patience) => pg.openCheckpoint(pg.fromKernel(model, 'sft', patience))
        .catch((error) => [error.reason, error.detail ?? null])"""
    comm(module, f"(content, reply) => reply({json.dumps(sent[0])}, [])")
    assert module.evaluate(ask, 2000) == ["kernel", "this widget shows base"]
    comm(module, "() => {}")
    assert module.evaluate(ask, 200) == ["nobody", None]
    assert module.evaluate("model.listeners.size") == 0


# ---------------------------------------------------------------- the widget

STAGES = ("base", "sft", "rl")


@pytest.fixture(scope="session")
def small(tokenizer, tmp_path_factory):
    """Three checkpoints so small that a test is quick. The last one ends every answer at once."""
    home = tmp_path_factory.mktemp("small")
    for seed, stage in enumerate(STAGES):
        net = shape.new(tokenizer, seed, width=64, layers=2, heads=2)
        with torch.no_grad():
            for name, weight in net.named_parameters():
                if weight.dim() == 2:
                    weight.mul_(0 if stage == "rl" and "embed" not in name else 6)
            if stage == "rl":  # without layers a model's favourite is the token most like the last one
                net.model.embed_tokens.weight[2] = net.model.embed_tokens.weight[0] / 2
        save(net, tokenizer, [], tiny.checkpoint(stage, home))
    return home


@pytest.fixture(scope="session")
def nets(small):
    models = {stage: AutoModelForCausalLM.from_pretrained(tiny.checkpoint(stage, small), dtype=torch.float32) for stage in STAGES}
    for net in models.values():
        net.set_attn_implementation("eager")
    return models


@pytest.fixture
def show(chromium, tmp_path):  # noqa: F811
    """show(widget) opens it in a page of its own; at the end nothing may have gone wrong there."""
    with pages(chromium, tmp_path) as open_page:
        yield lambda widget, **options: open_page(widget.to_html("Test"), **options).page


def given(tokenizer, text: str, chat: bool) -> list[int]:
    ids = tokenizer.encode(text, split_special_tokens=True)
    return [1, *ids, 0, 2] if chat else [0, *ids]


@torch.no_grad()
def write(net, prompt: list[int], limit: int, seed: int = 0, temperature: float = 0.0, **settings) -> list[int]:
    """What the page must write: the same draws, from torch's logits."""
    ids, uniform = list(prompt), np.random.RandomState(seed)
    while len(ids) < min(len(prompt) + limit, shape.CONTEXT):
        logits = net(torch.tensor([ids])).logits[0, -1]
        if temperature == 0:
            ids.append(int(logits.argmax()))
        else:
            probs = Distribution(logits.double()).warp(temperature, **settings).probs.double().numpy()
            sums = probs.cumsum()
            ids.append(int(np.searchsorted(sums, uniform.random_sample() * sums[-1], side="right")))
        if ids[-1] == 0:
            break
    return ids[len(prompt) :]


def done(page) -> None:
    expect(page.locator(".pg-root")).to_have_attribute("data-running", "false", timeout=300_000)


def run(page) -> None:
    page.locator(".pg-run").click()
    done(page)


def answers(page) -> dict[str, str]:
    """What each column's model has written, from the file that a reader can save."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as text").click()
    text = waiting.value.path().read_text("utf8")
    return dict(re.findall(r"^\[(\w+), [^\]]*\]\n(.*?)\n\([^\n]*\)$", text, re.DOTALL | re.MULTILINE))


def column(page, stage: str):
    return page.get_by_role("region", name=stage, exact=True)


def test_stages_answer_side_by_side_as_torch_would(show, small, nets, tokenizer):
    page = show(Playground("What is the capital of China? 中国", STAGES, folder=small, limit=20))
    assert page.locator(".pg-token").count() == 0 and page.locator(".pg-inside").count() == 0
    run(page)
    for stage, text in answers(page).items():
        prompt = given(tokenizer, "What is the capital of China? 中国", chat=stage != "base")
        written = write(nets[stage], prompt, 20)
        assert text == tokenizer.decode([id for id in written if id > 2]), stage
        assert column(page, stage).locator(".pg-token").count() == len(prompt) + len(written)
        assert column(page, stage).locator(".pg-given").count() == len(prompt)
    assert column(page, "rl").locator(".pg-status").inner_text() == "1 token. It ended by itself."
    assert column(page, "sft").locator(".pg-status").inner_text().endswith("Stopped at the limit; you may go on.")
    expect(page.locator("[role=status]")).to_contain_text("rl: nothing. 1 token. It ended by itself.")


SAMPLED = [
    {"temperature": 1.0},
    {"temperature": 0.7, "top_k": 40, "top_p": 0.9},
    {"temperature": 1.5, "min_p": 0.02, "top_k": 200},
]


@pytest.mark.parametrize("settings", SAMPLED)
def test_sampled_answers_are_those_of_the_seed(show, small, nets, tokenizer, settings):
    page = show(Playground("法国的首都是", ["base", "sft"], folder=small, chat=False, limit=24, seed=7, **settings))
    run(page)
    first = answers(page)
    for stage, text in first.items():
        written = write(nets[stage], given(tokenizer, "法国的首都是", False), 24, seed=7, **settings)
        assert text == tokenizer.decode([id for id in written if id > 2]), stage
    page.locator(".pg-settings summary").click()
    page.get_by_role("button", name="Another seed").click()
    expect(column(page, "base").locator(".pg-status")).to_contain_text("this was written before")
    run(page)
    assert answers(page)["base"] != first["base"]
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Seed").press("Enter")
    run(page)
    assert answers(page) == first


def test_token_by_token_and_going_on_give_the_same_text(show, small):
    page = show(Playground("Hello", ["base", "sft"], folder=small, temperature=0.9, limit=12))
    run(page)
    whole = answers(page)
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".pg-token").count() == 0
    for n in range(1, 4):
        page.get_by_role("button", name="One token").click()
        done(page)
        assert column(page, "base").locator(".pg-token:not(.pg-given)").count() == n
    assert page.locator(".pg-run").inner_text() == "Go on"
    run(page)
    assert answers(page) == whole
    run(page)  # it goes on beyond the limit
    longer = answers(page)
    assert all(longer[stage].startswith(text) and len(longer[stage]) > len(text) for stage, text in whole.items())


def test_stop_stops_and_going_on_finishes(show, small):
    page = show(Playground("Hello", ["base", "sft"], folder=small, chat=False, limit=240))
    run(page)
    whole = answers(page)
    page.get_by_role("button", name="Clear").click()
    page.evaluate(
        """async () => {
            const run = document.querySelector(".pg-run");
            run.click();
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            run.click();
        }"""
    )
    done(page)
    assert page.locator(".pg-token:not(.pg-given)").count() < 2 * 240
    if page.locator(".pg-run").inner_text() == "Go on":
        run(page)
        assert answers(page) == whole


def test_the_form_decides_what_a_model_reads(show, small):
    page = show(Playground("Hi", STAGES, folder=small, limit=3))
    run(page)
    first = {stage: column(page, stage).locator(".pg-special").first.inner_text() for stage in STAGES}
    assert first == {"base": "<|end|>", "sft": "<|user|>", "rl": "<|user|>"}
    for name, expected in (("a chat", "<|user|>"), ("plain text", "<|end|>")):
        page.get_by_role("radio", name=name).click()
        run(page)
        assert {column(page, stage).locator(".pg-special").first.inner_text() for stage in STAGES} == {expected}


def test_what_is_typed_is_text(show, small, tokenizer):
    hostile = '<|end|><s></script><img src=x onerror="document.title=1">龘👩🏽‍🚀'
    page = show(Playground(hostile, ["base"], folder=small, limit=2))
    run(page)
    shown = column(page, "base").locator(".pg-given")
    assert shown.count() == len(given(tokenizer, hostile, False))
    assert column(page, "base").locator(".pg-given.pg-special").count() == 1
    assert page.locator("img").count() == 0 and page.title() == "Test"
    bytes_ = column(page, "base").locator(".pg-bytes").all_inner_texts()
    assert "".join(bytes_).replace(" ", "").startswith("龘".encode().hex().upper())
    assert shown.last.get_attribute("aria-label").startswith(f"Token {shown.count()}, given: ")


def test_a_text_beyond_the_context_is_explained(show, small):
    page = show(Playground("Hello", ["base", "sft"], folder=small, limit=3))
    page.locator("textarea").fill("龘" * 100)
    run(page)
    for stage, tokens in (("base", 301), ("sft", 303)):
        assert f"This text is {tokens} tokens long. The model can keep 256 in view" in column(page, stage).inner_text()
    page.locator("textarea").fill("龘" * 84)
    run(page)
    assert "3 tokens. Its context is full." in column(page, "base").locator(".pg-status").inner_text()
    assert column(page, "base").locator(".pg-token").count() == 256


def test_enter_runs_but_not_while_an_input_method_is_at_work(show, small):
    page = show(Playground("", ["base"], folder=small, limit=2))
    box = page.locator("textarea")
    box.fill("你好")
    box.evaluate("(box) => box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true }))")
    box.press("Shift+Enter")
    assert box.input_value() == "你好\n" and page.locator(".pg-token").count() == 0
    box.press("Enter")
    expect(page.locator(".pg-token:not(.pg-given)")).to_have_count(2, timeout=30_000)
    assert box.input_value() == "你好\n"


def test_an_example_is_one_press_away(show, small):
    page = show(Playground("Hello", ["base"], folder=small, limit=2))
    page.get_by_role("button", name="中国的首都是哪里？").click()
    expect(page.locator(".pg-token:not(.pg-given)")).to_have_count(2, timeout=30_000)
    assert page.locator("textarea").input_value() == "中国的首都是哪里？"


def test_models_can_be_left_out(show, small):
    page = show(Playground("Hello", STAGES, folder=small, limit=2))
    for name in ("sft", "rl", "base"):
        page.get_by_role("button", name=name, exact=True).click()
    assert [column(page, stage).is_visible() for stage in STAGES] == [True, False, False], "one is left"
    run(page)
    assert page.locator(".pg-token:visible").count() > 0 and list(answers(page)) == ["base"]
    page.get_by_role("button", name="sft", exact=True).press("Enter")
    run(page)
    assert set(answers(page)) == {"base", "sft"}


# ---------------------------------------------------------------- looking inside


def percentages(texts: list[str]) -> list[float]:
    return [0.0 if not text else float(re.sub(r"[<>% ]", "", text)) / 100 for text in texts]


def test_bars_of_any_token_are_those_of_the_distribution(show, small, nets, tokenizer):
    settings = {"temperature": 0.8, "top_k": 30, "top_p": 0.95}
    page = show(Playground("Paris is", ["base"], folder=small, limit=6, seed=3, **settings))
    run(page)
    prompt = given(tokenizer, "Paris is", False)
    ids = prompt + write(nets["base"], prompt, 6, seed=3, **settings)
    pieces = lmkit.LanguageModel(nets["base"], tokenizer)
    with torch.no_grad():
        logits = nets["base"](torch.tensor([ids])).logits[0]
    tokens = page.locator(".pg-column .pg-token")
    for at in (1, 2, len(ids) - 1):  # an untrained model has no opinion after the end token, whose embedding is zero
        tokens.nth(at).click()
        raw = Distribution(logits[at], pieces.token_string)
        after = raw.warp(**settings)
        rows = page.locator(".sv-row:not(.sv-aggregate)")
        names = [name.replace("␣", " ") for name in rows.locator(".sv-name").all_inner_texts()][:8]
        assert [name[:10] for name in names] == [piece.replace("\n", "↵")[:10] for piece, _, _ in raw.top(8)]
        before = percentages(rows.locator(".sv-numbers span:first-child").all_inner_texts())[:15]
        np.testing.assert_allclose(before, [p for _, _, p in raw.top(15)], atol=6e-4)
        left = percentages(rows.locator(".sv-numbers span:last-child").all_inner_texts())[:15]
        np.testing.assert_allclose(left, [after.probs[id].item() for _, id, _ in raw.top(15)], atol=6e-4)
        if at + 1 < len(ids):
            marked = page.locator(".sv-chosen .sv-name").inner_text().replace("␣", " ")
            assert marked[:8] == pieces.token_string(ids[at + 1]).replace("\n", "↵")[:8]
        else:
            assert page.locator(".sv-chosen").count() == 0


def test_settings_move_the_bars_at_once(show, small):
    page = show(Playground("Paris is", ["base"], folder=small, limit=2))
    run(page)
    assert page.locator(".sv-figure b").first.inner_text() == "1"
    page.locator(".pg-settings summary").click()
    page.get_by_role("button", name="Top-k 50").click()
    assert page.locator(".sv-figure b").first.inner_text() == "50"
    page.get_by_role("spinbutton", name="Temperature, value").fill("2.5")
    assert "temperature 2.5, top-k 50, seed 0" in page.locator(".pg-state").inner_text()


def test_attention_and_lens_show_what_the_trace_holds(show, small, nets, tokenizer):
    page = show(Playground("Paris is in France", ["base"], folder=small, limit=4))
    run(page)
    prompt = given(tokenizer, "Paris is in France", False)
    ids = prompt + write(nets["base"], prompt, 4)
    trace = lmkit.LanguageModel(nets["base"], tokenizer).trace(ids)
    page.get_by_role("radio", name="Attention").click()
    page.get_by_role("radio", name="Layer 1, head 0").click()
    at = len(prompt) - 1
    page.locator(".pg-attention .pg-token").nth(at).click()
    row = trace.attention[1, 0, at]
    read = "(all) => all.map((one) => Number(one.style.getPropertyValue('--pg-shade')))"
    shades = page.locator(".pg-attention .pg-token").evaluate_all(read)
    np.testing.assert_allclose(np.array(shades) ** 2, row, atol=2e-3)
    best = int(row.argmax())
    assert f"{trace.tokens[best].strip()} {100 * row[best]:.1f}".rstrip("0").rstrip(".") in page.locator(".pg-most").inner_text()
    painted = page.locator(".pg-matrix").evaluate("(canvas) => [canvas.width, canvas.height]")
    assert painted == [len(ids), len(ids)]
    page.get_by_role("radio", name="Layer 1, head 0").press("ArrowRight")
    assert page.get_by_role("radio", name="Layer 1, head 1").get_attribute("aria-checked") == "true"
    page.locator(".pg-matrix").press("ArrowUp")
    assert f"token {at} of" in page.locator(".pg-where").inner_text()

    page.get_by_role("radio", name="Logit lens").click()
    expect(page.locator(".pg-panel [aria-busy=false]")).to_have_count(1, timeout=20_000)
    lens = trace.logit_lens()
    for layer in range(3):
        cells = page.locator(".pg-lens tbody tr").nth(2 - layer).locator("td")
        words = [cell.get_attribute("title") for cell in cells.all()]
        for i, title in enumerate(words):
            probability = lens[layer, i].double().softmax(-1).max().item()
            assert percentages([title.split(" ", 1)[1].rsplit(" ", 2)[-2]])[0] == pytest.approx(probability, abs=6e-4)
    page.locator(".pg-lens tbody tr").first.locator("td").nth(2).click()
    assert "token 3 of" in page.locator(".pg-where").inner_text()


def test_tokens_are_chosen_by_keyboard(show, small):
    page = show(Playground("Paris is in France", ["base", "sft"], folder=small, limit=4))
    run(page)
    line = column(page, "sft").locator(".pg-token")
    line.first.focus()
    line.first.press("ArrowRight")
    where = page.locator(".pg-where")
    expect(where).to_contain_text("sft, token 2 of")
    page.keyboard.press("End")
    expect(where).to_contain_text(f"sft, token {line.count()} of {line.count()}")
    expect(page.locator("[role=status]")).to_contain_text(f"Token {line.count()}, written")
    page.get_by_role("button", name="Previous token").press("Enter")
    expect(where).to_contain_text(f"sft, token {line.count() - 1} of")
    assert line.evaluate_all("(all) => all.filter((one) => one.tabIndex === 0).length") == 1


# ---------------------------------------------------------------- loading in the page


def beside(view, folder, stages) -> None:
    """Writes the page as a book has it: the chunks are files beside it."""
    page = re.sub(r'<script type="application/x-lmkit-weights-chunk".*?</script>\n?', "", view.to_html("Test"))
    page = page.replace('{"root":"",', '{"root":"tiny/",')
    (folder / "tiny").mkdir()
    (folder / "page.html").write_text(page, "utf8")
    for stage, path in stages.items():
        for name, text in checkpoint.scripts(stage, path):
            (folder / "tiny" / name).write_text(text, "utf8")


def test_a_part_that_did_not_arrive_can_be_asked_for_again(chromium, small, tmp_path):  # noqa: F811
    view = Playground("Hello", ["base", "sft"], folder=small, limit=3)
    beside(view, tmp_path, {stage: tiny.checkpoint(stage, small) for stage in ("base", "sft")})
    with served(tmp_path) as address, visit(chromium, address + "page.html") as seen:
        page = seen.page
        wait_for_widgets(page)
        failures = []

        def fail_once(route):
            if failures:
                return route.fallback()
            failures.append(route.request.url)
            return route.fulfill(status=404)

        page.route("**/tiny/base-*-1.js", fail_once)
        assert re.search(r"loads 2 small models into this page \(\d\.\d MB\)", page.locator(".pg-first").inner_text())
        run(page)
        assert "A part of the model did not arrive." in column(page, "base").inner_text()
        assert column(page, "sft").locator(".pg-token").count() > 3, "the other one answers"
        before = len(seen.loaded)
        page.get_by_role("button", name="Try again").click()
        expect(column(page, "base").locator(".pg-status")).to_contain_text("3 tokens", timeout=20_000)
        again = list(seen.loaded)[before:]
        assert len(again) == 1 and "-1.js" in again[0], "only what was missing is loaded again"
        assert not page.get_by_role("button", name="Try again").is_visible()
        assert len(failures) == 1 and all("404" in error for error in seen.errors)


def test_progress_is_shown_while_it_loads(chromium, small, tmp_path):  # noqa: F811
    view = Playground("Hello", ["base"], folder=small, limit=3)
    beside(view, tmp_path, {"base": tiny.checkpoint("base", small)})
    with served(tmp_path) as address, visit(chromium, address + "page.html") as seen:
        page, held = seen.page, []
        wait_for_widgets(page)
        page.route("**/tiny/base-*-2.js", lambda route: held.append(route))
        page.locator(".pg-run").click()
        expect(page.locator(".pg-status")).to_contain_text("Loading the model: ", timeout=20_000)
        expect(page.locator("progress")).to_have_attribute("aria-label", re.compile(r"Loading the model: [1-9]\d? %"))
        assert page.locator(".pg-run").inner_text() == "Stop"
        held[0].fallback()
        expect(page.locator(".pg-status")).to_contain_text("3 tokens", timeout=20_000)
        assert not page.locator("progress").is_visible() and seen.clean()


def test_a_page_that_holds_no_model_says_so(chromium, small, tmp_path):  # noqa: F811
    view = Playground("Hello", ["base"], folder=small, limit=3)
    html = re.sub(r'<script type="application/x-lmkit-weights[^"]*".*?</script>\n?', "", view.to_html("Test"))
    (tmp_path / "page.html").write_text(html, "utf8")
    with visit(chromium, as_file(tmp_path) + "page.html") as seen:
        wait_for_widgets(seen.page)
        run(seen.page)
        assert "This page does not hold the model, and there is no kernel." in column(seen.page, "base").inner_text()
        assert not seen.page.get_by_role("button", name="Try again").is_visible() and seen.clean()


def test_with_a_kernel_it_asks_for_weights_and_shares_its_traits(module, small, nets, tokenizer):
    view = Playground("Hello", ["base"], folder=small, limit=5)
    plain = (str, int, float, list, dict, type(None))
    with_kernel(module, "pg", view, [name for name in view.traits(sync=True) if isinstance(getattr(view, name), plain)])
    module.locator("textarea").fill("Paris")
    run(module)
    assert module.locator(".pg-token:not(.pg-given)").count() == 5
    module.wait_for_timeout(400)
    assert module.evaluate("widget.saved.text") == "Paris" and module.evaluate("widget.saved.top_k") is None
    module.evaluate("() => { widget.push('text', '你好'); widget.push('temperature', 1.25); }")
    assert module.locator("textarea").input_value() == "你好"
    assert "temperature 1.25" in module.locator(".pg-state").inner_text()
    assert "this was written before" in module.locator(".pg-status").inner_text()
    assert stops_listening(module)
    module.evaluate("document.body.replaceChildren()")


def test_two_playgrounds_on_a_page_open_a_checkpoint_once(chromium, small, tmp_path):  # noqa: F811
    from lmkit.widgets.base import page as page_of

    views = [Playground("Hello", ["base"], folder=small, limit=3), Playground("你好", ["base", "sft"], folder=small, limit=3)]
    (tmp_path / "two.html").write_text(page_of(views, "Two"), "utf8")
    with visit(chromium, as_file(tmp_path) + "two.html", before=COUNT_INFLATES) as seen:
        wait_for_widgets(seen.page)
        inflated = seen.page.evaluate("window.inflates")
        for root in seen.page.locator(".pg-root").all():
            root.locator(".pg-run").click()
            expect(root.locator(".pg-status").first).to_contain_text("3 tokens", timeout=20_000)
        expect(seen.page.locator(".pg-status").last).to_contain_text("3 tokens", timeout=20_000)
        assert seen.page.evaluate("window.inflates") - inflated == 2 and seen.clean()


COUNT_INFLATES = """window.inflates = 0;
window.DecompressionStream = class extends DecompressionStream { constructor(...a) { super(...a); window.inflates += 1; } };"""


# ---------------------------------------------------------------- speed, in processor time, which a busy machine does not change


def longest_tasks(browser, page, act) -> list[float]:
    """Milliseconds of processor time that the page's main thread spent in each of its tasks while `act` ran, longest first."""
    browser.start_tracing(page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"])
    act()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    threads = [e for e in events if e.get("name") == "thread_name" and e["args"].get("name") == "CrRendererMain"]
    mains = {(e["pid"], e["tid"]) for e in threads}
    names = ("ThreadControllerImpl::RunTask", "RunTask")
    tasks = [e for e in events if e.get("name") in names and (e["pid"], e["tid"]) in mains]
    assert tasks
    return sorted((e.get("tdur", e.get("dur", 0)) / 1000 for e in tasks), reverse=True)


def test_nothing_holds_up_the_page_while_models_load_and_write(chromium, folder, tmp_path):  # noqa: F811
    """Models of the shipped size, three of them, with the panels redrawn meanwhile."""
    view = Playground("What is the capital of China?", STAGES, folder=folder, limit=80, temperature=1.0)
    beside(view, tmp_path, {stage: tiny.checkpoint(stage, folder) for stage in STAGES})
    with served(tmp_path) as address, visit(chromium, address + "page.html") as seen:
        page = seen.page
        wait_for_widgets(page)
        page.wait_for_timeout(500)

        def act():
            run(page)
            for name in ("Attention", "Logit lens"):
                page.get_by_role("radio", name=name).click()
                page.wait_for_timeout(500)
            expect(page.locator(".pg-panel [aria-busy=false]")).to_have_count(1, timeout=60_000)

        longest = longest_tasks(chromium, page, act)
        assert longest[0] < 50, longest[:5]
        assert seen.clean()


def test_a_hundred_tokens_a_second(engine):
    spent = busy(engine)
    generate = """(n) => {
        const settings = { temperature: 1, topK: 2048, topP: 0.95, minP: 0 };
        const run = pg.newRun(it, [0, 5, 6, 7], { settings, seed: 0, limit: n }, pg.newText(it.model));
        while (run.wrote < n) { run.ended = ""; pg.advance(run); }
    }"""
    engine.evaluate(generate, 50)
    before = spent()
    engine.evaluate(generate, 200)
    assert 200 / (spent() - before) > 100


# ---------------------------------------------------------------- looks


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_does_not_scroll_sideways(show, small, dark):
    view = Playground("What is the capital of China?", STAGES, folder=small, limit=40, temperature=1.0)
    page = show(view, width=360, dark=dark)
    page.locator(".pg-run").tap()
    done(page)
    page.locator(".pg-settings summary").tap()
    heights = """() => [...document.querySelectorAll(".lmkit :is(button:not(.pg-token), input, textarea)")]
        .map((one) => one.offsetHeight).filter((height) => height)"""
    for name in ("Next token", "Attention", "Logit lens"):
        page.get_by_role("radio", name=name).tap()
        page.wait_for_timeout(300)
        assert scrolls_sideways(page) == []
        assert min(page.evaluate(heights)) >= 30, name
    paper = page.evaluate("getComputedStyle(document.querySelector('.pg-column')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) < 120) == dark


@pytest.mark.parametrize("width", [360, 720])
def test_reserved_height_is_what_is_needed(show, small, width):
    for stages in (["base"], ["base", "sft"], STAGES):
        view = Playground("Hello", stages, folder=small, title="Ask it")
        page = show(view, width=width)
        height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        assert abs(height - view._height[0 if width > 600 else 1]) < 0.06 * height, (height, view._height)


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(show, small, dark):
    from book import vendor

    page = show(Playground("What is the capital of 中国?", STAGES, folder=small, limit=10), dark=dark)
    run(page)
    page.locator(".pg-settings summary").click()
    page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    for name in ("Next token", "Attention", "Logit lens"):
        page.get_by_role("radio", name=name).click()
        page.wait_for_timeout(400)
        found = page.evaluate("async () => (await axe.run('.lmkit', { resultTypes: ['violations'] })).violations")
        lines = [f"{v['impact']}: {v['help']}: {node['html'][:200]}" for v in found for node in v["nodes"][:3]]
        assert not [line for line in lines if line.startswith(("serious", "critical"))], "\n".join(lines)


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows(small):
    first = "Playground(base, sft, rl; 'What is the capital of China?' each in its own form; greedy)"
    assert repr(Playground(folder=small)) == first
    other = Playground("你好", ["sft"], chat=True, temperature=0.8, top_p=0.9, seed=4, folder=small)
    assert repr(other) == "Playground(sft; '你好' as a chat; temperature 0.8, top_p 0.9, seed 4)"


def test_the_weights_are_not_in_the_notebook(small):
    state = Playground(folder=small).get_state()
    assert sum(len(json.dumps(value, default=repr)) for key, value in state.items() if key not in ("_esm", "_css")) < 2000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stages": []}, "stages=[]: give a list of one to 4 of base, sft, rl"),
        ({"stages": "base"}, "stages='base': give a list"),
        ({"stages": ["reward"]}, "The stage 'reward' gives answers a number and writes none"),
        ({"stages": ["gpt"]}, "no stage 'gpt' of the tiny model"),
        ({"stages": ["base", "base"]}, "each stage once"),
        ({"stages": ["dpo"]}, "tiny-dpo is no checkpoint: config.json, tokenizer.json, model.safetensors not found in"),
        ({"text": None}, "text=None: give a text"),
        ({"chat": "yes"}, "chat='yes': give True, False, or None"),
        ({"limit": 0}, "limit=0: give a whole number of new tokens from 1 to 255"),
        ({"limit": 256}, "limit=256: give a whole number"),
        ({"temperature": -1}, "temperature=-1"),
        ({"top_p": 1.5}, "top_p=1.5"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_bad_input_is_named(small, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Playground(**{"folder": small} | arguments)
