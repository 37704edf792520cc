"""What SmolLM2 answers about this course: without a passage, with the right one, with those a search finds, with a wrong one.

The collection is the course's own English text (`lmkit.course`), which no model has read. Conditions of the answers:

    closed    the question alone
    gold      the passage that holds the answer
    found     the three passages that dense and keyword search find together
    wrong     a passage that answers another question
    false     the gold passage with another answer put in the place of the right one
    careful   as found, with one more sentence in the prompt: say that you do not know

and "found" and "careful" once more for the questions that no document answers. `search` rows hold the rank of the first
passage with the evidence. The vectors of all passages are kept beside the record, so that a chapter need not compute them.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from lmkit import course, records, retrieval
from lmkit.course import Question
from lmkit.retrieval import Passage

SIZE, OVERLAP, K, LIMIT, SEED = 500, 100, 3, 24, 0
VECTORS = records.FOLDER / "reading.safetensors"
ASK = "Answer in a few words."
CAREFUL = 'If the passages do not say it, answer "I do not know".'


def passages(language: str = "en") -> list[Passage]:
    """The course's documents of a language, cut."""
    return [p for d in course.documents(language) for p in retrieval.split(d.text, SIZE, OVERLAP, d.id)]


def holds(passage: Passage, question: Question) -> bool:
    """Whether a passage holds the words that answer the question."""
    return passage.document == question.document and question.evidence in passage.text


def key(text: str, query: bool) -> int:
    """A number that stands for a text and its role."""
    return int.from_bytes(hashlib.sha256(f"{query:d}{text}".encode()).digest()[:8], "little", signed=True)


class Remembered:
    """An encoder that looks up the vectors of texts it has kept, and computes the others. For `Retriever`, as `Encoder`."""

    def __init__(self, name: str = "minilm-l6", path: Path = VECTORS) -> None:
        self.name, self._kept, self.width = name, {}, 384
        if path.is_file():
            from safetensors.numpy import load_file

            kept = load_file(path)
            if name in kept:
                self._kept = dict(zip(kept[f"{name} keys"].tolist(), kept[name], strict=True))

    def __repr__(self) -> str:
        return f"Remembered({self.name}: {len(self._kept):,} vectors of {self.width} numbers)"

    @cached_property
    def encoder(self) -> retrieval.Encoder:
        return retrieval.Encoder(self.name)

    def encode(self, texts: Sequence[str], query: bool = False) -> np.ndarray:
        """As `Encoder.encode`; kept vectors are rounded to 16 bits."""
        texts = [texts] if isinstance(texts, str) else list(texts)
        keys = [key(text, query) for text in texts]
        new = [row for row, one in enumerate(keys) if one not in self._kept]
        vectors = np.zeros((len(texts), self.width), np.float32)
        for row, one in enumerate(keys):
            vectors[row] = self._kept.get(one, 0)
        if new:
            vectors[new] = self.encoder.encode([texts[row] for row in new], query=query)
        return vectors


def keep(wanted: dict[str, list[tuple[str, bool]]], path: Path = VECTORS) -> None:
    """Keep the vectors of these (text, whether it asks) for each encoder, and nothing else."""
    from safetensors.numpy import save_file

    tensors = {}
    for name, texts in wanted.items():
        known = Remembered(name, path)
        both = [known.encode([text for text, asks in texts if asks is query], query) for query in (False, True)]
        keys = [key(text, query) for query in (False, True) for text, asks in texts if asks is query]
        tensors[name], tensors[f"{name} keys"] = np.concatenate(both).astype(np.float16), np.array(keys, np.int64)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


def prompt(question: str, texts: Sequence[str] = (), careful: bool = False) -> str:
    """What the model is told: the passages with their numbers, then the question."""
    read = "".join(f"[{number}] {text}\n\n" for number, text in enumerate(texts, 1))
    head = "Read these passages.\n\n" if texts else ""
    return f"{head}{read}{f'{CAREFUL} ' if careful else ''}{ASK}\nQuestion: {question}"


@torch.inference_mode()
def replies(model, prompts: Sequence[str], limit: int = LIMIT, at_once: int = 8) -> list[str]:
    """Greedy answers to several prompts, each as one message of a chat; only the first line counts."""
    chats = [[{"role": "user", "content": text}] for text in prompts]
    ids = [model.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False) for chat in chats]
    order, said = sorted(range(len(ids)), key=lambda row: len(ids[row])), [""] * len(ids)
    end = model.tokenizer.eos_token_id
    for first in range(0, len(order), at_once):
        rows = order[first : first + at_once]
        longest = max(len(ids[row]) for row in rows)
        fill = [longest - len(ids[row]) for row in rows]  # on the left: what is written stands on the right
        inputs = torch.tensor([[end] * n + ids[row] for n, row in zip(fill, rows, strict=True)])
        mask = torch.tensor([[0] * n + [1] * len(ids[row]) for n, row in zip(fill, rows, strict=True)])
        out = model.torch_model.generate(
            inputs.to(model.device), attention_mask=mask.to(model.device), do_sample=False, max_new_tokens=limit,
            pad_token_id=end,
        )  # fmt: skip
        for row, written in zip(rows, out[:, longest:], strict=True):
            text = model.tokenizer.decode(written, skip_special_tokens=True).strip()
            said[row] = text.splitlines()[0] if text else ""
    return said


def says(reply: str, answers: Sequence[str]) -> bool:
    """Whether one of the accepted answers stands in the reply, whole: "32" does not stand in "1932" or in "32.5"."""
    return any(re.search(rf"(?<![\w])(?<!\d[.,]){re.escape(a)}(?!\w)(?![.,]\d)", reply, re.IGNORECASE) for a in answers)
