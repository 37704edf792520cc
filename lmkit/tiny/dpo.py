"""Direct preference optimisation: the pairs train the policy themselves, with no reward model and no drawing of answers.
Source: Rafailov et al. 2023. The usual loss on the better answers is added (Pang et al. 2024): DPO's own loss sees only the
difference of the two, and is as content when both become unlikely."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lmkit.tiny.preferences import Pair
from lmkit.tiny.run import Run, cosine, default_accelerator, set_rate
from lmkit.tiny.text import Packed, answer_logprobs, next_token_loss, padded


def dpo(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    batches: Callable[[int, int], list[Pair]],
    replay: Packed,
    steps: int,
    batch: int = 32,
    beta: float = 0.5,
    rate: float = 1e-4,
    nll: float = 1.0,
    replayed: int = 4,
    folder: Path | None = None,
    accelerator: Accelerator | None = None,
) -> list[dict]:
    """−ln σ(β × how much more the policy than the reference prefers the better answer) + nll × the mean −ln p of the
    better answer's tokens. Returns the log; `better` and `worse` are how much ln p of the answers has moved, nats."""
    accelerator = accelerator or default_accelerator()
    reference = copy.deepcopy(model).eval().requires_grad_(False).to(accelerator.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.0)
    model, optimizer = accelerator.prepare(model.train(), optimizer)
    run = Run(accelerator, model, optimizer, steps, folder, name="DPO")
    mine = slice(accelerator.process_index, None, accelerator.num_processes)
    for step in run:
        chosen = batches(step, batch)[mine]
        rows, labels = padded(tokenizer, [(p.question, p.better) for p in chosen] + [(p.question, p.worse) for p in chosen])
        rows, labels = rows.to(accelerator.device), labels.to(accelerator.device)
        with torch.no_grad():
            before = answer_logprobs(reference, rows, labels).sum(1)
        logprobs = answer_logprobs(model, rows, labels)
        better, worse = (logprobs.sum(1) - before).chunk(2)
        loss = -F.logsigmoid(beta * (better - worse)).mean()
        surprise = -(logprobs.sum(1) / (labels[:, 1:] >= 0).sum(1))[: len(chosen)].mean()
        text_loss = next_token_loss(model, replay.batch(step, replayed)[mine].to(accelerator.device))
        accelerator.backward(loss + nll * surprise + text_loss)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        set_rate(optimizer, cosine(step, steps, rate))
        optimizer.step()
        optimizer.zero_grad()
        right = (better > worse).float().mean()
        run.log(step, loss=loss, right=right, better=better.mean(), worse=worse.mean(), replay=text_loss)
    return run.records
