"""Vocabularies of real models, shipped with the package: `load` gives the tokenizer itself, with no network.

    vocabularies.names()            gpt-2, gpt-4, gpt-4o, smollm2, deepseek-v3, qwen3, and the course's own: tiny
    vocabularies.load("gpt-4o")     a `tokenizers.Tokenizer`, exactly the one that was published
    vocabularies.about("gpt-4o")    its title, size, date, licence and source

All of them are byte-level BPE: 256 bytes and a list of merges say everything, so that is what a file holds (see `unpack`).
`lmkit.vocabulary_recipe` made the files; the page reads the same ones (`widgets/vocabulary.js`). This module knows no models.
"""

from __future__ import annotations

import functools
import hashlib
import json
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmkit.tokens import BYTE_OF

if TYPE_CHECKING:
    from tokenizers import Tokenizer

HERE = Path(__file__).parent / "data" / "vocabularies"
LIST = HERE / "vocabularies.json"
SPELLING = {byte[0]: char for char, byte in BYTE_OF.items()}  # each byte as the character that stands for it in a tokenizer.json
LEFT_OUT = {
    "llama-3": "Meta's licence binds everyone who passes the vocabulary on, so it does not come with the course. With access "
    "to the model: transformers.AutoTokenizer.from_pretrained('meta-llama/Llama-3.2-1B').",
    "gemma": "Google's terms of use bind everyone who passes the vocabulary on, so it does not come with the course.",
}


def names() -> list[str]:
    """The vocabularies that are here, the oldest first."""
    return list(_list())


def about(name: str) -> dict:
    """What is known of a vocabulary: `title`, `maker`, `date` (of the first model that used it), `size` (tokens, special ones
    among them), `licence`, `source` (package, version, file and its SHA-256), `file`, `bytes` and `sha256` of the packed file.

    Raises ValueError for a name that is not here.
    """
    _check(name)
    return json.loads(json.dumps(_list()[name]))  # a copy that may be changed


@functools.cache
def load(name: str) -> Tokenizer:
    """The `tokenizers.Tokenizer` of a vocabulary, equal in everything to the published one; always the same object, so leave it
    as it is, or change a copy.deepcopy of it.

    `encode(text, add_special_tokens=False).ids` gives a text's ids; in it special tokens are recognised where they are spelled
    out, unless `encode_special_tokens` is True. Raises ValueError for a name that is not here, and where the file's SHA-256 is
    not that of the list.
    """
    return build(*unpack(_read(name)))


def build(header: dict, merges: np.ndarray) -> Tokenizer:
    """The tokenizer of what `unpack` gives."""
    from tokenizers import AddedToken, Tokenizer, models

    spelled = {id: SPELLING[byte] for byte, id in enumerate(header["bytes"]) if id is not None}
    pairs = []
    for id, (left, right) in enumerate(merges.tolist(), header["first"]):
        pairs.append((spelled[left], spelled[right]))
        spelled[id] = spelled[left] + spelled[right]
    vocabulary = {piece: id for id, piece in spelled.items()} | header["others"]
    rest = header["tokenizer"]
    options = {key: value for key, value in rest["model"].items() if key != "type" and value is not None}
    tokenizer = Tokenizer(models.BPE(vocabulary, pairs, **options))
    empty = rest["model"] | {"vocab": {}, "merges": []}
    shell = Tokenizer.from_str(json.dumps(rest | {"model": empty, "added_tokens": []}))
    for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        if getattr(shell, part) is not None:
            setattr(tokenizer, part, getattr(shell, part))
    for token in rest["added_tokens"]:
        settings = {key: value for key, value in token.items() if key not in ("id", "content")}
        tokenizer.add_tokens([AddedToken(token["content"], **settings)])
    return tokenizer


def bytes_of(piece: str) -> bytes:
    """The bytes that a token of these vocabularies stands for, from its spelling in tokenizer.json: "Ġin" is b" in"."""
    return b"".join(BYTE_OF.get(char) or char.encode() for char in piece)


def path(name: str) -> Path:
    """The packed file of a vocabulary. Raises ValueError for a name that is not here."""
    _check(name)
    return HERE / _list()[name]["file"]


def pack(header: dict, merges: np.ndarray) -> bytes:
    """The packed file of a vocabulary: see `unpack`."""
    planes = b"".join(((column >> shift) & 255).astype(np.uint8).tobytes() for column in merges.T for shift in (0, 8, 16))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    deflate = zlib.compressobj(level=9, wbits=-15)
    return deflate.compress(struct.pack("<I", len(text)) + text + planes) + deflate.flush()


def unpack(packed: bytes) -> tuple[dict, np.ndarray]:
    """(header, merges) of a packed file, which is a raw deflate stream of: the length of the header (four bytes, little-endian),
    the header as JSON, and the merges as six planes of bytes: the low, middle and high bytes of the left ids, then of the right.

    Merge k makes id `first + k` of two earlier ids. In the header, `bytes` holds the id of each byte (null where the vocabulary
    lacks it), `others` the ids that no merge makes (special tokens inside the vocabulary), and `tokenizer` what else stands in
    tokenizer.json.
    """
    plain = zlib.decompress(packed, wbits=-15)
    start = 4 + struct.unpack_from("<I", plain)[0]
    planes = np.frombuffer(plain, np.uint8, offset=start).reshape(2, 3, -1).astype(np.int64)
    return json.loads(plain[4:start]), (planes[:, 0] | planes[:, 1] << 8 | planes[:, 2] << 16).T


def _read(name: str) -> bytes:
    packed = path(name).read_bytes()
    wanted, found = _list()[name]["sha256"], hashlib.sha256(packed).hexdigest()
    if found != wanted:
        raise ValueError(f"{path(name).name} is damaged: its SHA-256 is {found}, not {wanted}. Install the package again.")
    return packed


def _check(name: str) -> None:
    if name in LEFT_OUT:
        raise ValueError(f"The vocabulary {name!r} is not here. {LEFT_OUT[name]} Here are: {', '.join(names())}.")
    if name not in _list():
        raise ValueError(f"no vocabulary {name!r}: choose one of {', '.join(names())}.")


@functools.cache
def _list() -> dict[str, dict]:
    return json.loads(LIST.read_text("utf8"))
