"""TokenStepView: the chain rule in the browser against Python's, its place moved by every control, and what it refuses."""

import math
import random
import re

import pytest
from browser import chromium, imported, pages, scrolls_sideways  # noqa: F401
from playwright.sync_api import expect

from lmkit.widgets.base import bundle
from lmkit.widgets.token_step import TokenStepView, lines, steps

SENTENCE = ["今天", "天气", " <b>", "</script>", "。"]
WORDS = [*SENTENCE, "很", "好", "不", "\n", "a word that is far too long for its row"]


def model(seed):
    """A model that has learned nothing: other probabilities after every prefix."""

    def predict(before):
        rng = random.Random(f"{seed} {before}")
        sizes = [math.exp(rng.gauss(0, 2)) for _ in WORDS]
        return [size / sum(sizes) for size in sizes]

    return predict


def told(seed, tokens=SENTENCE, **more):
    return steps(model(seed), tokens, words=WORDS, top=4, **more)


def view(count=2, tokens=SENTENCE, title="", **more):
    return TokenStepView({f"model {k}": told(k, tokens, **(more if k == 0 else {})) for k in range(count)}, title=title)


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "step", bundle("token_step.js")) as page:
        yield page


@pytest.fixture
def show(chromium, tmp_path):  # noqa: F811
    """show(view) opens it in a page of its own; at the end nothing may have gone wrong there."""
    with pages(chromium, tmp_path) as open_page:

        def open_view(shown, **how):
            return open_page(shown.to_html(), **how).page

        yield open_view


def place(page):
    return int(page.locator(".ts-root").get_attribute("data-at"))


def sums(page):
    return [[cell.inner_text() for cell in row.locator("td").all()] for row in page.locator("tfoot tr").all()]


# ---------------------------------------------------------------- arithmetic


def test_products_are_those_of_python_however_small(module):
    rng = random.Random(0)
    for n in (1, 5, 400):
        probabilities = [rng.uniform(1e-9, 1) for _ in range(n)]
        found = module.evaluate("(ps) => step.runningLogs(ps)", probabilities)
        assert found[-1] == pytest.approx(sum(map(math.log, probabilities)), rel=1e-12) and len(found) == n
    for log in (0, -0.5, -6.9, -6.91, -7, -23.02585092994046, -800.3, -5000):
        mantissa, _, exponent = module.evaluate("(x) => step.power(x)", log).replace("−", "-").partition("e")
        written = math.log(float(mantissa)) + int(exponent or 0) * math.log(10)
        assert written == pytest.approx(log, abs=6e-3)
    assert module.evaluate("() => [step.power(-Infinity), step.perplexity(-Infinity, 3)]") == ["0", "∞"]
    assert float(module.evaluate("() => step.perplexity(Math.log(1 / 6) * 4, 4)")) == pytest.approx(6)


def test_rows_hold_what_came_and_all_the_rest(module):
    call = "([s, token]) => step.rowsOf(s, token)"
    found = module.evaluate(call, [{"p": 0.01, "top": [["a", 0.6], ["b", 0.3]]}, "c"])
    assert [row["text"] for row in found["rows"]] == ["a", "b", "c"] and found["rows"][2]["came"]
    assert found["left"] == pytest.approx(0.09)
    found = module.evaluate(call, [{"p": 0.3, "top": [["a", 0.7], ["b", 0.3]]}, "b"])
    assert [row["came"] for row in found["rows"]] == [False, True] and found["left"] == 0


def test_a_factor_names_its_context(module):
    call = "([tokens, i]) => step.factor(tokens, i)"
    assert module.evaluate(call, [["今天", "天气"], 0]) == "P(今天)"
    assert module.evaluate(call, [["今天", "天气"], 1]) == "P(天气 | 今天)"
    assert module.evaluate(call, [list("abcdef"), 5]) == "P(f | … c d e)"


# ---------------------------------------------------------------- the widget


def test_every_control_moves_the_place(show):
    shown = view(3, fraction=lambda before, token: "c/n" if not before else "", note=lambda before, token: f"after {len(before)}")
    page = show(shown)
    back, forth = (page.get_by_role("button", name=name) for name in ("Back", "Next"))
    slider = page.get_by_label("Token", exact=True)
    assert place(page) == 0 and back.get_attribute("aria-disabled") == "true"
    forth.click()
    assert place(page) == 1
    forth.press("ArrowRight")
    slider.press("ArrowRight")
    assert place(page) == 3 and slider.get_attribute("aria-valuetext") == "4 of 5"
    slider.press("End")
    assert place(page) == 4 and forth.get_attribute("aria-disabled") == "true"
    forth.press("ArrowRight")
    assert place(page) == 4
    tokens = page.locator(".ts-token")
    tokens.nth(1).click()
    tokens.nth(1).press("ArrowRight")
    assert place(page) == 2 and tokens.nth(2).evaluate("(e) => e === document.activeElement")
    tokens.nth(2).press("Home")
    assert place(page) == 0 and tokens.nth(0).get_attribute("aria-current") == "step"
    back.press("End")
    # what has been read is there, as it is; the sums are those of the chain rule
    assert tokens.all_inner_texts() == ["今天", "天气", "␣<b>", "</script>", "。"]
    for k, column in enumerate(zip(*sums(page), strict=True)):
        log = shown.logprob(f"model {k}")
        assert column[1] == f"{log:.2f}".replace("-", "−") and float(column[2]) == pytest.approx(math.exp(-log / 5), rel=1e-3)
    expect(page.locator("[aria-live]")).to_contain_text("Token 5 of 5: 。; model 0: ")


def test_a_step_shows_what_was_expected_and_hides_what_comes(show):
    shown = view(2, fraction=lambda before, token: "c/n" if not before else "", note=lambda before, token: f"after {len(before)}")
    page = show(shown)
    page.get_by_role("button", name="Next").click()
    first = page.locator(".ts-card").first
    expected = shown.models[0]["steps"][1]
    names = [name for name in first.locator(".ts-bars .ts-name").all_inner_texts() if name]
    assert len(names) in (4, 5) and "天气" in names
    assert first.locator("[aria-current]").inner_text().startswith("天气")
    width = first.locator(".ts-bars .ts-bar").first.evaluate("(e) => parseFloat(e.style.width)")
    assert width == pytest.approx(100 * expected["top"][0][1], abs=1e-3)
    assert first.locator(".ts-notes .ts-now").inner_text() == "after 1"
    visible = page.locator("tbody tr").evaluate_all("rows => rows.map((r) => getComputedStyle(r.firstChild).visibility)")
    assert visible == ["visible"] * 2 + ["hidden"] * 3
    assert page.locator("tbody tr").first.locator("td").first.inner_text().startswith("c/n = ")
    later = page.locator(".ts-token").nth(3)
    assert later.get_attribute("aria-label") == "Token 4 of 5, not read yet"
    assert later.locator("span").evaluate("(e) => getComputedStyle(e).visibility") == "hidden"
    assert page.locator(".ts-root b, .ts-root script").count() == 0


def test_the_place_of_a_long_sentence_stays_in_sight(show):
    page = show(view(4, [random.Random(i).choice(WORDS) for i in range(40)]))
    for key in ("End", "Home"):
        page.get_by_label("Token", exact=True).press(key)
        inside = page.locator("tr.ts-now").evaluate(
            """(row) => {
                const box = row.getBoundingClientRect(), region = row.closest(".ts-scroll");
                const [head, foot] = ["thead", "tfoot"].map((part) => region.querySelector(part).getBoundingClientRect());
                return box.top >= head.bottom - 1 && box.bottom <= foot.top + 1;
            }"""
        )
        assert inside, key


@pytest.mark.parametrize(("width", "dark"), [(360, True), (720, False)])
def test_it_fits_its_page_and_its_reserved_height_at_every_step(show, width, dark):
    note = {"note": lambda before, token: "a note of a few words " * (1 + len(before) % 3)}
    for shown in (view(1, title="One"), view(2, title="Two", **note), view(4, SENTENCE * 6)):
        page = show(shown, width=width, dark=dark)
        heights = set()
        for _ in range(3):
            heights.add(page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32"))
            page.get_by_role("button", name="Next").click()
        assert len(heights) == 1 and scrolls_sideways(page) == []
        assert abs(heights.pop() - shown._height[0 if width > 600 else 1]) < 0.05 * shown._height[0]
        controls = "() => [...document.querySelectorAll('.lmkit :is(.lmkit-button, input)')].map((one) => one.offsetHeight)"
        assert min(page.evaluate(controls)) >= 30


# ---------------------------------------------------------------- Python


def test_steps_ask_any_function():
    found = steps(lambda before: {"a": 0.5, "b": 0.25, "c": 0.25}, "ab", top=2, fraction=lambda before, token: f"{len(before)}/1")
    assert found == [
        {"token": "a", "p": 0.5, "top": [("a", 0.5), ("b", 0.25)], "fraction": "0/1"},
        {"token": "b", "p": 0.25, "top": [("a", 0.5), ("b", 0.25)], "fraction": "1/1"},
    ]
    assert steps(model(0), ["很"], words=WORDS, top=3)[0]["p"] == model(0)([])[WORDS.index("很")]


def test_it_says_what_it_shows():
    certain = [{"token": "a", "p": 1, "top": [("a", 1)]}, {"token": "b", "p": 0.25, "top": [("c", 0.75), ("b", 0.25)]}]
    never = [{"token": "a", "p": 0, "top": [("c", 1)]}, certain[1]]
    assert repr(TokenStepView({"x": certain, "y": never})) == (
        "TokenStepView(2 tokens: a b; x: ln P = -1.39, perplexity 2; y: ln P = -inf, perplexity inf)"
    )
    assert TokenStepView({"x": one(fraction="4 / 8")}).models[0]["steps"][0]["fraction"] == "4 / 8"
    assert lines(["word"] * 40, 323) > lines(["word"] * 40, 673) > 1


def one(**changed):
    return [{"token": "a", "p": 0.5, "top": [("a", 0.5)]} | changed]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TokenStepView({}), "1 to 4 models, not 0"),
        (lambda: TokenStepView({str(i): one() for i in range(5)}), "1 to 4 models, not 5"),
        (lambda: TokenStepView({"x": []}), "x has no steps"),
        (lambda: TokenStepView({"x": one(), "y": one(token="b", top=[])}), "token 1 is 'a' here and 'b' there"),
        (lambda: TokenStepView({"x": one(), "y": one() * 2}), "token 2 is None here and 'a' there"),
        (lambda: TokenStepView({"x": one(p=1.5)}), "the probability of 'a' is 1.5"),
        (lambda: TokenStepView({"x": one(p=0.4)}), "'a' has p=0.4, but another probability in top"),
        (lambda: TokenStepView({"x": one(top=[("b", 0.7), ("c", 0.5)])}), "sum to 1.2000, which is more than 1"),
        (lambda: TokenStepView({"x": one(top=[("b", 0.1), ("c", 0.3)])}), "must fall in probability"),
        (lambda: TokenStepView({"x": one(fraction="3/5")}), "'a' has p=0.5, which is not 3/5"),
        (lambda: TokenStepView({"x": one()}, start=1), "counted from 0 to 0"),
        (lambda: steps(lambda before: [0.5, 0.5], ["a"]), "numbers without their tokens"),
        (lambda: steps(lambda before: {"a": 1}, ["b"]), "'b' (token 1) has no probability"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
