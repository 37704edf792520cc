"""TokenView: the reader types a text and sees its tokens in several vocabularies, their ids and bytes, and how merges made them.

Tokens are computed in the browser (`bpe.js`, `vocabulary.js`, `token*.js`). The vocabularies are not part of the widget: see
`carrier.py`; each is loaded when it is first used. What the first text becomes is computed here, so that a page shows it at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import traitlets

from lmkit import vocabularies as shipped

from .carrier import Carrier

MOST_TEXT = 20_000  # characters, as in token.js
DEFAULT = ("smollm2", "gpt-2", "gpt-4o", "deepseek-v3", "qwen3")


class TokenView(Carrier):
    """Type anything and see its tokens: pieces, ids, bytes, merges, several vocabularies compared.

    text          what stands in the text box at first
    vocabularies  names of `lmkit.vocabularies.names()`; the first one's tokens are shown at first
    special       whether special tokens that are spelled out in the text are those tokens, or text like any other

    Raises ValueError for a text that is none or longer than 20,000 characters, and for a vocabulary that is not here.
    """

    _module = "token.js"

    title = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    vocabulary = traitlets.Unicode().tag(sync=True)  # the name of the one whose tokens are shown
    special = traitlets.Bool().tag(sync=True)
    about = traitlets.List().tag(sync=True)  # of each vocabulary: name, title, maker, date, size, licence, bytes
    first = traitlets.Dict().tag(sync=True)  # the tokens of the first text, and how many there are in each vocabulary

    def __init__(
        self,
        text: str = "She is in a restaurant. 她在餐馆里。",
        vocabularies: Sequence[str] = DEFAULT,
        title: str = "",
        *,
        special: bool = False,
    ) -> None:
        if not isinstance(text, str) or len(text) > MOST_TEXT:
            found = f"{len(text):,} characters" if isinstance(text, str) else repr(text)
            raise ValueError(f"The text is {found}: give a text of at most {MOST_TEXT:,} characters.")
        names = [vocabularies] if isinstance(vocabularies, str) else list(vocabularies)
        if not names or len(set(names)) < len(names):
            raise ValueError(f"vocabularies={names!r}: give one or more, each once, of {', '.join(shipped.names())}.")
        known = {name: shipped.about(name) for name in names}
        versions = self._carry({f"vocabulary-{name}": shipped.path(name) for name in names})
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half a surrogate pair is no character
        first = {"text": text, "special": special, "vocabulary": names[0]} | tokens_of(names[0], text, special)
        first["counts"] = {name: len(encode(name, text, special)) for name in names}
        self._reserve = reserved(title, len(names))
        shown = ("title", "maker", "date", "size", "licence", "bytes")
        about = [{"name": name} | {key: known[name][key] for key in shown} for name in names]
        super().__init__(
            title=title, text=text, vocabulary=names[0], special=special, about=about, first=first, versions=versions
        )

    def describe(self) -> str:
        """The first text and how many tokens it is in each vocabulary."""
        counts = ", ".join(f"{name} {count}" for name, count in self.first["counts"].items())
        text = self.first["text"]
        return f"TokenView({text if len(text) <= 60 else text[:59] + '…'!r}; tokens: {counts})"


def encode(name: str, text: str, special: bool) -> list[int]:
    """The ids of a text; with `special`, special tokens that are spelled out in it are those tokens."""
    tokenizer = shipped.load(name)
    before, tokenizer.encode_special_tokens = tokenizer.encode_special_tokens, not special
    try:
        return tokenizer.encode(text, add_special_tokens=False).ids
    finally:
        tokenizer.encode_special_tokens = before  # others use it too


def tokens_of(name: str, text: str, special: bool) -> dict:
    """The ids of a text, the bytes of each of them as hexadecimal digits, and which of them stand beside the vocabulary."""
    ids = encode(name, text, special)
    tokenizer = shipped.load(name)
    added = {id: token.content for id, token in tokenizer.get_added_tokens_decoder().items()}
    spelled = {id: shipped.bytes_of(tokenizer.id_to_token(id)) if id not in added else added[id].encode() for id in set(ids)}
    pieces = {str(id): spelled[id].hex() for id in sorted(spelled)}
    return {"ids": ids, "bytes": pieces, "added": sorted(id for id in spelled if id in added)}


def reserved(title: str, rows: int) -> tuple[int, int]:
    """CSS pixels to keep free on a wide and on a narrow page."""
    table = 41 * rows + (41 if title else 0)
    return 845 + table, 1208 + table
