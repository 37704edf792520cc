"""One vector for a whole text: the mean of an encoder's last hidden states, made one long.

Reimers and Gurevych (2019), *Sentence-BERT*, section 3: mean pooling. Models of the E5 family want to be told which text asks
and which answers (Wang et al. 2024, *Multilingual E5 Text Embeddings*): their prefixes stand in the catalogue.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from lmkit.models import LanguageModel

BATCH = 32


class Encoder:
    """Texts in, unit vectors out. `name`, `width` (numbers in a vector), `max_tokens` (what it reads of a text)."""

    def __init__(self, model: str | LanguageModel = "minilm-l6", prefixes: tuple[str, str] | None = None) -> None:
        """`model`: a name of the catalogue ("minilm-l6" reads English, "e5-small-multilingual" about a hundred languages), a Hub
        id, or a LanguageModel. `prefixes`: what is put before a question and before a passage; None: the catalogue's, for other
        models of the E5 family "query: " and "passage: ", else nothing.

        Raises ValueError for a model that is not an encoder, and as `lmkit.load` does.
        """
        import lmkit
        from lmkit import weights

        self.model = lmkit.load(model) if isinstance(model, str) else model
        if self.model.family != "encoder":
            raise ValueError(f"{self.model.name} is a {self.model.family}; mean pooling is for encoders such as 'minilm-l6'.")
        self.name, self.width = self.model.name, self.model.width
        entry = next((entry for entry in weights.CATALOG if self.name in (entry["name"], entry["hub"])), {})
        known = entry.get("embedding", {})
        e5 = "e5" in self.name.lower().replace("/", "-").replace("_", "-").split("-")
        self.prefixes = prefixes or tuple(known.get("prefixes", ("query: ", "passage: ") if e5 else ("", "")))
        self.max_tokens: int = known.get("max_tokens") or self.model.context or 512

    def __repr__(self) -> str:
        return f"Encoder({self.name}: {self.width} numbers a text, reads at most {self.max_tokens} tokens)"

    def encode(self, texts: str | Sequence[str], query: bool = False) -> np.ndarray:
        """The vectors of `texts`, float32 [text, width], each of length 1, so that a product of two is their cosine.

        `query`: whether the texts ask (True) or may answer (False). Warns when the end of a text is not read because it is
        longer than `max_tokens`. Raises ValueError for an empty text.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        for text in texts:
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"A text to encode is a str with at least one character that is not white space; got {text!r}.")
        if not texts:
            return np.zeros((0, self.width), np.float32)
        prefix = self.prefixes[0 if query else 1]
        read = self.model.tokenizer([prefix + text for text in texts], truncation=True, max_length=self.max_tokens, verbose=False)
        if cut := sum(bool(encoding.overflowing) for encoding in read.encodings):
            warnings.warn(
                f"{cut} of {len(texts)} texts are longer than the {self.max_tokens} tokens that {self.name} reads; the rest of "
                "them is not in their vectors. Split them into smaller passages.",
                stacklevel=2,
            )
        ids = [torch.tensor(row) for row in read["input_ids"]]
        vectors = np.empty((len(ids), self.width), np.float32)
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))  # alike lengths together: little padding
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            vectors[rows] = self._pool([ids[row] for row in rows])
        return vectors

    @torch.inference_mode()
    def _pool(self, ids: list[torch.Tensor]) -> np.ndarray:
        pad = torch.nn.utils.rnn.pad_sequence
        inputs = pad(ids, batch_first=True, padding_value=self.model.tokenizer.pad_token_id or 0).to(self.model.device)
        mask = pad([torch.ones_like(row) for row in ids], batch_first=True).to(self.model.device)
        with self.model.evaluation():
            hidden = self.model.torch_model.base_model(input_ids=inputs, attention_mask=mask).last_hidden_state
        # hidden: [text, token, width]; what pads a short text does not count
        mean = (hidden.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return torch.nn.functional.normalize(mean, dim=-1).cpu().numpy()
