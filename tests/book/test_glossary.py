"""The glossary: every term leads to what shows it, both orders are right, and the chapters lead to the terms."""

import re

import pytest
from docutils import nodes
from sphinx.errors import ExtensionError

from book import glossary, terms
from tests.book.small import ROOT, cell, notebook

PAGE = (ROOT / "chapters" / "glossary.md").read_text("utf8")
ENTRIES = [entry.split("\n") for entry in re.search(r"```\{glossary\}\n(.*?)\n```", PAGE, re.DOTALL)[1].strip("\n").split("\n\n")]
NAMES = [[line for line in entry if not line.startswith("  ")] for entry in ENTRIES]
SMALL = """# Glossary

```{glossary-filter}
```

```{glossary}
causal mask
因果掩码
  No position sees what comes later. {shown}`07 4.29`

entropy
熵
  How unsure. {shown}`07 how-sure`

key
键
  What is compared. {shown}`07 4.29-2`

ReAct
推理行动结合
  A loop. {shown}`07 how-sure`
```

## Chinese

```{chinese-terms}
```
"""
CELLS = (cell("x = 1", tags=("concept-4.29",)), cell("y", tags=("concept-4.29",)))


def book(*text: str) -> dict:
    return {
        "index": "# Home",
        "chapters/glossary": SMALL,
        "chapters/07_attention": notebook("# Attention", *text, *CELLS, "## How sure?"),
    }


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: re.sub(r"\W+", "-", entry[0]))
def test_an_entry_has_two_names_a_sentence_and_a_place(entry):
    assert entry[0] and not glossary.CHINESE.search(entry[0]) and any(glossary.CHINESE.search(line) for line in entry[1:-1])
    assert re.search(r"[.?!”)] \{shown\}`\d\d \S+`$", entry[-1]), "one sentence or two, and then where it is shown"


def test_the_entries_are_in_order():
    firsts = [names[0].casefold().replace("–", "-") for names in NAMES]
    assert firsts == sorted(firsts) and len(set(firsts)) == len(firsts)


def test_the_chinese_order_is_by_sound():
    chinese = ["注意力", "熵", "重复惩罚", "重要", "k均值聚类", "残差", "长短期记忆网络", "采样", "校准", "捷径"]
    order = sorted(chinese, key=lambda term: (glossary.initial(term), glossary.sound(term)))
    assert order == ["采样", "残差", "长短期记忆网络", "重复惩罚", "校准", "捷径", "k均值聚类", "熵", "重要", "注意力"]
    assert "".join(map(glossary.initial, order)) == "CCCCJJKSZZ"


def test_a_character_that_nobody_can_sort_is_an_error():
    with pytest.raises(ExtensionError, match="how the first character of '攰' sounds"):
        glossary.initial("攰")


def test_terms_lead_to_cells_and_sections_and_chapters_to_terms(build):
    html = build(book("## Masks\n\nA causal mask hides. Causal masks hide again."))
    page, chapter = ((html / f"chapters/{name}.html").read_text("utf8") for name in ("glossary", "07_attention"))
    assert re.search(r'href="07_attention.html#concept-4.29" title="Attention: Masks">.*?Chapter 7', page)
    assert 'href="07_attention.html#concept-4.29-2"' in page and 'href="07_attention.html#how-sure"' in page
    assert chapter.count("glossary-term") == 1 and ">causal mask</a> hides" in chapter
    chinese = page[page.index('class="chinese-terms"') :]
    assert re.findall('lang="zh">([^<]+)', chinese) == ["键", "熵", "推理行动结合", "因果掩码"]
    assert "_static/inside/filter.js" in page and "_static/inside/filter.js" not in chapter


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("07 4.30", "no cell of chapters/07_attention has the tag concept-4.30"),
        ("07 how-unsure", "chapters/07_attention has no section how-unsure"),
        ("08 4.29", "there is no chapter 08"),
    ],
)
def test_a_place_that_does_not_exist_fails_the_build(build, place, message):
    pages = book()
    pages["chapters/glossary"] = SMALL.replace("07 4.29-2", place)
    with pytest.raises(ExtensionError, match=re.escape(message)):
        build(pages)


def test_a_chapter_that_is_not_published_gets_no_link(build):
    pages = book() | {"chapters/08_more": notebook("# More")}
    pages["chapters/glossary"] = SMALL.replace("07 4.29-2", "08 4.29-2")
    page = (build(pages, exclude_patterns=["chapters/08_*"]) / "chapters/glossary.html").read_text("utf8")
    assert page.count('class="shown') == 3 and "08_more" not in page


LINKED = (
    ("The entropy and the entropy.", ["entropy"]),
    ("Entropies differ; its Entropy does.", ["Entropy"]),
    ("no-entropy, cross-entropy, entropyless", []),
    ("The key is here.", []),
    ("The **key** (键) is here.", ["key"]),
    ("`entropy` and $entropy$ and [entropy](https://example.org)", []),
    ("to react, and ReAct", ["ReAct"]),
    ("| a |\n|---|\n| entropy |", []),
    (":::{admonition} On entropy\nOf a causal mask.\n:::", ["causal mask"]),
    ("### Entropy\n\nNothing.", []),
)


def test_what_becomes_a_link(build):
    chapters = {
        f"chapters/{number}_text": notebook("# Text", f"## Section\n\n{text}") for number, (text, _) in enumerate(LINKED, 20)
    }
    html = build(book() | chapters)
    for name, (text, linked) in zip(chapters, LINKED, strict=True):
        page = (html / f"{name}.html").read_text("utf8")
        assert re.findall(r'<a class="glossary-term[^>]*>([^<]*)', page) == linked, text


def test_the_goals_above_the_first_section_are_left_alone(build):
    chapter = (build(book("You will know entropy.", "## Section\n\nNothing.")) / "chapters/07_attention.html").read_text("utf8")
    assert "glossary-term" not in chapter


def test_a_longer_term_goes_before_a_shorter_one():
    long, short = terms.Term("a", ("language model",), ()), terms.Term("b", ("masked language model", "MLM"), ())
    found = [
        (match[0], term.anchor)
        for match, term in terms.Finder([long, short]).first_uses("Masked language models, MLM, a language model.", "")
    ]
    assert found == [("Masked language models", "b"), ("language model", "a")]


def test_names_in_brackets():
    assert list(terms.names("retrieval-augmented generation (RAG)")) == ["retrieval-augmented generation", "RAG"]
    assert list(terms.names("neuron (artificial)")) == ["neuron"]
    assert isinstance(glossary.shown(), nodes.Inline)
