"""A second opinion on what was found: how likely does a language model hold the question, having read the passage?

Sachan et al. (EMNLP 2022), *Improving Passage Retrieval with Zero-Shot Question Generation*: the score is the mean
log-likelihood of the question's tokens. It costs a forward pass for each passage, so it is for the few that a search has found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from lmkit.retrieval.store import Hit, ranked

if TYPE_CHECKING:
    from lmkit.models import LanguageModel

PROMPT = "Passage: {passage}\nPlease write a question based on this passage.\nQuestion:"
BATCH = 4


def rerank(question: str, hits: Sequence[Hit], model: LanguageModel, prompt: str = PROMPT) -> list[Hit]:
    """The hits ordered by how likely `model`, a decoder, holds the question after `prompt` with the passage in it.

    The new scores are mean log-probabilities of the question's tokens, in nats, so at most 0. Raises ValueError for an
    empty question, a model that is not a decoder, and a passage that does not fit into its context.
    """
    if not question.strip():
        raise ValueError("The question is empty: there is nothing to be likely.")
    if model.family != "decoder":
        raise ValueError(f"{model.name} is an {model.family}; the likelihood of a question needs a decoder.")
    asked = model.tokenizer(" " + question.strip(), add_special_tokens=False, verbose=False)["input_ids"]
    rows = [model.encode(prompt.format(passage=hit.passage.text)) + asked for hit in hits]
    for hit, row in zip(hits, rows, strict=True):
        if model.context and len(row) > model.context:
            raise ValueError(
                f"The passage at rank {hit.rank} and the question make {len(row)} tokens; {model.name} reads {model.context}. "
                "Split into smaller passages."
            )
    batches = [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
    return ranked(hits, [score for batch in batches for score in _likelihoods(model, batch, len(asked))])


@torch.inference_mode()
def _likelihoods(model: LanguageModel, rows: list[list[int]], length: int) -> list[float]:
    """The mean log-probability of the last `length` ids of each row, in nats. Padding stands behind, where nothing looks."""
    pad = torch.nn.utils.rnn.pad_sequence
    ids = pad([torch.tensor(row) for row in rows], batch_first=True).to(model.device)
    mask = pad([torch.ones(len(row), dtype=torch.long) for row in rows], batch_first=True).to(model.device)
    with model.evaluation():
        logits = model.torch_model(input_ids=ids, attention_mask=mask, use_cache=False).logits  # [row, token, vocabulary]
    means = []
    for row, scores in zip(rows, logits, strict=True):
        before = scores[len(row) - length - 1 : len(row) - 1].float().log_softmax(-1)  # the position before predicts a token
        means.append(before[range(length), row[-length:]].mean().item())
    return means
