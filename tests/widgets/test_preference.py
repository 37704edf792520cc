"""PreferenceView: its arithmetic against NumPy and torch, ranking by mouse, touch and keys, and labels that are never lost."""

import contextlib
import csv
import io
import itertools
import json
import math
import random
import re

import numpy as np
import pytest
import torch
from browser import chromium, imported, pages, scrolls_sideways, served, visit, wait_for_widgets, with_fake_model  # noqa: F401
from playwright.sync_api import expect

from book import vendor
from lmkit.widgets import preference
from lmkit.widgets.base import bundle, page
from lmkit.widgets.preference import PreferenceView, count_right, fit, log_loss, pairs_of, standardised

HOSTILE = "<b>bold</b> </script> 🤷🏽‍♀️\n  second line"
ITEMS = [
    {"prompt": "What is the capital of China?", "answers": ["Beijing.", "It is Beijing.", "It is Nanjing.", ""]},
    {"prompt": "法国的首都是哪里？<img>", "answers": ["法国的首都是巴黎。", HOSTILE]},
    {"prompt": "Where is Peru?", "answers": ["In South America.", "In Africa.", "I do not know."]},
    {"prompt": "Six?", "answers": [f"answer {i}" for i in range(6)]},
]
FEATURES = [
    [[1, 1, 0], [1, 3, 0], [0, 3, 0], [0, 0, 1]],
    [[1, 9, 0], [0, 2, 1]],
    [[1, 3, 0], [0, 2, 0], [0, 4, 1]],
    [[i % 2, i, i > 3] for i in range(6)],
]
LEARNING = [item | {"features": rows} for item, rows in zip(ITEMS, FEATURES, strict=True)]
NAMES = ["true", "words", "admits it"]
RANKED = [{"item": 0, "ranking": [[1], [0], [3], [2]]}, {"item": 2, "ranking": [[0], [1, 2]]}]
TERSE = [{"item": 0, "ranking": [[3], [0], [1], [2]]}, {"item": 1, "ranking": [[1], [0]]}]


def view(**settings):
    return PreferenceView(LEARNING, **({"feature_names": NAMES, "title": "Which is better?"} | settings))


@pytest.fixture
def module(chromium):  # noqa: F811
    with imported(chromium, "preference", bundle("preference.js")) as page:
        yield page


@pytest.fixture
def show(chromium, tmp_path):  # noqa: F811
    """show(view, ...) opens views in a page of its own; at the end nothing may have gone wrong there."""
    with pages(chromium, tmp_path) as open_page:
        yield lambda *views, **options: open_page(page(list(views), "Test"), **options).page


def handle(page, answer):
    """The handle of the answer with this text."""
    return page.locator(".pv-row").filter(has=page.get_by_text(answer, exact=True)).locator(".pv-handle")


def order(page):
    """The texts from top to bottom, and each one's place."""
    rows = page.locator(".pv-row").all()
    return [(row.locator(".pv-text").text_content(), row.locator(".pv-place").text_content()) for row in rows]


def texts(page):
    return [text for text, _ in order(page)]


def press(page, answer, *keys):
    for key in keys:
        handle(page, answer).press(key)


def go_to(page, item):
    page.get_by_role("radio", name=re.compile(f"^Prompt {item + 1},")).click()


def rank(page, item, answers):
    """Ranks by keyboard: each answer is sent to its place."""
    go_to(page, item)
    for place, answer in enumerate(answers):
        press(page, answer or "(an empty answer)", str(place + 1))
    page.get_by_role("button", name="Confirm this ranking").click()


def stored(page):
    """What the browser keeps: {key: labels}."""
    kept = page.evaluate("Object.entries(localStorage)")
    return {name.split(".")[2]: json.loads(text)["labels"] for name, text in kept if name.startswith("lmkit.preferences.")}


def labels(page, key="preferences"):
    return stored(page).get(key)


def clock(page, name):
    """A function giving the milliseconds of processor time that the page has used, which a busy machine does not change."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    metrics = lambda: devtools.send("Performance.getMetrics")["metrics"]  # noqa: E731
    return lambda: next(1000 * metric["value"] for metric in metrics() if metric["name"] == name)


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


# ---------------------------------------------------------------- arithmetic: rankings


@pytest.mark.parametrize("count", range(2, 7))
def test_a_ranking_of_k_answers_is_k_over_two_pairs(module, count):
    ranking = [[i] for i in random.Random(count).sample(range(count), count)]
    found = pairs_of(ranking)
    assert len(found) == count * (count - 1) // 2 and found == list(itertools.combinations([a for (a,) in ranking], 2))
    assert module.evaluate("(r) => preference.pairsOf(r)", ranking) == [list(pair) for pair in found]


def random_ranking(rng, count):
    groups = []
    for answer in rng.sample(range(count), count):
        if groups and rng.random() < 0.4:
            groups[-1].append(answer)
        else:
            groups.append([answer])
    return groups


def test_tied_answers_make_no_pair_and_both_languages_agree(module):
    rng = random.Random(0)
    rankings = [random_ranking(rng, rng.randint(2, 6)) for _ in range(200)] + [[], [[1, 0]]]
    found = module.evaluate("(rs) => rs.map(preference.pairsOf)", rankings)
    for ranking, in_page in zip(rankings, found, strict=True):
        assert in_page == [list(pair) for pair in pairs_of(ranking)]
        count = sum(map(len, ranking))
        assert len(in_page) == math.comb(count, 2) - sum(math.comb(len(group), 2) for group in ranking)
        group_of = {answer: i for i, group in enumerate(ranking) for answer in group}
        assert all(group_of[better] < group_of[worse] for better, worse in in_page)
    assert pairs_of([2, 0, 1]) == [(2, 0), (2, 1), (0, 1)]


def test_moving_keeps_every_answer_and_undoes_ties_sensibly(module):
    move = "([ranking, from, to]) => preference.rankingOf(preference.moved(preference.draftOf(ranking), from, to))"
    assert module.evaluate(move, [[[0], [1], [2]], 2, 0]) == [[2], [0], [1]]
    assert module.evaluate(move, [[[0, 1], [2]], 0, 2]) == [[1], [2], [0]]  # who leaves a tie leaves the other alone
    assert module.evaluate(move, [[[0, 1, 2]], 0, 2]) == [[1, 2], [0]]
    assert module.evaluate(move, [[[0, 1], [2]], 2, 1]) == [[0, 2, 1]]  # who goes between two tied ones joins them
    assert module.evaluate(move, [[[0, 1], [2]], 2, 0]) == [[2], [0, 1]]
    rng = random.Random(1)
    for _ in range(100):
        ranking = random_ranking(rng, 6)
        flat = [answer for group in ranking for answer in group]
        start, end = rng.randrange(6), rng.randrange(6)
        after = module.evaluate(move, [ranking, start, end])
        moved = flat[:start] + flat[start + 1 :]
        moved.insert(end, flat[start])
        assert [answer for group in after for answer in group] == moved and all(after)


def test_the_order_shown_is_drawn_from_the_seed_and_fair(module):
    shown = module.evaluate("() => Array.from({ length: 600 }, (_, i) => preference.shownOrder(7, i, 3))")
    for item in (0, 1, 599):
        stream, expected = np.random.RandomState(7 + 7919 * item), [0, 1, 2]
        for i in (2, 1):
            j = int(stream.random_sample() * (i + 1))
            expected[i], expected[j] = expected[j], expected[i]
        assert shown[item] == expected
    first = np.bincount([one[0] for one in shown])
    assert all(160 < count < 240 for count in first), first


def test_agreement_counts_the_pairs_that_both_decide(module):
    call = "([a, b]) => preference.agreement(a, b)"
    assert module.evaluate(call, [[[0], [1], [2]], [[2], [1], [0]]]) == {"alike": 0, "both": 3}
    assert module.evaluate(call, [[[0], [1, 2]], [[0, 1], [2]]]) == {"alike": 1, "both": 1}
    assert module.evaluate(call, [[[0], [1]], []]) == {"alike": 0, "both": 0}


# ---------------------------------------------------------------- arithmetic: the reward model


def some_differences(seed, pairs, width, noise=0.5):
    rng = np.random.default_rng(seed)
    rows, taste = rng.normal(size=(pairs, width)), rng.normal(size=width)
    return rows * np.sign(rows @ taste + noise * rng.normal(size=pairs))[:, None]


def by_torch(rows, l2):
    """The same minimum by another method: L-BFGS on torch's own logsigmoid, in double precision."""
    rows = torch.tensor(rows, dtype=torch.float64)
    weights = torch.zeros(rows.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights], max_iter=2000, max_eval=4000, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = -torch.nn.functional.logsigmoid(rows @ weights).sum() + l2 / 2 * weights @ weights
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach().numpy()


CASES = [(0, 30, 3, 1.0), (1, 6, 4, 1.0), (2, 4, 12, 0.5), (3, 80, 6, 1e-4), (4, 1, 1, 1.0), (5, 60, 160, 2.0), (6, 40, 1, 10.0)]


@pytest.mark.parametrize(("seed", "pairs", "width", "l2"), CASES)
def test_page_python_and_torch_find_the_same_weights(module, seed, pairs, width, l2):
    rows = some_differences(seed, pairs, width, noise=0 if seed == 3 else 0.5)  # case 3 is separable and hardly held back
    ours, theirs = fit(rows, l2), by_torch(rows, l2)
    scale = max(1, np.abs(theirs).max())
    np.testing.assert_allclose(ours, theirs, atol=1e-6 * scale)
    call = "([rows, l2]) => Object.values(preference.fit(rows.map((row) => Float64Array.from(row)), l2))"
    in_page = module.evaluate(call, [rows.tolist(), l2])
    np.testing.assert_allclose(in_page, ours, atol=1e-9 * scale)
    expected = -torch.nn.functional.logsigmoid(torch.tensor(rows @ ours)).mean().item()
    assert log_loss(ours, rows) == pytest.approx(expected, abs=1e-12)
    call = "([rows, w]) => [preference.logLoss(w, rows), preference.countRight(w, rows)]"
    assert module.evaluate(call, [rows.tolist(), ours.tolist()]) == pytest.approx([expected, count_right(ours, rows)], abs=1e-9)


def test_repeated_and_contradicting_pairs_have_a_minimum_too(module):
    rows = np.array([[1.0, 2, 0], [-1, -2, 0], [1, 2, 0], [0, 0, 0]])
    call = "(rows) => Object.values(preference.fit(rows.map((row) => Float64Array.from(row)), 1))"
    np.testing.assert_allclose(module.evaluate(call, rows.tolist()), fit(rows), atol=1e-12)
    np.testing.assert_allclose(fit(rows), by_torch(rows, 1.0), atol=1e-7)
    assert module.evaluate("() => Object.values(preference.fit([], 1, 3))") == [0, 0, 0] == fit(np.zeros((0, 3))).tolist()
    assert count_right(np.zeros(3), rows) == 2.0  # who knows nothing is right half the time
    assert log_loss(np.zeros(3), rows) == pytest.approx(math.log(2))


def test_features_are_standardised_alike(module):
    table = np.random.default_rng(0).normal(3, 20, size=(17, 4)).astype(np.float32)
    table[:, 2] = 0.1
    call = "([values, width]) => preference.standardised(Float32Array.from(values), width).map((row) => [...row])"
    in_page = module.evaluate(call, [table.ravel().tolist(), 4])
    np.testing.assert_allclose(in_page, standardised(table), atol=1e-12)
    assert standardised(table)[:, 2].tolist() == [0] * 17
    np.testing.assert_allclose(standardised(table).std(0)[[0, 1, 3]], 1)


def test_leaving_a_prompt_out_is_a_fit_of_the_others(module):
    rng = np.random.default_rng(5)
    features = rng.normal(size=(8, 4, 5))
    rankings = [[[int(a)] for a in rng.permutation(4)] if i != 6 else None for i in range(8)]
    found = module.evaluate(
        """([features, rankings]) => {
            const learned = preference.learn(rankings, features.map((item) => item.map((row) => Float64Array.from(row))), 1);
            return [[...learned.weights], learned.ranked, learned.ranked.map((i) => [...learned.without(i)]),
                learned.ranked.map((i) => learned.unseen(i)), learned.right, learned.loss, learned.pairs];
        }""",
        [features.tolist(), rankings],
    )
    given = {i: ranking for i, ranking in enumerate(rankings) if ranking}
    rows = {i: np.array([features[i][a] - features[i][b] for a, b in pairs_of(ranking)]) for i, ranking in given.items()}
    everything = np.concatenate(list(rows.values()))
    weights = fit(everything)
    np.testing.assert_allclose(found[0], weights, atol=1e-9)
    assert found[1] == list(rows)
    for i, without, right in zip(found[1], found[2], found[3], strict=True):
        expected = fit(np.concatenate([one for j, one in rows.items() if j != i]))
        np.testing.assert_allclose(without, expected, atol=1e-9)
        assert right == count_right(expected, rows[i])
    assert found[4:] == pytest.approx([count_right(weights, everything), log_loss(weights, everything), 42])


def test_forty_prompts_with_hidden_states_are_learned_in_time(module):
    """The fit, and one prompt left out."""
    busy = clock(module, "ScriptDuration")
    rng = np.random.default_rng(0)
    for prompts, width in ((12, 160), (40, 8)):
        features = rng.normal(size=(prompts, 4, width)).round(3)
        rankings = [[[int(a)] for a in rng.permutation(4)] for _ in range(prompts)]
        module.evaluate(
            """([features, rankings]) => (window.input = [rankings,
                features.map((item) => item.map((row) => Float64Array.from(row)))])""",
            [features.tolist(), rankings],
        )
        module.evaluate("() => { window.model = preference.learn(...input, 1); }")  # once to warm up
        before = busy()
        module.evaluate("() => { window.model = preference.learn(...input, 1); model.without(0); }")
        assert busy() - before < 50, (prompts, width)


# ---------------------------------------------------------------- ranking


def test_the_first_picture(show):
    page = show(view())
    shown = [ITEMS[0]["answers"][i] or "(an empty answer)" for i in page_order(page, 0)]
    assert order(page) == [(text, str(i + 1)) for i, text in enumerate(shown)]
    expect(page.locator(".pv-prompt")).to_contain_text("What is the capital of China?")
    expect(page.locator(".pv-pairing p")).to_have_text("Your ranking of 4 answers is 6 pairs:")
    assert page.locator(".pv-pairs li").count() == 6
    expect(page.locator(".pv-head")).to_contain_text("0 of 4 prompts ranked, 0 pairs")
    expect(page.locator(".pv-reveal")).to_have_text("The model has a guess too. It shows when you have ranked this prompt.")
    assert labels(page) is None


def page_order(page, item, seed=0):
    stream, found = np.random.RandomState(seed + 7919 * item), list(range(len(ITEMS[item]["answers"])))
    for i in range(len(found) - 1, 0, -1):
        j = int(stream.random_sample() * (i + 1))
        found[i], found[j] = found[j], found[i]
    return found


def test_keyboard_only(show):
    page = show(view())
    first, second, third, last = texts(page)
    page.keyboard.press("Tab")  # the prompts
    page.keyboard.press("Tab")  # the first handle
    expect(page.locator(".pv-handle").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    assert texts(page) == [second, first, third, last]
    expect(handle(page, first)).to_be_focused()
    expect(page.get_by_role("status")).to_have_text(re.compile("is now at place 2 of 4"))
    page.keyboard.press("End")
    assert texts(page) == [second, third, last, first]
    page.keyboard.press("2")
    assert texts(page) == [second, first, third, last]
    page.keyboard.press("=")
    assert order(page) == [(second, "1"), (first, "1"), (third, "2"), (last, "3")]
    expect(page.locator(".pv-pairing p")).to_have_text("Your ranking of 4 answers is 5 pairs: tied answers make none.")
    page.keyboard.press("6")  # there is no sixth place
    page.keyboard.press("Enter")
    number = {text or "(an empty answer)": i for i, text in enumerate(ITEMS[0]["answers"])}
    assert labels(page) == [{"item": 0, "ranking": [[number[second], number[first]], [number[third]], [number[last]]]}]
    expect(button(page, "Next prompt to rank")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".pv-prompt")).to_contain_text("法国的首都是哪里？<img>")
    expect(page.locator(".pv-card").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".pv-card").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    best = page_order(page, 1)[1]
    assert labels(page)[1] == {"item": 1, "ranking": [[best], [1 - best]]}
    page.keyboard.press("=")
    assert labels(page)[1] == {"item": 1, "ranking": [[0, 1]]}
    expect(page.locator(".pv-pairing")).to_have_text("Your ranking of 2 answers is 0 pairs, because all are tied.")
    page.keyboard.press("1")
    assert labels(page)[1] == {"item": 1, "ranking": [[1 - best], [best]]}


def test_mouse_drags_a_row_by_its_text_and_by_its_handle(show):
    page = show(view())
    first, second, third, last = texts(page)
    drag(page, page.locator(".pv-row").nth(3), page.locator(".pv-row").nth(0), x=90)
    assert texts(page) == [last, first, second, third]
    drag(page, page.locator(".pv-handle").nth(0), page.locator(".pv-row").nth(2), x=15)
    assert texts(page) == [first, second, last, third]
    assert [place for _, place in order(page)] == ["1", "2", "3", "4"]
    button(page, "Confirm this ranking").click()
    number = {text or "(an empty answer)": i for i, text in enumerate(ITEMS[0]["answers"])}
    assert labels(page) == [{"item": 0, "ranking": [[number[text]] for text in (first, second, last, third)]}]


def drag(page, source, target, x):
    start, end = source.bounding_box(), target.bounding_box()
    down = end["y"] > start["y"]
    page.mouse.move(start["x"] + x, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + x, start["y"] + start["height"] / 2 + (6 if down else -6))
    page.mouse.move(start["x"] + x + 3, end["y"] + end["height"] / 2 + (6 if down else -6), steps=4)
    page.mouse.up()


def test_a_drag_can_be_given_up(show):
    page = show(view())
    before = texts(page)
    box = page.locator(".pv-handle").nth(3).bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] - 150, steps=5)
    assert texts(page) != before
    expect(page.locator(".pv-pairs li").first).to_contain_text("D ≻ A")  # the pairs arise while the row moves
    page.keyboard.press("Escape")
    page.mouse.up()
    assert texts(page) == before and page.locator(".pv-dragged").count() == 0


def touch(page, path, steps=12):
    devtools = page.context.new_cdp_session(page)
    send = lambda kind, points: devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})  # noqa: E731
    (x0, y0), (x1, y1) = path
    send("touchStart", [{"x": x0, "y": y0}])
    for i in range(1, steps + 1):
        send("touchMove", [{"x": x0 + (x1 - x0) * i / steps, "y": y0 + (y1 - y0) * i / steps}])
        page.wait_for_timeout(16)
    send("touchEnd", [])


def test_a_finger_drags_the_handle_and_scrolls_the_page_elsewhere(show):
    page = show(view(), width=360)
    first, second, third, last = texts(page)
    grip, goal = page.locator(".pv-handle").nth(2).bounding_box(), page.locator(".pv-row").nth(0).bounding_box()
    touch(page, [(grip["x"] + 12, grip["y"] + 20), (grip["x"] + 12, goal["y"] + 20)])
    assert texts(page) == [third, first, second, last] and page.evaluate("scrollY") == 0
    row = page.locator(".pv-row").nth(2).locator(".pv-text").bounding_box()
    touch(page, [(row["x"] + 20, row["y"] + 5), (row["x"] + 20, row["y"] - 200)])
    page.wait_for_function("scrollY > 100")
    assert texts(page) == [third, first, second, last]


def test_a_drag_at_the_edge_scrolls_the_page(show):
    page = show(view(), width=360, height=420)
    go_to(page, 3)
    page.evaluate("document.querySelector('.pv-row').scrollIntoView()")
    start = page.evaluate("scrollY")
    top = texts(page)[0]
    box = handle(page, top).bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, 410, steps=8)
    page.wait_for_function(f"scrollY > {start + 150}")
    page.wait_for_function("[...document.querySelectorAll('.pv-row')].at(-1).classList.contains('pv-dragged')")
    page.mouse.up()
    assert texts(page)[-1] == top


def test_buttons_move_and_tie(show):
    page = show(view())
    first, second, third, last = texts(page)
    button(page, "Move answer B up").click()
    assert texts(page) == [second, first, third, last]
    button(page, "Move answer B up").click(force=True)  # it is the first now: nothing happens
    button(page, "Move answer A down").click()
    assert texts(page) == [second, third, first, last]
    tie = button(page, "Answer D is as good as the one above")
    tie.click()
    assert [place for _, place in order(page)] == ["1", "2", "3", "3"] and tie.get_attribute("aria-pressed") == "true"
    tie.press("Enter")
    assert [place for _, place in order(page)] == ["1", "2", "3", "4"]


def test_the_better_of_two_by_mouse(show):
    page = show(view())
    go_to(page, 1)
    expect(page.locator(".pv-pairing")).to_have_text("Every pair of answers that you tell apart will stand here.")
    page.locator(".pv-card").nth(1).click()
    best = page_order(page, 1)[1]
    assert labels(page) == [{"item": 1, "ranking": [[best], [1 - best]]}]
    expect(page.locator(".pv-card").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".pv-pairs li")).to_have_count(1)
    button(page, "= Equally good").click()
    assert labels(page) == [{"item": 1, "ranking": [[0, 1]]}]
    expect(page.locator(".pv-card").nth(1)).to_have_attribute("aria-pressed", "false")


def test_passing_over_makes_no_pairs_and_is_remembered(show):
    page = show(view())
    button(page, "I cannot say").click()
    assert labels(page) == [{"item": 0, "ranking": []}]
    expect(page.locator(".pv-pairing")).to_have_text("You passed this prompt over: it makes no pairs.")
    expect(page.get_by_role("radio").first).to_have_attribute("aria-label", "Prompt 1, passed over")
    button(page, "Next prompt to rank").click()
    expect(page.locator(".pv-count")).to_have_text("Prompt 2 of 4")
    page.reload()
    wait_for_widgets(page)
    expect(page.locator(".pv-count")).to_have_text("Prompt 2 of 4")


def test_undo_and_start_again(show):
    page = show(view())
    rank(page, 0, ["Beijing.", "It is Beijing.", "", "It is Nanjing."])
    rank(page, 2, ["In South America.", "I do not know.", "In Africa."])
    before = labels(page)
    expect(button(page, "Undo")).to_have_attribute("aria-disabled", "false")
    button(page, "Start again").click()
    expect(page.locator(".pv-question")).to_contain_text("Forget all 2 rankings of these prompts?")
    expect(button(page, "No, keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".pv-question")).to_be_hidden()
    expect(button(page, "Start again")).to_be_focused()
    assert labels(page) == before
    button(page, "Start again").click()
    button(page, "Yes, forget").click()
    assert labels(page) == [] and "0 of 4" in page.locator(".pv-head").inner_text()
    button(page, "Undo").click()
    assert labels(page) == before
    assert texts(page) == ["In South America.", "I do not know.", "In Africa."]
    button(page, "Undo").click()
    assert labels(page) == before[:1]
    button(page, "Undo").click()
    assert labels(page) == []
    expect(button(page, "Undo")).to_have_attribute("aria-disabled", "true")


# ---------------------------------------------------------------- labels are kept


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_reload_keeps_the_labels(chromium, tmp_path, scheme):  # noqa: F811
    (tmp_path / "page.html").write_text(view().to_html(), "utf8")
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(served(tmp_path)) if scheme == "http" else tmp_path.as_uri() + "/"
        seen = stack.enter_context(visit(chromium, address + "page.html"))
        page = seen.page
        wait_for_widgets(page)
        rank(page, 0, ["It is Beijing.", "Beijing.", "", "It is Nanjing."])
        go_to(page, 1)
        page.locator(".pv-card").first.click()
        before = labels(page)
        page.reload()
        wait_for_widgets(page)
        assert labels(page) == before and len(before) == 2
        expect(page.locator(".pv-notes")).to_have_text("2 labels restored from this browser.")
        expect(page.locator(".pv-count")).to_have_text("Prompt 3 of 4")  # the first that is left to rank
        go_to(page, 0)
        assert texts(page) == ["It is Beijing.", "Beijing.", "(an empty answer)", "It is Nanjing."]
        expect(button(page, "Confirmed")).to_be_visible()
        assert seen.clean()


THROWING = """Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });"""
FULL = """Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };"""


@pytest.mark.parametrize("before", [THROWING, FULL])
def test_without_storage_it_works_and_says_so(show, before):
    page = show(view(), before=before)
    expect(page.locator(".pv-notes")).to_contain_text("your labels will be gone when you leave")
    go_to(page, 1)
    page.keyboard.press("Tab")
    page.locator(".pv-card").first.click()
    expect(page.locator(".pv-head")).to_contain_text("1 of 4 prompts ranked, 1 pair")
    assert page.locator(".pv-notes p").count() == 1
    with page.expect_download() as waiting:
        button(page, "Save labels (JSON)").click()
    assert len(json.loads(waiting.value.path().read_text("utf8"))["labels"]) == 1


def keeping(text, digest=None):
    """A script that puts a record into the browser before the page starts."""
    name = f"lmkit.preferences.preferences.{digest or view().digest}"
    return f"localStorage.setItem({json.dumps(name)}, {json.dumps(text)});"


OTHER_SHAPES = ['{"format":"other"}', '{"format":"lmkit preferences","version":1,"labels":5}']


@pytest.mark.parametrize("text", ["", "{", "null", "[]", *OTHER_SHAPES])
def test_damaged_storage_is_ignored_with_a_note(show, text):
    page = show(view(), before=f"if (!window.name) {{ {keeping(text)} window.name = 'once'; }}")
    expect(page.locator(".pv-notes")).to_have_text("What was kept in this browser could not be read and was ignored.")
    expect(page.locator(".pv-head")).to_contain_text("0 of 4")
    go_to(page, 1)
    page.locator(".pv-card").first.click()
    page.reload()
    wait_for_widgets(page)
    expect(page.locator(".pv-head")).to_contain_text("1 of 4")


def exported(labels, **changes):
    record = {"format": "lmkit preferences", "version": 1, "key": "preferences", "digest": view().digest, "seed": 0}
    return record | {"labels": labels} | changes


def test_of_partly_damaged_storage_the_rest_is_kept(show):
    bad = [{"item": 1, "ranking": [[0], [0]]}, {"item": 99, "ranking": [[0], [1]]}, None, {"item": 3}, {"item": 2, "ranking": 7}]
    page = show(view(), before=keeping(json.dumps(exported([*bad, *RANKED]))))
    expect(page.locator(".pv-head")).to_contain_text("2 of 4 prompts ranked, 8 pairs")
    expect(page.locator(".pv-notes")).to_contain_text("5 labels kept in this browser made no sense and were left out.")


def test_two_widgets_with_other_keys_do_not_mix(show):
    page = show(view(key="one"), view(key="two"), PreferenceView(ITEMS[1:], key="one"))
    first, second, third = page.locator(".pv-root").all()
    for root in (first, second):
        root.get_by_role("radio").nth(1).click()
    third.get_by_role("radio").nth(0).click()
    first.locator(".pv-card").nth(0).click()
    second.locator(".pv-card").nth(1).click()
    best = page_order(page, 1)
    assert labels(page, "two") == [{"item": 1, "ranking": [[best[1]], [best[0]]]}]
    names = page.evaluate("Object.keys(localStorage)")
    assert len(names) == 2
    expect(third.locator(".pv-head")).to_contain_text("0 of 3")  # the same key, but other prompts
    third.locator(".pv-card").nth(0).click()
    assert len(page.evaluate("Object.keys(localStorage)")) == 3
    expect(first.locator(".pv-head")).to_contain_text("1 of 4")


def test_the_same_labels_in_two_places_stay_the_same(show):
    """Two views of one key on a page, and a second window: none may write over what the other has added."""
    page = show(view(), view())
    first, second = page.locator(".pv-root").all()
    first.get_by_role("radio").nth(1).click()
    first.locator(".pv-card").nth(0).click()
    expect(second.locator(".pv-head")).to_contain_text("1 of 4")
    other = page.context.new_page()
    other.goto(page.url)
    wait_for_widgets(other)
    other.locator(".pv-root").first.get_by_role("radio").nth(0).click()
    other.get_by_role("button", name="Confirm this ranking").first.click()
    expect(second.locator(".pv-head")).to_contain_text("2 of 4")
    second.get_by_role("radio").nth(2).click()
    second.get_by_role("button", name="Confirm this ranking").click()
    expect(other.locator(".pv-root").first.locator(".pv-head")).to_contain_text("3 of 4")
    assert [label["item"] for label in labels(page)] == [0, 1, 2]


def test_the_notebooks_own_labels(show):
    page = show(view(labels=RANKED))
    expect(page.locator(".pv-head")).to_contain_text("2 of 4 prompts ranked, 8 pairs")
    go_to(page, 1)
    page.locator(".pv-card").first.click()
    button(page, "Start again").click()
    button(page, "Yes, forget").click()
    page.reload()
    wait_for_widgets(page)
    expect(page.locator(".pv-head")).to_contain_text("0 of 4")  # what the reader did wins over what the notebook brings
    expect(page.locator(".pv-notes")).to_contain_text("The notebook comes with 2 labels of its own; yours are shown instead.")
    button(page, "Show the notebook's").click()
    expect(page.locator(".pv-head")).to_contain_text("2 of 4")
    assert labels(page) == RANKED
    button(page, "Undo").click()
    assert labels(page) == []


# ---------------------------------------------------------------- files


def test_export_and_import_bring_everything_back(show, tmp_path):
    page = show(view())
    rank(page, 0, ["It is Beijing.", "Beijing.", "", "It is Nanjing."])
    go_to(page, 1)
    page.locator(".pv-card").first.click()
    go_to(page, 2)
    button(page, "I cannot say").click()
    before = labels(page)
    with page.expect_download() as waiting:
        button(page, "Save labels (JSON)").click()
    assert waiting.value.suggested_filename == "preferences.json"
    saved = tmp_path / "saved.json"
    waiting.value.save_as(saved)
    record = json.loads(saved.read_text("utf8"))
    assert {key: record[key] for key in ("format", "version", "digest")} == {
        "format": "lmkit preferences", "version": 1, "digest": view().digest
    }  # fmt: skip
    plain = [{"item": one["item"], "ranking": one["ranking"]} for one in record["labels"]]
    assert plain == before == [{"item": 0, "ranking": [[1], [0], [3], [2]]}, *before[1:]] and before[2]["ranking"] == []
    assert all(one["answers"] == ITEMS[one["item"]]["answers"] for one in record["labels"])
    with_python = view(labels=saved.read_text("utf8"))
    assert with_python.labels == before and len(with_python.pairs) == 7
    assert with_python.pairs[0] == ("What is the capital of China?", "It is Beijing.", "Beijing.")

    fresh = show(view(key="elsewhere"))
    fresh.locator("input[type=file]").set_input_files(saved)
    expect(fresh.locator(".pv-head")).to_contain_text("2 of 4 prompts ranked, 7 pairs")
    assert labels(fresh, "elsewhere") == before
    expect(fresh.get_by_role("status")).to_have_text("3 labels loaded.")


def test_import_leaves_labels_of_other_prompts_and_can_be_undone(show):
    page = show(view())
    go_to(page, 1)
    page.locator(".pv-card").first.click()
    before = labels(page)
    page.locator("input[type=file]").set_input_files(as_file(exported(RANKED)))
    expect(page.locator(".pv-head")).to_contain_text("3 of 4")
    expect(page.get_by_role("status")).to_have_text("2 labels loaded, 1 of yours on other prompts kept.")
    button(page, "Undo").click()
    assert labels(page) == before


def as_file(content, name="labels.json"):
    text = content if isinstance(content, str) else json.dumps(content)
    return {"name": name, "mimeType": "application/json", "buffer": text.encode()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no <json>", "is not a JSON file"),
        ({"labels": []}, "is no file of labels"),
        ([1], "is no file of labels"),
        (exported(RANKED, version=2), "is no file of labels"),
        (exported(RANKED, digest="0"), "holds labels of other prompts or answers"),
        (exported([*RANKED, {"item": 1, "ranking": [[0]]}]), "1 label does not name each answer once"),
        (exported([{"item": 77, "ranking": []}, {"item": 0, "ranking": [[0, 1, 2, 3], []]}]), "2 labels do not"),
    ],
)
def test_a_bad_file_is_named_and_loses_nothing(show, content, message):
    page = show(view())
    go_to(page, 1)
    page.locator(".pv-card").first.click()
    before = labels(page)
    page.locator("input[type=file]").set_input_files(as_file(content, "<i>bad.json"))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(message)
    expect(alert).to_contain_text("<i>bad.json")
    expect(alert).to_contain_text("our labels are as they were.")
    assert labels(page) == before
    page.locator("input[type=file]").set_input_files(as_file(exported(RANKED)))
    expect(alert).to_be_hidden()


def test_csv_holds_one_row_a_pair(show):
    page = show(view(labels=[RANKED[0], {"item": 1, "ranking": [[1], [0]]}, {"item": 2, "ranking": []}]))
    with page.expect_download() as waiting:
        button(page, "Save pairs (CSV)").click()
    text = waiting.value.path().read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 7 and list(rows[0]) == ["item", "prompt", "better", "worse", "better_position", "worse_position"]
    assert rows[6]["better"] == HOSTILE and rows[6]["worse"] == "法国的首都是巴黎。"
    place = {answer: i + 1 for i, answer in enumerate(page_order(page, 1))}
    assert (rows[6]["better_position"], rows[6]["worse_position"]) == (str(place[1]), str(place[0]))


# ---------------------------------------------------------------- the model in the page


def number(text):
    return float(text.replace("−", "-").replace("+", ""))


def test_the_model_learns_what_python_learns(show):
    page = show(view())
    rank(page, 0, ["It is Beijing.", "Beijing.", "", "It is Nanjing."])
    expect(page.locator(".pv-guess")).to_have_text("There was no other prompt to learn from, so the model could not guess yet.")
    expect(page.locator(".pv-learned")).to_contain_text("Rank a second prompt to see.")
    rank(page, 2, ["In South America.", "I do not know.", "In Africa."])
    rank(page, 3, [f"answer {i}" for i in (5, 3, 1, 4, 2, 0)])
    python = view(labels=labels(page))
    differences = python.differences()
    weights = fit(differences, python.l2)
    shown = page.locator(".pv-weights").all_inner_texts()
    assert [number(text) for text in shown] == pytest.approx(weights.tolist(), abs=0.00501)
    learned = page.locator(".pv-learned")
    expect(learned).to_contain_text(f"over your pairs: {log_loss(weights, differences):.3f}")
    owners = np.repeat([0, 2, 3], [6, 3, 15])
    right = {i: count_right(fit(differences[owners != i]), differences[owners == i]) for i in (0, 2, 3)}
    expect(learned).to_contain_text(f"it ranked {sum(right.values()):g} of 24 pairs right")
    expect(page.locator(".pv-guess")).to_contain_text(f"{right[3]:g} of your 15 pairs right.")
    expect(page.locator(".pv-guess")).to_contain_text("Trained on your other 2 ranked prompts, without this one")
    cells = [row.locator("td").all_inner_texts() for row in page.locator(".pv-reveal tbody tr").all()]
    rewards = (python._table @ weights)[-6:]
    assert [number(row[3]) for row in cells] == pytest.approx([rewards[i] for i in (5, 3, 1, 4, 2, 0)], abs=0.00501)
    guesses = (python._table @ fit(differences[owners != 3]))[-6:]
    best = [sorted(set(np.round(guesses, 9)), reverse=True).index(round(guesses[i], 9)) + 1 for i in (5, 3, 1, 4, 2, 0)]
    assert [int(row[2]) for row in cells] == best
    fraction = page.locator(".pv-learned .pv-scroll td").all_inner_texts()
    assert fraction[:3] == ["You", f"{count_right(weights, differences):g} of 24", f"{sum(right.values()):g} of 24"]


def test_the_guess_is_hidden_until_the_reader_has_decided(show):
    page = show(view(labels=RANKED, others={"terse": TERSE}))
    go_to(page, 1)
    expect(page.locator(".pv-reveal")).to_have_text("The model has a guess too. It shows when you have ranked this prompt.")
    page.locator(".pv-card").first.click()
    expect(page.locator(".pv-guess")).to_contain_text("Trained on your other 2 ranked prompts")
    expect(page.get_by_role("status")).to_contain_text("Trained on your other 2 ranked prompts")


def test_another_annotators_model_stands_beside(show):
    page = show(view(labels=RANKED, others={"terse <b>": TERSE}))
    python = view()
    mine, theirs = fit(python.differences(RANKED)), fit(python.differences(TERSE))
    shown = [number(text.split(":")[-1]) for text in page.locator(".pv-weights > span").all_text_contents()]
    np.testing.assert_allclose(np.array(shown).reshape(-1, 2).T, [mine, theirs], atol=0.00501)
    agreed = "You and “terse <b>” agree on 3 of 6 pairs that you both decided (50.0 %)."
    expect(page.locator(".pv-learned")).to_contain_text(agreed)
    go_to(page, 0)
    heads = page.locator(".pv-reveal th").all_inner_texts()
    assert heads == ["Answer", "You", "Guess", "Reward now", "terse <b>"]
    rows = page.locator(".pv-learned .pv-scroll tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text(f"{count_right(theirs, python.differences(TERSE)):g} of 7")


def test_without_features_there_is_no_model(show):
    page = show(PreferenceView(ITEMS), PreferenceView(ITEMS, key="b", others={"terse": TERSE}))
    plain, compared = page.locator(".pv-root").all()
    assert plain.locator(".pv-learned, .pv-bars").count() == 0
    compared.get_by_role("radio").nth(1).click()
    compared.locator(".pv-card").first.click()
    assert compared.locator(".pv-reveal th").all_inner_texts() == ["Answer", "You", "terse"]
    expect(compared.locator(".pv-learned")).to_contain_text("1 pair that you both decided")


def test_of_many_features_the_largest_weights_are_shown(show):
    rng = np.random.default_rng(0)
    items = [{"prompt": f"p{i}", "answers": ["a", "b", "c"], "features": rng.normal(size=(3, 160)).tolist()} for i in range(12)]
    ranked = [{"item": i, "ranking": [[0], [1], [2]]} for i in range(12)]
    made = PreferenceView(items, labels=ranked, key="many")
    page = show(made)
    weights = fit(made.differences())
    shown = page.locator(".pv-bars tbody th").all_inner_texts()
    assert shown == [f"feature {i + 1}" for i in np.argsort(-np.abs(weights), kind="stable")[:10]]
    expect(page.locator(".pv-learned")).to_contain_text("The 10 largest of 160 weights.")
    expect(page.locator(".pv-learned")).to_contain_text(re.compile("Each of your 12 prompts in turn"), timeout=20_000)


def test_no_task_is_long(show):
    """Moving an answer and confirming one prompt of forty, all in one go."""
    rng = np.random.default_rng(1)
    items = [{"prompt": f"p{i}", "answers": list("abcd"), "features": rng.normal(size=(4, 6)).tolist()} for i in range(40)]
    ranked = [{"item": i, "ranking": [[int(a)] for a in rng.permutation(4)]} for i in range(40)]
    page = show(PreferenceView(items, labels=ranked, key="forty"))
    expect(page.locator(".pv-learned")).to_contain_text("Each of your 40 prompts", timeout=20_000)
    busy, times = clock(page, "TaskDuration"), []
    for _ in range(3):  # the same work each time; a busy machine makes some of them dearer
        before = busy()
        page.evaluate("""() => {
            document.querySelector(".pv-row:nth-child(2) [aria-label$=' up']").click();
            document.querySelector(".pv-main").click();
            document.body.getBoundingClientRect();
        }""")
        times.append(busy() - before)
        expect(page.locator(".pv-learned")).to_contain_text("Each of your 40 prompts", timeout=20_000)
    assert min(times) < 50


# ---------------------------------------------------------------- with a kernel


def test_a_kernel_hears_of_labels_and_may_bring_some(chromium, tmp_path):  # noqa: F811
    made = view()
    (tmp_path / "blank.html").write_text("<!doctype html>")
    with visit(chromium, (tmp_path / "blank.html").as_uri()) as seen:
        with_fake_model(seen.page, bundle("preference.js"), made)
        go_to(seen.page, 1)
        seen.page.locator(".pv-card").first.click()
        heard = seen.page.evaluate("model.get('labels')")
        assert seen.page.evaluate("model.saved") == 1 and heard == labels(seen.page)
        made.labels = heard
        assert len(made.pairs) == 1
        made.load_labels(json.dumps(exported(RANKED)))
        seen.page.evaluate("(labels) => model.set('labels', labels)", made.labels)
        expect(seen.page.locator(".pv-head")).to_contain_text("2 of 4")
        assert labels(seen.page) == RANKED and seen.page.evaluate("model.saved") == 1
        button(seen.page, "Undo").click()
        assert seen.page.evaluate("model.get('labels')") == heard
        seen.page.evaluate("stop()")
        assert seen.page.evaluate("model.listening()") == 0 and seen.page.locator(".pv-root").count() == 0
        assert seen.clean()


# ---------------------------------------------------------------- how it looks and reads


def test_every_text_is_shown_as_it_is(show):
    page = show(view(title="<u>title</u>"))
    assert page.locator(".lmkit :is(img, b, u)").count() == 0
    go_to(page, 1)
    expect(page.locator(".pv-prompt")).to_contain_text("<img>")
    shown = page.locator(".pv-card .pv-text").all_text_contents()
    assert sorted(shown) == sorted(ITEMS[1]["answers"])
    lines = page.locator(".pv-card .pv-text").nth(shown.index(HOSTILE))
    assert lines.evaluate("(e) => getComputedStyle(e).whiteSpace") == "pre-wrap"


def test_everything_has_a_name(show):
    page = show(view(labels=RANKED, others={"terse": TERSE}))
    go_to(page, 0)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(".lmkit :is(button, input, [tabindex='0'], [role='radio'], [role='group'], ol)")]
            .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim())).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    text = "It is Nanjing."
    assert handle(page, text).get_attribute("aria-label").endswith(f"place 4 of 4: {text}")
    expect(page.get_by_role("list", name="Answers, the best first")).to_be_visible()
    expect(page.get_by_role("table", name="This prompt's answers")).to_be_visible()
    expect(page.get_by_role("table", name="Weights")).to_contain_text("true")
    assert page.get_by_role("radiogroup", name="Prompts").get_by_role("radio").count() == 4


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_serious(show, dark, width):
    page = show(view(labels=RANKED, others={"terse": TERSE}), PreferenceView(ITEMS[1:2], key="two"), width=width, dark=dark)
    go_to(page.locator(".pv-root").first, 0)
    button(page.locator(".pv-root").first, "Start again").click()
    page.evaluate(vendor.files("axe-core")["axe.min.js"].read_text("utf8"))
    found = page.evaluate("async () => (await axe.run(document.querySelector('main'))).violations")
    bad = {one["id"]: [node["html"][:120] for node in one["nodes"]] for one in found if one["impact"] in ("serious", "critical")}
    assert bad == {}


LONG_ANSWERS = ["Anunbreakablyverylongwordwithoutaspace" * 4, "好" * 90, "short"]
LONG = {"prompt": "A rather long prompt that goes on. " * 5, "answers": LONG_ANSWERS}


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_does_not_scroll_sideways(show, dark):
    items = [*LEARNING, LONG | {"features": [[1, 2, 3], [3, 2, 1], [2, 2, 2]]}]
    more = [*RANKED, {"item": 3, "ranking": [[i] for i in range(6)]}, {"item": 4, "ranking": [[0], [1], [2]]}]
    names = ["true", "a_very_long_name_of_a_feature_without_spaces", "admits it"]
    others = {"an annotator with a long name": TERSE, "b": TERSE, "c": TERSE}
    page = show(PreferenceView(items, feature_names=names, labels=more, others=others), width=360, dark=dark)
    for item in range(5):
        go_to(page, item)
        assert scrolls_sideways(page) == []
    shown = "[...document.querySelectorAll('.lmkit button')].filter((e) => e.offsetHeight)"
    assert page.evaluate(f"Math.min(...{shown}.flatMap((e) => [e.offsetWidth, e.offsetHeight]))") >= 30


@pytest.mark.parametrize("width", [360, 720])
def test_reserved_height_is_what_is_needed(show, width):
    views = [view(), view(others={"terse": TERSE}), PreferenceView(ITEMS), PreferenceView(ITEMS[1:2]), PreferenceView([LONG])]
    views += [PreferenceView(ITEMS[3:] * 30), PreferenceView(LEARNING[1:2] + LEARNING)]
    views += [PreferenceView(ITEMS, others={"terse": TERSE})]
    for made in views:
        page = show(made, width=width)
        reserved = made._height[0 if width > 600 else 1]
        needed = page.evaluate("document.querySelector('.lmkit').getBoundingClientRect().height + 32")
        assert 0.95 * needed < reserved < 1.1 * needed, (repr(made), needed, reserved)  # lines break elsewhere in other fonts


# ---------------------------------------------------------------- Python


def test_it_says_what_it_shows():
    made = view(others={"terse": TERSE})
    words = "PreferenceView(4 prompts, 15 answers; features: true, words, admits it; compared with terse)"
    assert repr(made) == words
    made.labels = RANKED
    assert repr(made) == words  # not what the reader has done
    assert repr(PreferenceView(ITEMS[1:2])) == "PreferenceView(1 prompt, 2 answers)"
    wide = PreferenceView([{"prompt": "p", "answers": ["a", "b"], "features": np.eye(2, 9)}])
    assert repr(wide).endswith("features: feature 1, feature 2, feature 3, feature 4, feature 5, feature 6, …)")


def test_labels_and_pairs_in_python():
    made = view()
    assert made.labels == [] and made.pairs == [] and made.differences().shape == (0, 3)
    made.load_labels([RANKED[1], {"item": 0, "ranking": [1, 0, [3, 2]], "note": "more keys are allowed"}])
    assert made.labels == [{"item": 0, "ranking": [[1], [0], [3, 2]]}, RANKED[1]]
    assert made.pairs[-1] == preference.Preference("Where is Peru?", "In South America.", "I do not know.")
    assert made.differences().shape == (len(made.pairs), 3) == (7, 3)
    table = np.array([row for rows in FEATURES for row in rows], dtype=float)
    expected = ((table - table.mean(0)) / table.std(0))[1] - ((table - table.mean(0)) / table.std(0))[0]
    np.testing.assert_allclose(made.differences()[0], expected)
    before = made.labels
    with pytest.raises(ValueError, match="other prompts"):
        made.load_labels(json.dumps(exported(RANKED, digest="0")))
    assert made.labels == before


def test_the_digest_is_of_the_texts_only():
    assert view().digest == PreferenceView(ITEMS).digest != PreferenceView(ITEMS[:2]).digest


TWO = {"prompt": "p", "answers": ["a", "b"]}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PreferenceView([]), "holds at least one"),
        (lambda: PreferenceView(TWO), "items is a list"),
        (lambda: PreferenceView(["p"]), "item 0 must be a dict with 'prompt'"),
        (lambda: PreferenceView([TWO, TWO | {"prompt": " "}]), "item 1 has no text under 'prompt'"),
        (lambda: PreferenceView([TWO | {"answers": ["a"]}]), "item 0 needs 2 to 6 answers"),
        (lambda: PreferenceView([TWO | {"answers": list("abcdefg")}]), "item 0 needs 2 to 6 answers"),
        (lambda: PreferenceView([TWO | {"answers": "ab"}]), "item 0 needs 2 to 6 answers"),
        (lambda: PreferenceView([TWO | {"answers": ["a", 1]}]), "item 0 has an answer that is no text"),
        (lambda: PreferenceView([TWO | {"answers": ["a", "a"]}]), "the same answer twice"),
        (lambda: PreferenceView([TWO | {"feature": []}]), "item 0 must be a dict"),
        (lambda: PreferenceView([TWO | {"features": [[1]]}]), "item 0 has 2 answers and features for 1"),
        (lambda: PreferenceView([TWO | {"features": [[1], [2]]}, TWO]), "item 1 has 2 answers and features for 0"),
        (lambda: PreferenceView([TWO | {"features": [[1], [2, 3]]}]), "item 0 has features of the shape (2,)"),
        (lambda: PreferenceView([TWO | {"features": [[1], [math.nan]]}]), "item 0 has a feature that is not a finite number"),
        (lambda: PreferenceView([TWO | {"features": [[1], [2]]}], feature_names=["a", "b"]), "1 features and 2 feature_names"),
        (lambda: PreferenceView([TWO], l2=0), "l2=0: it must be positive"),
        (lambda: PreferenceView([TWO], seed=-1), "seed=-1"),
        (lambda: PreferenceView([TWO], others={str(i): [] for i in range(4)}), "at most 3 other annotators"),
        (lambda: PreferenceView([TWO], labels="{"), "not JSON"),
        (lambda: PreferenceView([TWO], labels={"labels": []}), "this is no file of labels"),
        (lambda: PreferenceView([TWO], labels=[{"item": 0}]), "a label is a dict with 'item' and 'ranking'"),
        (lambda: PreferenceView([TWO], labels=[{"item": 1, "ranking": []}]), "a label names the item 1; there are items 0 to 0"),
        (lambda: PreferenceView([TWO], labels=[{"item": True, "ranking": []}]), "a label names the item True"),
        (lambda: PreferenceView([TWO], labels=[{"item": 0, "ranking": [[0]]}]), "does not name each of its 2 answers once"),
        (lambda: PreferenceView([TWO], labels=[{"item": 0, "ranking": [[0], [1, 1]]}]), "[[0], [1, 1]] of item 0 does not name"),
        (lambda: PreferenceView([TWO], labels=[{"item": 0, "ranking": 3}]), "does not name each of its 2 answers once"),
        (lambda: fit(np.zeros((2, 2)), l2=0), "it must be positive"),
        (lambda: fit(np.zeros(3)), "it must be [pair, feature]"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
