"""Checkpoints beside the page: written once, only where a page asks, and loaded only when a reader does."""

import json
import re

import pytest
import torch
from playwright.sync_api import expect
from sphinx.errors import ExtensionError

from book import weights
from lmkit import tiny
from lmkit.tiny import masked
from lmkit.tiny import model as shape
from lmkit.tiny.recipe import save
from lmkit.widgets.cloze import ClozeView
from lmkit.widgets.playground import Playground
from lmkit.widgets.token import TokenView
from tests.book.small import cell, notebook, views
from tests.browser import as_file, served, visit, wait_for_widgets


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Three untrained checkpoints, small enough to be quick."""
    home = tmp_path_factory.mktemp("checkpoints")
    tokenizer = shape.train_tokenizer(document.text for document in tiny.load_world().corpus(1))
    for seed, stage in enumerate(("base", "sft")):
        save(shape.new(tokenizer, seed, width=64, layers=2, heads=2), tokenizer, [], tiny.checkpoint(stage, home))
    more = masked.with_mask(tokenizer)
    net = masked.open_both_eyes(shape.new(tokenizer, 2, width=64, layers=2, heads=2), more)
    save(net, more, [], tiny.checkpoint("masked", home))
    return home


@pytest.fixture
def shipped(checkpoints, monkeypatch):
    """The book takes these for the ones that ship with the package."""
    monkeypatch.setattr(weights, "CHECKPOINTS", checkpoints)
    return checkpoints


def pages(*widgets):
    bundles, state = views(*widgets)
    return {"index": "# Home", "chapters/one": notebook("# One", *[cell("ask", one) for one in bundles], state=state)}


def manifest_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/x-lmkit-weights\+json">(.*?)</script>', page)[1])


def test_a_page_gets_a_manifest_and_the_site_the_chunks(build, shipped):
    widgets = [Playground(stages=["base"], folder=shipped), Playground(stages=["base", "sft"], folder=shipped)]
    html = build(pages(*widgets, ClozeView(folder=shipped)))
    page = (html / "chapters/one.html").read_text("utf8")
    assert page.count('<script type="application/x-lmkit-weights+json">') == 1
    found = manifest_of(page)
    assert found["root"] == "../_static/inside/tiny/" and set(found["stages"]) == {"base", "sft", "masked"}
    names = {path.name for path in (html / "_static/inside/tiny").iterdir()}
    expected = {f"{stage}-{one['version']}-{i}.js" for stage, one in found["stages"].items() for i in range(one["chunks"])}
    assert names == expected and len(names) >= 2
    for stage, one in found["stages"].items():
        size = sum(path.stat().st_size for path in (html / "_static/inside/tiny").glob(f"{stage}-*"))
        assert abs(one["bytes"] - size) < 100 * one["chunks"]
    home = (html / "index.html").read_text("utf8")
    assert "x-lmkit-weights" not in home and "mount.js" not in home


def test_a_book_without_a_playground_ships_no_weights(build, shipped):
    html = build({"index": "# Home", "one": notebook("# One", cell("x = 1"))})
    assert not (html / "_static/inside/tiny").exists()


def test_vocabularies_lie_beside_the_page_that_shows_them(build, shipped):
    view = TokenView("Hello", ["tiny", "gpt-2"])
    html = build(pages(Playground(stages=["base"], folder=shipped), view))
    found = manifest_of((html / "chapters/one.html").read_text("utf8"))
    assert set(found["stages"]) == {"base", "vocabulary-tiny", "vocabulary-gpt-2"}
    names = {path.name for path in (html / "_static/inside/tiny").iterdir()}
    assert {f"{stage}-{version}-0.js" for stage, version in view.versions.items()} <= names


def test_a_vocabulary_that_is_not_there_fails_the_build(build, shipped, monkeypatch, tmp_path):
    made = pages(TokenView("Hello", ["tiny"]))
    monkeypatch.setattr(weights, "VOCABULARIES", tmp_path)
    with pytest.raises(ExtensionError, match=r"tiny\.bin not found in .* It comes with the package"):
        build(made)


def test_a_playground_with_other_weights_fails_the_build(build, shipped, tmp_path):
    other = tmp_path / "other"
    tokenizer = shape.train_tokenizer(["a b c"])
    save(shape.new(tokenizer, 5, width=64, layers=2, heads=2), tokenizer, [], tiny.checkpoint("base", other))
    with pytest.raises(ExtensionError, match=r"chapters/one: .* made with other weights of 'base' .* Execute the notebook again"):
        build(pages(Playground(stages=["base"], folder=other)))


def test_a_missing_checkpoint_fails_the_build_with_the_way_out(build, shipped, monkeypatch, tmp_path):
    made = pages(Playground(stages=["base"], folder=shipped))
    monkeypatch.setattr(weights, "CHECKPOINTS", tmp_path / "nothing")
    with pytest.raises(ExtensionError, match=r"tiny-base is no checkpoint: .* make weights"):
        build(made)


def test_the_packer_needs_no_torch():
    """`make book` has none; lmkit itself is not imported for it."""
    assert weights.packer.__name__ == "checkpoint" and torch not in vars(weights.packer).values()


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_nothing_is_loaded_before_a_reader_asks(build, shipped, chromium, scheme):
    html = build(pages(Playground(stages=["base", "sft"], folder=shipped, limit=5)))

    def ask(seen):
        page = seen.page
        wait_for_widgets(page)
        page.locator("textarea").hover()
        page.wait_for_timeout(300)
        assert not [url for url in seen.loaded if "/tiny/" in url]
        page.get_by_role("button", name="Run").click()
        expect(page.locator(".pg-status").first).to_contain_text("5 tokens", timeout=30_000)
        expect(page.locator(".pg-status").last).to_contain_text("5 tokens")
        assert {url.split("/")[-1].split("-")[0] for url in seen.loaded if "/tiny/" in url} == {"base", "sft"}
        assert page.locator("script[src*='/tiny/']").count() == 0, "a chunk's script does not stay in the page"
        assert seen.clean()

    if scheme == "file":
        with visit(chromium, as_file(html) + "chapters/one.html", root=as_file(html)) as seen:
            ask(seen)
    else:
        with served(html) as address, visit(chromium, address + "chapters/one.html") as seen:
            ask(seen)
