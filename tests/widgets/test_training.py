"""TrainingView: its arithmetic in the browser, its controls by mouse and keyboard, and what a running training adds to it."""

import itertools
import math
import random
import re

import pytest
from browser import chromium, imported, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from lmkit.widgets.base import bundle
from lmkit.widgets.training import TrainingView


def records(n=200, start=4.0, every=5, seed=0):
    rng = random.Random(seed)
    run = []
    for step in range(n):
        record = {"step": step, "loss": start * math.exp(-step / 60) + rng.uniform(0, 0.1), "rate": 1e-4 * (step + 1)}
        run.append(record | ({"validation": start / (1 + step)} if step % every == 0 else {}))
    return run


RUNS = {"small": records(), "large <b>": records(120, 5.0, seed=1)}
SAMPLES = {"small": [(0, "fx fx </script>"), (100, "the capital"), (199, "The capital of 法国 is\nParis.")]}


@pytest.fixture
def module(chromium):  # noqa: F811
    with imported(chromium, "training", bundle("training.js")) as page:
        yield page


show = shower(".tv-chart .tv-line")


# ---------------------------------------------------------------- arithmetic


def test_the_record_of_a_step_is_the_last_one_before_it(module):
    rng = random.Random(0)
    for _ in range(30):
        steps = sorted(rng.sample(range(50), rng.randint(0, 10)))
        for step in range(-1, 52, 3):
            expected = sum(one <= step for one in steps) - 1
            assert module.evaluate("([steps, step]) => training.recordAt(steps, step)", [steps, step]) == expected


def test_a_missing_value_is_taken_from_the_newest_record_that_has_one(module):
    find = "([steps, values, step]) => training.valueAt({ steps, values: values.map((x) => x ?? NaN) }, step)"
    assert module.evaluate(find, [[0, 5, 9], [3.5, None, 1.5], 7]) == {"step": 0, "value": 3.5}
    assert module.evaluate(find, [[0, 5, 9], [None, None, 1.5], 7]) is None
    assert module.evaluate(find, [[], [], 7]) is None


def test_ticks_are_round_and_inside(module):
    rng = random.Random(1)
    for _ in range(60):
        low = rng.uniform(-100, 100) * 10 ** rng.randint(-4, 4)
        high = low + rng.uniform(0.01, 10) * max(abs(low), 1e-3)
        found = module.evaluate("([a, b]) => training.ticks([a, b], false)", [low, high])
        gaps = [b - a for a, b in itertools.pairwise(found)]
        assert 2 <= len(found) <= 8 and all(low - 1e-9 * abs(low) <= x <= high + 1e-9 * abs(high) for x in found)
        assert max(gaps) == pytest.approx(min(gaps), rel=1e-6)
        low, high = sorted(10 ** rng.uniform(-5, 5) for _ in range(2))
        if high / low > 4:
            found = module.evaluate("([a, b]) => training.ticks([a, b], true)", [low, high])
            assert found and all(low * 0.99 <= x <= high * 1.01 for x in found)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_extent_and_place(module, logarithmic):
    numbers = [3.0, 0.5, 20.0, 7.0]
    call = "([xs, log]) => training.extent(xs, log)"
    assert module.evaluate(call, [numbers, logarithmic]) == [0.5, 20.0]
    assert module.evaluate("() => training.extent([NaN, -1, 0, 4, Infinity], true)") == [2, 8]
    assert module.evaluate(call, [[], logarithmic]) == ([1, 10] if logarithmic else [0, 1])
    place = "([x, log]) => training.place(x, [0.5, 20], log)"
    assert module.evaluate(place, [0.5, logarithmic]) == 0 and module.evaluate(place, [20, logarithmic]) == pytest.approx(1)
    expected = math.log(7 / 0.5) / math.log(20 / 0.5) if logarithmic else 6.5 / 19.5
    assert module.evaluate(place, [7, logarithmic]) == pytest.approx(expected)


def test_thinning_keeps_every_extreme(module):
    rng = random.Random(2)
    points = [[i / 50, rng.gauss(0, 1)] for i in range(5000)]
    kept = module.evaluate("(points) => training.thinned(points)", points)
    assert len(kept) <= 4 * 101 and kept[0] == points[0] and kept[-1] == points[-1]
    assert {max(points, key=lambda p: p[1])[1], min(points, key=lambda p: p[1])[1]} <= {y for _, y in kept}
    assert kept == sorted(kept, key=lambda p: p[0]) and all(point in points for point in kept)


# ---------------------------------------------------------------- the widget


def values(page):
    return [[cell.inner_text() for cell in row.locator("td").all()] for row in page.locator(".tv-values tbody tr").all()]


def test_it_shows_the_end_first_and_every_text_as_text(show):
    page = show(TrainingView(RUNS, SAMPLES, title="Two runs"))
    small, large = RUNS["small"][-1], RUNS["large <b>"][-1]
    assert values(page) == [["small", "199", f"{small['loss']:.4g}"], ["large <b>", "119", f"{large['loss']:.4g}"]]
    assert page.locator(".tv-text").inner_text() == "The capital of 法国 is\nParis."
    assert page.locator(".tv-line").count() == 2


def test_the_step_moves_by_keyboard_and_by_mouse(show):
    page = show(TrainingView(RUNS, SAMPLES))
    scrubber = page.get_by_label("Step", exact=True)
    scrubber.press("Home")
    assert values(page)[0][1:] == ["0", f"{RUNS['small'][0]['loss']:.4g}"]
    assert page.locator(".tv-text").inner_text() == "fx fx </script>"
    for _ in range(3):
        scrubber.press("ArrowRight")
    assert values(page)[0][1:] == ["3", f"{RUNS['small'][3]['loss']:.4g}"]
    assert scrubber.get_attribute("aria-valuetext") == "at step 3"
    box = page.locator(".tv-chart").bounding_box()
    page.mouse.click(box["x"] + 62 + (box["width"] - 76) * 0.75, box["y"] + 100)
    assert int(page.locator(".tv-root").get_attribute("data-step")) == pytest.approx(0.75 * 199, abs=1)
    assert page.locator(".tv-text").inner_text() == "the capital"


def test_another_quantity_with_gaps_and_other_axes(show):
    page = show(TrainingView(RUNS))
    before = page.locator(".tv-line").first.get_attribute("points")
    page.get_by_label("Quantity").select_option("validation")
    assert values(page)[0][1:] == ["195", f"{RUNS['small'][195]['validation']:.4g}"]
    after = page.locator(".tv-line").first.get_attribute("points")
    assert after != before and after.count(",") == 40
    page.get_by_role("button", name="Logarithmic values").press("Enter")
    logarithmic = page.locator(".tv-line").first.get_attribute("points")
    assert logarithmic != after and page.get_by_role("button", name="Logarithmic values").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Logarithmic steps").click()
    assert page.locator(".tv-line").first.get_attribute("points") != logarithmic


def test_a_run_can_be_hidden(show):
    page = show(TrainingView(RUNS, SAMPLES))
    page.get_by_role("button", name="small").click()
    assert [row[0] for row in values(page)] == ["large <b>"] and page.locator(".tv-line").count() == 1
    assert page.locator(".tv-text").count() == 0
    page.get_by_role("button", name="small").press("Space")
    assert page.locator(".tv-line").count() == 2


def test_play_runs_to_the_end_and_stops(show):
    page = show(TrainingView({"short": records(40)}))
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=20_000)
    assert page.locator(".tv-root").get_attribute("data-step") == "39"


def test_the_file_holds_every_record(show):
    page = show(TrainingView(RUNS))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save all as CSV").click()
    lines = waiting.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0] == "run,step,loss,rate,validation" and len(lines) == 1 + 200 + 120
    name, step, loss, _, validation = lines[2].split(",")
    assert (name, step, validation) == ("small", "1", "") and float(loss) == pytest.approx(RUNS["small"][1]["loss"], rel=1e-6)


def test_it_follows_a_training_that_goes_on(module):
    """A model object as a kernel's would be: the data change, and the picture follows while the reader stands at the end."""
    view = TrainingView({"run": records(10)})
    states = [as_state(view)]
    view.add("run", {"step": 10, "loss": 0.125}, sample="newer")
    states.append(as_state(view))
    shown = module.evaluate(
        """async (states) => {
            const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
            let state = states[0], changed;
            const model = { get: (key) => (["data", "samples"].includes(key) ? bytes(state[key]) : state[key]),
                on: (_, f) => (changed = f), off() {} };
            const el = document.body.appendChild(document.createElement("div"));
            await training.default.render({ model, el });
            await new Promise((done) => setTimeout(done, 200));
            const read = () => [el.querySelector(".tv-root").dataset.step, el.querySelector(".tv-text")?.textContent ?? null];
            const before = read();
            state = states[1];
            await changed();
            return [before, read()];
        }""",
        states,
    )
    assert shown == [["9", None], ["10", "newer"]]


def as_state(view):
    import base64

    state = {name: getattr(view, name) for name in view.traits(sync=True) if not name.startswith("_")}
    return {
        key: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for key, value in state.items()
        if isinstance(value, (bytes, str, bool, list, int))
    }


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_does_not_scroll_sideways(show, dark):
    page = show(TrainingView(RUNS, SAMPLES, title="A rather long title of a figure with two runs"), width=360, dark=dark)
    assert scrolls_sideways(page) == []
    controls = "() => [...document.querySelectorAll('.lmkit :is(button, input, select)')].map((one) => one.offsetHeight)"
    assert min(page.evaluate(controls)) >= 30


@pytest.mark.parametrize("width", [360, 720])
def test_reserved_height_is_what_is_needed(show, width):
    for view in (TrainingView(RUNS, SAMPLES, title="Two runs"), TrainingView({"one": records()})):
        page = show(view, width=width)
        height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        assert abs(height - view._height[0 if width > 600 else 1]) < 0.05 * height, height


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows():
    assert repr(TrainingView({"run": [{"step": 3, "loss": 0.12345}]})) == "TrainingView(run: 1 records, loss 0.123 at step 3)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrainingView({}), "1 to 6 runs, not 0"),
        (lambda: TrainingView({str(i): [] for i in range(7)}), "1 to 6 runs, not 7"),
        (lambda: TrainingView({"a": [{"loss": 1}]}), "a: a record has no 'step'"),
        (lambda: TrainingView({"a": [{"step": 2}, {"step": 2}]}), "a: step 2 comes after step 2"),
        (lambda: TrainingView({"a": [{"step": 0, "loss": "high"}]}), "loss='high' at step 0 is not a number"),
        (lambda: TrainingView({"a": [{"step": 0, "loss": 1}]}, quantity="reward"), "no run has recorded 'reward': there is loss"),
        (lambda: TrainingView({"a": []}, {"b": [(0, "x")]}), "samples of b, but there is no such run: a"),
        (lambda: TrainingView({"a": []}).add("b", {"step": 0}), "no run 'b': there is a"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
