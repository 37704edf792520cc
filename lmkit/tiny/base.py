"""Pretraining: predict the next token of everything that the small world has written."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator
from transformers import PreTrainedModel

from lmkit.tiny.run import Run, cosine, default_accelerator, set_rate
from lmkit.tiny.text import Packed, next_token_loss


def pretrain(
    model: PreTrainedModel,
    text: Packed,
    steps: int,
    batch: int = 8,
    rate: float = 3e-3,
    folder: Path | None = None,
    accelerator: Accelerator | None = None,
) -> list[dict]:
    """AdamW on `batch` rows a step; the rate rises for 50 steps and falls along a cosine. Returns the log.

    With several processes each takes its share of every batch, and the gradients are averaged: the same step, shared.
    """
    accelerator = accelerator or default_accelerator()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    model, optimizer = accelerator.prepare(model.train(), optimizer)
    run = Run(accelerator, model, optimizer, steps, folder, name="pretraining")
    mine = slice(accelerator.process_index, None, accelerator.num_processes)
    for step in run:
        rows = text.batch(step, batch)[mine].to(accelerator.device)
        loss = next_token_loss(model, rows)
        accelerator.backward(loss)
        norm = accelerator.clip_grad_norm_(model.parameters(), 1.0)
        set_rate(optimizer, cosine(step, steps, rate))
        optimizer.step()
        optimizer.zero_grad()
        run.log(step, loss=accelerator.reduce(loss.detach(), "mean"), norm=norm)
    return run.records
