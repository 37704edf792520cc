"""Something large on its way to a browser: one deflate stream, cut into chunks of text.

It is a checkpoint of the tiny model, a folder of three files, or one file that is such a stream already (`lmkit.vocabularies`).
A script file is the only thing that a page may load from a folder as well as from a server, so a chunk travels as a line of
JavaScript. `chunks.js` opens what is written here. Only the standard library is used: the book is built without torch.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

FILES = ("config.json", "tokenizer.json", "model.safetensors")
CHUNK = 192 * 1024  # bytes, a quarter of a megabyte as text
MANIFEST = "application/x-lmkit-weights+json"
INLINE = "application/x-lmkit-weights-chunk"


def version(folder: Path) -> str:
    """Twelve hexadecimal digits that change with the content of the checkpoint's files, or of the one file.

    Raises ValueError where a file is missing.
    """
    if folder.suffix:
        if not folder.is_file():
            raise ValueError(f"{folder.name} not found in {folder.parent}.")
        return hashlib.sha256(folder.read_bytes()).hexdigest()[:12]
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{folder.name} is no checkpoint: {', '.join(missing)} not found in {folder.parent}.")
    return hashlib.sha256(b"".join(hashlib.sha256((folder / name).read_bytes()).digest() for name in FILES)).hexdigest()[:12]


def pack_files(folder: Path) -> bytes:
    """A raw deflate stream of: the length of a header (four bytes, little-endian), the header as JSON, the files. A file is one
    already."""
    return folder.read_bytes() if folder.suffix else _pack(folder, version(folder))


@functools.lru_cache(maxsize=8)
def _pack(folder: Path, version: str) -> bytes:
    contents = [(folder / name).read_bytes() for name in FILES]
    header = json.dumps({"files": [[name, len(data)] for name, data in zip(FILES, contents, strict=True)]}).encode()
    deflate = zlib.compressobj(level=6, wbits=-15)
    parts = [struct.pack("<I", len(header)), header, *contents]
    return b"".join(deflate.compress(part) for part in parts) + deflate.flush()


def cut(packed: bytes) -> list[bytes]:
    """The stream in chunks."""
    return [packed[at : at + CHUNK] for at in range(0, len(packed), CHUNK)]


def chunk_name(stage: str, version: str, index: int) -> str:
    return f"{stage}-{version}-{index}"


def scripts(stage: str, folder: Path) -> Iterator[tuple[str, str]]:
    """(file name, content) of every script that together bring the checkpoint into a page."""
    for name, text in texts(stage, folder):
        yield f"{name}.js", f'lmkitWeights("{name}","{text}");\n'


def texts(stage: str, folder: Path) -> Iterator[tuple[str, str]]:
    """(name, base64) of every chunk."""
    stamp = version(folder)
    for index, chunk in enumerate(cut(pack_files(folder))):
        yield chunk_name(stage, stamp, index), base64.b64encode(chunk).decode()


def entry(folder: Path) -> dict[str, str | int]:
    """What a page's manifest says about a checkpoint: its version, the number of its chunks, and bytes of text to load."""
    packed = len(pack_files(folder))
    return {"version": version(folder), "chunks": -(-packed // CHUNK), "bytes": 4 * -(-packed // 3)}
