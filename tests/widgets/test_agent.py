"""AgentView: every control moves the step, prompts show what is new and what came from outside, hostile text stays text."""

import itertools
import re
from types import SimpleNamespace

import pytest
from browser import chromium, imported, scrolls_sideways, shower  # noqa: F401
from playwright.sync_api import expect

from lmkit.widgets.agent import AgentView, pieces
from lmkit.widgets.base import bundle

show = shower(".ag-root")

EVIL = "<script>alert(1)</script> <b>bold</b> \u202eabc\u2066 \x1b[31m 北京 " + "x" * 500


def transcript(*turns, header="Tools: Search, Calculator\n", question="How many people live in Kenya and Japan?"):
    """Steps with the prompts that a loop would give them. A turn is (thought or None, action or answer, observation or None)."""
    steps = [SimpleNamespace(kind="question", text=question, prompt=header)]
    prompt = f"{header}Question: {question}\n"

    def add(kind, text):
        nonlocal prompt
        steps.append(SimpleNamespace(kind=kind, text=text, prompt=prompt))
        prompt += f"{kind.capitalize()}: {text}\n"

    for thought, act, observation in turns:
        if thought is not None:
            add("thought", thought)
        add("action" if observation is not None else "answer", act)
        if observation is not None:
            add("observation", observation)
    return steps


GOOD = transcript(
    ("I need Kenya.", "Search[Kenya]", "Kenya: 51 million people live in Kenya."),
    ("I need Japan.", "Search[Japan]", "Japan: 126 million people live in Japan."),
    ("I add.", "Calculator[51 + 126]", "177"),
    ("I know it.", "177", None),
)
POISONED = transcript((None, "Search[Kenya]", EVIL), (None, "0", None))
LOST = transcript(("Again.", "Search[x]", "Nothing found."), ("Again.", "Search[x]", "Nothing found."))


def three(**more):
    return AgentView([GOOD, POISONED, LOST], ["with tools", "a poisoned page", "no progress"], "An agent", answer="177", **more)


def place(page):
    root = page.locator(".ag-root")
    return int(root.get_attribute("data-run")), int(root.get_attribute("data-at"))


def test_text_is_shown_with_its_hidden_signs(chromium):  # noqa: F811
    with imported(chromium, "agent", bundle("agent.js")) as page:
        call = "(text) => agent.plainText(text)"
        assert page.evaluate(call, "a\r\nb\tc 北京 👩\u200d🔬") == "a\nb\tc 北京 👩\u200d🔬"
        assert page.evaluate(call, "\x00\x1b[31m\u202eabc\u2066\u200b\ufeff\x85") == "␀␛[31m⟨202e⟩abc⟨2066⟩⟨200b⟩⟨feff⟩⟨0085⟩"


def test_every_control_moves_the_step(show):
    page = show(three(count=lambda text: len(text.split())), motion="reduce")
    back, forth = (page.get_by_role("button", name=name) for name in ("Back", "Next"))
    slider = page.get_by_label("Step", exact=True)
    assert place(page) == (0, 0) and back.get_attribute("aria-disabled") == "true"
    forth.click()
    forth.press("ArrowRight")
    slider.press("ArrowRight")
    assert place(page) == (0, 3) and slider.get_attribute("aria-valuetext") == "4 of 12"
    # what has been reached is there, what came from outside says so, and the texts before are told
    cards = page.locator(".ag-card:visible")
    assert cards.count() == 4 and cards.nth(3).locator("button").inner_text().split("\n")[0].startswith("4 Observation")
    assert "from outside: data, not instructions" in cards.nth(3).inner_text() and "outside" not in cards.nth(2).inner_text()
    assert page.locator(".ag-read .ag-title").inner_text() == "All text before this observation"
    assert page.locator(".ag-spent b").all_inner_texts()[:2] == ["1", "1"]
    cards.nth(1).get_by_role("button").click()
    cards.nth(1).get_by_role("button").press("ArrowRight")
    assert place(page) == (0, 2) and cards.nth(2).get_by_role("button").evaluate("(e) => e === document.activeElement")
    back.press("End")
    assert place(page) == (0, 11) and forth.get_attribute("aria-disabled") == "true"
    assert page.locator(".ag-outcome").inner_text() == "✓ right"
    expect(page.locator("[aria-live]")).to_have_text("with tools; step 12 of 12; Answer: 177")
    # another run, where the place is the nearest that it has; the runs compared
    page.get_by_role("radio", name="a poisoned page").click()
    assert place(page) == (1, 3)
    assert page.locator(".ag-outcome").inner_text() == "✗ wrong"
    page.get_by_role("radio", name="a poisoned page").press("ArrowRight")
    assert place(page)[0] == 2 and page.locator(".ag-outcome").inner_text() == ""
    page.get_by_text("The runs compared").click()
    rows = [row.locator("th, td").all_inner_texts() for row in page.locator(".ag-compare tbody tr").all()]
    assert [row[:5] for row in rows] == [
        ["with tools", "✓ right", "177", "4", "3"],
        ["a poisoned page", "✗ wrong", "0", "2", "1"],
        ["no progress", "… gave up", "none", "2", "2"],
    ]
    assert page.get_by_role("button", name="Play").count() == 0  # the system wants no motion


def test_hostile_text_stays_text_and_is_marked_inside_the_prompt(show):
    page = show(AgentView(POISONED, title="A poisoned page"))
    page.get_by_label("Step", exact=True).press("End")
    shown = page.locator(".ag-observation .ag-text").inner_text()
    assert shown.startswith("<script>alert(1)</script> <b>bold</b> ⟨202e⟩abc⟨2066⟩ ␛[31m 北京 xxx")
    prompt = page.locator(".ag-prompt")
    assert prompt.locator(".ag-outside").inner_text() == shown == prompt.locator("mark .ag-outside").inner_text()
    assert "Question: How many" in prompt.inner_text() and "Question" not in prompt.locator("mark").first.inner_text()
    assert page.locator(".ag-root script, .ag-text b").count() == 0
    assert page.locator(".ag-compare, [role=radiogroup]").count() == 0  # one run has nothing beside it


def test_it_plays_where_motion_is_allowed(show):
    page = show(AgentView([LOST]), before="window.setInterval = ((f) => (g, t) => f(g, t / 20))(window.setInterval)")
    play = page.get_by_role("button", name="Play")
    play.click()
    page.wait_for_function("document.querySelector('.ag-root').dataset.at === '6'")
    expect(play).to_have_text("Play")
    assert page.locator(".ag-outcome").inner_text() == "… gave up"
    play.click()  # from the beginning
    page.wait_for_function("document.querySelector('.ag-root').dataset.at === '2'")
    page.get_by_role("button", name="Pause").click()
    assert place(page)[1] < 6


@pytest.mark.parametrize(("width", "dark"), [(360, True), (720, False)])
def test_it_fits_its_page_and_its_reserved_height_at_every_step(show, width, dark):
    for view in (three(), AgentView(GOOD)):
        page = show(view, width=width, dark=dark)
        heights = set()
        for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight", "End"):
            page.get_by_label("Step", exact=True).press(key)
            heights.add(page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32"))
        assert max(heights) - min(heights) < 1 and scrolls_sideways(page) == []
        assert abs(heights.pop() - view._height[width < 600]) < 0.05 * view._height[width < 600]
        controls = (
            "() => [...document.querySelectorAll('.lmkit :is(button, input)')].map((one) => one.offsetHeight).filter(Boolean)"
        )
        assert min(page.evaluate(controls)) >= 30
        now, region = (page.locator(one).bounding_box() for one in (".ag-now", ".ag-transcript"))
        assert region["y"] <= now["y"] < region["y"] + region["height"]


# ---------------------------------------------------------------- Python


def test_a_prompt_in_pieces_is_the_prompt():
    for before, step, i in zip(["", *(step.prompt for step in GOOD)], GOOD, itertools.count()):
        earlier = [vars(one) for one in GOOD[:i]]
        cut = pieces(before, step.prompt, earlier)
        assert "".join(text for text, _ in cut) == step.prompt
        assert "".join(text for text, marks in cut if marks & 1) == step.prompt.removeprefix(before)
        assert [text for text, marks in cut if marks & 2] == [one["text"] for one in earlier if one["kind"] == "observation"]
    # a short observation is found where it stands, and a forgotten one nowhere; only lines that changed are new
    steps = [
        {"kind": "question", "text": "5 + 0?"},
        {"kind": "action", "text": "Calculator[5]"},
        {"kind": "observation", "text": "5"},
    ]
    assert pieces("", "Q: 5 + 0?\nCalculator[5]\n5\n", steps)[-2] == ["5", 3]
    assert pieces("a\nb\nc\n", "a\n(forgotten)\nc\nd\n", [{"kind": "observation", "text": "b"}]) == [
        ["a\n", 0], ["(forgotten)\n", 1], ["c\n", 0], ["d\n", 1],
    ]  # fmt: skip


def test_calls_and_lengths_are_counted():
    steps = three(count=len)._told[0]["steps"]
    assert [step["counts"]["model"] for step in steps] == [0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4]
    assert [step["counts"]["tool"] for step in steps] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    read = sum(len(step.prompt) for step in GOOD if step.kind == "thought")
    assert steps[-1]["counts"]["read"] == read and steps[-1]["counts"]["prompt"] == len(GOOD[-1].prompt)


def test_it_says_what_it_shows():
    assert repr(three()) == (
        "AgentView(3 runs; with tools: 12 steps, 4 model and 3 tool calls, answer '177', right; "
        "a poisoned page: 4 steps, 2 model and 1 tool call, answer '0', wrong; "
        "no progress: 7 steps, 2 model and 2 tool calls, no answer, gave up)"
    )
    dicts = [{"kind": "question", "text": "?"}, {"kind": "answer", "text": "!"}]
    assert repr(AgentView(dicts)) == "AgentView(1 run; run 1: 2 steps, 1 model and 0 tool calls, answer '!', answered)"
    assert AgentView([GOOD, LOST], outcomes=["right", "gave up"])._told[1]["outcome"] == "gave up"
    assert [run["outcome"] for run in AgentView([GOOD, GOOD], answer=["177", "178"])._told] == ["right", "wrong"]


def step(**changed):
    return {"kind": "question", "text": "?", "prompt": ""} | changed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AgentView([]), "1 to 8 runs, not 0"),
        (lambda: AgentView([[step()]] * 9), "1 to 8 runs, not 9"),
        (lambda: AgentView([[step()], []]), "run 2 has 0 steps"),
        (lambda: AgentView([step()] * 81), "run 1 has 81 steps"),
        (
            lambda: AgentView([step(), step(kind="Thought")]),
            "step 2 of run 1 has the kind 'Thought': it is one of question, thought",
        ),
        (lambda: AgentView([step(text=3)]), "the text of step 1 of run 1 is text, not int"),
        (lambda: AgentView([step(prompt=None)]), "the prompt of step 1 of run 1 is text, not NoneType"),
        (lambda: AgentView([step(prompt="x" * 40_001)]), "has 40,001 characters"),
        (lambda: AgentView([step()], titles=["a", "b"]), "titles must name each of the 1 runs"),
        (lambda: AgentView([[step()], [step()]], titles=["a", "a"]), "the titles of the runs must differ; got a, a"),
        (lambda: AgentView([step()], outcomes=["good"]), "one of right, wrong, gave up, answered; got ['good']"),
        (lambda: AgentView([step()], answer="x", outcomes=["right"]), "not both"),
        (lambda: AgentView([step()], answer=["x", "y"]), "answer is one text, or one for each of the 1 runs; got 2"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
