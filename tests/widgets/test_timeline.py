"""TimelineView: its arithmetic in the browser, its controls by mouse, touch and keyboard, and what it refuses."""

import dataclasses
import itertools
import random
import re

import pytest
from browser import chromium, imported, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from lmkit import history
from lmkit.widgets.base import bundle
from lmkit.widgets.timeline import TimelineView

EVENTS = history.events()
SIZED = [one for one in EVENTS if one.parameters is not None]


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "timeline", bundle("timeline.js")) as page:
        yield page


show = shower(".tl-event")


def data(page, name):
    return page.locator(".tl-root").get_attribute(f"data-{name}")


def window(page):
    return float(data(page, "from")), float(data(page, "to"))


# ---------------------------------------------------------------- arithmetic


def test_dates_lie_where_python_puts_them(module):
    dates = [one.date for one in EVENTS]
    assert module.evaluate("(dates) => dates.map(timeline.decimalYear)", dates) == pytest.approx([one.decimal for one in EVENTS])


@pytest.mark.parametrize("even", [True, False])
def test_a_scale_of_years_can_be_read_backwards(module, even):
    places = module.evaluate(
        """(even) => {
            const scale = timeline.timeScale(1913, 2027, even);
            const years = [1913, 1956.5, 2000, 2018, 2027];
            return [years.map(scale.place), years.map((year) => scale.year(scale.place(year)))];
        }""",
        even,
    )
    assert places[0][0] == pytest.approx(0) and places[0][-1] == pytest.approx(1) and places[0] == sorted(places[0])
    assert places[1] == pytest.approx([1913, 1956.5, 2000, 2018, 2027])
    recent = 1 - places[0][3]
    assert recent == pytest.approx(9 / 114) if even else recent > 0.3


def test_windows_zoom_about_a_place_and_stay_inside(module):
    zoom = "([view, factor, at]) => timeline.zoomed(view, factor, at)"
    assert module.evaluate(zoom, [[0.2, 0.6], 0.5, 0.25]) == pytest.approx([0.25, 0.45])
    assert module.evaluate(zoom, [[0.2, 0.6], 100, 0.5]) == [0, 1]
    narrowest = module.evaluate("() => timeline.NARROWEST")
    low, high = module.evaluate(zoom, [[0.2, 0.6], 1e-9, 1])
    assert high - low == pytest.approx(narrowest) and high == pytest.approx(0.6)
    assert module.evaluate("() => timeline.panned([0.2, 0.6], 0.5)") == pytest.approx([0.4, 0.8])
    assert module.evaluate("() => timeline.panned([0.2, 0.6], 9)") == pytest.approx([0.6, 1])
    rng = random.Random(0)
    for _ in range(30):
        start = rng.uniform(0, 0.8)
        view = [start, start + rng.uniform(0.05, 0.2)]
        place = rng.uniform(0, 1)
        low, high = module.evaluate("([view, u]) => timeline.shifted(view, u)", [view, place])
        assert low <= place + 1e-9 and place <= high + 1e-9 and low >= 0 and high <= 1
        assert high - low == pytest.approx(view[1] - view[0])
    assert module.evaluate("() => timeline.shifted([0.2, 0.6], 0.4)") == [0.2, 0.6]


def test_ticks_have_room(module):
    ticks = """([even, view, width]) => timeline.yearTicks(timeline.timeScale(1913, 2027, even), view, width, 50)"""
    rng = random.Random(1)
    for _ in range(40):
        start = rng.uniform(0, 0.9)
        view = [start, rng.uniform(start + 0.01, 1)]
        even, width = rng.random() < 0.5, rng.choice([280, 700, 1100])
        found = module.evaluate(ticks, [even, view, width])
        gaps = [later["x"] - sooner["x"] for sooner, later in itertools.pairwise(found)]
        assert all(gap >= 50 for gap in gaps) and all(25 <= one["x"] <= width - 25 and 0 <= one["month"] < 12 for one in found)
        if even and gaps:
            assert max(gaps) == pytest.approx(min(gaps), rel=0.01)
    assert [one["year"] for one in module.evaluate(ticks, [True, [0, 1], 700])] == list(range(1920, 2021, 10))
    assert module.evaluate("() => [timeline.decades([18629, 1.6e12]), timeline.decades([1e8])]") == [[4, 13], [8, 9]]


def test_marks_and_labels_in_lanes_do_not_overlap(module):
    rng = random.Random(2)
    for count in (1, 12, 60, 100):
        width, lanes = 700, 12
        items = [{"x": rng.betavariate(5, 2) * (width - 20) + 10, "label": rng.uniform(30, 200)} for _ in range(count)]
        order = rng.sample(range(count), count)
        found = module.evaluate(
            "([items, order, lanes, width]) => timeline.arrange(items, order, lanes, width)", [items, order, lanes, width]
        )
        boxes = []
        for item, place in zip(items, found, strict=True):
            left = item["x"] - 8 - (item["label"] if place["side"] < 0 else 0)
            boxes.append((place["lane"], left, item["x"] + 8 + (item["label"] if place["side"] > 0 else 0)))
        for i, (lane, left, right) in enumerate(boxes):
            assert 0 <= lane < lanes and left >= 0 and right <= width
            assert not any(other == lane and low < right and left < high for other, low, high in boxes[:i])
        assert found[order[0]]["side"] != 0, "the most important one has a label"
    crowd = module.evaluate(
        "() => timeline.arrange(Array.from({ length: 50 }, () => ({ x: 50, label: 10 })), [...Array(50).keys()], 4, 100)"
    )
    assert all(0 <= place["lane"] < 4 for place in crowd)


def test_labels_around_points_overlap_no_point_and_no_label(module):
    rng = random.Random(3)
    points = [{"x": rng.uniform(0, 600), "y": rng.uniform(0, 300), "label": rng.uniform(30, 120)} for _ in range(40)]
    found = module.evaluate("(points) => timeline.around(points, points.map((_, i) => i), 600, 300)", points)
    boxes = [(x, y, x + point["label"], y + 15) for point, at in zip(points, found, strict=True) if at for x, y in [at]]
    assert len(boxes) > 5
    marks = [(point["x"] - 7, point["y"] - 7, point["x"] + 7, point["y"] + 7) for point in points]
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0 and top >= 0 and right <= 600 and bottom <= 300
        hit = [
            one
            for one in boxes[:i] + marks
            if one[0] < right - 1e-6 and left < one[2] - 1e-6 and one[1] < bottom - 1e-6 and top < one[3] - 1e-6
        ]
        assert not hit
    near = "([x, y]) => timeline.nearest([{ x: 10, y: 10 }, { x: 30, y: 10 }], x, y)"
    assert [module.evaluate(near, at) for at in ([12, 9], [24, 10], [60, 60])] == [0, 1, -1]


def test_search_and_verdicts(module):
    assert module.evaluate("() => ['GPT 2019', 'bert', ''].map((query) => timeline.matches('gpt-2 february 2019', query))") == [
        True,
        False,
        True,
    ]
    worst = "(verdicts) => timeline.worst({ said: verdicts.map((verdict) => ({ verdict })) })"
    assert module.evaluate(worst, ["right", "wrong", "imprecise"]) == "wrong"
    assert module.evaluate(worst, ["right"]) == "right" and module.evaluate(worst, []) == ""


# ---------------------------------------------------------------- the widget


def test_picking_by_mouse_keyboard_and_list(show):
    page = show(TimelineView(title="History", picked="transformer"))
    card = page.get_by_role("region", name="The event")
    one = history.event("transformer")
    expect(card).to_contain_text("12 June 2017 · Paper")
    for part in ("213 million", one.cited[0], "first version on arXiv", "≈ imprecise", "✓ right", "E064"):
        expect(card).to_contain_text(part)
    assert sorted(card.locator("q").all_inner_texts()) == sorted(said.quote for said in one.said)
    link = card.get_by_role("link")
    assert (
        link.get_attribute("href") == one.url
        and link.get_attribute("target") == "_blank"
        and "noopener" in link.get_attribute("rel")
    )

    stage = page.get_by_role("listbox")
    stage.focus()
    place = [event.id for event in EVENTS].index("transformer")
    stage.press("ArrowRight")
    assert data(page, "picked") == EVENTS[place + 1].id
    assert stage.get_attribute("aria-activedescendant") == page.locator('[aria-selected="true"]').get_attribute("id")
    stage.press("Home")
    assert data(page, "picked") == EVENTS[0].id
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    assert data(page, "picked") == EVENTS[1].id
    page.locator('[data-id="eliza"] .tl-mark').click()
    assert data(page, "picked") == "eliza"
    page.get_by_text("All of these events as a list").click()
    page.get_by_role("button", name="DeepSeek-R1").click()
    expect(card).to_contain_text("20 January 2025")
    assert page.locator(".tl-list tbody tr").count() == len(EVENTS)


def test_zoom_and_pan_by_keys_buttons_wheel_and_drag(show):
    page = show(TimelineView(picked="bert"))
    stage = page.get_by_role("listbox")
    box = stage.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + 8
    full = window(page)
    page.mouse.move(*middle)
    page.mouse.wheel(0, -200)  # the page scrolls; the timeline has no focus
    assert window(page) == full
    page.get_by_role("button", name="Zoom in").click()
    once = window(page)
    assert full[0] < once[0] < history.event("bert").decimal < once[1] <= full[1]
    stage.focus()
    stage.press("+")
    twice = window(page)
    assert once[0] < twice[0] and twice[1] <= once[1]
    stage.press("PageUp")
    assert window(page)[1] < twice[1]
    earlier = window(page)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 200, middle[1], steps=4)
    page.mouse.up()
    dragged = window(page)
    assert dragged[0] > earlier[0] and data(page, "picked") == "bert"
    page.mouse.wheel(0, -120)  # now it has the focus
    page.wait_for_function("(to) => Number(document.querySelector('.tl-root').dataset.to) < to", arg=dragged[1])
    stage.press("0")
    assert window(page) == full
    stage.press("End")
    assert data(page, "picked") == EVENTS[-1].id
    for _ in range(4):
        stage.press("+")
    stage.press("Home")
    assert window(page)[0] <= EVENTS[0].decimal <= window(page)[1], "what is picked comes into sight"
    page.get_by_role("button", name="Show all").click()
    assert window(page) == full


def test_filters_search_and_parameters(show):
    page = show(TimelineView())
    page.get_by_role("button", name="Paper").click()
    papers = sum(one.kind == "paper" for one in EVENTS)
    assert int(data(page, "shown")) == len(EVENTS) - papers
    page.get_by_role("button", name="Paper").press("Enter")
    page.get_by_role("button", name="Only where an introduction errs").click()
    erring = [one for one in EVENTS if any(said.verdict != "right" for said in one.said)]
    assert int(data(page, "shown")) == len(erring)
    page.get_by_role("button", name="Only where an introduction errs").click()

    search = page.get_by_label("Search")
    search.fill("讯飞")
    assert data(page, "shown") == "1"
    search.press("Enter")
    assert data(page, "picked") == "spark"
    page.evaluate(
        """() => {
            const search = document.querySelector(".tl-search");
            search.dispatchEvent(new CompositionEvent("compositionstart"));
            search.value = "wen";
            search.dispatchEvent(new InputEvent("input", { isComposing: true }));
            search.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true }));
        }"""
    )
    assert data(page, "shown") == "1" and data(page, "picked") == "spark", "an input method is still writing"
    page.evaluate(
        """() => {
            const search = document.querySelector(".tl-search");
            search.value = "文心";
            search.dispatchEvent(new CompositionEvent("compositionend"));
        }"""
    )
    assert int(data(page, "shown")) >= 3
    search.fill("no such thing")
    expect(page.locator(".tl-count")).to_contain_text("No event fits")
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    search.fill("")

    page.get_by_role("button", name="Parameters", exact=True).click()
    assert int(data(page, "shown")) == len(SIZED) and page.locator(".tl-line").count() == 1
    expect(page.locator(".tl-count")).to_contain_text(f"{len(EVENTS) - len(SIZED)} more without a published number")
    line = float(re.search(r"M\S+ ([\d.]+)h", page.locator(".tl-line").get_attribute("d"))[1])
    heights = {
        id: float(
            re.search(r"translate\(\S+ ([\d.]+)\)", page.locator(f'[data-id="{id}"] .tl-mark').get_attribute("transform"))[1]
        )
        for id in ("seq2seq", "alexnet", "gpt-1", "gpt-3")
    }
    assert heights["gpt-3"] < heights["seq2seq"] < heights["gpt-1"] < line < heights["alexnet"]
    hollow = page.locator(".tl-hollow").count()
    assert hollow == sum("mixture of experts" in one.architecture for one in SIZED)
    stage = page.get_by_role("listbox")
    stage.focus()
    stage.press("Home")
    assert data(page, "picked") == SIZED[0].id


TOUCH = """(steps) => {
    const stage = document.querySelector(".tl-stage");
    stage.setPointerCapture = () => {};
    const box = stage.getBoundingClientRect();
    for (const [type, pointerId, x] of steps) {
        const at = { pointerId, pointerType: "touch", bubbles: true, clientX: box.left + x, clientY: box.top + 4 };
        stage.dispatchEvent(new PointerEvent(type, at));
    }
}"""


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone(show, dark):
    view = TimelineView(title="A rather long title of a timeline with many events", parameters=dark)
    page = show(view, width=360, dark=dark)
    page.get_by_text("All of these events as a list").click()
    assert scrolls_sideways(page) == []
    controls = page.locator(".lmkit :is(button, input)").filter(visible=True)
    assert min(one.bounding_box()["height"] for one in controls.all()) >= 30
    full = window(page)
    pinch = [
        ("pointerdown", 1, 120),
        ("pointerdown", 2, 180),
        ("pointermove", 1, 60),
        ("pointermove", 2, 240),
        ("pointerup", 1, 60),
        ("pointerup", 2, 240),
    ]
    page.evaluate(TOUCH, pinch)
    pinched = window(page)
    assert full[0] < pinched[0] and pinched[1] < full[1]
    page.evaluate(TOUCH, [("pointerdown", 1, 120), ("pointermove", 1, 180), ("pointerup", 1, 180)])
    assert window(page)[0] < pinched[0]
    page.evaluate(TOUCH, [("pointerdown", 1, 120), ("pointermove", 1, 90), ("pointercancel", 1, 90)])  # the page scrolls instead


@pytest.mark.parametrize("width", [360, 720])
def test_reserved_height_is_what_is_needed(show, width):
    for view in (TimelineView(title="History"), TimelineView(parameters=True)):
        page = show(view, width=width)
        height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        assert abs(height - view._height[0 if width > 600 else 1]) < 0.05 * height, height


def test_text_is_text(show):
    odd = dataclasses.replace(EVENTS[0], id="odd", title="<b>bold</b>", text="</script><i>x</i>", url="", cited=("<u>y</u>",))
    page = show(TimelineView([odd]))
    card = page.get_by_role("region", name="The event")
    for text in ("<b>bold</b>", "</script><i>x</i>", "<u>y</u>"):
        expect(card).to_contain_text(text)
    assert card.locator("b, i, u, a").count() == 0
    assert page.get_by_role("button", name="Parameters").count() == 0, "no event has a size"


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows():
    view = TimelineView([history.event("gpt-1"), history.event("bert")])
    assert repr(view) == "TimelineView(2 events, 2018 to 2018; 2 with parameters; said of them: 7 right, 2 wrong)"
    assert view.picked == "gpt-1"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TimelineView([]), "1 to 400 events, not 0"),
        (lambda: TimelineView([EVENTS[0], EVENTS[0]]), "the id 'markov' stands twice"),
        (lambda: TimelineView([changed(kind="rumour")]), "markov: 'rumour' is no kind of event; there are idea"),
        (lambda: TimelineView([changed(date="1913-13")]), "markov: '1913-13' is no date"),
        (lambda: TimelineView([changed(parameters=0)]), "markov: 0 parameters"),
        (lambda: TimelineView([changed(said=(history.Said("000", "x", "true", ""),))]), "markov: 'true' is no verdict"),
        (lambda: TimelineView([changed(url="javascript:alert(1)")]), "markov: 'javascript:alert(1)' is no address"),
        (lambda: TimelineView(picked="gpt-9"), "no event 'gpt-9' among the"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def changed(**fields):
    return dataclasses.replace(EVENTS[0], **fields)
