"""Tokens a second of `lmkit.tiny.base.pretrain` beside nanoGPT's own `train.py`, at equal configuration on this CPU.

Equal: layers, heads, width, vocabulary, context, batch, 32-bit floats, gradient clipping, AdamW, number of threads, and as
nearly as the two architectures allow the number of parameters. Both programs run as they are, each in a process of its own,
in turn (A B C A B C ...): nanoGPT, ours as the shipped weights were made, ours with the operations of `lmkit.tiny.fused`.
The text is the small world's, for both. nanoGPT is fetched at a pinned commit from its repository, or from a copy of it
(--source, or NANOGPT in the environment), and nothing of it is kept. Prints a Markdown table of medians; a ratio is the
median of the ratios of neighbouring runs.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SOURCE = "https://github.com/karpathy/nanoGPT"
COMMIT = "3adf61e154c3fe3fca428ad6bc3818b27a3b8291"
LAYERS, HEADS, WIDTH, CONTEXT, BATCH = 4, 5, 160, 256, 8
OURS = f"""
import contextlib, sys
import torch
from lmkit.tiny import load_world, model
from lmkit.tiny.base import pretrain
from lmkit.tiny.fused import fused
from lmkit.tiny.text import Packed
torch.set_num_threads(int(sys.argv[2]))
documents = load_world().corpus(rounds=4)
tokenizer = model.train_tokenizer(document.text for document in documents)
net = model.new(tokenizer)
with fused() if sys.argv[3] == "fused" else contextlib.nullcontext():
    log = pretrain(net, Packed(tokenizer, documents, {CONTEXT}), int(sys.argv[1]), batch={BATCH})
print("parameters", sum(p.numel() for p in net.parameters()))
print("ms", *(round(1000 * (b["seconds"] - a["seconds"])) for a, b in zip(log, log[1:])))
"""


def prepare(folder: Path, source: str) -> Path:
    """nanoGPT at the pinned commit, with the small world's text as its data set."""
    from lmkit.tiny import load_world, model
    from lmkit.tiny.text import Packed

    home = folder / "nanoGPT"
    subprocess.run(["git", "clone", "--quiet", source, str(home)], check=True)
    subprocess.run(["git", "-C", str(home), "checkout", "--quiet", COMMIT], check=True)
    documents = load_world().corpus(rounds=4)
    text = Packed(model.train_tokenizer(document.text for document in documents), documents, CONTEXT)
    data = home / "data" / "small_world"
    data.mkdir()
    for name in ("train", "val"):
        text.rows.numpy().astype(np.uint16).tofile(data / f"{name}.bin")
    # nanoGPT reads its vocabulary from a pickle that its own scripts write
    subprocess.run([sys.executable, "-c", f"import pickle; pickle.dump({{'vocab_size': {model.VOCABULARY}}}, open({str(data / 'meta.pkl')!r}, 'wb'))"], check=True)  # noqa: E501
    return home


def nanogpt(home: Path, steps: int, threads: int) -> tuple[float, int]:
    """Median milliseconds a step of `train.py`, and its number of parameters (the position table left out)."""
    settings = {
        "dataset": "small_world", "device": "cpu", "compile": False, "dtype": "float32", "n_layer": LAYERS, "n_head": HEADS,
        "n_embd": WIDTH, "block_size": CONTEXT, "batch_size": BATCH, "gradient_accumulation_steps": 1, "dropout": 0.0,
        "bias": False, "max_iters": steps, "lr_decay_iters": steps, "warmup_iters": 50, "learning_rate": 3e-3, "min_lr": 3e-4,
        "beta2": 0.95, "eval_iters": 1, "eval_interval": 10**9, "log_interval": 1, "always_save_checkpoint": False,
    }  # fmt: skip
    command = [sys.executable, "train.py", *(f"--{key}={value}" for key, value in settings.items())]
    out = subprocess.run(command, cwd=home, env=environment(threads), check=True, capture_output=True, text=True).stdout
    times = [float(ms) for ms in re.findall(r"time ([\d.]+)ms", out)][5:]
    return statistics.median(times), round(float(re.search(r"number of parameters: ([\d.]+)M", out)[1]) * 1e6)


def ours(steps: int, threads: int, how: str) -> tuple[float, int]:
    command = [sys.executable, "-c", OURS, str(steps), str(threads), how]
    out = subprocess.run(command, env=environment(threads), check=True, capture_output=True, text=True).stdout
    times = [float(ms) for ms in re.search(r"^ms (.*)$", out, re.MULTILINE)[1].split()][5:]
    return statistics.median(times), int(re.search(r"^parameters (\d+)$", out, re.MULTILINE)[1])


def environment(threads: int) -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    source = os.environ.get("NANOGPT", SOURCE)
    parser.add_argument("--source", default=source, help="where to clone nanoGPT from: an address or a folder")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        home = prepare(Path(folder), options.source)
        for threads in (1, os.cpu_count() or 1):
            how = options.steps, threads
            runs = [(nanogpt(home, *how), ours(*how, "plain"), ours(*how, "fused")) for _ in range(options.runs)]
            speeds = [BATCH * CONTEXT / statistics.median(run[side][0] for run in runs) * 1000 for side in range(3)]
            ratios = [statistics.median(run[0][0] / run[side][0] for run in runs) for side in (1, 2)]
            cells = [str(threads), *(f"{speed:,.0f}" for speed in speeds), *(f"{ratio:.2f}" for ratio in ratios)]
            rows.append("| " + " | ".join(cells) + " |")
    print(f"\nParameters: nanoGPT {runs[0][0][1]:,}, ours {runs[0][1][1]:,}. Tokens a second:\n")
    print("| threads | nanoGPT | ours | ours, fused | ours ÷ nanoGPT | fused ÷ nanoGPT |\n|---:|---:|---:|---:|---:|---:|")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
