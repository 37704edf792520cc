"""CalculatorView: its sums are those of Python, its fields say what is wrong, and its controls work by keyboard."""

import random

import pytest
from browser import chromium, imported, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from lmkit import landscape
from lmkit.widgets.base import bundle
from lmkit.widgets.calculator import CalculatorView

show = shower(".ca-table tbody tr")


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "calculator", bundle("calculator.js")) as page:
        yield page


def test_costs_are_those_of_python(module):
    rng = random.Random(0)
    for price in landscape.rows("prices"):
        read = rng.randrange(1, 10**7)
        cached, written = rng.randrange(read), rng.randrange(10**6) if price["output"] is not None else 0
        found = module.evaluate("([p, r, w, c]) => calculator.costOf(p, r, w, c)", [price, read, written, cached])
        assert found == pytest.approx(landscape.cost(price, read, written, cached), rel=1e-12)
    unknown = next(price for price in landscape.rows("prices") if price["output"] is None)
    assert module.evaluate("(p) => calculator.costOf(p, 10, 1, 0)", unknown) is None


def test_memory_is_that_of_python(module):
    rng = random.Random(1)
    for shape in landscape.rows("shapes"):
        bits, tokens, batch = rng.choice((4, 5, 8, 16, 32)), rng.randrange(200_000), rng.randrange(1, 65)
        found = module.evaluate("([s, b, t, n]) => calculator.memoryOf(s, b, t, n)", [shape, bits, tokens, batch])
        assert found == pytest.approx(landscape.memory(shape, bits, tokens, batch), rel=1e-12)
        assert module.evaluate("(s) => calculator.parametersOf(s)", shape) == landscape.size_of(shape)


def test_machines_with_room_are_those_of_python(module):
    for size in (1e9, 14.4e9, 14.5e9, 500e9):
        shares = [module.evaluate("([b, m]) => calculator.takes(b, m)", [size, gpu]) for gpu in landscape.rows("gpus")]
        fit = [gpu["name"] for gpu, share in zip(landscape.rows("gpus"), shares, strict=True) if share <= 1 - landscape.SPARE]
        assert fit == landscape.fits(size)


def test_a_job_is_counted_again_with_every_field(show):
    page = show(CalculatorView("cost", chosen="gpt-5", job={"read": 1_000_000, "cached": 0, "written": 0, "requests": 2}))
    result = page.locator(".ca-result")
    expect(result).to_have_text("$2.50 for 2 requests; $1.25 each")
    page.get_by_label("of these from a cache").fill("1000000")
    expect(result).to_have_text("$0.25 for 2 requests; $0.13 each")
    page.get_by_label("tokens written, a request").fill("100000")
    expect(result).to_have_text("$2.25 for 2 requests; $1.13 each")
    page.get_by_label("Price of").select_option("Qwen-Long")
    expect(result).to_have_text("no price known for what is written")
    assert page.locator(".ca-now th").text_content() == "Qwen-Long"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tokens read, a request", "-3", "Write whole numbers"),
        ("tokens read, a request", "1.5", "Write whole numbers"),
        ("requests", "", "Write whole numbers"),
        ("of these from a cache", "2000", "No more tokens can come from a cache"),
        ("requests", "9999999999999", "more than this calculator takes"),
    ],
)
def test_what_is_no_job_is_said(show, field, value, words):
    page = show(CalculatorView("cost"))
    page.get_by_label(field, exact=True).fill(value)
    expect(page.locator(".ca-result")).to_contain_text(words)
    expect(page.get_by_label(field, exact=True)).to_have_attribute("aria-invalid", "true")
    assert page.locator(".ca-table tbody tr").count() == 0


def test_memory_by_keyboard(show):
    page = show(CalculatorView("memory", chosen="LLaMA 13B"))
    expect(page.locator(".ca-result")).to_have_text("weights 26.0 GB + cache 1.7 GB = 27.7 GB")
    row = page.get_by_role("row", name="V100, 32 GB")
    expect(row).to_contain_text("✓ fits")
    expect(page.get_by_role("row", name="V100, 16 GB")).to_contain_text("✗ no")
    page.get_by_role("radio", name="16").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="32")).to_have_attribute("aria-checked", "true")
    expect(row).to_contain_text("✗ no")
    page.get_by_label("Tokens in the cache, each text").press("Home")
    expect(page.locator(".ca-result")).to_contain_text("cache 0.00 GB")


@pytest.mark.parametrize("mode", ["cost", "memory"])
@pytest.mark.parametrize("width", [1280, 360])
def test_there_is_room_for_it_on_any_page(show, mode, width):
    page = show(CalculatorView(mode, title="Sums"), width=width)
    assert not scrolls_sideways(page)
    height, kept = page.locator(".lmkit-slot").evaluate(
        "(slot) => [slot.getBoundingClientRect().height, parseFloat(getComputedStyle(slot).minHeight)]"
    )
    assert abs(height - kept) < 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("size",), "no mode 'size'"),
        (("cost", [{"model": "x"}]), "has no maker, date"),
        (("memory", []), "at least one row"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        CalculatorView(*arguments)


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({"read": 1}, "a job has read, cached, written, requests"),
        ({"read": 1, "cached": 2, "written": 0, "requests": 1}, "cannot come from a cache"),
        ({"read": -1, "cached": 0, "written": 0, "requests": 1}, "read is -1"),
    ],
)
def test_what_is_no_job_is_refused(job, words):
    with pytest.raises(ValueError, match=words):
        CalculatorView("cost", job=job)


def test_it_says_what_it_shows():
    assert (
        repr(CalculatorView("cost", chosen="gpt-5"))
        == f"CalculatorView(cost: {len(landscape.rows('prices'))} prices, begins with gpt-5)"
    )
    with pytest.raises(ValueError, match="no row 'gpt-9'"):
        CalculatorView("cost", chosen="gpt-9")
