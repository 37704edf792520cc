"""SortView: what Python refuses, sorting by mouse, touch and keyboard, what the reader is told, and progress that is kept."""

import json
import re

import pytest
from browser import chromium, imported, pages, scrolls_sideways, wait_for_widgets  # noqa: F401
from playwright.sync_api import expect

from lmkit.widgets.base import bundle
from lmkit.widgets.sort import SortView

AI, ML, DL, LLM = "AI 人工智能", "Machine learning", "Deep learning", "Language models"
NESTED = [
    {"name": AI, "note": "Any program that does what seems to need intelligence."},
    {"name": ML, "inside": AI, "note": "Its rules are learned from examples."},
    {"name": DL, "inside": ML, "note": "Networks of several layers."},
    {"name": LLM, "inside": DL, "note": "Trained on text to predict tokens."},
]
HOSTILE = "</script><b>GPT-3</b> 语言模型"
ITEMS = [
    {"text": "A chess program with written rules", "group": AI, "why": "Nobody trained it."},
    {"text": "Linear regression of house prices", "group": ML, "why": "Two numbers are learned."},
    {"text": "AlphaGo", "group": DL, "why": "Deep networks and search."},
    {"text": HOSTILE, "group": LLM, "why": "It predicts <i>tokens</i>."},
    {"text": "word2vec", "group": ML, "also": [DL], "why": "One hidden layer, without a nonlinearity."},
]
FLAT = [{"name": "supervised"}, {"name": "unsupervised"}, {"name": "self-supervised"}]
PLAIN = [{"text": "k-means", "group": "unsupervised", "why": "No labels."}]


def view(**settings):
    return SortView(ITEMS, NESTED, **({"title": "Where does it belong?", "key": "ai"} | settings))


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "sort", bundle("sort.js")) as page:
        yield page


@pytest.fixture
def show(chromium, tmp_path):  # noqa: F811
    """show(view) opens it in a page of its own; at the end nothing may have gone wrong there."""
    with pages(chromium, tmp_path) as open_page:
        yield lambda one, **options: open_page(one.to_html("Test"), **options).page


def chip(page, text):
    return page.locator(".so-chip").filter(has=page.get_by_text(text, exact=True))


def box(page, name):
    return page.get_by_role("group", name=name, exact=True)


def head(page, name):
    return box(page, name).locator("> .so-head")


def put(page, text, name):
    chip(page, text).click()
    head(page, name).click()


def sorted_into(page):
    """{text: (box or "", verdict)} as the page shows it."""
    call = """() => [...document.querySelectorAll(".so-chip")].map((chip) => [chip.querySelector(".so-text").textContent,
        [chip.closest(".so-box")?.getAttribute("aria-label") ?? "", chip.dataset.verdict]])"""
    return {text: tuple(place) for text, place in page.evaluate(call)}


def said(page):
    return page.locator(".so-said").inner_text()


def score(page):
    return page.locator(".so-score").inner_text()


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


# ---------------------------------------------------------------- the model


def test_verdicts_of_nested_groups(module):
    call = """([items, groups]) => { const tree = sort.treeOf(groups);
        return items.map((item) => groups.map((_, place) => sort.verdictOf(item, place, tree))); }"""
    found = module.evaluate(call, [view().items, view().groups])
    assert found[0] == ["right", "wrong", "wrong", "wrong"]  # further in than it belongs is wrong
    assert found[2] == ["near", "near", "right", "wrong"]  # an enclosing group is true
    assert found[3] == ["near", "near", "near", "right"]
    assert found[4] == ["near", "right", "near", "wrong"]  # `also`
    tree = module.evaluate("(groups) => sort.treeOf(groups)", [*NESTED[::-1], {"name": "other", "inside": ""}])
    assert tree["order"] == [3, 2, 1, 0, 4] and tree["parents"] == [1, 2, 3, -1, -1]


def test_progress_that_does_not_fit_is_not_taken_up(module):
    call = "(record) => sort.checkedProgress(record, [1, 2], [1, 2, 3])"
    good = [{"place": 2, "first": "near", "shown": False}, {"place": None, "first": None, "shown": False}]
    assert module.evaluate(call, good) == good
    for bad in (None, {}, good[:1], [good[0], None], [good[0], {**good[1], "place": 3}], [good[0], {**good[1], "first": "yes"}]):
        assert module.evaluate(call, bad) is None


# ---------------------------------------------------------------- sorting


def test_tapping_an_item_and_then_a_box_tells_at_once(show):
    page = show(view())
    assert score(page) == "0 of 5 right at the first try · 5 to go"
    head(page, AI).click()  # nothing is taken
    assert set(sorted_into(page).values()) == {("", "")}
    put(page, HOSTILE, LLM)
    assert said(page) == f"✓ {HOSTILE}: Right. It predicts <i>tokens</i>."
    assert box(page, LLM).locator(".so-said").count() == 1
    expect(page.get_by_role("status")).to_have_text(f"{HOSTILE}: Right. It predicts <i>tokens</i>. {score(page)}")
    assert score(page) == "1 of 5 right at the first try · 4 to go"
    put(page, "AlphaGo", ML)
    assert said(page) == "≈ AlphaGo: True, but there is a closer place. Deep networks and search."
    put(page, "AlphaGo", LLM)
    assert said(page) == "✗ AlphaGo: Not quite. Deep networks and search."
    chip(page, "AlphaGo").click()
    box(page, DL).click(position={"x": 300, "y": 15})  # anywhere in a box, the innermost counts
    assert sorted_into(page)["AlphaGo"] == (DL, "right")
    assert score(page) == "1 of 5 right at the first try · 3 to go"  # the first try counts
    put(page, "word2vec", DL)
    assert sorted_into(page)["word2vec"] == (DL, "near")
    chip(page, "word2vec").click()
    assert chip(page, "word2vec").get_attribute("aria-pressed") == "true"
    page.locator(".so-pool").click(position={"x": 5, "y": 5})  # back
    assert sorted_into(page)["word2vec"] == ("", "") and page.locator(".so-said").count() == 0
    chip(page, "word2vec").click()
    chip(page, "word2vec").click()  # let go again
    assert page.locator("[aria-pressed=true]").count() == 0
    put(page, "A chess program with written rules", AI)
    chip(page, HOSTILE).click()  # one that is in its place says why again
    assert said(page).startswith(f"✓ {HOSTILE}") and page.locator(".so-said").count() == 1
    assert page.locator(".so-root b b, .so-root i").count() == 0  # texts are text


def drag(page, text, name, y=0.5):
    start, end = chip(page, text).bounding_box(), box(page, name).bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + 15)
    page.mouse.down()
    page.mouse.move(start["x"] + 70, start["y"] + 30, steps=3)
    page.mouse.move(end["x"] + 0.8 * end["width"], end["y"] + y * end["height"], steps=6)
    return page.locator(".so-target").evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label'))")


def test_dragging_puts_into_the_innermost_box_under_the_pointer(show):
    page = show(view())
    assert drag(page, "AlphaGo", LLM) == [LLM]
    page.mouse.up()
    assert sorted_into(page)["AlphaGo"] == (LLM, "wrong")
    assert drag(page, "Linear regression of house prices", ML, y=0.08) == [ML]
    page.mouse.up()
    assert sorted_into(page)["Linear regression of house prices"] == (ML, "right")
    assert page.locator(".so-target, .so-dragged, [aria-pressed=true]").count() == 0
    drag(page, "word2vec", ML)
    page.mouse.move(2, 2)
    page.mouse.up()  # outside of every box: it goes back
    assert sorted_into(page)["word2vec"] == ("", "")


def test_everything_by_keyboard(show):
    page = show(view())
    page.keyboard.press("Tab")
    focused = "document.activeElement.querySelector('.so-text')?.textContent ?? document.activeElement.textContent"
    tabbed, first = page.evaluate(focused), next(ITEMS[i]["text"] for i in view().order if ITEMS[i]["text"] != "AlphaGo")
    assert tabbed == ITEMS[view().order[0]]["text"]
    chip(page, "AlphaGo").focus()
    page.keyboard.press("ArrowDown")  # nothing is taken: nothing happens
    assert page.locator(".so-target").count() == 0
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Holding AlphaGo. Choose a box with the arrow keys.")
    for name in (AI, ML, DL):
        page.keyboard.press("ArrowDown")
        assert page.locator(".so-target").get_attribute("aria-label") == name
    expect(page.get_by_role("status")).to_have_text(f"{DL}, inside {ML}")
    page.keyboard.press("Enter")
    assert sorted_into(page)["AlphaGo"] == (DL, "right") and page.locator(".so-target").count() == 0
    assert page.evaluate(focused) == first  # right: on to the next that is not sorted
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    assert page.locator(".so-target").get_attribute("aria-label") == LLM  # upwards from the end
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    wrong = sorted_into(page)[first]
    assert wrong[0] == LLM and page.evaluate(focused) == first  # not right: it stays in the hand's reach
    assert chip(page, first).get_attribute("aria-label") == f"{first}, in {LLM}: not here"
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    assert "so-pool" in page.locator(".so-target").get_attribute("class")
    page.keyboard.press("Enter")
    assert sorted_into(page)[first] == ("", "") and chip(page, first).get_attribute("aria-label") == f"{first}, not sorted yet"
    names = [one.get_attribute("aria-label") for one in page.locator(".so-head").all()]
    assert names == [
        f"{AI}: 0 items",
        f"{ML}, inside {AI}: 0 items",
        f"{DL}, inside {ML}: 1 item",
        f"{LLM}, inside {DL}: 0 items",
    ]
    chip(page, "word2vec").press("Enter")
    head(page, ML).press("Enter")  # the head of a box works too
    assert sorted_into(page)["word2vec"] == (ML, "right")


def test_show_the_rest_and_start_again(show):
    page = show(view())
    put(page, "AlphaGo", DL)
    put(page, "word2vec", AI)
    assert page.locator(".so-root details").is_hidden()
    button(page, "Show the rest").click()
    assert all(sorted_into(page)[item["text"]][0] == item["group"] for item in ITEMS)
    assert sorted_into(page)["AlphaGo"][1] == "right" and sorted_into(page)["word2vec"][1] == "shown"
    assert score(page) == "1 of 5 right at the first try" and button(page, "Show the rest").is_disabled()
    page.locator("summary").click()
    assert page.locator("details tbody tr").nth(3).inner_text().split("\t") == [HOSTILE, LLM, "It predicts <i>tokens</i>."]
    chip(page, "word2vec").click()
    assert said(page) == "→ word2vec: It belongs here. One hidden layer, without a nonlinearity."
    button(page, "Start again").click()
    assert set(sorted_into(page).values()) == {("", "")} and score(page) == "0 of 5 right at the first try · 5 to go"
    assert page.locator(".so-said").count() == 0 and button(page, "Start again").is_disabled()


# ---------------------------------------------------------------- what is kept


def test_progress_is_kept_under_its_key(show):
    page = show(view())
    put(page, "AlphaGo", ML)
    put(page, HOSTILE, LLM)
    before = sorted_into(page)
    page.reload()
    wait_for_widgets(page)
    assert sorted_into(page) == before and score(page) == "1 of 5 right at the first try · 4 to go"
    expect(page.locator(".so-kept")).to_have_text("2 items stand where you had put them.")
    (name,) = page.evaluate("Object.keys(localStorage)")
    assert name == f"lmkit.sort.ai.{view().digest}" and view(key="other").digest == view().digest
    assert SortView(ITEMS[1:], NESTED).digest != view().digest


THROWING = """Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });"""
FULL = """Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };"""
DAMAGED = f"localStorage.setItem({json.dumps('lmkit.sort.ai.' + view().digest)}, '[{{}}, 3');"


@pytest.mark.parametrize(("before", "words"), [(THROWING, "keeps nothing"), (FULL, "keeps nothing"), (DAMAGED, "")])
def test_it_works_without_storage_and_with_what_it_cannot_read(show, before, words):
    page = show(view(), before=before)
    expect(page.locator(".so-kept")).to_contain_text(words)
    put(page, "AlphaGo", DL)
    assert sorted_into(page)["AlphaGo"] == (DL, "right")


# ---------------------------------------------------------------- the page


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_drags_by_the_grip_and_taps(show, dark):
    page = show(view(), width=360, height=640, dark=dark)
    assert scrolls_sideways(page) == []
    touch = page.context.new_cdp_session(page)
    send = lambda kind, *at: touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [*at]})  # noqa: E731
    page.evaluate("scrollTo(0, 150)")
    grip = chip(page, "AlphaGo").locator(".so-grip").bounding_box()
    x, y = grip["x"] + 15, grip["y"] + 20
    send("touchStart", {"x": x, "y": y})
    for step in range(1, 9):
        send("touchMove", {"x": x + 3 * step, "y": y + (610 - y) * step / 8})
    page.wait_for_function("scrollY > 300")  # at the edge the page scrolls on, until the box is there
    target = box(page, AI).bounding_box()
    send("touchMove", {"x": target["x"] + 200, "y": target["y"] + 20})
    send("touchEnd")
    expect(box(page, AI).locator("> ul .so-chip")).to_have_count(1)
    assert sorted_into(page)["AlphaGo"] == (AI, "near")
    assert scrolls_sideways(page) == []
    chip(page, HOSTILE).tap()
    expect(page.locator("[aria-pressed=true]")).to_have_count(1)
    head(page, LLM).tap()
    expect(box(page, LLM).locator("> ul .so-chip")).to_have_count(1)
    assert sorted_into(page)[HOSTILE] == (LLM, "right")
    button(page, "Show the rest").tap()
    expect(page.locator("details")).to_be_visible()
    assert scrolls_sideways(page) == []
    assert min(page.evaluate("() => [...document.querySelectorAll('.lmkit button')].map((one) => one.offsetHeight)")) >= 30


@pytest.mark.parametrize("width", [360, 760])
def test_reserved_height_is_what_is_needed(show, width):
    for one in (view(), SortView(PLAIN, FLAT)):
        page = show(one, width=width)
        height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        assert abs(height - one._height[0 if width > 600 else 1]) < 0.06 * height, height


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows_and_shuffles_by_the_seed():
    assert repr(view()) == f"SortView(5 items: 1 {AI}, 2 {ML}, 1 {DL}, 1 {LLM})"
    assert view().order == view().order != view(seed=1).order and sorted(view().order) == list(range(5))


ITEM = PLAIN[0]


@pytest.mark.parametrize(
    ("items", "groups", "settings", "message"),
    [
        ([], FLAT, {}, "SortView needs items to sort"),
        (["k-means"], FLAT, {}, "item 1 is a str; it must be a dict"),
        ([ITEM | {"hint": ""}], FLAT, {}, "item 1 has ['hint'], which is not known"),
        ([ITEM | {"text": " "}], FLAT, {}, "item has no text under 'text'"),
        ([ITEM | {"why": ""}], FLAT, {}, "item 'k-means' has no text under 'why'"),
        (
            [ITEM | {"group": "x"}],
            FLAT,
            {},
            "'k-means' belongs to 'x', which is no group: self-supervised, supervised, unsupervised",
        ),
        ([ITEM | {"also": ["x"]}], FLAT, {}, "belongs to 'x', which is no group"),
        ([ITEM | {"also": "supervised"}], FLAT, {}, "has 'supervised' under 'also'; it must be a list"),
        ([ITEM | {"also": ["unsupervised"]}], FLAT, {}, "has its own group 'unsupervised' under 'also' too"),
        ([ITEM, ITEM], FLAT, {}, "there are two items 'k-means'"),
        (PLAIN, FLAT[:1], {}, "at least two groups, and has 1"),
        (PLAIN, [*FLAT, FLAT[0]], {}, "there are two groups 'supervised'"),
        (PLAIN, [{"note": "x"}, *FLAT], {}, "group has no text under 'name'"),
        (PLAIN, [*FLAT, {"name": "a", "inside": "b"}], {}, "the group 'a' is inside 'b', which is no group"),
        (PLAIN, [*FLAT, {"name": "a", "inside": "b"}, {"name": "b", "inside": "a"}], {}, "in a circle: a inside b inside a"),
        (PLAIN, FLAT, {"key": "a.b"}, "the key 'a.b' must be of letters"),
    ],
)
def test_bad_input_is_named(items, groups, settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SortView(items, groups, **settings)
