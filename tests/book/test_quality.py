"""Every page of the built site, read as text: links lead somewhere, pictures have words, and no id stands twice."""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

SCRIPT = re.compile(r"<(script|style|mjx-container)\b.*?</\1>|<!--.*?-->", re.DOTALL)  # formulas: test_formulas.py
TAG = re.compile(r"<([a-z][a-z0-9-]*)((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE)
ATTRIBUTE = re.compile(r"([\w:-]+)(?:=\"([^\"]*)\")?")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
NAMES = {"alt", "aria-label", "aria-labelledby", "title"}


@dataclass
class Text:
    """What the tests need of a page: its ids, the addresses of its links, and its pictures' attributes."""

    ids: Counter
    links: list[str]
    pictures: list[tuple[str, dict[str, str]]]


def read(page: str) -> Text:
    found = Text(Counter(), [], [])
    for tag, rest in TAG.findall(SCRIPT.sub("", page)):
        if "=" not in rest and tag not in ("img", "svg", "canvas"):
            continue
        values = {name: html.unescape(value) for name, value in ATTRIBUTE.findall(rest)}
        if "id" in values:
            found.ids[values["id"]] += 1
        if tag in ("a", "area") and "href" in values:
            found.links.append(values["href"])
        if tag in ("img", "svg", "canvas", "area") or values.get("role") in ("img", "figure"):
            found.pictures.append((tag, values))
    return found


def unnamed(pictures: list[tuple[str, dict[str, str]]]) -> list[str]:
    """The pictures that say nothing to those who cannot see them, and are not marked as decoration."""
    wrong = []
    for tag, values in pictures:
        decoration = values.get("aria-hidden") == "true" or values.get("role") in ("presentation", "none")
        name = " ".join(values.get(key, "") for key in sorted(NAMES)).strip()
        if tag == "img" and values.get("alt") == "" and "logo__image" in values.get("class", ""):
            continue  # the title of the course stands beside it
        if not decoration and (not name or re.fullmatch(r"\S+\.(png|svg|jpe?g|webp)", name)):
            wrong.append(f"<{tag} {values.get('class', '')} {values.get('src', '')}>")
    return wrong


def broken(pages: dict[str, Text], site: Path) -> list[str]:
    """The links within the site that lead to no page, or to no place on it."""
    wrong = []
    for name, text in pages.items():
        for link in dict.fromkeys(text.links):
            address, _, place = unquote(link).partition("#")
            if ELSEWHERE.match(link):
                continue
            target = (site / name).parent / address.split("?")[0] if address else site / name
            path = target.resolve()
            key = path.relative_to(site.resolve()).as_posix() if path.is_relative_to(site.resolve()) else ""
            if not path.is_file():
                wrong.append(f"{name}: {link} leads to no file of the site")
            elif place and "=" not in place and key in pages and place not in pages[key].ids:  # "layer=3" is for a widget
                wrong.append(f"{name}: {link} leads to no place on {key}")
    return wrong


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Text]:
    found = {path.relative_to(site).as_posix(): read(path.read_text("utf8")) for path in sorted(site.rglob("*.html"))}
    return {name: text for name, text in found.items() if not name.startswith("_static/")}


def test_every_link_within_the_site_leads_somewhere(pages, site):
    wrong = broken(pages, site)
    assert not wrong, "\n".join(wrong)
    assert sum(len(text.links) for text in pages.values()) > 2000, "the links were read"


def test_no_id_stands_twice_on_a_page(pages):
    twice = {name: [each for each, count in text.ids.items() if count > 1] for name, text in pages.items()}
    assert not {name: ids for name, ids in twice.items() if ids}


def test_every_picture_has_words(pages):
    wrong = {name: unnamed(text.pictures) for name, text in pages.items()}
    assert not {name: found for name, found in wrong.items() if found}
    assert any(tag == "img" for text in pages.values() for tag, _ in text.pictures), "the pictures were read"


GOOD = """<h1 id="a">A</h1><img src="x.png" alt="a loss curve"><svg aria-hidden="true"></svg><a href="#a">x</a>
<a href="two.html#b">x</a><a href="https://example.org/#no">x</a><a href="#layer=1">x</a><script>"<a href='#no'>"</script>"""


def test_what_is_wrong_with_a_page_is_found(tmp_path):
    (tmp_path / "two.html").write_text('<p id="b">', "utf8")
    (tmp_path / "one.html").write_text(GOOD, "utf8")
    two = read('<p id="b">')
    good = read(GOOD)
    assert not broken({"one.html": good, "two.html": two}, tmp_path) and not unnamed(good.pictures)
    assert set(good.ids) == {"a"}
    bad = read('<p id="a"><b id="a"></b><a href="#c">x</a><a href="two.html#a">x</a><a href="gone.html">x</a>')
    assert bad.ids["a"] == 2
    assert [line.split()[1] for line in broken({"one.html": bad, "two.html": two}, tmp_path)] == ["#c", "two.html#a", "gone.html"]
    shown = '<img src="x.png"><img src="x.png" alt="x.png"><svg viewBox="0 0 1 1"></svg><canvas></canvas><img alt="" src="y.png">'
    assert len(unnamed(read(shown).pictures)) == 5
