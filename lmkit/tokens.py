"""What each token stands for: its exact bytes, and a display piece that loses nothing.

Vocabularies spell text in their own ways: GPT-2's printable byte alphabet, sentencepiece's "▁" for a space and "<0xE4>"
for a byte, WordPiece's "##". `Pieces` reads the spelling off a tokenizer and undoes it. It knows nothing about models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def _byte_alphabet() -> dict[str, bytes]:
    """GPT-2's alphabet: printable Latin-1 bytes spell themselves, U+0100 and on spell the other 68, in order."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): bytes([byte]) for byte in printable} | {
        chr(256 + index): bytes([byte]) for index, byte in enumerate(others)
    }


BYTE_OF = _byte_alphabet()


class Pieces:
    """The bytes and the display piece of each token id of one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        # Tokens that stand beside the vocabulary and are spelled as they are, special ones among them.
        self._added = {id: str(token) for id, token in tokenizer.added_tokens_decoder.items()}
        backend = getattr(tokenizer, "backend_tokenizer", None)
        decoder = repr(backend.decoder) if backend is not None else ""
        self._byte_level = "ByteLevel" in decoder
        self._sentencepiece = "▁" in decoder or hasattr(tokenizer, "sp_model")

    def bytes(self, ids: Sequence[int]) -> list[bytes]:
        """The exact bytes of each token: see `LanguageModel.token_bytes`."""
        ids = [int(id) for id in ids]
        spelled = self._tokenizer.convert_ids_to_tokens(ids)
        return [self._bytes(id, piece) for id, piece in zip(ids, spelled, strict=True)]

    def strings(self, ids: Sequence[int]) -> list[str]:
        """The display piece of each token: see `LanguageModel.token_strings`."""
        return [_show(piece) for piece in self.bytes(ids)]

    def _bytes(self, id: int, piece: str | None) -> bytes:
        if id in self._added:
            return self._added[id].encode()
        if piece is None:  # a model's vocabulary is often padded to a round size
            return f"[no token {id}]".encode()
        if self._byte_level:
            return b"".join(BYTE_OF.get(char) or char.encode() for char in piece)
        if self._sentencepiece and re.fullmatch(r"<0x[0-9A-F]{2}>", piece):
            return bytes([int(piece[3:5], 16)])
        return (piece.replace("▁", " ") if self._sentencepiece else piece).encode()


def _show(piece: bytes) -> str:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in piece)
