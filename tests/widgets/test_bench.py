"""PromptBench: its prompts and answers against torch, its marks and intervals against Python, and the reader's hands on it."""

import random
import re

import pytest
from browser import (  # noqa: F401
    chromium,
    imported,
    scrolls_sideways,
    shower,
    stops_listening,
    with_kernel,
)
from playwright.sync_api import expect

from book import vendor
from lmkit import tiny
from lmkit.evaluate import Accuracy, compare
from lmkit.tiny import exam
from lmkit.widgets import bench
from lmkit.widgets.base import bundle
from lmkit.widgets.bench import PromptBench

HOSTILE = '{x} <|end|></script><img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def facts():
    chosen = [fact for fact in tiny.load_world().facts if fact.relation == "capital"]
    odd = [fact for fact in chosen if fact.about in ("AG", "US", "PA", "GT", "LU", "SG")]  # St. John's, Washington, D.C., …
    return odd + random.Random(1).sample(chosen, 4)


@pytest.fixture(scope="module")
def items(facts):
    return [({"x": fact.subject["en"]}, fact.object["en"]) for fact in facts]


@pytest.fixture(scope="module")
def sft():
    return tiny.load("sft")


@pytest.fixture(scope="module")
def module(chromium):  # noqa: F811
    with imported(chromium, "pb", bundle("bench.js")) as page:
        yield page


show = shower(".pb-run")


def run(page):
    """Presses Run and waits; how many are right with each template."""
    page.get_by_role("button", name="Run", exact=True).click()
    return done(page)


def done(page):
    expect(page.locator(".pb-root")).to_have_attribute("data-running", "false", timeout=60_000)
    return [int(one) if one else None for one in page.locator(".pb-root").get_attribute("data-done").split(",")]


def card(page, k):
    return page.get_by_role("region", name=f"Template {k}", exact=True)


def marks(page, k):
    return card(page, k).locator("li").evaluate_all("(all) => all.map((one) => one.className === 'pb-right')")


def replies(page, k):
    return card(page, k).locator("li b").all_text_contents()


# ---------------------------------------------------------------- marking

CASES = [
    ("The capital of France is Paris.", True, "Paris", True),
    ("The capital of France is Paris", True, "Paris", True),
    ("the capital is PARIS!", True, "Paris", True),
    ("Paris. The capital of Spain is Rome.", True, "Paris", False),
    ("Paris. The capital of Spain is Rome.", False, "Paris", False),
    ("The capital of France is Paris.", False, "Paris", False),
    ("Paris or Rome.", True, "Paris", False),
    ("Parisian.", True, "Paris", False),
    ("The capital of Antigua and Barbuda is St. John's.", True, "St. John's", True),
    ("St. John's. St. John's.", True, "St. John's", False),
    ("", True, "Paris", False),
    ("\nParis", True, "Paris", False),
    (" Paris\nThe capital", True, "Paris", False),
    ("法国的首都是巴黎。", True, "巴黎", True),
    ("法国的首都是巴黎。罗马很好。", True, "巴黎", False),
    ("法国的首都是巴黎，不是罗马。", True, "巴黎", False),
    ("a (b) [c] $^", True, "(b)", True),
]


def test_marks_are_those_of_the_rule_in_both_languages(module):
    labels = ["Paris", "Rome", "罗马", "St. John's", "Spain"]
    rng = random.Random(0)
    names = ["Paris", "Rome", "巴黎", "罗马", "St. John's", "is", "D.C.", "’s", "é", "_", "St."]
    pieces = [*names, ".", "。", " ", "\n", "?", "!", "…"]
    texts = ["".join(rng.choice(pieces) for _ in range(rng.randint(0, 7))) for _ in range(400)]
    made = [(text, rng.random() < 0.5, rng.choice(["Paris", "巴黎", "St. John's"])) for text in texts]
    cases = [(reply, ended, answer, chat) for reply, ended, answer, _ in CASES for chat in (True, False)]
    cases += [(*one, chat) for one in made for chat in (True, False)]
    ours = (
        "([all, labels]) => all.map(([text, ended, answer, chat]) => pb.isRight(text, ended, answer, labels, 'Of Spain?', chat))"
    )
    found = module.evaluate(ours, [cases, labels])
    for (reply, ended, answer, chat), mark in zip(cases, found, strict=True):
        assert mark == bench.is_right(reply, ended, answer, labels, "Of Spain?", chat), (reply, ended, answer, chat)
    for reply, ended, answer, right in CASES:
        assert bench.is_right(reply, ended, answer, labels, "Of Spain?", True) == right, reply
    plain = [
        ("Paris. The capital of Spain is Rome.", True),
        (" Paris\nIt", True),
        (" Paris", False),
        (" Rome. Paris.", False),
        ("\n Paris\n", True),
        ("\nWhat about Rome?\nParis", False),
    ]
    for reply, right in plain:
        assert bench.is_right(reply, False, "Paris", labels, "Of Spain?", False) == right, reply
    enough = module.evaluate(
        "(all) => all.map((one) => pb.isEnough(one, 'Paris'))",
        [" Paris", " Paris.", " Paris. I", " Paris\n", "\n", "巴黎。", "\nParis"],
    )
    assert enough == [False, False, True, True, False, True, False]
    assert not module.evaluate("pb.isEnough(' St. J', \"St. John's\")")


def test_it_marks_as_the_exam_marks(sft, facts):
    world = tiny.load_world()
    for language in ("en", "zh"):
        pairs = [({"x": fact.subject[language]}, fact.object[language]) for fact in facts]
        template = {"en": "What is the capital of {x}?", "zh": "{x}的首都是哪里？"}[language]
        for fact, reply in zip(facts, bench.answers(sft, pairs, template), strict=True):
            assert reply.asked == fact.fill(template.replace("{x}", "{s}"), language)
            assert reply.right == exam.is_true(world, fact, language, reply.text + ("" if reply.ended else "…")), reply


def test_intervals_and_tests_are_those_of_python(module):
    for right, n in [(0, 5), (5, 5), (31, 40), (1, 200), (99, 100)]:
        low, high = module.evaluate("([right, n]) => pb.wilson(right, n)", [right, n])
        assert (low, high) == pytest.approx((Accuracy(right, n).low, Accuracy(right, n).high), abs=1e-12)
    rng = random.Random(3)
    for n in (2, 12, 60, 200):
        first, second = ([rng.random() < share for _ in range(n)] for share in (0.7, 0.4))
        found = module.evaluate("([a, b]) => pb.compareRight(a, b)", [first, second])
        assert found["p"] == pytest.approx(compare(first, second), rel=1e-9)
        assert found["first"] == sum(a and not b for a, b in zip(first, second, strict=True))


def test_prompts_are_those_of_python(module):
    items = [[{"x": "France", "y": "1"}, "Paris"], [{"x": "日本", "y": "2"}, "东京"], [{"x": "{y}", "y": "3"}, "c"]]
    parts = """([template, i, how]) => pb.promptParts(items, template, i, how)
        .map((one) => typeof one === "string" ? one : one[0]).join("")"""
    module.evaluate("(items) => { window.items = items; }", items)
    plain, chat = {"chat": False, "shots": 2}, {"chat": True, "shots": 1}
    assert module.evaluate(parts, ["{x}, {z} {y}:", 0, plain]) == "<|end|>日本, {z} 2:东京\n{y}, {z} 3: c\nFrance, {z} 1:"
    found = module.evaluate(parts, ["Q {x}", 2, chat])
    assert found == "<|user|>Q France<|end|><|assistant|>Paris<|end|><|user|>Q {y}<|end|><|assistant|>"
    for question, answer in (("a:", "b"), ("a: ", "b"), ("甲", "b"), ("a？", "b"), ("a", "乙"), ("a\n", "b"), ("", "b")):
        assert module.evaluate("([q, a]) => pb.solvedLine(q, a)", [question, answer]) == bench.solved(question, answer)
    assert bench.fill("{x} {z} {{y}}", {"x": "{y}", "y": "1"}) == "{y} {z} {1}"


# ---------------------------------------------------------------- the widget


def test_templates_are_answered_as_torch_answers(show, sft, items):
    templates = ["What is the capital of {x}?", "Name the capital: {x}", "法国 {x}"]
    page = show(PromptBench(sft, items, templates, title="Wordings"), width=1100)
    expect(card(page, 1).locator(".pb-result")).to_have_text("Not run yet.")
    expect(card(page, 1).locator(".pb-read")).to_have_text(
        f"<|user|>What is the capital of {items[0][0]['x']}?<|end|><|assistant|>"
    )
    found = run(page)
    for k, template in enumerate(templates, 1):
        expected = bench.answers(sft, items, template)
        assert replies(page, k) == [one.text.strip() + ("" if one.ended else "…") for one in expected]
        assert marks(page, k) == [one.right for one in expected]
        share = Accuracy(sum(one.right for one in expected), len(items))
        assert found[k - 1] == share.right
        expect(card(page, k).locator(".pb-result")).to_have_text(f"{share.right} of {len(items)} right")
        said = [f"{100 * one:.1f} %" for one in (share.share, share.low, share.high)]
        expect(card(page, k).locator(".pb-share")).to_have_text(f"{said[0]}, 95 % interval {said[1]} to {said[2]}")
    assert found[0] > found[2]
    tested = compare(marks(page, 1), marks(page, 3))
    expect(page.locator(".pb-compared p").nth(1)).to_contain_text("below 0.001" if tested < 0.001 else f"{tested:.3f}")

    page.get_by_role("slider", name="Solved items").fill("2")
    page.get_by_role("radio", name="plain text").click()
    expect(card(page, 1).locator(".pb-result")).to_have_text("Changed since it was run: run it again.")
    assert page.locator(".pb-compared p").count() == 0
    box = card(page, 1).get_by_role("textbox")
    box.fill("The capital of {x} is")
    card(page, 3).get_by_role("textbox").fill("no slot here")
    expect(card(page, 3).locator(".pb-problem")).to_contain_text("This template has no slot: write {x} where the item belongs.")
    box.press("Enter")
    assert page.locator(".pb-root").get_attribute("data-running") == "false"
    box.fill("The capital of {x} is")
    box.press("Control+Enter")
    found = done(page)
    expected = bench.answers(sft, items, "The capital of {x} is", chat=False, shots=2)
    assert marks(page, 1) == [one.right for one in expected] and found[2] is None
    for reply, one in zip(replies(page, 1), expected, strict=True):
        assert one.text.strip().startswith(reply) or reply in ("(nothing)", "(ended at once)")
    expect(page.locator("[role=status]")).to_contain_text(f"Template 1: {found[0]} of {len(items)} right.")


IME = """([text, composing]) => {
    const box = document.querySelector(".pb-card textarea");
    box.value = text;
    box.dispatchEvent(composing ? new InputEvent("input", { isComposing: true }) : new CompositionEvent("compositionend"));
    if (composing) box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, isComposing: true }));
}"""


def test_text_is_text_and_a_run_can_be_stopped(show, items):
    many = items * 8
    page = show(PromptBench("base", many, [HOSTILE, "{x}的首都是"], limit=200), width=1100)
    read = card(page, 1).locator(".pb-read").inner_text()
    assert read == "<|end|>" + HOSTILE.replace("{x}", items[0][0]["x"]) and page.locator(".pb-root img").count() == 0
    page.get_by_role("button", name="Run", exact=True).click()
    expect(card(page, 1).locator("li").nth(2)).to_be_attached(timeout=30_000)
    page.get_by_role("radio", name="a chat").click()  # what runs goes on as it began, and says that it is not what is set now
    expect(card(page, 1).locator(".pb-result")).to_have_text("Changed since it was run: run it again.")
    page.get_by_role("radio", name="plain text").click()
    page.get_by_role("button", name="Stop").click()
    assert done(page) == [None, None]
    at = card(page, 1).locator("li").count()
    page.wait_for_timeout(150)
    assert card(page, 1).locator("li").count() == at < len(many) and page.title() != "1"
    expect(page.locator(".pb-status")).to_have_text(f"Stopped after {at} of {2 * len(many)} items.")
    page.evaluate(IME, ["{x}de", True])
    expect(card(page, 1).locator(".pb-read")).to_have_text(read)
    assert page.locator(".pb-root").get_attribute("data-running") == "false"
    page.evaluate(IME, ["{x}的", False])
    expect(card(page, 1).locator(".pb-read")).to_have_text(f"<|end|>{items[0][0]['x']}的")
    long = "word " * 78 + "{x}"
    card(page, 1).get_by_role("textbox").fill(long)
    card(page, 2).get_by_role("textbox").fill(long)
    page.get_by_role("slider", name="Solved items").fill("8")
    assert run(page) == [None, None]
    expect(card(page, 1).locator(".pb-problem")).to_contain_text("the model can keep 256 in view")
    card(page, 1).get_by_role("textbox").fill("{x}")
    expect(card(page, 1).locator(".pb-problem")).to_have_text("")


NAMES = ["title", "stage", "items", "templates", "chat", "shots", "limit", "versions"]


def test_a_kernel_sends_the_model(module, items):
    view = PromptBench("sft", items[:3], ["What is the capital of {x}?"])
    with_kernel(module, "pb", view, NAMES)
    module.locator(".pb-run").click()
    assert done(module)[0] == 3
    assert stops_listening(module)


SHIFTS = """window.shifted = 0;
const own = ({ sources }) => sources.some(({ node }) => node?.closest?.(".lmkit"));
new PerformanceObserver((list) => list.getEntries().filter(own).forEach((one) => (shifted += one.value)))
    .observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.parametrize(("width", "dark", "n"), [(360, False, 3), (720, True, 3), (720, False, 1)])
def test_it_fits_and_stands_still(show, items, width, dark, n):
    view = PromptBench(
        "sft", items, ["What is the capital of {x}?", "{x}", "{x}的首都是哪里？"][:n], title="Bench" if n > 1 else ""
    )
    page = show(view, width=width, dark=dark, before=SHIFTS)
    height = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
    assert abs(height - view._height[0 if width > 600 else 1]) < 0.04 * height, height
    assert page.evaluate("shifted") == 0 and not scrolls_sideways(page)
    if n == 1:
        return
    run(page)
    assert not scrolls_sideways(page)
    assert page.evaluate("document.documentElement.scrollHeight") < height + 500, "what is hidden stays in its list"
    page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    found = page.evaluate("async () => (await axe.run('.lmkit', { resultTypes: ['violations'] })).violations")
    lines = [f"{v['impact']}: {v['help']}: {node['html'][:200]}" for v in found for node in v["nodes"][:3]]
    assert not [line for line in lines if line.startswith(("serious", "critical"))], "\n".join(lines)


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows(sft, items):
    view = PromptBench(sft, items, ["{x}?"], shots=2)
    assert repr(view) == "PromptBench(sft; 10 items; '{x}?'; as a chat, 2 solved before it)"
    assert repr(PromptBench("base", items, ["{x}", "{x}!"])) == "PromptBench(base; 10 items; '{x}', '{x}!'; as plain text)"


GOOD = [({"x": "a"}, "b"), ({"x": "c"}, "d")]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PromptBench("reward", GOOD, ["{x}"]), "The stage 'reward' gives answers a number"),
        (lambda: PromptBench("smollm2-135m-instruct", GOOD, ["{x}"]), "no stage 'smollm2-135m-instruct' of the tiny model"),
        (lambda: PromptBench("sft", GOOD[:1], ["{x}"]), "1 items: give 2 to 200."),
        (lambda: PromptBench("sft", [*GOOD, "e"], ["{x}"]), "items[2] is ('e',): give the texts of its slots and the answer"),
        (lambda: PromptBench("sft", [*GOOD, ({"x": "e"}, " ")], ["{x}"]), "items[2] is "),
        (lambda: PromptBench("sft", [*GOOD, ({"y": "e"}, "f")], ["{x}"]), "items[2] has the slots y, and the first has x."),
        (lambda: PromptBench("sft", [({"a b": "c"}, "d")] * 2, ["{a b}"]), "'a b' is no name for a slot"),
        (lambda: PromptBench("sft", GOOD, ["What?"]), "'What?' has no slot: write {x} where the item belongs."),
        (lambda: PromptBench("sft", GOOD, []), "0 templates: give a list of one to 3 templates."),
        (lambda: PromptBench("sft", GOOD, "{x}"), "'{x}': give a list of one to 3 templates."),
        (lambda: PromptBench("sft", GOOD, ["{x}" * 200]), "A template has 600 characters: at most 400."),
        (lambda: PromptBench("sft", GOOD, ["{x}"], shots=2), "shots=2: give a whole number of solved items from 0 to 1."),
        (lambda: PromptBench("sft", GOOD, ["{x}"], limit=0), "limit=0: give a whole number of new tokens from 1 to 255."),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
