"""BoundaryView: its loss, gradient and steps against torch, its best line against scikit-learn, and the reader's hands on it."""

import json
import re

import numpy as np
import pytest
import torch
from browser import chromium, imported, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from lmkit.widgets.base import bundle
from lmkit.widgets.boundary import BoundaryView

RNG = np.random.default_rng(0)
FLOWERS = np.concatenate([RNG.normal([1.5, 0.3], [0.2, 0.08], (30, 2)), RNG.normal([2.0, 0.5], [0.25, 0.1], (30, 2))])
KINDS = [0] * 30 + [1] * 30
MORE = FLOWERS[::4] + 0.05
NAMES, CLASSES = ("length (cm)", "width (cm)"), ("rose", "sunflower")
CROSS = RNG.uniform(-1, 1, (60, 2))
XOR = [int(x * y > 0) for x, y in CROSS]


def flowers(**settings):
    return BoundaryView(FLOWERS, KINDS, NAMES, CLASSES, **({"title": "Roses and sunflowers"} | settings))


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "boundary", bundle("boundary.js")) as page:
        yield page


show = shower(".bo-chart rect.bo-frame")


# ---------------------------------------------------------------- arithmetic


class Network(torch.nn.Module):
    """The same model in torch, in 64-bit floats, from the flat parameters of the page."""

    def __init__(self, flat, hidden):
        super().__init__()
        sizes = [(hidden, 2), (hidden,), (1, hidden), (1,)] if hidden else [(1, 2), (1,)]
        parts = torch.tensor(flat, dtype=torch.float64).split([int(np.prod(size)) for size in sizes])
        self.parts = torch.nn.ParameterList(part.reshape(size).clone() for part, size in zip(parts, sizes, strict=True))

    def forward(self, points):
        for weight, bias in zip(self.parts[:-2:2], self.parts[1:-2:2], strict=True):
            points = torch.tanh(points @ weight.T + bias)
        return (points @ self.parts[-2].T + self.parts[-1]).squeeze(1)

    def flat(self, what=lambda part: part):
        return torch.cat([what(part).flatten() for part in self.parts]).tolist()


def torch_loss(model, points, labels):
    scores = model(torch.tensor(points, dtype=torch.float64))
    return torch.nn.functional.binary_cross_entropy_with_logits(scores, torch.tensor(labels, dtype=torch.float64))


@pytest.mark.parametrize("hidden", [0, 1, 3, 8])
def test_loss_gradient_and_fifty_steps_are_those_of_torch(module, hidden):
    points, labels = CROSS.tolist(), XOR
    flat = np.random.default_rng(hidden).normal(0, 1.5, 4 * hidden + 1 if hidden else 3).tolist()
    found = module.evaluate("([p, n, x, y]) => boundary.lossAndGradient(p, n, x, y)", [flat, hidden, points, labels])
    model = Network(flat, hidden)
    loss = torch_loss(model, points, labels)
    loss.backward()
    assert found["loss"] == pytest.approx(loss.item(), abs=1e-12)
    assert found["gradient"] == pytest.approx(model.flat(lambda part: part.grad), abs=1e-12)
    mean = module.evaluate("([p, n, x, y]) => boundary.meanLoss(p, n, x, y)", [flat, hidden, points, labels])
    assert mean == pytest.approx(found["loss"], abs=1e-12)
    steps = """([p, n, x, y, name, rate]) => {
        const step = boundary.optimizerOf(name);
        for (let i = 0; i < 50; i++) p = step(p, boundary.lossAndGradient(p, n, x, y).gradient, rate);
        return p;
    }"""
    for name, make in (("sgd", torch.optim.SGD), ("adam", torch.optim.Adam)):
        model = Network(flat, hidden)
        optimizer = make(model.parameters(), lr=0.1)
        for _ in range(50):
            optimizer.zero_grad()
            torch_loss(model, points, labels).backward()
            optimizer.step()
        assert module.evaluate(steps, [flat, hidden, points, labels, name, 0.1]) == pytest.approx(model.flat(), abs=1e-6)


def test_scores_far_out_do_not_overflow_and_the_counts_are_right(module):
    call = "([p, x, y]) => [boundary.lossAndGradient(p, 0, x, y).loss, boundary.tally(p, 0, x, y)]"
    points, labels = [[1000, 0], [-1000, 0], [1000, 0], [2, 0]], [1, 0, 0, 1]
    loss, found = module.evaluate(call, [[1, 0, 0], points, labels])
    assert loss == pytest.approx((1000 + np.log1p(np.exp(-2))) / 4)
    assert found == {"counts": [[1, 1], [0, 2]], "right": 3}


def test_the_best_line_is_that_of_logistic_regression(module):
    from sklearn.linear_model import LogisticRegression

    scale = module.evaluate("(points) => boundary.scaleOf(points)", FLOWERS.tolist())
    assert scale["mean"] == pytest.approx(FLOWERS.mean(0)) and scale["spread"] == pytest.approx(FLOWERS.std(0))
    points = (FLOWERS - FLOWERS.mean(0)) / FLOWERS.std(0)
    found = module.evaluate("([x, y]) => boundary.bestLine(x, y)", [points.tolist(), KINDS])
    fitted = LogisticRegression(C=1e12, tol=1e-12, max_iter=10_000).fit(points, KINDS)
    assert not found["parts"] and found["params"] == pytest.approx([*fitted.coef_[0], fitted.intercept_[0]], rel=1e-4)
    # Two clouds far apart: no line is best, and the one that is shown tells them apart.
    apart = np.where(np.array(KINDS)[:, None] == 1, points + 5, points - 5).tolist()
    found = module.evaluate("([x, y]) => boundary.bestLine(x, y)", [apart, KINDS])
    right = "([p, x, y]) => boundary.tally(p, 0, x, y).right"
    assert found["parts"] and module.evaluate(right, [found["params"], apart, KINDS]) == 60
    assert module.evaluate("() => boundary.bestLine([[0, 1], [2, 3]], [1, 1])") is None


def test_a_line_and_its_handles(module):
    rng = np.random.default_rng(1)
    for _ in range(20):
        handles, steepness = rng.uniform(-1, 1, (2, 2)).tolist(), float(rng.uniform(0.1, 20))
        a, b, c = line = module.evaluate("([u, s]) => boundary.lineThrough(u, s)", [handles, steepness])
        assert np.hypot(a, b) == pytest.approx(steepness)
        assert all(a * x + b * y + c == pytest.approx(0, abs=1e-9) for x, y in handles)
        (x0, y0), (x1, y1) = handles
        assert a * (x0 - (y1 - y0)) + b * (y0 + (x1 - x0)) + c > 0  # class 1 is on the left
        placed = module.evaluate("([p, u]) => boundary.handlesOn(p, u, [[-1.5, -1.5], [1.5, 1.5]])", [line, handles])
        assert all(a * x + b * y + c == pytest.approx(0, abs=1e-9) and max(abs(x), abs(y)) < 1.5 for x, y in placed)
        assert module.evaluate("([u, s]) => boundary.lineThrough(u, s)", [placed, steepness]) == pytest.approx(line)
    for outside in ([1, 0, -7], [0, 0, 1]):
        assert module.evaluate("(p) => boundary.handlesOn(p, [[0, 0], [1, 1]], [[-1, -1], [1, 1]])", outside) is None


def test_the_grid_and_the_line_where_its_scores_are_zero(module):
    flat = np.random.default_rng(2).normal(0, 1, 13).tolist()
    columns, rows = np.linspace(-1, 1, 9).tolist(), np.linspace(-2, 2, 7).tolist()
    found = module.evaluate("([p, c, r]) => [...boundary.scoreGrid(p, 3, c, r)]", [flat, columns, rows])
    each = [module.evaluate("([p, u]) => boundary.score(p, 3, u)", [flat, [x, y]]) for y in rows for x in columns]
    assert found == pytest.approx(each)
    circle = [x * x + y * y - 0.5 for y in np.linspace(-1, 1, 41) for x in np.linspace(-1, 1, 41)]
    pieces = np.array(module.evaluate("(z) => boundary.zeroLine(Float64Array.from(z), 41, 41)", circle)) / 20 - 1
    assert np.hypot(pieces[..., 0], pieces[..., 1]) == pytest.approx(np.full(pieces.shape[:2], 0.5**0.5), abs=2e-3)
    lengths = np.linalg.norm(pieces[:, 0] - pieces[:, 1], axis=1)
    assert lengths.sum() == pytest.approx(2 * np.pi * 0.5**0.5, rel=1e-2)


def test_random_starts_are_seeded_and_as_wide_as_those_of_torch(module):
    start = "([n, seed]) => boundary.randomStart(n, seed)"
    assert module.evaluate(start, [4, 7]) == module.evaluate(start, [4, 7]) != module.evaluate(start, [4, 8])
    many = np.array([module.evaluate(start, [8, seed]) for seed in range(60)])
    assert abs(many[:, :24]).max() == pytest.approx(0.5**0.5, rel=0.01)
    assert abs(many[:, 24:]).max() == pytest.approx(8**-0.5, rel=0.02)


# ---------------------------------------------------------------- the widget


def state(page):
    data = page.evaluate("({...document.querySelector('.bo-root').dataset})")
    return {key: json.loads(data[key]) for key in ("loss", "right", "points", "steps", "hidden", "seed", "params")}


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def handle(page, which):
    return page.get_by_role("slider", name=f"{which} handle of the line")


def centre(target):
    box = target.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def pull(page, start, by, steps=5):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=steps)
    page.mouse.up()


def pixel(page, at):
    """Where a place in the units of the data lies on the screen, by the limits that the handles tell and the frame."""
    low_x, high_x = (float(handle(page, "First").get_attribute(f"aria-value{end}")) for end in ("min", "max"))
    both = np.concatenate([FLOWERS, MORE])[:, 1]
    margin = 0.08 * (both.max() - both.min())
    low_y, high_y = both.min() - margin, both.max() + margin
    box = page.locator("rect.bo-frame").bounding_box()
    right, up = (at[0] - low_x) / (high_x - low_x), (at[1] - low_y) / (high_y - low_y)
    return box["x"] + right * box["width"], box["y"] + (1 - up) * box["height"]


def scaled_points(points=FLOWERS):
    return ((points - FLOWERS.mean(0)) / FLOWERS.std(0)).tolist()


def test_a_line_is_dragged_learns_and_is_put_back(show):
    page = show(flowers(test_points=MORE, test_labels=KINDS[::4]))
    first = state(page)
    model = Network(first["params"], 0)
    assert first["loss"] == pytest.approx(torch_loss(model, scaled_points(), KINDS).item(), abs=1e-9)
    said = (model(torch.tensor(scaled_points(), dtype=torch.float64)) > 0).int().tolist()
    right = sum(a == b for a, b in zip(said, KINDS, strict=True))
    rows = page.locator(".bo-scores tbody tr")
    assert rows.nth(0).inner_text().split("\t") == ["Training", f"{right} of 60", f"{right / 0.6:.1f} %", f"{first['loss']:.3f}"]
    with torch.no_grad():
        assert rows.nth(1).inner_text().split("\t")[3] == f"{torch_loss(model, scaled_points(MORE), KINDS[::4]).item():.3f}"
    counts = [[cell.inner_text() for cell in row.locator("td").all()] for row in page.locator(".bo-confusion tbody tr").all()]
    assert counts == [[str(sum((k, m) == (i, j) for k, m in zip(KINDS, said, strict=True))) for j in (0, 1)] for i in (0, 1)]
    assert page.locator(".bo-ring").last.get_attribute("d").count("M") == 60 - right

    before = centre(handle(page, "First"))
    pull(page, before, (60, -40))
    assert centre(handle(page, "First")) == pytest.approx((before[0] + 60, before[1] - 40), abs=1)
    moved = state(page)
    assert moved["params"] != first["params"] and np.hypot(*moved["params"][:2]) == pytest.approx(2)
    page.mouse.move(*before)  # the button is up: nothing follows
    assert state(page) == moved
    handle(page, "Second").press("Shift+ArrowUp")
    assert state(page)["params"] != moved["params"] and handle(page, "Second").evaluate("(e) => e === document.activeElement")

    # One step is torch's, and the dashed rings had shown where it takes the handles.
    ghosts = [centre(ghost) for ghost in page.locator(".bo-ghost").all()]
    flat = state(page)["params"]
    button(page, "One gradient step").click()
    after = state(page)
    model = Network(flat, 0)
    torch_loss(model, scaled_points(), KINDS).backward()
    expected = np.array(flat) - 0.5 * np.array(model.flat(lambda part: part.grad))
    assert after["params"] == pytest.approx(expected.tolist(), abs=1e-9) and after["steps"] == 1
    for ghost, which in zip(ghosts, ("First", "Second"), strict=True):
        assert centre(handle(page, which)) == pytest.approx(ghost, abs=1)
    assert page.locator(".bo-ghost, .bo-next").count() == 3
    button(page, "Show the next step").click()
    assert page.locator(".bo-ghost, .bo-next").count() == 0
    page.get_by_label("Steepness").press("End")
    assert np.hypot(*state(page)["params"][:2]) == pytest.approx(30) and state(page)["steps"] == 0
    swapped = 60 - state(page)["right"]
    button(page, "Swap the sides").click()
    assert state(page)["right"] == swapped

    button(page, "Best line").click()
    best = state(page)
    button(page, "Run").click()
    expect(button(page, "Run")).to_be_visible()  # it is at the minimum already, and stops at once
    assert state(page)["loss"] == pytest.approx(best["loss"], abs=1e-6) and best["right"] >= 48
    expect(page.locator("[role=status]")).to_contain_text(f"{best['right']} of 60 right, log-loss {best['loss']:.3f}")
    button(page, "Put everything back").click()
    assert state(page) == first


def test_points_are_added_dragged_and_taken_away_by_mouse_and_by_keyboard(show):
    page = show(flowers(test_points=MORE, test_labels=KINDS[::4]))
    first = state(page)
    lonely = int(np.argmin(FLOWERS[:, 0]))  # the leftmost point has no neighbour within reach of a click
    at = pixel(page, FLOWERS[lonely])
    pull(page, at, (0, -60))
    moved = state(page)
    assert moved["points"] == 60 and moved["loss"] != first["loss"]
    page.get_by_role("radio", name="Take away").click()
    page.mouse.click(*at)
    expect(page.locator(".bo-message")).to_have_text("There is no point here.")
    page.mouse.click(at[0], at[1] - 60)
    assert state(page)["points"] == 59
    page.get_by_role("radio", name="Add sunflower").click()
    page.mouse.click(*at)
    assert state(page)["points"] == 60
    page.get_by_text("The points as a table").click()
    expect(page.locator("details tbody tr")).to_have_count(60)  # the table is made when it is opened
    last = page.locator("details tbody tr").last.locator("td").all_inner_texts()
    assert float(last[0]) == pytest.approx(FLOWERS[lonely][0], abs=0.02) and last[2] == "sunflower"

    page.get_by_role("radio", name="Move", exact=True).click()
    cross = page.get_by_role("slider", name="Cross-hairs")
    button(page, "Put everything back").click()
    for _ in range(20):
        cross.press("Shift+ArrowLeft")
    cross.press("Enter")
    expect(page.locator(".bo-message")).to_have_text("There is no point here.")
    page.get_by_role("radio", name="Add rose").press("Enter")
    cross.press("Enter")
    assert state(page)["points"] == 61 and "Nearest point: rose" in cross.get_attribute("aria-valuetext")
    page.get_by_role("radio", name="Move", exact=True).click()
    cross.press("Enter")
    loss = state(page)["loss"]
    cross.press("Shift+ArrowRight")
    assert state(page)["loss"] != loss
    cross.press("Enter")
    loss = state(page)["loss"]
    cross.press("ArrowLeft")
    assert state(page)["loss"] == loss
    cross.press("Delete")
    assert state(page)["points"] == 60
    button(page, "Put everything back").click()
    assert state(page) == first


def test_the_last_point_of_a_class_stays(show):
    page = show(BoundaryView([[0, 0], [1, 1], [0, 1]], [0, 1, 1]))
    button(page, "Best line").click()
    expect(page.locator(".bo-message")).to_contain_text("no line is best")
    assert state(page)["right"] == 3
    page.get_by_role("radio", name="Take away").click()
    cross = page.get_by_role("slider", name="Cross-hairs")
    for _ in range(5):
        cross.press("Shift+ArrowLeft")
        cross.press("Shift+ArrowDown")
    for _ in range(8):
        cross.press("ArrowRight")
        cross.press("ArrowUp")
    cross.press("Enter")
    expect(page.locator(".bo-message")).to_have_text("This is the last point of A; it has to stay.")
    assert state(page)["points"] == 3


def test_a_network_learns_what_no_line_can(show):
    page = show(BoundaryView(CROSS, XOR, hidden=4, title="XOR"))
    first = state(page)
    assert len(first["params"]) == 17 and page.locator(".bo-handle:visible").count() == 0
    assert page.locator(".bo-unit").count() >= 3
    button(page, "Run").click()
    page.wait_for_function("document.querySelector('.bo-root').dataset.steps > 200")
    button(page, "Stop").click()
    after = state(page)
    assert after["loss"] < 0.3 < first["loss"] and after["right"] >= 54
    model = Network(after["params"], 4)
    points = ((CROSS - CROSS.mean(0)) / CROSS.std(0)).tolist()
    assert torch_loss(model, points, XOR).item() == pytest.approx(after["loss"], abs=1e-9)
    page.wait_for_timeout(120)
    assert state(page) == after  # it has stopped
    button(page, "New random start").click()
    other = state(page)
    assert other["seed"] == 1 and other["steps"] == 0 and other["params"] != first["params"]
    hidden = page.get_by_label("Hidden units")
    hidden.press("ArrowRight")
    assert len(state(page)["params"]) == 21
    hidden.press("Home")
    assert state(page)["hidden"] == 0 and page.locator(".bo-handle:visible").count() == 2
    button(page, "Best line").click()
    assert state(page)["right"] < 45
    button(page, "Put everything back").click()
    assert state(page) == first


def test_where_no_line_helps_it_says_so_and_a_hand_makes_one_again(show):
    page = show(BoundaryView([[0, 0], [1, 1], [0, 1], [1, 0]], [0, 0, 1, 1]))
    button(page, "Best line").click()
    expect(page.locator(".bo-message")).to_have_text(
        "No line does better than none here: every point gets the same probability, 50.0 %."
    )
    assert state(page)["loss"] == pytest.approx(np.log(2)) and page.locator(".bo-line").count() == 0
    button(page, "Put everything back").click()
    button(page, "Run").click()
    expect(page.locator(".bo-message")).to_contain_text("No line does better")  # learning comes to the same
    expect(button(page, "Run")).to_be_visible()
    handle(page, "First").press("ArrowUp")
    assert np.hypot(*state(page)["params"][:2]) == pytest.approx(0.1) and page.locator(".bo-line").count() == 1
    button(page, "Best line").click()
    page.get_by_label("Steepness").press("ArrowRight")
    assert np.hypot(*state(page)["params"][:2]) == pytest.approx(0.2)


def test_a_step_at_the_largest_size_does_not_hold_up_the_page(show):
    points = np.random.default_rng(3).normal(size=(500, 2))
    page = show(BoundaryView(points, [int(x * y > 0) for x, y in points], hidden=8), width=1000)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})  # processor time: a busy machine does not change it
    metrics = lambda: {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}  # noqa: E731
    click = """async () => {
        const step = [...document.querySelectorAll("button")].find((one) => one.textContent === "One gradient step");
        for (let i = 0; i < 10; i++) { step.click(); await new Promise(requestAnimationFrame); }
    }"""
    page.evaluate(click)
    before = metrics()
    page.evaluate(click)
    assert 100 * (metrics()["TaskDuration"] - before["TaskDuration"]) < 50  # ms for each of ten


def test_with_reduced_motion_it_takes_few_large_steps(show):
    page = show(BoundaryView(CROSS, XOR, hidden=2), motion="reduce")
    button(page, "Run").click()
    page.wait_for_function("document.querySelector('.bo-root').dataset.steps > 0")
    button(page, "Stop").click()
    assert state(page)["steps"] % 80 == 0


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_drags_with_a_finger_and_does_not_scroll_sideways(show, dark):
    page = show(flowers(test_points=MORE, test_labels=KINDS[::4]), width=360, dark=dark)
    assert scrolls_sideways(page) == []
    touch = page.context.new_cdp_session(page)

    def finger(start, by):
        send = lambda kind, points: touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})  # noqa: E731
        send("touchStart", [{"x": start[0], "y": start[1]}])
        for part in (0.3, 0.6, 1, 1):
            page.wait_for_timeout(40)  # a finger that stands still at the end: the tap after a fling is no click
            send("touchMove", [{"x": start[0] + part * by[0], "y": start[1] + part * by[1]}])
        page.wait_for_timeout(100)
        send("touchEnd", [])

    def until_changed(key, value):
        page.wait_for_function("([key, old]) => document.querySelector('.bo-root').dataset[key] !== old", arg=[key, value])

    data = "({...document.querySelector('.bo-root').dataset})"
    before = page.evaluate(data)
    finger(centre(handle(page, "Second")), (-30, -50))
    until_changed("params", before["params"])
    dragged = page.evaluate(data)
    finger(pixel(page, FLOWERS[int(np.argmin(FLOWERS[:, 0]))]), (0, -60))
    until_changed("loss", dragged["loss"])
    assert page.evaluate(data)["params"] == dragged["params"]
    assert page.evaluate("scrollY") == 0
    page.get_by_role("radio", name="Add rose").tap()
    page.touchscreen.tap(*pixel(page, FLOWERS.max(0)))
    until_changed("points", "60")
    assert state(page)["points"] == 61
    controls = "() => [...document.querySelectorAll('.lmkit :is(button, input, .bo-handle)')].map((one) => one.offsetHeight)"
    assert min(filter(None, page.evaluate(controls))) >= 30  # 0: hidden with this kind of model


@pytest.mark.parametrize("width", [360, 760])
def test_reserved_height_is_what_is_needed(show, width):
    for view in (flowers(test_points=MORE, test_labels=KINDS[::4]), BoundaryView(CROSS, XOR, hidden=4)):
        page = show(view, width=width)
        height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        assert abs(height - view._height[0 if width > 600 else 1]) < 0.05 * height, height


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows():
    expected = "BoundaryView(30 rose, 30 sunflower; 15 held out; a line, sgd, learning rate 0.5)"
    assert repr(flowers(test_points=MORE, test_labels=KINDS[::4])) == expected
    assert repr(BoundaryView([[0, 0], [1, 1]], np.array([0, 1]), hidden=3, seed=2)) == (
        "BoundaryView(1 A, 1 B; 3 tanh units from seed 2, adam, learning rate 0.05)"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BoundaryView([], []), "needs points of both classes"),
        (lambda: BoundaryView([[0, 1], [1, 1]], [1, 1]), "the labels hold only [1]"),
        (lambda: BoundaryView([[0, 1, 2]], [1]), "points has the shape (1, 3); it must be [n, 2]"),
        (lambda: BoundaryView([[0, 1]], [1, 0]), "points holds 1 points, and there are 2 labels"),
        (lambda: BoundaryView([[0, 1], [np.nan, 1]], [1, 0]), "points: point 1 is not finite"),
        (lambda: BoundaryView([[0, 1], [1, 1]], [1, 2]), "the label 2 is neither 0 nor 1"),
        (lambda: BoundaryView(np.zeros((501, 2)), [0, 1] * 250 + [0]), "points holds 501 points: show at most 500"),
        (lambda: flowers(test_points=MORE), "test_points holds 15 points, and there are 0 labels"),
        (lambda: flowers(hidden=9), "9 hidden units: choose 0 (a line) to 8"),
        (lambda: flowers(optimizer="lion"), "no optimizer 'lion': there is sgd, adam"),
        (lambda: flowers(rate=20), "the learning rate 20 is not between 0.01 and 10"),
        (lambda: flowers(seed=-1), "the seed -1 is negative"),
        (lambda: BoundaryView(FLOWERS, KINDS, names="xyz"), "names must be two texts, not 'xyz'"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
