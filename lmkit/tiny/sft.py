"""Supervised fine-tuning: questions with answers in the chat's form, the loss on the answers only, and in every step some
of the old text beside them, without which the model forgets what it was never asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lmkit.tiny.run import Run, cosine, default_accelerator, set_rate
from lmkit.tiny.text import Packed, answer_logprobs, next_token_loss, padded


def finetune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    batches: Callable[[int, int], list[tuple[str, str]]],
    replay: Packed | None,
    steps: int,
    batch: int = 32,
    replayed: int = 4,
    rate: float = 7e-4,
    folder: Path | None = None,
    accelerator: Accelerator | None = None,
) -> list[dict]:
    """AdamW on `batch` questions a step and `replayed` rows of pretraining text (none: the model forgets). Returns the log."""
    accelerator = accelerator or default_accelerator()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    model, optimizer = accelerator.prepare(model.train(), optimizer)
    run = Run(accelerator, model, optimizer, steps, folder, name="fine-tuning")
    mine, share = slice(accelerator.process_index, None, accelerator.num_processes), accelerator.num_processes
    for step in run:
        rows, labels = padded(tokenizer, batches(step, batch))
        answers = (labels[:, 1:] >= 0).sum()  # of all processes: their sums are averaged below
        rows, labels = rows[mine].to(accelerator.device), labels[mine].to(accelerator.device)
        loss = -answer_logprobs(model, rows, labels).sum() / answers * share
        old = next_token_loss(model, replay.batch(step, replayed)[mine].to(accelerator.device)) if replay else torch.zeros(())
        accelerator.backward(loss + old)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        set_rate(optimizer, cosine(step, steps, rate))
        optimizer.step()
        optimizer.zero_grad()
        run.log(step, loss=accelerator.reduce(loss.detach(), "mean"), replay=old)
    return run.records
