"""BM25: how well a passage's words fit a question's, rare words counting more and long passages less.

Robertson and Zaragoza (2009), *The Probabilistic Relevance Framework: BM25 and Beyond*, in the form that Lucene computes and
`bm25s` calls "lucene" (Kamphuis et al. 2020, *Which BM25 Do You Mean?*). For N passages, of which n hold the term t, and a
passage of `length` terms that holds t `count` times:

    score = Σ idf(n, N) · count / (count + K1·(1 − B + B·length / mean length))      over the question's terms t; one that
    idf(n, N) = ln(1 + (N − n + 0.5) / (n + 0.5))                                    stands there twice counts twice

`RetrievalView` repeats `terms` and this formula in the page: whoever changes one changes both.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

import numpy as np
import regex

K1 = 1.5  # how soon further occurrences of a word stop to count
B = 0.75  # how much a long passage pays for its length: 0 not at all, 1 in full

# A run of Chinese characters, or a run of other letters, digits and accents. JavaScript reads the same pattern (with the flag u
# and \p{Script=Han} for \p{Han}).
RUN = regex.compile(r"\p{Han}+|(?:(?!\p{Han})[\p{L}\p{M}\p{N}])+")
HAN = regex.compile(r"\p{Han}")


def terms(text: str) -> list[str]:
    """The terms of a text, in order: words in small letters, and the overlapping pairs of neighbouring Chinese characters.

    Chinese is written without spaces, and pairs need no dictionary: 注意力 gives 注意 and 意力, a lone 猫 itself. The text is
    brought to Unicode's form NFKC first, which makes full-width letters plain. No word is left out or stemmed.
    """
    found = []
    for run in RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if HAN.match(run) and len(run) > 1:
            found += [run[place : place + 2] for place in range(len(run) - 1)]
        else:
            found.append(run)
    return found


def idf(holding: int, passages: int) -> float:
    """The weight of a term that `holding` of all `passages` hold: near 0 where all of them do, large where hardly one does."""
    return math.log(1 + (passages - holding + 0.5) / (holding + 0.5))


class Keywords:
    """The BM25 index of some texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        self.size = len(texts)
        self._index = None
        read = [terms(text) for text in texts]
        if any(read):
            self._index = bm25s.BM25(method="lucene", k1=K1, b=B)
            self._index.index(read, show_progress=False)

    def scores(self, question: str) -> np.ndarray:
        """The score of every text, float32 [text]; 0 where the question and the text share no term."""
        known = [term for term in terms(question) if self._index is not None and term in self._index.vocab_dict]
        return self._index.get_scores(known) if known else np.zeros(self.size, np.float32)
