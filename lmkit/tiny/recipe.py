"""The settings of every stage in one place, and the order in which they are made: `python -m lmkit.tiny.recipe` makes all
the shipped checkpoints anew. A run that was stopped goes on where it stood."""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForSequenceClassification, PreTrainedModel

from lmkit.tiny import CHECKPOINTS, STAGES, check, checkpoint, model, preferences, questions
from lmkit.tiny.base import pretrain
from lmkit.tiny.dpo import dpo
from lmkit.tiny.reward import train_reward, with_score
from lmkit.tiny.rl import ppo, prompts_of
from lmkit.tiny.run import default_accelerator
from lmkit.tiny.sft import finetune
from lmkit.tiny.text import Packed
from lmkit.tiny.world import World, load_world

ROUNDS = 100  # of the corpus: how often each fact is told in an article, in each language
STEPS = {"base": 1650, "sft": 600, "reward": 400, "rl": 60, "grpo": 60, "dpo": 200}
STARTS_FROM = {"sft": "base", "reward": "sft", "rl": "sft", "grpo": "sft", "dpo": "sft"}


def train(
    stage: str,
    world: World | None = None,
    steps: int | None = None,
    source: Path = CHECKPOINTS,
    folder: Path | None = None,
    seed: int = 0,
    accelerator: Accelerator | None = None,
    **settings,
):
    """Train one stage from the checkpoint of the stage before it in `source`. Returns (model, tokenizer, log).

    folder    where to keep the run's own checkpoints, so that it can be stopped and go on; None keeps nothing
    settings  go to the loop of the stage: `batch`, `rate`, `beta`, …
    """
    check(stage)
    world, steps = world or load_world(), steps or STEPS[stage]
    documents = world.corpus(ROUNDS, seed)
    accelerator = accelerator or default_accelerator()
    common = {"steps": steps, "folder": folder, "accelerator": accelerator, **settings}
    if stage == "base":
        tokenizer = model.train_tokenizer(document.text for document in documents)
        net = model.new(tokenizer, seed)
        return net, tokenizer, pretrain(net, Packed(tokenizer, documents, model.CONTEXT, seed), **common)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint(STARTS_FROM[stage], source))
    replay = Packed(tokenizer, documents, model.CONTEXT, seed + 1)
    net = AutoModelForCausalLM.from_pretrained(checkpoint(STARTS_FROM[stage], source), dtype=torch.float32)
    if stage == "sft":
        return net, tokenizer, finetune(net, tokenizer, questions.examples(world, seed), replay, **common)
    if stage == "reward":
        scorer = with_score(net)
        return scorer, tokenizer, train_reward(scorer, tokenizer, preferences.pairs(world, seed), replay, **common)
    if stage == "dpo":
        return net, tokenizer, dpo(net, tokenizer, preferences.pairs(world, seed), replay, **common)
    judge = LlamaForSequenceClassification.from_pretrained(checkpoint("reward", source), dtype=torch.float32)
    common |= {"group": 8} if stage == "grpo" else {}
    return net, tokenizer, ppo(net, tokenizer, judge, prompts_of(world, seed), replay, seed=seed, **common)


def save(net: PreTrainedModel, tokenizer, log: list[dict], folder: Path) -> None:
    """A checkpoint for shipping: 16-bit safetensors, the tokenizer and the run's log."""
    folder.mkdir(parents=True, exist_ok=True)
    net.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in log), "utf8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stages", nargs="*", default=STAGES, help="some of: " + " ".join(STAGES))
    parser.add_argument("--runs", type=Path, default=Path(".cache/tiny"), help="where unfinished runs are kept")
    parser.add_argument("--out", type=Path, default=CHECKPOINTS)
    options = parser.parse_args()
    for stage in options.stages:
        began = time.perf_counter()
        accelerator = default_accelerator()
        net, tokenizer, log = train(stage, source=options.out, folder=options.runs / stage, accelerator=accelerator)
        if accelerator.is_main_process:
            save(accelerator.unwrap_model(net), tokenizer, log, checkpoint(stage, options.out))
            shutil.rmtree(options.runs / stage, ignore_errors=True)
            print(f"{stage}: {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
