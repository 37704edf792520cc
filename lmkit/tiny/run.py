"""A training run that can be killed: it goes on where its last checkpoint stands, to the same bits as if nothing had
happened. This module saves, restores, logs and shows progress; what a step is, each stage says in its own loop.

A checkpoint is safetensors: the weights, and for each of them the optimizer's two moments. Nothing else is needed, since
every stage draws its batches from (seed, step) and its learning rate from the step.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from math import cos, pi
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import nn
from tqdm import tqdm  # as text: a page without a kernel cannot show a bar that is a widget


def default_accelerator() -> Accelerator:
    """On a GPU where there is one, else on the CPU; in as many processes as were started."""
    return Accelerator(cpu=not torch.cuda.is_available())


class Run:
    """Iterate over it for the steps that are left; `log` what a step measured; `close` is called at the end of the loop.

    folder      where checkpoints and the log stand; None keeps nothing
    every       steps between two checkpoints
    """

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        steps: int,
        folder: Path | str | None = None,
        every: int = 100,
        name: str = "training",
    ) -> None:
        self.accelerator, self.model, self.optimizer = accelerator, model, optimizer
        self.steps, self.every, self.name = steps, every, name
        self.folder = Path(folder) if folder else None
        self.records: list[dict] = []
        self.start = self._restore()

    def __iter__(self) -> Iterator[int]:
        main = self.accelerator.is_main_process
        bar = tqdm(
            range(self.start, self.steps), initial=self.start, total=self.steps, desc=self.name, disable=not main, mininterval=1
        )
        began = time.perf_counter()
        for step in bar:
            yield step
            self.records[-1]["seconds"] = round(time.perf_counter() - began, 2)
            shown = {key: value for key, value in self.records[-1].items() if key in ("loss", "reward")}
            bar.set_postfix(shown, refresh=False)
            if self.folder and ((step + 1) % self.every == 0 or step + 1 == self.steps):
                self._save(step + 1)

    def log(self, step: int, **values: float) -> None:
        """Keep what step `step` measured: one record a step."""
        plain = {key: value.item() if isinstance(value, torch.Tensor) else value for key, value in values.items()}
        self.records.append({"step": step, **{key: round(value, 6) for key, value in plain.items()}})

    def _bare(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        optimizer = self.optimizer
        return self.accelerator.unwrap_model(self.model), getattr(optimizer, "optimizer", optimizer)

    def _save(self, step: int) -> None:
        """One folder a checkpoint, put in its place by a rename: a kill leaves the old one or the new one, never a half."""
        if not self.accelerator.is_main_process:
            return
        model, optimizer = self._bare()
        tensors = {}
        for name, parameter in model.named_parameters():
            tensors[f"weight.{name}"] = parameter.detach()
            for key, value in optimizer.state[parameter].items():
                tensors[f"{key}.{name}"] = value
        self.folder.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
        save_file(
            {key: value.cpu().contiguous() for key, value in tensors.items()}, new / "state.safetensors", {"step": str(step)}
        )
        (new / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in self.records), "utf8")
        for path in (*new.iterdir(), new):
            _sync(path)
        os.replace(new, self.folder / f"step-{step:06d}")
        _sync(self.folder)
        for old in sorted(self.folder.glob("step-*"))[:-1]:
            shutil.rmtree(old)

    def _restore(self) -> int:
        """Fill model and optimizer from the newest checkpoint; the step to go on with, 0 if there is none."""
        found = sorted(self.folder.glob("step-*")) if self.folder and self.folder.is_dir() else []
        if self.folder and self.accelerator.is_main_process:
            for half in self.folder.glob(".new-*"):  # a kill while it was saved
                shutil.rmtree(half)
        if not found:
            return 0
        step = int(found[-1].name.removeprefix("step-"))
        if step > self.steps:
            raise ValueError(f"{found[-1]} holds {step} steps, this run has only {self.steps}: give it a folder of its own.")
        tensors = load_file(found[-1] / "state.safetensors")
        model, optimizer = self._bare()
        parameters = dict(model.named_parameters())
        for key, tensor in tensors.items():
            kind, name = key.split(".", 1)
            if kind == "weight":
                parameters[name].data.copy_(tensor)
            else:
                optimizer.state[parameters[name]][kind] = tensor if kind == "step" else tensor.to(parameters[name].device)
        self.records = [json.loads(line) for line in (found[-1] / "log.jsonl").read_text("utf8").splitlines()]
        print(f"{self.name}: going on at step {step} of {self.steps}")
        return step


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def cosine(step: int, steps: int, peak: float, warm_up: int = 50, last: float = 0.1) -> float:
    """The learning rate at a step: a linear rise to `peak`, then half a cosine down to `last` times the peak."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    share = (step - warm_up) / max(1, steps - warm_up)
    return peak * (last + (1 - last) * (1 + cos(pi * share)) / 2)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of all parameters; a group with `times` gets so many times as much."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("times", 1)
