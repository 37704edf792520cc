"""DescentView: its paths against torch.optim, and the point moved by mouse, touch and keyboard."""

import random
import re

import numpy as np
import pytest
import torch
from browser import chromium, imported, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from lmkit.widgets.base import bundle
from lmkit.widgets.descent import OPTIMIZERS, SURFACES, VALLEY, DescentView, Surface


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "descent", bundle("descent.js")) as page:
        yield page


show = shower(".de-chart rect.de-frame")


# ---------------------------------------------------------------- arithmetic


def torch_path(surface, start, optimizer, rate, momentum, steps):
    """The same path with torch.optim in 64-bit floats."""
    at = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    make = {
        "sgd": lambda: torch.optim.SGD([at], lr=rate),
        "momentum": lambda: torch.optim.SGD([at], lr=rate, momentum=momentum),
        "adam": lambda: torch.optim.Adam([at], lr=rate),
    }[optimizer]()
    path = [at.tolist()]
    for _ in range(steps):
        make.zero_grad()
        surface(at[0], at[1]).backward()
        make.step()
        path.append(at.tolist())
    return path


CASES = [(name, optimizer, seed) for name in SURFACES for optimizer in OPTIMIZERS for seed in range(3)]


@pytest.mark.parametrize(("name", "optimizer", "seed"), CASES)
def test_paths_are_those_of_torch(module, name, optimizer, seed):
    surface, rng = SURFACES[name], random.Random(f"{name} {seed}")
    start = [rng.uniform(*surface.x), rng.uniform(*surface.y)]
    most = 0.1 if optimizer == "adam" else 0.004  # where the paths converge; a path that is thrown out doubles every error
    settings = {"rate": rng.uniform(0.001, most), "momentum": rng.choice([0, 0.5, 0.9]), "steps": 120}
    call = "([terms, start, settings]) => descent.descend(terms, start, settings)"
    found = module.evaluate(call, [list(map(list, surface.terms)), start, settings | {"optimizer": optimizer}])
    expected = torch_path(surface, start, optimizer, **settings)
    assert len(found) == 121 and np.abs(np.array(found) - np.array(expected)).max() < 1e-6


def test_loss_and_gradient_of_any_polynomial(module):
    rng = random.Random(0)
    for _ in range(30):
        terms = [[rng.uniform(-2, 2), rng.randint(0, 4), rng.randint(0, 4)] for _ in range(rng.randint(1, 6))]
        at = [rng.uniform(-2, 2), 0.0 if rng.random() < 0.2 else rng.uniform(-2, 2)]
        x, y = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in at)
        loss = Surface(terms, (-2, 2), (-2, 2), (0, 0))(x, y) + 0 * (x + y)
        loss.backward()
        found = module.evaluate("([t, at]) => [descent.lossAt(t, at), ...descent.gradientAt(t, at)]", [terms, at])
        assert found == pytest.approx([loss.item(), x.grad.item(), y.grad.item()], abs=1e-9)


def test_a_rate_that_is_too_large_throws_the_point_out(module):
    terms = [[0.5, 2, 0], [10, 0, 2]]
    call = """([terms, rate]) => {
        const path = descent.descend(terms, [1, 1], { optimizer: "sgd", rate, steps: 300 });
        return [path.length, descent.isGone(path)];
    }"""
    assert module.evaluate(call, [terms, 0.099]) == [301, False]  # the curvature is 20: the limit is 2 / 20
    length, gone = module.evaluate(call, [terms, 0.15])
    assert gone and length < 60
    steep = [[1, 8, 8]]
    assert module.evaluate(call, [steep, 1])[1]  # even where a number overflows


def test_the_map_and_back(module):
    surface = {"x": [-4, 4], "y": [-2, 2]}
    call = "([s, at]) => { const m = descent.projection(s, 700, 400); return [m.to(at), m.from(m.to(at))]; }"
    for at in ([-4, -2], [4, 2], [0.3, -1.7]):
        assert module.evaluate(call, [surface, at])[1] == pytest.approx(at)
    assert module.evaluate("() => [0, 3, 10].map((x) => descent.heightOf(x, [0, 10]))") == pytest.approx([0, 0.775, 1], abs=0.01)


# ---------------------------------------------------------------- the widget


def place(page):
    root = page.locator(".de-root")
    return [float(root.get_attribute(f"data-{key}")) for key in "xy"]


def rows(page):
    return [[cell.inner_text() for cell in row.locator("td").all()] for row in page.locator(".de-root tbody tr").all()]


def test_it_shows_where_every_optimizer_has_come(show):
    page = show(DescentView(title="Three ways down", rate=0.05, steps=40))
    assert place(page) == list(VALLEY.start)
    for (name, loss, _), optimizer in zip(rows(page), OPTIMIZERS, strict=True):
        end = torch_path(VALLEY, VALLEY.start, optimizer, 0.05, 0.9, 40)[-1]
        assert name.lower() == optimizer and float(loss.replace("−", "-")) == pytest.approx(VALLEY(*end), rel=1e-3)
    assert page.locator(".de-path").count() == 3 and page.locator(".de-step").count() == 3 * 39


def test_the_point_is_dragged(show):
    page = show(DescentView())
    before = page.locator(".de-path").first.get_attribute("points")
    box = page.locator(".de-handle").bounding_box()
    x, y = box["x"] + 22, box["y"] + 22
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=4)
    page.mouse.move(x + 90, y + 60, steps=4)
    page.mouse.up()
    moved = place(page)
    assert moved[0] > VALLEY.start[0] + 0.3 and moved[1] < VALLEY.start[1] - 0.2
    after = page.locator(".de-handle").bounding_box()
    assert after["x"] == pytest.approx(box["x"] + 90, abs=1.5) and after["y"] == pytest.approx(box["y"] + 60, abs=1.5)
    assert page.locator(".de-path").first.get_attribute("points") != before
    page.mouse.move(x, y)  # the button is up: nothing follows
    assert place(page) == moved
    page.mouse.click(x + 200, y + 100)
    assert place(page)[0] > moved[0]


def test_the_point_moves_by_keyboard_and_stays_on_the_map(show):
    page = show(DescentView())
    handle = page.get_by_role("slider", name="Starting point")
    handle.press("ArrowRight")
    assert place(page) == pytest.approx([VALLEY.start[0] + 0.08, VALLEY.start[1]])
    handle.press("Shift+ArrowDown")
    assert place(page) == pytest.approx([VALLEY.start[0] + 0.08, VALLEY.start[1] - 0.4])
    assert handle.get_attribute("aria-valuetext") == "x = −3.52, y = 1.20"
    for _ in range(12):
        handle.press("Shift+ArrowLeft")
    assert place(page)[0] == VALLEY.x[0]
    expect(page.locator("[role=status]")).to_contain_text("Adam: loss")


def test_rate_steps_and_optimizers(show):
    page = show(DescentView(rate=0.09))
    assert page.locator(".de-sliders output").first.inner_text() == "0.09"  # exact, although the slider has no such stop
    rate = page.get_by_label("Learning rate")
    for _ in range(2):
        rate.press("ArrowRight")
    assert float(page.locator(".de-root").get_attribute("data-rate")) > 0.1
    assert "thrown out at step" in rows(page)[0][2]
    page.get_by_role("button", name="SGD").click()
    assert [row[0] for row in rows(page)] == ["Momentum", "Adam"]
    page.get_by_label("Steps").press("Home")
    assert all(row[1] == rows(page)[0][1] for row in rows(page))  # no step: all stand at the start
    page.get_by_role("button", name="Put everything back").click()
    assert place(page) == list(VALLEY.start) and len(rows(page)) == 3
    assert page.locator(".de-root").get_attribute("data-rate") == "0.09"


def test_another_surface_has_its_own_start(show):
    page = show(DescentView())
    page.get_by_label("Loss", exact=True).select_option("two minima")
    assert place(page) == list(SURFACES["two minima"].start)
    assert "two minima" in page.locator(".de-chart").get_attribute("aria-label")


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_drags_with_a_finger_and_does_not_scroll_sideways(show, dark):
    page = show(DescentView(title="A rather long title of a figure with three optimizers"), width=360, dark=dark)
    assert scrolls_sideways(page) == []
    box = page.locator(".de-chart").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.3)
    assert place(page)[0] > 0.5
    controls = "() => [...document.querySelectorAll('.lmkit :is(button, input, .de-handle)')].map((one) => one.offsetHeight)"
    assert min(page.evaluate(controls)) >= 30


@pytest.mark.parametrize("width", [360, 720])
def test_reserved_height_is_what_is_needed(show, width):
    one = DescentView({"narrow valley": VALLEY}, optimizers=("sgd",))
    for view in (DescentView(title="Three ways down"), one):
        page = show(view, width=width)
        height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        assert abs(height - view._height[0 if width > 600 else 1]) < 0.05 * height, height


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows():
    expected = "DescentView(narrow valley; sgd from (-3.6, 1.6), learning rate 0.05, 50 steps)"
    assert repr(DescentView({"narrow valley": VALLEY}, optimizers=["sgd"])) == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DescentView({}), "needs a surface"),
        (lambda: DescentView(rate=2), "the learning rate 2 is not between 0.001 and 1"),
        (lambda: DescentView(momentum=1), "the momentum 1 is not between 0 and 1"),
        (lambda: DescentView(steps=-1), "-1 steps: choose 0 to 300"),
        (lambda: DescentView(optimizers=["lion"]), "no optimizer 'lion': there is sgd, momentum, adam"),
        (lambda: DescentView({"a": Surface([(1, -1, 0)], (0, 1), (0, 1), (0, 0))}), "a: (1, -1, 0) is no term"),
        (lambda: DescentView({"a": Surface([(1, 1, 0)], (0, 1), (0, 1), (3, 0))}), "a: the start 3 does not lie between 0 and 1"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
