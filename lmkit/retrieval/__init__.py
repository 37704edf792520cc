"""Finding the passage that answers: split a text, embed its passages, store them, search them.

    text ─▶ split ─▶ list[Passage] ─▶ Retriever(Encoder()).add ─▶ .search(question) ─▶ list[Hit] ─▶ rerank ─▶ a prompt

`passages` cuts texts and reads files, `encoder` turns texts into vectors, `keywords` scores shared words (BM25), `store` keeps
everything in Qdrant and searches it, `reranking` asks a language model for a second opinion. Nothing here writes an answer.
"""

from lmkit.retrieval.encoder import Encoder
from lmkit.retrieval.keywords import Keywords, idf, terms
from lmkit.retrieval.passages import Passage, read_text, split
from lmkit.retrieval.reranking import rerank
from lmkit.retrieval.store import Hit, Retriever, fuse

__all__ = ["Encoder", "Hit", "Keywords", "Passage", "Retriever", "fuse", "idf", "read_text", "rerank", "split", "terms"]
