"""The address of the repository: one line in one file, filled into copies and never into the originals."""

import json

import pytest

from book import address
from tests.book.small import ROOT, cell, notebook, small_book

CONFIG = """title: A book
repository:
  # a comment
  url: https://example.invalid/thing
  branch: main
other:
  url: https://example.org/left-alone
"""
SETUP = '%pip install -q "lmkit @ @REPOSITORY@"'


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "_config.yml"
    path.write_text(CONFIG)
    return path


def test_set_changes_one_line_and_nothing_else(config):
    address.write("https://github.com/owner/name.git/", config)
    assert config.read_text() == CONFIG.replace("https://example.invalid/thing", "https://github.com/owner/name")
    assert address.read(config) == "https://github.com/owner/name"


@pytest.mark.parametrize("url", ["owner/name", "http://github.com/owner/name", "https://github.com/owner", "git@host:a/b", ""])
def test_what_is_no_address_is_refused(config, url):
    with pytest.raises(ValueError, match=r"expected https://host/owner/name"):
        address.write(url, config)
    assert config.read_text() == CONFIG


def test_published_or_not():
    assert address.is_published("https://github.com/owner/name")
    assert not address.is_published("https://example.invalid/thing")
    assert not address.is_published("")


def test_the_address_of_this_book_is_one_or_the_place_holder():
    url = address.read()
    assert url.startswith("https://") and not url.endswith("/")


def test_fill_gives_a_copy_and_leaves_the_notebook_alone():
    original = notebook("Text about @REPOSITORY@", cell(SETUP), cell("x = '@REPOSITORY'"))
    filled = address.fill(original, "git+https://github.com/owner/name")
    assert filled.cells[1].source == '%pip install -q "lmkit @ git+https://github.com/owner/name"'
    assert filled.cells[2].source == "x = '@REPOSITORY'"
    assert original.cells[1].source == SETUP


def test_fill_folder_writes_copies_that_install_a_commit(tmp_path):
    (tmp_path / "chapters").mkdir()
    path = tmp_path / "chapters" / "01_one.ipynb"
    path.write_text(json.dumps(notebook("# One 一", cell(SETUP))))
    before = path.read_bytes()
    copies = address.fill_folder(tmp_path / "out", address.requirement("https://github.com/owner/name", "abc123"), tmp_path)
    assert copies == [tmp_path / "out" / "chapters" / "01_one.ipynb"]
    text = copies[0].read_text("utf8")
    assert "lmkit @ git+https://github.com/owner/name@abc123" in text and "@REPOSITORY@" not in text and "一" in text
    assert path.read_bytes() == before


def test_colab_opens_the_branch_with_the_filled_copies():
    url = address.colab_url("https://github.com/owner/name", "chapters/07_x.ipynb")
    assert url == "https://colab.research.google.com/github/owner/name/blob/colab/chapters/07_x.ipynb"
    assert address.colab_url("https://example.org/owner/name", "chapters/07_x.ipynb") == ""


PAGES = {"index": "# Home", "chapters/one": notebook("# One", cell(SETUP))}


def test_with_an_address_a_chapter_has_the_buttons_and_a_filled_download(tmp_path):
    html = small_book(tmp_path, PAGES, url="https://github.com/owner/name")
    page = (html / "chapters/one.html").read_text("utf8")
    assert 'href="https://colab.research.google.com/github/owner/name/blob/colab/chapters/one.ipynb"' in page
    assert 'href="https://github.com/owner/name"' in page
    assert "git+https://github.com/owner/name" in page and "@REPOSITORY@" not in page
    assert "colab.research.google.com" not in (html / "index.html").read_text("utf8")
    download = (html / "_sources/chapters/one.ipynb").read_text("utf8")
    assert "lmkit @ git+https://github.com/owner/name" in download and "@REPOSITORY@" not in download


def test_without_a_public_address_no_such_button_is_drawn(tmp_path):
    html = small_book(tmp_path, PAGES)
    for page in html.rglob("*.html"):
        text = page.read_text("utf8")
        assert "colab" not in text.lower() and "source-repository-button" not in text and ".invalid" not in text


def test_no_other_file_of_the_book_names_the_address():
    url = address.read(ROOT / "_config.yml")
    for folder in ("book", "chapters", ".github", "lmkit"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in {".py", ".yml", ".md", ".ipynb", ".js", ".html", ".csv"}:
                assert url not in path.read_text("utf8", "replace"), path
