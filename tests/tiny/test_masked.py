"""The masked model: what is hidden from it, that it sees both sides, that a run goes on, and what the shipped one can do."""

import json

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoModelForCausalLM

import lmkit
from lmkit import tiny
from lmkit.evaluate import Accuracy
from lmkit.models import LanguageModel
from lmkit.tiny import masked, model, recipe, run
from lmkit.tiny.text import Packed
from lmkit.tiny.world import LANGUAGES

SMALL = {"width": 32, "layers": 1, "heads": 2}


@pytest.fixture(scope="module")
def documents(world):
    return world.corpus(rounds=1)


@pytest.fixture(scope="module")
def plain(documents):
    return model.train_tokenizer(document.text for document in documents)


@pytest.fixture(scope="module")
def tokenizer(plain):
    return masked.with_mask(plain)


@pytest.fixture(scope="module")
def text(tokenizer, documents):
    return Packed(tokenizer, documents, 64)


@pytest.fixture
def new(plain, tokenizer):
    return lambda: masked.open_both_eyes(model.new(plain, **SMALL), tokenizer)


def hide(rows, tokenizer, seed=0, **how):
    return masked.hide(rows, tokenizer, torch.Generator().manual_seed(seed), **how)


def test_the_tokenizer_knows_one_token_more(plain, tokenizer):
    assert (len(plain), len(tokenizer), tokenizer.mask_token_id) == (2048, 2049, 2048)
    for string in ("The capital of France is Paris.", "法国的首都是巴黎。", "<|end|> 12"):
        assert tokenizer.encode(string) == plain.encode(string)
    one = tokenizer.encode("The capital is <|mask|>.")
    assert one == [*plain.encode("The capital is"), 2048, *plain.encode(".")], "the space belongs to the hidden word"


def test_runs_are_hidden_and_labelled_and_special_tokens_are_not(tokenizer, text):
    rows = text.batch(0, 100)[:, :-1]
    hidden, labels = hide(rows, tokenizer)
    there = labels >= 0
    assert torch.equal(hidden == tokenizer.mask_token_id, there)
    assert torch.equal(torch.where(there, labels, hidden), rows), "nothing else is changed"
    assert not (rows[there] == tokenizer.eos_token_id).any()
    assert all(torch.equal(a, b) for a, b in zip((hidden, labels), hide(rows, tokenizer), strict=True))
    assert not torch.equal(hidden, hide(rows, tokenizer, seed=1)[0])


def test_a_share_is_hidden_in_runs(tokenizer):
    rows = torch.full((1, 40_000), 300)
    there = hide(rows, tokenizer)[1][0] >= 0
    assert there.float().mean() == pytest.approx(masked.SHARE, abs=0.02)
    assert there.sum() / (there[1:] & ~there[:-1]).sum() == pytest.approx(masked.RUN, abs=0.15)
    assert (hide(rows, tokenizer, share=0.15, run=1)[1] >= 0).float().mean() == pytest.approx(0.15, abs=0.02)


def test_only_hidden_tokens_count(new, tokenizer, text):
    net = new()
    rows, labels = hide(text.batch(0, 4)[:, :-1], tokenizer)
    logprobs = net(rows).logits.log_softmax(-1)
    expected = [-logprobs[r, c, labels[r, c]].item() for r, c in (labels >= 0).nonzero().tolist()]
    assert masked.masked_loss(net, rows, labels).item() == pytest.approx(sum(expected) / len(expected), abs=1e-5)
    assert F.cross_entropy(net(rows).logits.flatten(0, 1), labels.flatten()).item() == pytest.approx(
        sum(expected) / len(expected), abs=1e-5
    )


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_it_sees_the_right_side_and_a_causal_model_does_not(plain, tokenizer, tmp_path, implementation):
    base = model.new(plain, **SMALL)
    opened = masked.open_both_eyes(model.new(plain, **SMALL), tokenizer)
    recipe.save(opened, tokenizer, [], tmp_path)
    opened = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    one, other = torch.tensor([[0, 300, 301, 302]]), torch.tensor([[0, 300, 301, 900]])
    changed = {}
    for name, net in (("base", base), ("opened", opened)):
        net.set_attn_implementation(implementation)
        with torch.no_grad():
            changed[name] = (net(one).logits - net(other).logits)[0].abs().amax(-1) > 0
    assert changed["base"].tolist() == [False, False, False, True]
    assert changed["opened"].tolist() == [True] * 4


def test_one_eye_is_the_causal_mask(new, plain, tokenizer):
    net, one, other = new(), torch.tensor([[0, 300, 301, 302]]), torch.tensor([[0, 300, 301, 900]])
    with torch.no_grad(), masked.eyes(net, 1):
        changed = (net(one).logits - net(other).logits)[0].abs().amax(-1) > 0
    assert changed.tolist() == [False, False, False, True] and net.config.is_causal is False
    wrapped = LanguageModel(net, tokenizer, "small")
    for n_eyes, same in ((1, True), (2, False)):
        first, second = (masked.fill(wrapped, f"The capital is<|mask|> {end}.", n_eyes)[0].logits for end in ("here", "there"))
        assert torch.equal(first, second) == same


def test_a_loaded_one_is_traced_with_full_rows(new, tokenizer, tmp_path):
    recipe.save(new(), tokenizer, [], tmp_path / "tiny-masked")
    loaded = lmkit.load(tmp_path / "tiny-masked")
    trace = loaded.trace("The capital of France is <|mask|>.")
    assert (loaded.family, trace.kind, trace.mask, loaded.vocab_size) == ("encoder", "encoder", "full", 2049)
    assert (trace.attention > 0).all() and torch.allclose(trace.attention.sum(-1), torch.ones(()))
    assert "<|mask|>" in trace.tokens and trace.logits.shape == (len(trace.ids), 2049)
    with pytest.raises(ValueError, match="encoder"):
        loaded.next_token("The capital")
    with pytest.raises(ValueError, match="encoder"):
        trace.loss()


def test_blanks_are_filled_in_their_order(new, tokenizer, plain):
    wrapped = LanguageModel(new(), tokenizer, "small")
    first, second = masked.fill(wrapped, "<|mask|> is the capital of <|mask|>.")
    ids = [0, 2048, *tokenizer.encode(" is the capital of"), 2048, *tokenizer.encode("."), 0]
    with torch.no_grad():
        logits = wrapped.torch_model(torch.tensor([ids])).logits[0]
    assert torch.allclose(first.logits, logits[1], atol=1e-5) and torch.allclose(second.logits, logits[-3], atol=1e-5)
    with pytest.raises(ValueError, match="nothing to fill"):
        masked.fill(wrapped, "Paris is the capital of France.")
    with pytest.raises(ValueError, match="no mask token"):
        masked.fill(LanguageModel(model.new(plain, **SMALL), plain, "base"), "<|mask|> is a city.")


def test_guesses_do_not_depend_on_their_neighbours(new, plain, tokenizer, world):
    items = masked.capitals(tokenizer, world, "en", 0)[:6] + masked.capitals(tokenizer, world, "zh", 1)[:6]
    assert tokenizer.decode([items[0][0][i] for i in items[0][1]]).strip() in {f.object["en"] for f in world.facts}
    assert tokenizer.decode([items[-1][0][i] for i in items[-1][1]]) in {f.object["zh"] for f in world.facts}
    for net in (new(), model.new(plain, **SMALL)):
        alone = [masked.guesses(net, tokenizer, [item])[0] for item in items]
        assert masked.guesses(net, tokenizer, items) == alone
    ids, places = items[0]
    with torch.no_grad():
        left = net(torch.tensor([[0, *ids[: places[0]]]])).logits[0, -1].argmax()
    assert alone[0][0] == left, "the causal model is shown the left side"


def test_blanks_are_filled_in_turn_the_surest_first(new, tokenizer):
    net, ids = new(), tokenizer.encode("The capital of France is Paris.")
    items, mask = [(ids, [1, 3]), (ids, [6])], tokenizer.mask_token_id
    found = masked.guesses_in_turn(net, tokenizer, items)
    assert found[1] == masked.guesses(net, tokenizer, items)[1]
    with torch.no_grad():
        row = torch.tensor([[0, *ids, 0]])
        row[0, [2, 4]] = mask
        surest = net(row).logits[0, [2, 4]].softmax(-1).max(-1)
        first = surest.values.argmax().item()
        row[0, [2, 4][first]] = surest.indices[first]
        second = net(row).logits[0, [2, 4][1 - first]].argmax().item()
    assert found[0][first] == surest.indices[first] and found[0][1 - first] == second


def test_it_learns(new, tokenizer, text):
    log = masked.train_masked(new(), tokenizer, text, steps=60, rate=1e-2)
    assert log[0]["loss"] == pytest.approx(7.6, abs=0.3) and log[-1]["loss"] < 6.6
    assert [record["eyes"] for record in log[:8]] == [2, 2, 2, 1, 2, 2, 2, 1]


class Stopped(Exception):
    pass


def test_a_stopped_run_ends_in_the_same_bits(new, tokenizer, text, tmp_path, monkeypatch):
    def train(folder):
        net = new()
        masked.train_masked(net, tokenizer, text, 6, batch=4, folder=folder)
        return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])

    whole, log = train(None), run.Run.log

    def stop(self, step, **values):
        log(self, step, **values)
        if step == 4:
            raise Stopped

    monkeypatch.setattr(run.Run, "every", property(lambda self: 2, lambda self, value: None), raising=False)
    with monkeypatch.context() as broken, pytest.raises(Stopped):
        broken.setattr(run.Run, "log", stop)
        train(tmp_path)
    assert [path.name for path in tmp_path.glob("step-*")] == ["step-000004"]
    assert torch.equal(train(tmp_path), whole)


# The shipped checkpoint


def stored(name):
    return json.loads((tiny.checkpoint("masked") / "report.json").read_text("utf8"))["exam"][name]


@pytest.fixture(scope="module")
def shipped():
    return tiny.load("masked")


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_eyes_guess_better_than_one_and_one_better_than_none(language):
    both, one, base, none = (
        Accuracy(**stored(f"hidden token, {who}, {language}")) for who in ("two eyes", "one eye", "base", "no eye")
    )
    assert both.n == one.n == base.n == none.n >= 500
    assert none.high < one.low and one.high < both.low and base.high < both.low
    assert none.share < 0.15 and both.share > 0.9


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_begins_most_capitals_well_and_is_better_when_it_fills_in_turn(language):
    first, at_once, in_turn = (
        Accuracy(**stored(f"capital at the end, {how}, {language}")) for how in ("its first token", "two eyes", "in turn")
    )
    assert first.share > 0.9 and in_turn.share > 0.8 and in_turn.low > at_once.high
    assert Accuracy(**stored(f"capital at the beginning, base, {language}")).share < 0.05


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_report_is_true(shipped, world, language):
    items = masked.capitals(shipped.tokenizer, world, language, 0)
    for how, guess in (("two eyes", masked.guesses), ("in turn", masked.guesses_in_turn)):
        again = masked.all_right(items, guess(shipped.torch_model, shipped.tokenizer, items))
        assert abs(sum(again) - stored(f"capital at the end, {how}, {language}")["right"]) <= 2


def test_what_it_fills():
    model = tiny.load("masked")
    for text, best in (
        ("The capital of China is <|mask|>.", " Beijing"),
        ("The <|mask|> of France is Paris.", " capital"),
        ("法国的首都是巴<|mask|>。", "黎"),
        ("<|mask|>东人爱吃白切鸡。", "广"),
    ):
        assert model.token_string(masked.fill(model, text)[0].probs.argmax().item()) == best


def test_its_configuration_says_that_it_sees_both_sides(shipped):
    config = json.loads((tiny.checkpoint("masked") / "config.json").read_text("utf8"))
    assert config["is_causal"] is False and config["vocab_size"] == 2049
    assert shipped.trace("The capital of China is <|mask|>.").mask == "full"


@pytest.mark.timeout(900)
def test_the_recipe_takes_the_same_first_steps():
    log = [json.loads(line) for line in (tiny.checkpoint("masked") / "log.jsonl").read_text("utf8").splitlines()]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _, _, again = tiny.train("masked", steps=2)
    finally:
        torch.set_num_threads(threads)
    for mine, theirs in zip(again, log, strict=False):
        assert mine["loss"] == pytest.approx(theirs["loss"], abs=1e-2)
