"""`check` itself, and chapter 7's exercises: solutions in the notebook pass, stubs and plausible mistakes fail by name."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lmkit.exercises import Feedback, check

NOTEBOOK = Path(__file__).parent.parent / "chapters" / "07_self_attention.ipynb"
EXERCISES = ["7.1", "7.2", "7.3", "7.4", "7.5"]


def cells(tag: str) -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text("utf8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if tag in cell["metadata"].get("tags", [])]


def answer(tag: str) -> Feedback:
    """What `check` says of the function that the cell tagged `tag` defines."""
    (source,) = cells(tag)
    function = re.match(r"def \w+\(.*?\n(?=\S|\Z)", source, re.DOTALL)[0]  # not what the cell does with the real model
    number, name = re.search(r'^check\("([\d.]+)", (\w+)\)$', source, re.MULTILINE).groups()
    assert tag.endswith(number)
    names = {"torch": torch}
    exec(function, names)
    return check(number, names[name])


def wrong(source: str):
    """The function `f` that a learner might write."""
    names = {"torch": torch, "F": torch.nn.functional}
    exec(source, names)
    return names["f"]


def causal(body: str):
    """A wrong 7.1 with the usual names at hand."""
    given = ["n, d = q.shape[-2:]", "seen = torch.ones(n, n, dtype=torch.bool).tril()", "low = float('-inf')"]
    return wrong("def f(q, k, v):\n" + "".join(f"    {line}\n" for line in [*given, body]))


def attention(prepare: str):
    return wrong(f"def f(attention, n):\n    i = torch.arange(n, 2 * n)\n    return {prepare}\n")


def mask(rule: str):
    return wrong(f"def f(n, window):\n    i = torch.arange(n)[:, None]\n    j = torch.arange(n)\n    return {rule}\n")


def cache(product: str):
    names = "layers, heads, kv, full = c.num_hidden_layers, c.num_attention_heads, c.num_key_value_heads, c.hidden_size"
    return wrong(f"def f(c, tokens, size):\n    {names}\n    return {product}\n")


WRONG = [
    ("7.1", causal("return (q @ k.mT / d**0.5).softmax(-1) @ v"), "the causal mask is missing"),
    ("7.1", causal("return (q @ k.mT).masked_fill(~seen, low).softmax(-1) @ v"), "not scaled"),
    ("7.1", causal("return (q @ k.mT / d).masked_fill(~seen, low).softmax(-1) @ v"), "divide by d instead of √d"),
    ("7.1", causal("return (q @ k.mT / n**0.5).masked_fill(~seen, low).softmax(-1) @ v"), "not the number of tokens"),
    ("7.1", causal("return (q @ k.mT / d**0.5).masked_fill(~seen, low).softmax(-2) @ v"), "softmax over the wrong axis"),
    ("7.1", causal("return (q @ k.mT / d**0.5).softmax(-1).masked_fill(~seen, 0) @ v"), "the mask comes after the softmax"),
    ("7.1", causal("return (q @ k.mT / d**0.5).masked_fill(~seen, 0).softmax(-1) @ v"), "use -inf, not 0"),
    ("7.1", causal("return (q @ k.mT / d**0.5).masked_fill(seen.tril(-1), low).softmax(-1) @ v"), "upside down"),
    ("7.1", causal("return (q @ k.mT / d**0.5).masked_fill(~seen.tril(-1), low).softmax(-1) @ v"), "NaNs"),
    ("7.1", causal("return (q @ k.mT / d**0.5).masked_fill(~seen, low).softmax(-1)"), "should have the shape (2, 5, 16)"),
    ("7.1", causal("return q * k, v"), "one tensor, not a tuple"),
    ("7.1", causal("return q @ k @ v"), "your function raised RuntimeError"),
    ("7.1", torch.ones(3), "the function itself"),
    ("7.2", wrong("def f(k, n_heads):\n    return k.repeat(n_heads // len(k), 1, 1)\n"), "Repeat each head, not the list"),
    ("7.2", wrong("def f(k, n_heads):\n    return k[:1].expand(n_heads, -1, -1)\n"), "multi-query"),
    ("7.2", wrong("def f(k, n_heads):\n    return k.repeat_interleave(n_heads, 0)\n"), "should have the shape (12, 5, 2)"),
    ("7.3", attention("attention[:, :, i, (i - n + 1)].mean(-1)"), "induction score"),
    ("7.3", attention("attention[:, :, i[:-1], i[:-1] - n + 1].mean(-1)"), "induction score"),
    ("7.3", attention("attention[:, :, i - n, i].mean(-1)"), "query and key are swapped"),
    ("7.3", attention("attention[:, :, i, i - n].sum(-1)"), "the mean over the second copy, not the sum"),
    ("7.3", attention("attention[:, :, i, i - n].mean()"), "should have the shape (2, 3)"),
    ("7.4", mask("(i >= j) & (i - j <= window)"), "one token too many"),
    ("7.4", mask("(i - j).abs() < window"), "the tokens after the query are visible"),
    ("7.4", mask("i >= j"), "plain causal mask"),
    ("7.4", mask("(i > j) & (i - j < window)"), "a token may look at itself"),
    ("7.4", mask("(i < j) | (i - j >= window)"), "the wrong way round"),
    ("7.4", mask("(j >= i) & (j - i < window)"), "rows are queries"),
    ("7.4", mask("((i >= j) & (i - j < window)).float()"), "return booleans"),
    ("7.5", cache("layers * kv * (full // heads) * tokens * size"), "keys *and* values"),
    ("7.5", cache("2 * layers * heads * (full // heads) * tokens * size"), "all query heads were counted"),
    ("7.5", cache("2 * layers * kv * (full // kv) * tokens * size"), "all query heads were counted"),
    ("7.5", cache("2 * layers * kv * full * tokens * size"), "the full width"),
    ("7.5", cache("2 * kv * (full // heads) * tokens * size"), "that is one layer"),
    ("7.5", cache("2 * layers * kv * (full // heads) * tokens"), "multiply by the bytes"),
    ("7.5", cache("'many'"), "return a number"),
]


@pytest.mark.parametrize("number", EXERCISES)
def test_solution_passes(number):
    feedback = answer(f"solution-{number}")
    assert feedback.passed, feedback.message


@pytest.mark.parametrize("number", EXERCISES)
def test_stub_runs_and_is_told_that_it_is_empty(number):
    feedback = answer(f"exercise-{number}")
    assert not feedback.passed and "returns nothing yet" in feedback.message


@pytest.mark.parametrize(("number", "function", "message"), WRONG, ids=[f"{n}-{m}" for n, _, m in WRONG])
def test_mistake_is_named(number, function, message):
    feedback = check(number, function)
    assert not feedback.passed and message in feedback.message, feedback.message


@pytest.mark.parametrize("number", EXERCISES)
def test_exercise_has_a_text_a_stub_and_a_hidden_solution(number):
    notebook = json.loads(NOTEBOOK.read_text("utf8"))
    texts = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    assert re.search(rf"^### {number} .+\((easy|medium|hard), \d+ minutes\)$", texts, re.MULTILINE)
    assert len(cells(f"exercise-{number}")) == len(cells(f"solution-{number}")) == 1
    (solution,) = [cell for cell in notebook["cells"] if f"solution-{number}" in cell["metadata"].get("tags", [])]
    assert "hide-cell" in solution["metadata"]["tags"]


def test_every_exercise_has_wrong_answers():
    assert all(sum(number == n for n, _, _ in WRONG) >= 2 for number in EXERCISES)


def test_answers_in_another_form_pass_too():
    scaled = torch.nn.functional.scaled_dot_product_attention
    assert check("7.1", lambda q, k, v: scaled(q, k, v, is_causal=True))
    assert check("7.2", lambda k, n: k[torch.arange(n) // (n // len(k))])
    assert check("7.3", lambda a, n: a.diagonal(-n, -2, -1).mean(-1))
    assert check("7.4", lambda n, window: torch.ones(n, n).tril().triu(1 - window).bool())


def test_answer_cannot_spoil_its_own_check():
    def spoil(q, k, v):
        result = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        for tensor in (q, k, v):
            tensor.zero_()
        return result

    assert check("7.1", spoil)


def test_feedback_is_the_same_every_time_and_says_so_in_words():
    feedback = check("7.4", lambda n, window: torch.ones(n, n).tril().bool())
    assert " ".join(repr(feedback).split()) == "✗ Exercise 7.4: " + feedback.message and not feedback
    assert max(map(len, repr(feedback).splitlines())) <= 78
    assert repr(feedback) == repr(check("7.4", lambda n, window: torch.ones(n, n).tril().bool()))
    assert repr(check("7.2", lambda k, n: k.repeat_interleave(n // len(k), 0))) == "✓ Exercise 7.2: right."


@pytest.mark.parametrize(
    ("id", "message"), [("7.99", "it has 7.1, 7.2"), ("99.1", "Chapter 99"), ("seven", "such as '7.1'"), (7.1, "such as '7.1'")]
)
def test_unknown_exercise(id, message):
    with pytest.raises(LookupError, match=message):
        check(id, None)


def test_import_is_light():
    code = "import sys, lmkit.exercises; print('plotly' in sys.modules, 'lmkit.exercises.chapter07' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["False", "False"]


def test_cache_formula_agrees_with_a_real_cache(build):
    """Exercise 7.5's formula against transformers itself, where a head's width is hidden_size / heads."""
    model = build("llama", head_dim=None)
    cached = model(torch.tensor([[5, 6, 7]]), use_cache=True).past_key_values
    stored = sum(t.numel() * t.element_size() for layer in cached.layers for t in (layer.keys, layer.values))
    names = ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_size")
    config = SimpleNamespace(**{name: getattr(model.config, name) for name in names})
    (source,) = cells("solution-7.5")
    scope = {"check": check}
    exec(source, scope)
    assert scope["kv_cache_bytes"](config, 3, 4) == stored
