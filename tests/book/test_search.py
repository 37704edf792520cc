"""Search in English and Chinese: from a server and from a folder, down to the section, and on one page only."""

import json
import re
from contextlib import contextmanager

import pytest

from tests.book.small import cell, notebook, small_book
from tests.browser import as_file, scrolls_sideways, served, visit

ATTENTION = """# 7 · Self-attention

It carries *animal* over to *it*.

## Looking back

这是一门课，模型用自注意力机制把前面的词联系起来，然后才预测下一个词。

## Nothing of it

注意，这里的力量不同。 A vector $x_{i}$ of temperature <b>.
"""
GLOSSARY = """# Glossary

```{glossary}
hallucination
幻觉
  A statement that is fluent and not so.

temperature
温度
  A number that the scores are divided by.
```
"""
PAGES = {
    "index": "# Home\n\nWelcome to 走进大模型.",
    "chapters/attention": notebook(ATTENTION, cell("secret_code = 1", {"text/markdown": "A computed sentence about kangaroos."})),
    "chapters/limits": "# 17 · Limits\n\n## Why models invent\n\nHallucinations are fluent.\n\n## 检索增强生成\n\nRAG.",
    "chapters/glossary": GLOSSARY,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return small_book(tmp_path_factory.mktemp("search"), PAGES)


@contextmanager
def searching(chromium, site, query="", scheme="file", **how):
    with served(site) as address:
        base = as_file(site) if scheme == "file" else address
        with visit(chromium, f"{base}search.html?q={query}", root=base, **how) as seen:
            seen.page.wait_for_function("document.documentElement.dataset.search === 'ready'")
            yield seen
            assert seen.clean()


def results(page) -> list[tuple[str, str]]:
    """(where it leads, its title) of every result."""
    links = page.locator("#search-results a").all()
    return [(link.get_attribute("href").split("/")[-1], link.text_content()) for link in links]


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_words_of_both_languages_lead_to_their_sections(chromium, site, scheme):
    expected = {
        "注意力": ("attention.html#looking-back", "Looking back"),  # in the middle of a sentence without blanks
        "self-attention": ("attention.html#self-attention", "7 · Self-attention"),
        "幻觉": ("glossary.html#term-hallucination", "hallucination · 幻觉"),
        "检索增强": ("limits.html#id1", "检索增强生成"),
        "temperature": ("glossary.html#term-temperature", "temperature · 温度"),
        "kangaroo": ("attention.html#nothing-of-it", "Nothing of it"),
    }
    with searching(chromium, site, scheme=scheme) as seen:
        field = seen.page.get_by_role("searchbox").last
        for query, best in expected.items():
            field.fill(query)
            assert results(seen.page)[0] == best, query
        field.fill("注意力")
        seen.page.locator("#search-results a").first.click()
        seen.page.wait_for_url("**/attention.html#looking-back")
        assert seen.page.locator("#looking-back").count() == 1


def test_a_chinese_word_is_found_as_it_stands_and_single_characters_too(chromium, site):
    with searching(chromium, site, "注意力") as seen:
        assert [where for where, _ in results(seen.page)] == ["attention.html#looking-back"], "注意 and 力 apart are not it"
        assert seen.page.locator("#search-results mark").first.text_content() == "注意力"
        field = seen.page.get_by_role("searchbox").last
        for character in ("词", "前", "力"):
            field.fill(character)
            assert "attention.html#looking-back" in [where for where, _ in results(seen.page)], character


def test_the_glossary_joins_the_languages(chromium, site):
    with searching(chromium, site, "幻觉") as seen:
        assert ("limits.html#why-models-invent", "Why models invent") in results(seen.page)
        assert "Also searched, after the glossary: hallucination." in seen.page.locator(".course-search-count").text_content()


def test_quotation_marks_typing_errors_and_nothing(chromium, site):
    with searching(chromium, site, "%22models+invent%22") as seen:
        page = seen.page
        assert [where for where, _ in results(page)] == ["limits.html#why-models-invent"]
        field = page.get_by_role("searchbox").last
        field.fill("halucination")
        assert results(page)[0][0] == "glossary.html#term-hallucination"
        for query in ("secret_code", "zzzz <img src=x onerror=alert(1)>", '"', "«»"):
            field.fill(query)
            assert results(page) == [] and page.locator(".course-search img").count() == 0
        assert "没有找到" in page.locator(".course-search-count").text_content()
        field.fill("")
        assert "请输入" in page.locator(".course-search-count").text_content()


def test_words_being_composed_wait(chromium, site):
    with searching(chromium, site, "temperature") as seen:
        before = results(seen.page)
        seen.page.evaluate(
            """() => { const field = document.getElementById("course-search-input"); field.value = "zhu'yi";
                field.dispatchEvent(new InputEvent("input", { isComposing: true })); }"""
        )
        assert results(seen.page) == before
        seen.page.evaluate(
            """() => { const field = document.getElementById("course-search-input"); field.value = "注意力";
                field.dispatchEvent(new CompositionEvent("compositionend")); }"""
        )
        assert results(seen.page)[0][0] == "attention.html#looking-back"


def test_it_fits_a_phone(chromium, site):
    with searching(chromium, site, "注意力", width=360) as seen:
        assert len(results(seen.page)) == 1 and not scrolls_sideways(seen.page)


def test_only_the_page_of_the_search_loads_it(site):
    for path in site.rglob("*.html"):
        page = path.read_text("utf8")
        assert ("search-data.js" in page) == ("minisearch.js" in page) == (path.name == "search.html")
        assert "searchindex.js" not in page and "searchtools.js" not in page
    assert not (site / "searchindex.js").exists()


def test_the_entries_hold_prose_and_no_code(site):
    text = (site / "_static/inside/search-data.js").read_text("utf8")
    found = json.loads(re.fullmatch(r"globalThis\.searchData = (.*);\n", text)[1])
    assert [title for _, title in found["pages"]] == ["Home", "7 · Self-attention", "17 · Limits", "Glossary"]
    looking, nothing = (next(e for e in found["entries"] if e[1] == anchor) for anchor in ("looking-back", "nothing-of-it"))
    assert "自注意力机制" in looking[3] and "kangaroos" in nothing[3] and "secret_code" not in text
    assert "x_i of temperature" in nothing[3], "formulas in a sentence are text"
    assert found["pairs"] == [[["hallucination"], ["幻觉"]], [["temperature"], ["温度"]]]
