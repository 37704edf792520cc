"""What machines are told: descriptions, cards, canonical addresses, the list of pages, how to cite."""

import re
import struct
from xml.etree import ElementTree

import pytest
import tomllib
import yaml

from book import address, card
from book.metadata import CARD_SIZE, cut
from tests.book.small import ROOT, notebook, small_book

LONG = "A sentence that is long enough to stand alone as the description of a page. " * 4
PAGES = {
    "index": "# Home\n\n```{note}\nA box.\n```\n\nWelcome & <b>, 走进大模型.",
    "chapters/one": notebook(f"# 1 · One\n\n{LONG}\n"),
    "bare": "# Bare\n\n- only a list",
}


def metas(page: str) -> dict[str, str]:
    return dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', page))


def test_without_an_address_there_is_a_description_and_nothing_absolute(tmp_path):
    html = small_book(tmp_path, PAGES)
    home, one, bare = (metas((html / f"{name}.html").read_text("utf8")) for name in ("index", "chapters/one", "bare"))
    assert home["description"] == "Welcome &amp; &lt;b&gt;, 走进大模型." and home["og:type"] == "website"
    assert one["description"].endswith("page.") and 60 < len(one["description"]) <= 200 and one["og:title"] == "1 · One"
    assert one["og:description"] == one["description"] and one["og:type"] == "article" and one["twitter:card"] == "summary"
    assert "description" not in bare and not {"og:url", "og:image"} & {*home, *one}
    assert 'rel="canonical"' not in (html / "index.html").read_text("utf8")
    assert (html / "robots.txt").read_text() == "User-agent: *\nAllow: /\n" and not (html / "sitemap.xml").exists()
    assert 'content="noindex"' not in (html / "index.html").read_text("utf8")


def test_with_an_address_every_page_says_where_it_is(tmp_path):
    html = small_book(tmp_path, PAGES, url="https://github.com/Owner/name")
    root = "https://owner.github.io/name/"
    for name, where in (("index", ""), ("chapters/one", "chapters/one.html")):
        page = (html / f"{name}.html").read_text("utf8")
        assert f'<link rel="canonical" href="{root}{where}" />' in page
        found = metas(page)
        assert found["og:url"] == root + where and found["og:image"] == f"{root}_static/inside/card.png"
        assert (found["og:image:width"], found["og:image:height"]) == ("1200", "630")
        assert found["twitter:card"] == "summary_large_image"
    assert (html / "_static/inside/card.png").is_file()
    assert f"Sitemap: {root}sitemap.xml" in (html / "robots.txt").read_text()
    sitemap = ElementTree.parse(html / "sitemap.xml").getroot()
    name = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    assert [url.text for url in sitemap.iter(f"{name}loc")] == [root, f"{root}chapters/one.html", f"{root}bare.html"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/Owner/name", "https://owner.github.io/name/"),
        ("https://github.com/owner/owner.github.io", "https://owner.github.io/"),
        ("https://gitlab.com/owner/name", "https://owner.gitlab.io/name/"),
        ("https://example.invalid/owner/name", ""),
        ("https://git.example.org/owner/name", ""),
        ("", ""),
    ],
)
def test_where_the_pages_of_a_repository_are(url, expected):
    assert address.site(url) == expected


def test_a_description_ends_where_a_sentence_or_a_word_ends():
    assert cut("short") == "short"
    assert cut("One sentence of some length, so that it is enough to describe a page. And another one.", 80).endswith("a page.")
    words = cut("word " * 60, 100)
    assert words.endswith("word…") and len(words) <= 100
    assert len(cut("字" * 300)) <= 200


def test_the_card_has_its_size_and_shows_the_recorded_sentence():
    data = card.TARGET.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", data[16:24]) == CARD_SIZE and len(data) < 150_000
    html = card.page({"made": {"prompt": "<s>"}, "steps": {"0" * n: [[" <i>", 0.5]] for n in range(4)}})
    assert "&lt;s&gt;<b> &lt;i&gt; &lt;i&gt; &lt;i&gt;</b>" in html and "50.0 %" in html and "<i>" not in html


def test_the_citation_is_whole_and_names_the_version_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation), "required by the Citation File Format 1.2.0"
    assert citation["cff-version"] == "1.2.0" and citation["type"] in {"software", "dataset"}
    assert all(author.get("name") or author.get("family-names") for author in citation["authors"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    assert citation["version"] == project["version"] and citation["title"].startswith("Inside Large Language Models")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", citation["date-released"])
