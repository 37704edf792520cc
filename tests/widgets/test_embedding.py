"""EmbeddingView: its neighbours and analogies against torch, its map and labels, and the reader's hands on it."""

import base64
import itertools
import re

import numpy as np
import pytest
import torch
from browser import chromium, imported, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from lmkit.widgets.base import bundle
from lmkit.widgets.embedding import EmbeddingView, components

ODD = [" Paris", "Paris", "国王", "女王", "<b>x</b>", "\n", "", "ملك", "👩🏽‍🚀", "a\x00b"]


def vectors(n=600, width=24, seed=0):
    """Random vectors whose first directions are longer, and whose mean is not zero, as those of words are."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) * np.linspace(2, 0.5, width) + np.linspace(1, 0, width)


def words(n=600):
    return [f"word{i}" for i in range(n - len(ODD))] + ODD


def shown(**settings):
    given = {"arrows": [("word1", "word2"), ("word3", "word4")], "title": "Vectors"}
    return EmbeddingView(words(), vectors(), **(given | settings))


def torch_nearest(matrix, vector, k, left=()):
    """The k rows with the largest cosine to a vector, without those in `left`: (indices, cosines), in float64."""
    cosine = torch.nn.functional.cosine_similarity(torch.as_tensor(matrix), torch.as_tensor(vector), dim=-1)
    cosine[list(left)] = -2
    best = cosine.topk(k)
    return best.indices.tolist(), best.values.tolist()


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "embedding", bundle("embedding.js")) as page:
        yield page


show = shower(".em-ranked button")
OPEN = """async ([vectors, factors, frame, step, bits, width]) => {
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const [a, b, c] = [await embedding.unpack(bytes(vectors), "uint8"), await embedding.unpack(bytes(factors), "float16"),
        await embedding.unpack(bytes(frame), "float32")];
    window.space = embedding.openVectors(bits === 16 ? new Int16Array(a.buffer) : new Int8Array(a.buffer), b, step, c, width);
    return Array.from({ length: 50 }, (_, k) => [...embedding.vectorOf(space, (37 * k) % space.n)]);
}"""


def opened(module, view):
    """Opens the vectors in the page as window.space; whether fifty of them are bit for bit those that Python has rounded."""
    packed = [base64.b64encode(getattr(view, name)).decode() for name in ("vectors", "factors", "frame")]
    rows = module.evaluate(OPEN, [*packed, view.step, view.bits, view.width])
    return np.array_equal(rows, view.rounded()[37 * np.arange(50) % len(view.rounded())])


# ---------------------------------------------------------------- arithmetic


@pytest.mark.parametrize(("n", "bits"), [(600, 16), (3200, 8)])
def test_neighbours_and_analogies_are_those_of_torch(module, n, bits):
    matrix = vectors(n, 40)
    view = EmbeddingView([str(i) for i in range(n)], torch.tensor(matrix, dtype=torch.float32))
    rounded = view.rounded()
    assert view.bits == bits and opened(module, view)
    assert np.abs(rounded - matrix).max() < np.abs(matrix).max() * (1e-4 if bits == 16 else 0.01)
    rng = np.random.default_rng(1)
    for i, found in zip(asked := rng.choice(n, 200, replace=False).tolist(), module.evaluate(NEIGHBOURS, asked), strict=True):
        indices, cosines = torch_nearest(rounded, rounded[i], 10, {i})
        assert [one["i"] for one in found] == indices and [one["cosine"] for one in found] == pytest.approx(cosines, abs=1e-9)
    terms = [rng.choice(n, 3, replace=False).tolist() for _ in range(200)]
    for (a, b, c), found in zip(terms, module.evaluate(ANALOGIES, terms), strict=True):
        target = rounded[a] - rounded[b] + rounded[c]
        for kind, left in (("all", ()), ("others", (a, b, c))):
            indices, cosines = torch_nearest(rounded, target, 5, left)
            assert [one["i"] for one in found[kind]] == indices
            assert [one["cosine"] for one in found[kind]] == pytest.approx(cosines, abs=1e-9)
    # What rounding does to a cosine is what the widget says.
    unit = [torch.nn.functional.normalize(torch.tensor(one[:300]), dim=-1) for one in (matrix, rounded)]
    assert (unit[0] @ unit[0].T - unit[1] @ unit[1].T).abs().max() < 2 * view.error < (0.0002 if bits == 16 else 0.03)


NEIGHBOURS = "(asked) => asked.map((i) => embedding.neighbours(space, i, 10))"
ANALOGIES = "(terms) => terms.map((three) => (({ all, others }) => ({ all, others }))(embedding.analogyOf(space, three, 5)))"


def test_equal_vectors_keep_their_order_and_a_zero_has_no_neighbours(module):
    matrix = np.repeat(vectors(5, 6), 4, axis=0)
    view = EmbeddingView([str(i) for i in range(20)], matrix)
    opened(module, view)
    found = module.evaluate("embedding.neighbours(space, 5, 19)")
    assert [one["i"] for one in found[:3]] == [4, 6, 7] and len(found) == 19
    nowhere = module.evaluate("embedding.largest(embedding.cosines(space, new Float64Array(6)), 5)")
    assert nowhere == []
    assert module.evaluate("embedding.cosine([1, 2, 3], [-2, -4, -6])") == pytest.approx(-1)


def test_the_map_is_the_first_components(module):
    matrix = vectors()
    mean, axes, shares = components(matrix)
    centred = torch.tensor(matrix - matrix.mean(0))
    _, singular, directions = torch.linalg.svd(centred, full_matrices=False)
    assert np.abs(np.abs((torch.tensor(axes).double() @ directions[:3].T).numpy()) - np.eye(3)).max() < 1e-5
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in axes)
    assert shares == pytest.approx((singular[:3] ** 2 / (singular**2).sum()).tolist())
    view = shown()
    opened(module, view)
    places = np.array(module.evaluate("[...space.places]")).reshape(-1, 3)
    assert places == pytest.approx((view.rounded() - mean) @ axes.T, abs=1e-5)
    one = module.evaluate("embedding.placeOf(space, embedding.vectorOf(space, 7))")
    assert one == pytest.approx(places[7], abs=1e-5)
    flat = EmbeddingView(["a", "b", "c", "d"], [[0, 1], [2, 1], [0, 3], [4, 4]])
    assert flat.variance[2] == 0 and sum(flat.variance) == pytest.approx(1)


CAMERA = """([width, height, moves]) => {
    const reach = embedding.reachOf(space.places);
    return [true, false].map((flat) => {
        const n = space.n, out = { x: new Float32Array(n), y: new Float32Array(n), near: new Float32Array(n) };
        let camera = embedding.homeOf(reach, flat, width, height);
        const home = embedding.project(camera, space.places, out);
        const result = { home: [[...home.x], [...home.y]], kept: [] };
        for (const [factor, px, py, yaw, pitch] of moves) {
            const pivot = space.places.slice(3, 6), there = () => embedding.onStage(camera, pivot);
            camera = embedding.zoomedAt(camera, reach, factor, there());
            const before = there();
            if (!flat) camera = embedding.turnedBy(camera, reach, yaw, pitch, pivot);
            result.kept.push([before, there()]);
        }
        embedding.project(camera, space.places, out);
        result.single = Array.from({ length: n }, (_, i) => embedding.onStage(camera, space.places.slice(3 * i, 3 * i + 3)));
        result.all = [[...out.x], [...out.y]];
        const some = [0, 3, 6, 9].map((at) => space.places.slice(at, at + 3));
        result.centred = embedding.onStage(embedding.framed(camera, some.slice(0, 1)), some[0]);
        const close = embedding.framed({ ...camera, zoom: 30, x: 9, y: 9 }, some);
        result.framed = some.map((place) => embedding.onStage(close, place));
        result.zoom = [embedding.zoomedAt(camera, reach, 1e9, [1, 1]).zoom, embedding.zoomedAt(camera, reach, 1e-9, [1, 1]).zoom];
        return result;
    });
}"""


def test_the_camera_shows_all_and_holds_what_it_turns_about(module):
    opened(module, shown())
    moves = [(1.5, 0, 0, 0.3, 0.1), (1.2, 0, 0, -0.2, 0.2), (0.9, 0, 0, 0.5, -0.4)]
    for found in module.evaluate(CAMERA, [700, 430, moves]):
        (xs, ys) = found["home"]
        assert min(xs) > 0 and max(xs) < 700 and min(ys) > 0 and max(ys) < 430
        for before, after in found["kept"]:
            assert after == pytest.approx(before, abs=0.01)
        assert np.abs(np.array(found["single"]).T - np.array(found["all"])).max() < 0.01
        assert found["centred"] == pytest.approx([350, 215]) and found["zoom"] == [40, 1]
        assert all(50 < x < 650 and 50 < y < 380 for x, y in found["framed"])


LABELS_FIT = """([xs, ys, widths, first, must, size, most]) => {
    const points = { x: Float32Array.from(xs), y: Float32Array.from(ys) };
    return embedding.placeLabels(first, must, xs.map((_, i) => i), points, (i) => widths[i], size, most, () => 6, [{ left: 300, top: 100, width: 90 }]);
}"""  # noqa: E501


def test_labels_do_not_overlap_and_those_asked_for_are_there(module):
    rng = np.random.default_rng(4)
    xs, ys = rng.normal(350, 90, 900).tolist(), rng.normal(210, 60, 900).tolist()
    widths = rng.uniform(12, 130, 900).tolist()
    first = rng.choice(900, 12, replace=False).tolist()
    found = module.evaluate(LABELS_FIT, [xs, ys, widths, first, 2, [700, 420], 60])
    assert 25 < len(found) <= 60 and {first[0], first[1]} <= {one["i"] for one in found}
    assert len({one["i"] for one in found}) == len(found)
    boxes = [(one["left"], one["top"], one["left"] + one["width"], one["top"] + 16) for one in found]
    for (left, top, right, bottom), other in itertools.combinations(boxes, 2):
        assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    for one, (left, top, right, bottom) in zip(found, boxes, strict=True):
        assert left >= 1 and top >= 1 and right <= 699 and bottom <= 419 and right - left == pytest.approx(widths[one["i"]])
        if one["i"] not in first[:2]:
            assert right <= 300 or left >= 390 or bottom <= 100 or top >= 116
    corner = module.evaluate(LABELS_FIT, [[698.0], [2.0], [80.0], [0], 1, [700, 420], 5])
    assert corner[0]["left"] + 80 <= 699 and corner[0]["top"] >= 1


def test_near_points_cover_far_ones_and_groups_cover_the_rest(module):
    paint = """([flat, near]) => {
        const colours = [[200, 0, 0], [0, 0, 200], [0, 150, 0]], paper = [255, 255, 255];
        const stamps = embedding.stampsOf(colours, paper, 1, flat, 2, 60);
        const image = new ImageData(60, 40);
        const points = { x: Float32Array.of(30, 30, 10), y: Float32Array.of(20, 20, 20), near: Float32Array.from(near) };
        embedding.paintPoints(image, paper, stamps, points, [[2], [0, 1]], Uint8Array.of(1, 2, 0), 1);
        const at = (x, y) => [...image.data.slice(4 * (60 * y + x), 4 * (60 * y + x) + 3)];
        return [at(30, 20), at(10, 20), at(50, 5), stamps.map((row) => row.map(({ reach }) => reach))];
    }"""
    assert module.evaluate(paint, [True, [0, 0, 0]])[:3] == [[0, 150, 0], [200, 0, 0], [255, 255, 255]]
    first, _, _, sizes = module.evaluate(paint, [False, [1, -1, 0]])
    assert first == [0, 0, 200], "the first is nearer"
    assert module.evaluate(paint, [False, [-1, 1, 0]])[0] == [0, 150, 0]
    assert all(row == sorted(row) and row[0] < row[-1] for row in sizes)


def test_words_are_found_by_themselves_then_by_their_beginnings(module):
    given = ["banana", "Paris", " Paris", "paris", "apart", "parish", "国王", "女国王", "\n", "Ünal"]
    find = """([given, query]) => {
        const finder = embedding.finderOf(given, embedding.visibleToken);
        return [finder.find(query, 4).map((i) => given[i]), given[finder.close(query)] ?? null];
    }"""
    expected = {
        "paris": (["paris", "Paris", " Paris", "parish"], "paris"),
        "PARIS": (["Paris", "paris", " Paris", "parish"], "Paris"),
        " Paris": ([" Paris", "Paris", "paris", "parish"], " Paris"),
        "␣Paris": ([" Paris"], " Paris"),
        "par": (["Paris", " Paris", "paris", "parish"], None),
        "国": (["国王", "女国王"], None),
        "↵": (["\n"], "\n"),
        "U\u0308NAL": (["Ünal"], "Ünal"),
        "": ([], None),
        "xyz": ([], None),
    }
    for query, (found, close) in expected.items():
        assert module.evaluate(find, [given, query]) == [found, close], query


# ---------------------------------------------------------------- the widget


def data(page, name):
    return page.locator(".em-root").get_attribute(f"data-{name}")


def camera(page):
    """zoom, yaw, pitch, x, y, after the frame that is due."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return [float(one) for one in data(page, "view").split()]


def pixel(page, view, word, width=None):
    """Where a word stands on the screen, on a flat map."""
    mean, axes, _ = components(np.asarray(view.rounded()))
    places = (view.rounded() - mean) @ axes[:2].T
    box = page.locator(".em-stage").evaluate(
        "(e) => [e.getBoundingClientRect().x + 1, e.getBoundingClientRect().y + 1, e.clientWidth, e.clientHeight]"
    )
    room = (np.array(box[2:]) - 52) / (places.max(0) - places.min(0))
    zoom, _, _, x, y = camera(page)
    right, up = (places[view.index(word, "test")] - (x, y)) * room.min() * zoom
    return box[0] + box[2] / 2 + right, box[1] + box[3] / 2 - up


def listed(page, where):
    return [
        (one.locator(".em-name").inner_text(), float(one.get_attribute("data-cosine")))
        for one in page.locator(f"{where} .em-word").all()
    ]


def same_list(page, where, view, vector, k, left=()):
    given = words()
    indices, cosines = torch_nearest(view.rounded(), vector, k, [given.index(word) for word in left])
    found = listed(page, where)
    assert [cosine for _, cosine in found] == pytest.approx(cosines, abs=1e-6)
    assert [name for name, _ in found if name.startswith("word")] == [
        w for w in (given[i] for i in indices) if w.startswith("word")
    ]
    return True


def vector(view, word):
    return view.rounded()[words().index(word)]


def test_words_are_searched_and_their_neighbours_visited(show):
    view = shown()
    page = show(view, width=1000)
    assert data(page, "picked") == "word2" and same_list(page, ".em-near", view, vector(view, "word2"), 10, ["word2"])
    assert page.locator(".em-near .em-value").first.inner_text() == f"{listed(page, '.em-near')[0][1]:.3f}"
    expect(page.locator(".em-root")).to_contain_text(f"{100 * sum(view.variance[:2]):.0f} % of the variance")

    mean, axes, _ = components(view.rounded())
    places = (view.rounded() - mean) @ axes.T
    real = set(torch_nearest(view.rounded(), vector(view, "word2"), 10, [2])[0])
    for dimensions in (3, 2):
        page.get_by_role("radio", name=f"{dimensions}-D").click()
        away = np.linalg.norm(places[:, :dimensions] - places[2, :dimensions], axis=1)
        shared = len(real & set(np.argsort(away)[1:11].tolist()))
        said = f"Of the 10 words nearest on the {dimensions}-D map, {shared or 'none'} "
        expect(page.locator(".em-overlap")).to_contain_text(said)

    box = page.get_by_role("combobox", name="Find a word")
    box.fill("word12")
    options = page.get_by_role("option")
    assert options.all_inner_texts() == ["word12", *(f"word12{i}" for i in range(7))]
    box.press("ArrowDown")
    box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == page.locator('[aria-selected="true"]').get_attribute("id")
    box.press("ArrowUp")
    box.press("Enter")
    assert camera(page) and data(page, "picked") == "word120" and box.input_value() == "" and options.count() == 0
    assert same_list(page, ".em-near", view, vector(view, "word120"), 10, ["word120"])
    nearest = listed(page, ".em-near")[0][0]
    expect(page.locator("[role=status]")).to_contain_text(f"word120. Nearest: {nearest} ")
    page.locator(".em-near .em-word").first.click()
    assert camera(page) and data(page, "picked") == nearest

    box.fill("no such word")
    expect(page.locator(".em-none").first).to_have_text("“no such word” is not among the 600 words here.")
    box.press("Enter")
    box.press("Escape")
    assert data(page, "picked") == nearest and box.input_value() == "" and not page.locator(".em-none").first.is_visible()
    box.fill("WORD77")
    box.blur()  # it is a word: it is taken
    assert camera(page) and data(page, "picked") == "word77"
    page.evaluate(IME, ["guo", True])
    assert options.count() == 0, "an input method is still writing"
    page.evaluate(IME, ["国", False])
    assert options.all_inner_texts() == ["国王"]
    options.first.click()
    assert camera(page) and data(page, "picked") == "国王" and page.locator(".em-near .em-head").inner_text() == "Nearest to 国王"


IME = """([text, composing]) => {
    const input = document.querySelector(".em-tools input");
    input.value = text;
    if (composing) input.dispatchEvent(new InputEvent("input", { isComposing: true }));
    else input.dispatchEvent(new CompositionEvent("compositionend"));
    if (composing) input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true }));
}"""


def test_the_bench_adds_and_takes_away(show):
    view = shown(analogies=[("word2", "word1", "word3"), ("word8", "word9", "word10")], groups={"odd": ["国王", "女王"]})
    page = show(view, width=1000)

    def follows(a, b, c):
        target = vector(view, a) - vector(view, b) + vector(view, c)
        assert same_list(page, ".em-all", view, target, 5)
        assert same_list(page, ".em-others", view, target, 5, [a, b, c])
        return True

    bench = page.get_by_role("group", name="a − b + c")
    assert follows("word2", "word1", "word3")
    put_in = [name for name, _ in listed(page, ".em-all") if name in ("word1", "word2", "word3")]
    assert put_in and bench.locator(".em-all .em-tag").count() == len(put_in)
    top = listed(page, ".em-all")[0][0]
    assert top in put_in
    expect(page.locator(".em-verdict")).to_contain_text(f"The nearest word is {top}, one of the three you put in")
    camera(page)
    assert data(page, "answer") == listed(page, ".em-others")[0][0]
    page.get_by_role("radio", name="of all words").click()
    camera(page)
    assert data(page, "answer") == top
    before = page.locator(".em-stage canvas").last.evaluate("(canvas) => canvas.toDataURL()")
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
    near = camera(page)
    page.get_by_role("button", name="word8 − word9 + word10").click()
    assert follows("word8", "word9", "word10")
    page.wait_for_timeout(400)
    assert camera(page)[0] < near[0], "all of it comes into sight"
    camera(page)
    assert page.locator(".em-stage canvas").last.evaluate("(canvas) => canvas.toDataURL()") != before

    third = bench.get_by_role("combobox", name="+ c")
    third.fill("word55")
    third.press("Enter")
    assert follows("word8", "word9", "word55")
    expect(page.locator("[role=status]")).to_contain_text("word8 − word9 + word55. Nearest of all words: ")
    third.fill("nothing")
    third.blur()  # it is no word: the last one comes back
    assert third.input_value() == "word55"
    bench.get_by_role("combobox", name="− b").fill("word55")
    bench.get_by_role("combobox", name="a", exact=True).focus()
    assert follows("word8", "word55", "word55") and listed(page, ".em-all")[0] == ("word8", pytest.approx(1))
    bench.locator(".em-others .em-word").first.click()
    camera(page)
    assert data(page, "picked") == listed(page, ".em-others")[0][0]

    page.get_by_text("The map as tables").click()
    tables = page.locator(".em-tables table")
    rows = [row.locator("td").all_inner_texts() for row in tables.first.locator("tbody tr").all()]
    ways = [vector(view, b) - vector(view, a) for a, b in (("word1", "word2"), ("word3", "word4"))]
    angle = torch.nn.functional.cosine_similarity(*map(torch.tensor, ways), dim=0).item()
    assert [row[:2] for row in rows] == [["word1", "word2"], ["word3", "word4"]]
    assert [row[3] for row in rows] == ["1.00", f"{angle:.2f}".replace("-", "−")]
    assert tables.last.locator("tbody tr").count() == int(data(page, "labels"))
    assert ["女王", "odd"] in [row.locator("td").all_inner_texts()[:2] for row in tables.last.locator("tbody tr").all()]


def test_without_three_words_the_bench_waits(show):
    page = show(shown(arrows=()), width=1000)
    expect(page.locator(".em-verdict")).to_have_text("Choose three words.")
    assert page.locator(".em-two .em-word").count() == 0 and data(page, "answer") == ""
    for name, word in (("a", "word5"), ("− b", "word6"), ("+ c", "word7")):
        box = page.get_by_role("combobox", name=name, exact=True)
        box.fill(word)
        box.press("Enter")
    assert page.locator(".em-two .em-word").count() == 10


def test_the_map_by_mouse_wheel_and_keys(show):
    view = shown(groups={"odd": ["国王", "女王"], "few": ["word7", "word8", "word9"]})
    page = show(view, width=1000, motion="reduce")
    stage = page.locator(".em-stage")
    home = camera(page)
    at = pixel(page, view, "word33")
    page.mouse.move(*at)
    camera(page)
    assert data(page, "hover") == "word33"
    page.mouse.wheel(0, -200)  # the page scrolls: nothing was clicked
    page.wait_for_timeout(60)
    assert camera(page) == home and page.evaluate("scrollY") == 0
    page.mouse.click(*at)
    camera(page)
    assert data(page, "picked") == "word33"
    still = data(page, "view")
    page.mouse.wheel(0, -300)
    page.wait_for_function("(old) => document.querySelector('.em-root').dataset.view !== old", arg=still)
    zoomed = camera(page)
    assert zoomed[0] > 1.5 and pixel(page, view, "word33") == pytest.approx(at, abs=2), "it stays under the pointer"
    page.mouse.down()
    page.mouse.move(at[0] + 50, at[1] + 30, steps=3)
    page.mouse.up()
    assert pixel(page, view, "word33") == pytest.approx((at[0] + 50, at[1] + 30), abs=2) and data(page, "picked") == "word33"
    page.mouse.move(5, 5)
    page.mouse.move(*at)
    moved = camera(page)
    page.mouse.wheel(0, 100)  # the pointer had left: the wheel is the page's again
    page.wait_for_timeout(60)
    assert camera(page) == moved
    page.get_by_role("button", name="Whole map").click()
    assert camera(page) == home

    stage.focus()
    for key in ("+", "+", "ArrowRight", "ArrowDown"):
        stage.press(key)
    keyed = camera(page)
    assert keyed[0] == pytest.approx(2.25) and keyed[3] > home[3] and keyed[4] < home[4]
    middle = data(page, "hover")
    expect(page.locator("[role=status]")).to_have_text(f"In the middle: {middle.strip()}. Enter picks it.")
    stage.press("Enter")
    assert camera(page) == keyed and data(page, "picked") == middle
    stage.press("0")
    assert camera(page) == home

    page.get_by_role("button", name="few (3)").click()
    page.get_by_role("button", name="595 other words").click()
    camera(page)
    labels = int(data(page, "labels"))
    assert labels < 25
    page.mouse.click(*pixel(page, view, "word7"))
    camera(page)
    assert data(page, "picked") != "word7", "it is not shown"
    page.get_by_role("button", name="595 other words").click()
    camera(page)
    assert int(data(page, "labels")) > labels

    page.get_by_role("radio", name="3-D").click()
    expect(page.locator(".em-root")).to_contain_text(f"{100 * sum(view.variance):.0f} % of the variance")
    deep = camera(page)
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 60, steps=3)
    page.mouse.up()
    turned = camera(page)
    assert turned[1] > deep[1] and turned[2] > deep[2] and turned[0] == deep[0]
    stage.press("ArrowLeft")
    assert camera(page)[1] != turned[1]
    stage.press("+")
    before = camera(page)
    stage.press("Shift+ArrowRight")
    assert camera(page)[3] != before[3] and camera(page)[1] == before[1]
    for _ in range(5):
        stage.press("+")
    page.locator(".em-near .em-word").last.click()
    after = camera(page)
    assert after[0] == pytest.approx(1.5**6, abs=1e-3) and after[3:] != before[3:], "what is far away comes into sight at once"


def touches(page):
    devtools = page.context.new_cdp_session(page)
    send = lambda kind, *at: devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [*at]})  # noqa: E731

    def move(*paths, steps=6):
        """Fingers that go from (x, y) by (dx, dy), all at once."""
        places = lambda part: [{"x": x + part * dx, "y": y + part * dy, "id": k} for k, ((x, y), (dx, dy)) in enumerate(paths)]  # noqa: E731
        for count in range(1, len(paths) + 1):
            send("touchStart", *places(0)[:count])
        for step in range(1, steps + 1):
            page.wait_for_timeout(20)
            send("touchMove", *places(step / steps))
        page.wait_for_timeout(60)
        send("touchEnd")
        page.wait_for_timeout(60)

    return move


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone(show, dark):
    from book import vendor

    view = shown(
        groups={"kings and queens": ["国王", "女王", "ملك"], "others": ["word7", "word8"]},
        analogies=[("word2", "word1", "word3"), ("word8", "word9", "word10")],
    )
    page = show(view, width=360, height=740, dark=dark)
    assert scrolls_sideways(page) == []
    stage = page.locator(".em-stage")
    finger = touches(page)
    box = stage.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    home = camera(page)
    finger((middle, (0, -120)))
    assert page.evaluate("scrollY") > 60 and camera(page) == home, "one finger scrolls the page"
    page.wait_for_timeout(200)
    page.evaluate("scrollTo(0, 0)")
    (x, y) = middle
    finger(((x - 30, y), (-50, 0)), ((x + 30, y), (50, 0)))
    pinched = camera(page)
    assert pinched[0] > 1.8 and page.evaluate("[scrollY, visualViewport.scale]") == [0, 1]
    finger(((x - 30, y), (0, 60)), ((x + 30, y), (0, 60)))
    assert camera(page)[4] > pinched[4] and page.evaluate("scrollY") == 0, "two fingers move the map"
    page.get_by_role("button", name="Whole map").tap()
    page.touchscreen.tap(*pixel(page, view, "word30"))
    camera(page)
    assert data(page, "picked") == "word30"
    page.get_by_role("button", name="+", exact=True).or_(page.get_by_role("button", name="Zoom in")).tap()
    page.get_by_role("button", name="One finger moves the map").tap()
    before = camera(page)
    finger((middle, (0, -80)))
    assert camera(page)[4] < before[4] and page.evaluate("scrollY") == 0

    page.get_by_text("The map as tables").tap()
    assert scrolls_sideways(page) == []
    heights = (
        "() => [...document.querySelectorAll('.lmkit :is(button, input, summary)')].map((e) => e.offsetHeight).filter(Boolean)"
    )
    assert min(page.evaluate(heights)) >= 30
    page.get_by_role("combobox", name="+ c").fill("word1")
    assert scrolls_sideways(page) == [] and page.get_by_role("option").count() == 8
    page.get_by_role("combobox", name="Find a word").fill("word1")
    page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    found = page.evaluate("async () => (await axe.run('.lmkit', { resultTypes: ['violations'] })).violations")
    lines = [f"{v['impact']}: {v['help']}: {node['html'][:200]}" for v in found for node in v["nodes"][:3]]
    assert not [line for line in lines if line.startswith(("serious", "critical"))], "\n".join(lines)
    corner = "(canvas) => [...canvas.getContext('2d').getImageData(1, 1, 1, 1).data].slice(0, 3).reduce((a, b) => a + b)"
    assert (stage.locator("canvas").first.evaluate(corner) < 120) == dark


SHIFTS = """window.shifted = 0;
const own = ({ sources }) => sources.some(({ node }) => node?.closest?.(".lmkit"));
new PerformanceObserver((list) => list.getEntries().filter(own).forEach((one) => (shifted += one.value)))
    .observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.parametrize("width", [360, 720])
def test_reserved_height_is_what_is_needed(show, width):
    many = {"kings and queens": ["word1"], "towns": ["word2"], "countries": ["word3"], "rivers": ["word4"]}
    sums = [("word2", "word1", "word3"), ("word8", "word9", "word10"), ("word11", "word12", "word13")]
    for view in (shown(groups=many, analogies=sums), shown(title="", arrows=()), shown(analogies=[])):
        page = show(view, width=width, before=SHIFTS)
        assert page.evaluate("shifted") == 0 and (page.locator(".em-bench").count() == 1) == view.bench
        height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        assert abs(height - view._height[0 if width > 600 else 1]) < 0.04 * height, height
        page.get_by_role("radio", name="3-D").click()
        page.locator(".em-near .em-word").last.click()
        now = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        assert abs(now - height) <= 24, "nothing below it jumps"


def test_text_is_text(show):
    page = show(shown(picked="<b>x</b>", arrows=[("\n", ""), ("a\x00b", "ملك")]))
    assert page.locator(".em-near .em-head").inner_text() == "Nearest to <b>x</b>" and page.locator(".em-root b").count() == 0
    boxes = page.locator(".em-terms input")
    assert [box.input_value() for box in boxes.all()] == ["∅", "↵", "a␀b"]
    page.get_by_role("combobox", name="Find a word").fill("␣")
    assert page.get_by_role("option").all_inner_texts() == ["␣Paris"]


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows_and_stays_small():
    view = shown(groups={"odd": ["国王", "女王"]}, picked="国王", dimensions=3)
    flat, deep = (f"{100 * sum(view.variance[:k]):.0f}" for k in (2, 3))
    given, rounded = words(), view.rounded()

    def named(vector, k, *left):
        indices, cosines = torch_nearest(rounded, vector, k, [given.index(word) for word in left])
        return ", ".join(f"{given[i]!r} {cosine:.2f}" for i, cosine in zip(indices, cosines, strict=True))

    terms = ["word2", "word1", "word3"]
    target = vector(view, "word2") - vector(view, "word1") + vector(view, "word3")
    assert repr(view) == (
        f"EmbeddingView(600 words × 24 numbers in 16 bits; the map holds {flat} % of the variance, {deep} % in 3-D; "
        f"2 arrows; odd 2; nearest to '国王': {named(vector(view, '国王'), 2, '国王')}; "
        f"to 'word2' − 'word1' + 'word3': {named(target, 1)}, without these {named(target, 1, *terms)})"
    )
    large = EmbeddingView([str(i) for i in range(5000)], vectors(5000, 50))
    assert len(large.vectors) + len(large.factors) + len(large.frame) < 250_000 and large.bits == 8
    assert large.analogies == [] and large.picked == 0
    assert shown().analogies == [[2, 1, 3]] and shown().picked == 2
    again = EmbeddingView([str(i) for i in range(5000)], torch.tensor(vectors(5000, 50)))
    assert (again.vectors, again.frame) == (large.vectors, large.frame)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EmbeddingView(["a", "b", "c"], np.ones(3)), "matrix has the shape (3,); it must be [words, numbers]"),
        (lambda: EmbeddingView(["a", "b", "c"], np.ones((3, 1))), "with at least 2 numbers a word"),
        (lambda: EmbeddingView(["a", "b", "c"], np.ones((4, 2))), "there are 3 words, and matrix has 4 rows"),
        (lambda: EmbeddingView(["a", "b"], np.ones((2, 2))), "2 words: EmbeddingView shows 3 to 20,000"),
        (lambda: EmbeddingView(list(map(str, range(9000))), np.ones((9000, 300))), "Show 3,333 words"),
        (lambda: EmbeddingView(["a", "b", "a"], np.ones((3, 2))), "'a' stands 2 times among the words"),
        (lambda: EmbeddingView(["a", "b", 3], np.ones((3, 2))), "the words must be texts; 3 is int"),
        (lambda: EmbeddingView(["a", "b", "c"], [[0, 1], [1, np.nan], [1, 1]]), "the vector of 'b' holds a value that is not"),
        (lambda: EmbeddingView(["a", "b", "c"], [[0, 1], [1, 0], [0, 0]]), "the vector of 'c' is zero"),
        (lambda: shown(arrows=[("word1", "Word2")]), "arrows[0]: 'Word2' is not among the 600 words. There is 'word2'."),
        (lambda: shown(arrows=["ab"]), "arrows[0] must be two words, not 'ab'"),
        (lambda: shown(arrows=[("word1", "word2")] * 61), "61 arrows: show at most 60"),
        (lambda: shown(groups={"x": ["word1", "zzz"]}), "groups['x']: 'zzz' is not among the 600 words."),
        (lambda: shown(groups={"x": []}), "groups['x'] must be a list of words"),
        (lambda: shown(groups={"x": ["word1"], "y": ["word1"]}), "'word1' stands in the group 'x' and in 'y'"),
        (lambda: shown(groups={str(i): [f"word{i}"] for i in range(9)}), "9 groups: show at most 8"),
        (lambda: shown(analogies=[("word1", "word2")]), "analogies[0] must be three words"),
        (lambda: shown(picked="zzz"), "picked: 'zzz' is not among"),
        (lambda: shown(dimensions=4), "dimensions=4: a map has 2 or 3"),
        (lambda: EmbeddingView(["a", "b", "c"], np.ones((3, 2)), dimensions=3), "these vectors have 2 numbers each"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
