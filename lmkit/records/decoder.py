"""A very small decoder for experiments: learned positions, a causal mask, trained in seconds on one processor.

This module knows nothing of what its tokens mean.
"""

from __future__ import annotations

import torch
from torch import nn


class Decoder(nn.Module):
    """ids [text, token] to logits [text, token, vocabulary]; `spread` is the standard deviation of the first embeddings."""

    def __init__(
        self, vocabulary: int, length: int, width: int = 64, layers: int = 2, heads: int = 4, spread: float = 0.3
    ) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        for table in (self.token, self.position):
            nn.init.normal_(table.weight, 0, spread)
        one = {"dim_feedforward": 4 * width, "dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(width, heads, **one) for _ in range(layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, vocabulary)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length), persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        n = ids.shape[1]
        x = self.token(ids) + self.position.weight[:n]
        for layer in self.layers:
            x = layer(x, self.mask[:n, :n], is_causal=True)
        return self.out(self.norm(x))
