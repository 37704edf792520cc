"""The front page: heads of chapters, ways through the book, which builds on which, and the sentence that a reader can steer."""

import json
import re

import nbformat
import pytest
import yaml
from playwright.sync_api import expect
from sphinx.errors import ExtensionError

from book import branches, heads, paths, prerequisites
from tests.book.small import ROOT, notebook
from tests.browser import as_file, scrolls_sideways, visit

HEAD = """# {n} · {title}

A promise.

| to read | to run | memory | you need first |
|---|---|---|---|
| about {time} | a minute | 1 GB | {needs} |
"""
NEEDS = {
    1: ("One", "40 minutes", "nothing"),
    2: ("Two", "two hours", "a loss ([chapter 1](01_one.ipynb)). [Chapter 3](03_three.ipynb) helps, but is not needed"),
    3: ("Three", "75 minutes", "[chapter 1](01_one.ipynb#a-section); a vector"),
}
INDEX = """# Home

A first paragraph.

:::{{path}} {chosen}
For some.
:::

:::{{prerequisites}}
:::

## Chapters

[1 · One · 一](chapters/01_one.ipynb)
: The first.

[2 · Two · 二 <i>](chapters/02_two.ipynb)
: The second.
"""


def book(chosen="1 2"):
    chapters = {
        f"chapters/{n:02}_{title.lower()}": notebook(HEAD.format(n=n, title=title, time=time, needs=needs))
        for n, (title, time, needs) in NEEDS.items()
    }
    return {"index": INDEX.format(chosen=chosen), **chapters}


def test_every_chapter_has_a_head_and_a_chinese_title():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    known = heads.read_all(ROOT, [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]])
    assert list(known) == list(range(1, len(known) + 1)) and len(known) >= 16
    assert all(re.search(r"[一-鿿]", head.chinese) and 20 <= head.minutes <= 240 for head in known.values())
    assert all(need < head.number for head in known.values() for need in (*head.needs, *head.helped_by)), "no arrow leads back"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("about 40 minutes", 40), ("about two hours", 120), ("an hour and a half", 90), ("1 minute", 1), ("about 3 hours", 180)],
)
def test_times_are_read(text, expected):
    assert heads.minutes(text) == expected


def test_a_head_of_another_form_is_named(tmp_path):
    path = tmp_path / "05_x.ipynb"
    for text, message in [
        (HEAD.format(n=5, title="X", time="a while", needs="-"), "'about a while' names no time"),
        ("# 5 · X\n\nno table", "no table with the columns to read"),
        (HEAD.format(n=5, title="X", time="an hour", needs="-").replace("# 5 · ", "# "), "no title of the form"),
    ]:
        nbformat.write(notebook(text), path)
        with pytest.raises(ExtensionError, match=f"05_x.ipynb: .*{re.escape(message)}"):
            heads.read(path)


def test_what_helps_is_not_what_is_needed():
    assert heads.chapters_linked(NEEDS[2][2]) == ((1,), (3,))
    both = "a little Python; [it](01_one.ipynb) is enough; [two](02_two.ipynb) and [one](01_one.ipynb)"
    assert heads.chapters_linked(both) == ((1, 2), ())


def test_times_are_said_in_two_languages():
    assert paths.length(45) == ("45 minutes", "45 分钟") and paths.length(60) == ("1 hour", "1 小时")
    assert paths.length(160) == ("2½ hours", "2.5 小时") and paths.length(175) == ("3 hours", "3 小时")


def test_a_path_sums_its_times_and_says_what_it_leaves_out(build):
    html = build(book("2 3"))
    page = (html / "index.html").read_text("utf8")
    assert "2 chapters, about 3 hours of reading" in page and "2 章，约 3 小时" in page  # 195 minutes
    start = page.index('class="path ')
    items = re.findall(r"<li>(.*?)</li>", page[start : page.index("</ol>", start)], re.DOTALL)
    assert len(items) == 2 and all("builds on 1, which this path leaves out" in item for item in items)
    assert 'href="chapters/02_two.html"' in items[0] and "120 min" in items[0] and "二 &lt;i&gt;" in items[0]
    assert "front.css" in page and "front.css" not in (html / "chapters/01_one.html").read_text("utf8")


@pytest.mark.parametrize("chosen", ["1 9", "1 x", "1 1"])
def test_a_path_with_a_chapter_that_is_not_there_fails_the_build(build, chosen):
    with pytest.raises(ExtensionError, match=f"{chosen.split()[1]} is wrong"):
        build(book(chosen))


def test_the_arcs_are_those_of_the_heads_and_stand_in_words_too(build):
    page = (build(book()) / "index.html").read_text("utf8")
    assert re.findall(r'<path class="(\w+)" data-arc="([\d-]+)"', page) == [("needs", "1-2"), ("helps", "3-2"), ("needs", "1-3")]
    said = dict(re.findall(r'<li id="row-(\d)">.*?<span class="prerequisites-said">(.*?)</span>', page))
    assert said == {"1": "can be read first", "2": "builds on 1; 3 helps", "3": "builds on 1"}
    assert page.count('href="chapters/03_three.html"') >= 1 and "二 &lt;i&gt;" in page


def test_all_that_a_chapter_builds_on_is_found():
    known = heads.read_all(ROOT)
    for number in known:
        below = heads.before(known, number)
        assert set(known[number].needs) <= below and number not in below
        assert all(heads.before(known, one) <= below for one in below)
    assert "--lit:1" in prerequisites.lit(known)


def test_a_head_that_links_to_no_chapter_fails_the_build(build):
    pages = book()
    pages["chapters/03_three"] = notebook(HEAD.format(n=3, title="Three", time="an hour", needs="[x](07_seven.ipynb)"))
    with pytest.raises(ExtensionError, match=r"03_three.ipynb: .* chapters that do not exist: \[7\]"):
        build(pages)


HOSTILE = " </script><img src=x onerror=alert(1)>"
STEPS = {
    "": [[" and", 0.6], [HOSTILE, 0.2], ["\n", 0.05], [" 猫", 0.01]],
    "0": [[" so", 0.9], [" then", 0.05], [".", 0.01], ["!", 0.0001]],
    "00": [["<|im_end|>", 0.5], [" on", 0.2], [" it", 0.1], [" a", 0.1]],
    "1": [[" x", 0.4], [" y", 0.3], [" z", 0.2], [" w", 0.1]],
}
MADE = {"model": "a-model", "revision": "1", "date": "2026-11-23", "prompt": "Once <b>", "vocabulary": 104}


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A small record in place of the shipped one."""
    rows = [{"path": path, "tokens": [t for t, _ in next_], "probs": [p for _, p in next_]} for path, next_ in STEPS.items()]
    path = tmp_path / "branches.json"
    path.write_text(json.dumps({"made": MADE, "rows": rows}), "utf8")
    monkeypatch.setattr(branches, "RECORD", path)


SHIFTS = """
  window.shifts = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.shifts += one.hadRecentInput ? 0 : one.value; }))
    .observe({ type: "layout-shift", buffered: true });
"""
FIGURE = {"index": "# Home\n\nA promise.\n\n:::{branches}\n:::\n", "one": "# One"}


def test_the_first_step_stands_in_the_page_without_scripts(build, record, chromium):
    html = build(FIGURE)
    assert "branches.js" not in (html / "one.html").read_text("utf8")
    with visit(chromium, as_file(html) + "index.html", scripts=False) as seen:
        page = seen.page
        assert page.locator(".branches-token").all_text_contents() == ["␣and", "␣" + HOSTILE[1:], "↵", "␣猫"]
        assert page.locator(".branches-percent").all_text_contents() == ["60.0 %", "20.0 %", "5.0 %", "1.0 %"]
        assert "100 other tokens share 14.0 %" in page.locator(".branches-rest").text_content()
        assert page.locator(".branches tbody tr").all_text_contents() == ["␣and60.0 %", "␣so90.0 %", "<|im_end|>50.0 %"]
        assert page.locator(".branches img").count() == 0 and "a-model (1), asked on 2026-11-23" in page.content()
        assert seen.clean()


@pytest.mark.parametrize("width", [1280, 360])
def test_it_moves_within_a_second_stops_when_told_and_follows_the_reader(build, record, chromium, width):
    with visit(chromium, as_file(build(FIGURE)) + "index.html", width=width, before=SHIFTS) as seen:
        page, figure = seen.page, seen.page.locator(".branches")
        page.wait_for_selector(".branches .is-chosen, .branches:not([data-path=''])[data-path]", timeout=1000)
        page.get_by_role("button", name="Pause").click()
        stopped = figure.get_attribute("data-path")
        page.wait_for_timeout(1500)
        assert figure.get_attribute("data-path") == stopped and page.get_by_role("button", name="Play").is_visible()
        if stopped:
            page.get_by_role("button", name="Restart").click()
        page.get_by_role("button", name="img src=x").focus()
        page.keyboard.press("Enter")
        assert figure.get_attribute("data-path") == "1" and page.locator(".branches-written").text_content() == HOSTILE
        assert page.locator(".branches-token").all_text_contents() == ["␣x", "␣y", "␣z", "␣w"]
        assert page.locator(".branches-status").text_content() == f"␣{HOSTILE[1:]}, 20.0 %"
        page.get_by_role("button", name="Back", exact=True).click()
        for name in ("and", "so", "<|im_end|>"):
            page.locator(".branches-bars").get_by_role("button", name=name).click()
        expect(page.locator(".branches-rest")).to_have_text("The model ends its answer here.")
        assert page.locator(".branches-written").text_content() == " and so"
        assert page.evaluate("document.activeElement.textContent") == "Restart", "the focus is not lost with the buttons"
        assert not scrolls_sideways(page) and page.evaluate("window.shifts") < 0.05 and seen.clean()


def test_nothing_moves_by_itself_where_a_reader_wants_no_motion(build, record, chromium):
    html = build(FIGURE)
    with visit(chromium, as_file(html) + "one.html", root=as_file(html)) as seen:
        seen.page.emulate_media(reduced_motion="reduce")
        seen.page.goto(as_file(html) + "index.html")
        seen.page.wait_for_timeout(1500)
        assert seen.page.locator(".branches").get_attribute("data-path") == ""
        assert seen.page.get_by_role("button", name="Play").is_visible() and seen.clean()


def test_without_its_record_the_build_says_what_to_do(build, tmp_path, monkeypatch):
    monkeypatch.setattr(branches, "RECORD", tmp_path / "none.json")
    with pytest.raises(ExtensionError, match=r"none\.json: the record of the front page is not there; make it: make records"):
        build(FIGURE)
