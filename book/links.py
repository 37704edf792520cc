"""The addresses outside the book to which its pages lead: each once, in the built site's `links.tsv`, and in good form.

    python -m book.links            lists them
    python -m book.links --check    asks every one of them (the weekly run does; nothing else in this project needs the network)

A malformed address stops the build. That an address answers today is no fact about the book, so it stops nothing.
"""

from __future__ import annotations

import argparse
import html
import re
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

LIST = "links.tsv"
LINK = re.compile(r"""<a\b[^>]*?\bhref=(["'])([a-z][a-z0-9+.-]*:.*?|//.*?)\1""", re.IGNORECASE)
HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", re.IGNORECASE)
OWN = ("mailto:", "data:", "javascript:void")
UNPUBLISHED = ".invalid"
SECONDS = 20
REFUSED = (401, 403, 405, 406, 418, 429, 503)  # an answer that says: not to programs


def links_of(page: str) -> list[str]:
    """The foreign addresses that a reader of the HTML text `page` can follow, in order, each once."""
    found = (html.unescape(address) for _, address in LINK.findall(page))
    return list(dict.fromkeys(address for address in found if not address.startswith(OWN)))


def problem(address: str) -> str:
    """What is wrong with the form of an address; empty if nothing is."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https"):
        return "is neither http nor https"
    if re.search(r"\s", address):
        return "holds a blank"
    if not HOST.fullmatch(host):
        return f"has no proper host: {host!r}"
    if "&amp;" in address:
        return "holds &amp;: the parser of Markdown escapes an & twice, so write this link as HTML"
    if parts.username or parts.password:
        return "holds a user name or a password"
    if not parts.query and address[-1] in ".,;:'”’)" and not (address[-1] == ")" and "(" in address):
        return f"ends in {address[-1]!r}, which belongs to the sentence around it"
    return ""


def all_links(site: Path) -> dict[str, list[str]]:
    """{address: pages} of the built site, sorted; addresses of the unpublished repository are left out."""
    found: dict[str, list[str]] = {}
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        for address in links_of(path.read_text("utf8")) if not name.startswith("_static/") else ():
            if not (urlsplit(address).hostname or "").endswith(UNPUBLISHED):
                found.setdefault(address, []).append(name)
    return dict(sorted(found.items()))


def write_list(app: Sphinx, exception: Exception | None) -> None:
    """Sphinx `build-finished`: writes `links.tsv`, an address and its pages in each line; stops at a malformed one."""
    if exception or app.builder.format != "html":
        return
    found = all_links(Path(app.outdir))
    wrong = [f"{pages[0]}: {address!r} {problem(address)}" for address, pages in found.items() if problem(address)]
    if wrong:
        raise ExtensionError("Links:\n  " + "\n  ".join(wrong))
    lines = "".join(f"{address}\t{' '.join(pages)}\n" for address, pages in found.items())
    (Path(app.outdir) / LIST).write_text(lines, "utf8")


def answer(address: str) -> str:
    """How an address answers: "ok", "refused" (to programs), or what went wrong."""
    request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0 (link check of a textbook)"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return "ok" if reply.status < 400 else str(reply.status)
    except urllib.error.HTTPError as error:
        return "refused" if error.code in REFUSED else f"{error.code} {error.reason}"
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m book.links", description="The addresses outside the book.")
    parser.add_argument("site", nargs="?", type=Path, default=Path("_build/html"), help="the built site")
    parser.add_argument("--check", action="store_true", help="ask each address, and fail if one does not answer")
    options = parser.parse_args(arguments)
    path = options.site / LIST
    if not path.is_file():
        parser.error(f"{path} does not exist; build the book first")
    addresses = [line.split("\t")[0] for line in path.read_text("utf8").splitlines()]
    if not options.check:
        print("\n".join(addresses))
        return 0
    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(addresses, pool.map(answer, addresses), strict=True))
    dead = {address: said for address, said in answers.items() if said not in ("ok", "refused")}
    for address, said in dead.items():
        print(f"{said}\t{address}")
    refused = sum(said == "refused" for said in answers.values())
    print(f"{len(answers)} addresses, {refused} refuse programs, {len(dead)} do not answer", file=sys.stderr)
    return int(bool(dead))


def setup(app: Sphinx) -> None:
    app.connect("build-finished", write_list, priority=850)


if __name__ == "__main__":
    sys.exit(main())
