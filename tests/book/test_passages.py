"""The chapters as plain text."""

import pytest

from book import passages


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\frac{a}{b}", "a/b"),
        (r"\frac{x_i}{\sqrt{\tfrac1n\sum_j x_j^2 + \varepsilon}}", "x_i/(√(1/nΣ_j x_j^2 + ε))"),
        (r"e^{-z}", "e^-z"),
        (r"w_{i-n+1} \dots w_{i-1}", "w_(i-n+1) … w_(i-1)"),
        (r"\text{softmax}\left(\frac{QK^\top}{\sqrt{d}}\right)V", "softmax ((QK^T)/√d)V"),
        (r"R - \bar R", "R - R̄"),
        (r"\binom{K}{2}", "C(K, 2)"),
    ],
)
def test_formulas_stay_readable(tex, text):
    assert passages.formula(tex).replace("( ", "(") == text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("{cite:t}`vaswani2017attention`, section 3", "Vaswani et al. (2017), section 3"),
        ("learns {cite:p}`ng2001discriminative`", "learns (Ng and Jordan, 2001)"),
        ("**Predict:** is *this* `**not**`?", "Predict: is this **not**?"),
        ("[chapter 7](07_self_attention.ipynb)", "chapter 7"),
        ("it costs $2^n$ and 5 \\$", "it costs 2^n and 5 $"),
    ],
)
def test_inline_markup_goes(markdown, text):
    assert passages.plain(markdown) == text


def test_tables_lists_and_boxes_become_sentences():
    table, items = "| model | sees |\n|---|---|\n| GPT | the **left** |", "- one\n- two"
    box = ":::{admonition} Said: x\n:class: sources-said\nNo.\n:::"
    found = list(passages.paragraphs(f"{table}\n\n{items}\n\n{box}"))
    assert found == ["model: GPT; sees: the left.", "one", "two", "Said: x:", "No."]


def test_sections_hold_what_was_printed_and_no_exercises():
    found = {d["id"]: d for d in passages.documents([7])}
    assert "07/exercises" not in found and "07/beginning" in found
    text = found["07/how-does-it-find-animal"]["text"]
    assert "it gives 0.75 of its weight to animal" in text and "import" not in text


def test_outputs_that_no_test_compares_are_left_out():
    printed = {"output_type": "execute_result", "data": {"text/markdown": ["It took 3 s."]}}
    cell = {"cell_type": "code", "source": ["1"], "outputs": [printed], "metadata": {}}
    assert list(passages.shown(cell)) == ["It took 3 s."]
    cell["metadata"]["tags"] = ["nbval-ignore-output"]
    assert list(passages.shown(cell)) == []
