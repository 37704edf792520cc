"""The addresses outside the book: well formed, each listed once, and found where they can be followed."""

import re

import pytest
from sphinx.errors import ExtensionError

from book import links
from tests.book.small import ROOT

BIB = (ROOT / "chapters" / "references.bib").read_text("utf8")
ENTRIES = {re.match(r"@\w+\{([^,]+),", entry)[1]: entry for entry in re.split(r"\n(?=@)", BIB.strip())}
WITHOUT_ADDRESS = {"mcdermott1981formative"}  # printed in 1981; no address of it could be checked
PLACES = [*(ROOT / "chapters").glob("*.ipynb"), *(ROOT / "chapters").glob("*.md"), ROOT / "chapters" / "errata.csv"]
PLACES += [*(ROOT / "lmkit" / "data").rglob("*.csv"), *(ROOT / "lmkit").rglob("*.py"), *(ROOT / "lmkit" / "data").glob("*.md")]


def test_references_have_addresses_in_good_form():
    papers = {key: entry for key, entry in ENTRIES.items() if not entry.startswith("@book")}
    without = {key for key, entry in papers.items() if not re.search(r"^\s*(url|doi)\s*=", entry, re.MULTILINE)}
    assert without == WITHOUT_ADDRESS
    addresses = {key: re.findall(r"^\s*url\s*=\s*\{(.+)\},?$", entry, re.MULTILINE) for key, entry in ENTRIES.items()}
    assert [(key, url, links.problem(url)) for key, urls in addresses.items() for url in urls if links.problem(url)] == []
    assert all(re.search(r"^\s*year\s*=", entry, re.MULTILINE) and "title" in entry for entry in ENTRIES.values())


def test_every_reference_is_used():
    words = set(re.findall(r"\w+", "\n".join(path.read_text("utf8") for path in PLACES)))
    assert [key for key in ENTRIES if key not in words] == []


@pytest.mark.parametrize(
    "address", ["https://arxiv.org/abs/1706.03762", "http://www.example.org/a_(b)", "https://a-b.example.com:8080/x?y=1#z"]
)
def test_good_addresses(address):
    assert not links.problem(address)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("ftp://example.org", "neither http nor https"),
        ("//example.org/a", "neither http nor https"),
        ("https://example/a", "no proper host"),
        ("https://exa mple.org", "blank"),
        ("https://example.org/?a=1&amp;b=2", "escapes an & twice"),
        ("https://me:secret@example.org", "password"),
        ("https://example.org/a.", "belongs to the sentence"),
        ("https://example.org/a)", "belongs to the sentence"),
    ],
)
def test_bad_addresses(address, what):
    assert what in links.problem(address)


def test_the_list_holds_each_address_once_with_its_pages(build):
    text = (
        "[a](https://example.org/one) [b](https://example.org/one) [c](two.md) <a href='https://example.com/x?a=1&amp;b=2'>d</a>"
    )
    html = build({"index": f"# Home\n\n{text}", "two": "# Two\n\n[a](https://example.org/one)"})
    listed = dict(line.split("\t") for line in (html / links.LIST).read_text("utf8").splitlines())
    assert listed["https://example.org/one"] == "index.html two.html" and "https://example.com/x?a=1&b=2" in listed
    assert not [address for address in listed if "invalid" in address]


def test_a_malformed_address_fails_the_build(build):
    with pytest.raises(ExtensionError, match=r"index.html: 'https://nowhere/x' has no proper host"):
        build({"index": "# Home\n\n[a](https://nowhere/x)"})


def test_the_command_lists_and_checks(tmp_path, capsys, monkeypatch):
    (tmp_path / links.LIST).write_text("https://example.org/a\tindex.html\nhttps://example.org/b\tindex.html\n", "utf8")
    assert links.main([str(tmp_path)]) == 0 and capsys.readouterr().out == "https://example.org/a\nhttps://example.org/b\n"
    monkeypatch.setattr(links, "answer", lambda address: "404 Not Found" if address.endswith("b") else "refused")
    assert links.main([str(tmp_path), "--check"]) == 1
    said = capsys.readouterr()
    assert "404 Not Found\thttps://example.org/b" in said.out and "2 addresses, 1 refuse programs, 1 do not answer" in said.err
    with pytest.raises(SystemExit):
        links.main([str(tmp_path / "nowhere")])
