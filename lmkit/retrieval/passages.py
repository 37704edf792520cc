"""Passages: pieces of a text that are small enough to compare and to put into a prompt, each knowing where it stood.

`read_text` reads a file, `split` cuts a text. Neither knows anything of vectors.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import regex

UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}]"  # scripts that write words without spaces between them
# Where a text may be cut, best first: behind a match. White space there belongs to neither side.
CUTS = tuple(
    regex.compile(pattern)
    for pattern in (
        r"(?=\n\s*\n)",  # a paragraph ends
        r"[.!?]+[\"'”’)\]]*(?=\s)|[。！？；…]+[”’」』）]*|(?=\n)",  # a sentence ends, or a line
        r"[,;:](?=\s)|[，、：]",  # a part of a sentence ends
        rf"(?=\s)|(?<={UNSPACED})(?={UNSPACED})",  # a word ends
        r"\X",  # what is one character to a reader: a letter with its accents, an emoji of several parts
    )
)


@dataclass(frozen=True)
class Passage:
    """A piece of a document: document text[start:end] == text. `document` is the document's id or title."""

    text: str
    document: str = ""
    start: int = 0
    end: int = 0


def split(text: str, size: int = 500, overlap: int = 100, document: str = "") -> list[Passage]:
    """Cut `text` into passages of at most `size` characters, of which neighbours share at most `overlap`.

    A passage ends behind a paragraph if one ends in its second half, else behind a sentence, a part of one, a word; a longer
    word is cut between two characters. The next begins with a sentence (else a word) that lies between `overlap` and half of
    it before that end. White space around a passage is left out; everything else of the text is in at least one.
    text[passage.start : passage.end] == passage.text. An empty text has no passages.

    Raises ValueError for a size below 1 and an overlap that is negative or more than half of the size.
    """
    if size < 1:
        raise ValueError(f"size is the most characters that a passage may have, at least 1; got {size}.")
    if not 0 <= overlap <= size // 2:
        raise ValueError(f"overlap is between 0 and half of the size, {size // 2}; got {overlap}.")
    last = len(text.rstrip())
    passages, start, end = [], _skip_spaces(text, 0), 0
    while start < last:
        low, high = max(start + (size + 1) // 2, end + 1), start + size
        end = last if high >= last else _cut(text, low, high, last=True) or high
        end = start + len(text[start:end].rstrip())
        passages.append(Passage(text[start:end], document, start, end))
        if end == last:
            break
        place = end - overlap
        if overlap and place > start:
            place = _cut(text, place, end - (overlap + 1) // 2, last=False) or place
        start = _skip_spaces(text, place if place > start else end)
    return passages


def _skip_spaces(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _cut(text: str, low: int, high: int, last: bool) -> int | None:
    """The last (or first) place in low … high behind a match of the best of CUTS that has one there; None: the text has none."""
    for pattern in CUTS:
        places = [match.end() for match in pattern.finditer(text, max(0, low - 20), min(len(text), high + 1))]
        if places := [place for place in places if low <= place <= high]:
            return places[-1 if last else 0]
    return None


def read_text(path: str | os.PathLike, encoding: str = "utf-8") -> str:
    """The text of a .txt, .md or .pdf file. `encoding` is that of a .txt or .md file; a PDF's pages are parted by an empty line.

    Raises FileNotFoundError; ValueError for another kind of file, bytes that are not text in this encoding, and a PDF that is
    encrypted, damaged or holds pictures of text only.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    kind = path.suffix.lower()
    if kind == ".pdf":
        return _read_pdf(path)
    if kind not in (".txt", ".md"):
        raise ValueError(f"{path.name} ends in {kind or 'nothing'}; read_text reads .txt, .md and .pdf. Save it as one of these.")
    try:
        text = path.read_bytes().decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} is not text in {encoding}: byte {error.object[error.start]:#04x} at {error.start} does not fit. Older "
            "Chinese files are often in gb18030 or big5, Western ones in cp1252: read_text(path, encoding='gb18030')."
        ) from error
    if "\0" in text:
        raise ValueError(f"{path.name} holds zero bytes, so it is no text in {encoding}. Is it in utf-16, or not a text at all?")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_pdf(path: Path) -> str:
    import pypdf

    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise ValueError(f"{path.name} is locked with a password. Save an unlocked copy and read that.")
        pages = [page.extract_text() for page in reader.pages]
    except pypdf.errors.PyPdfError as error:
        raise ValueError(f"{path.name} cannot be read as a PDF: {error}.") from error
    if not any(page.strip() for page in pages):
        raise ValueError(
            f"{path.name} has no text on any of its {len(pages)} pages: it is probably scanned. Run text recognition (OCR) first."
        )
    return "\n\n".join(pages)
