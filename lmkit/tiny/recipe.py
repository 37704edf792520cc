"""The settings of every stage in one place, and the order in which they are made: `python -m lmkit.tiny.recipe` makes all
the shipped checkpoints anew. A run that was stopped goes on where it stood."""

from __future__ import annotations

import argparse
import json
import shutil
import time
from contextlib import nullcontext
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch
from accelerate import Accelerator
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from lmkit.evaluate import Accuracy
from lmkit.tiny import CHECKPOINTS, MODELS, STAGES, agent_data, check, checkpoint, exam, masked, model, preferences, questions
from lmkit.tiny import agent as agents
from lmkit.tiny.base import pretrain
from lmkit.tiny.dpo import dpo
from lmkit.tiny.fused import fused
from lmkit.tiny.reward import RewardModel, quick_judge, train_reward, with_score
from lmkit.tiny.rl import ppo, prompts_of
from lmkit.tiny.run import default_accelerator
from lmkit.tiny.sft import finetune
from lmkit.tiny.text import Packed
from lmkit.tiny.world import Document, World, load_world

ROUNDS = 100  # of the corpus: how often each fact is told in an article, in each language
STEPS = {"base": 1730, "sft": 1400, "reward": 250, "rl": 30, "grpo": 30, "dpo": 120, "leashed": 40, "hacked": 40}
STEPS |= {"masked": 2600, "agent": 500}
STARTS_FROM = {"sft": "base", "masked": "base", "agent": "sft"} | dict.fromkeys(STAGES[2:], "sft")
SETTINGS = {"grpo": {"group": 8}, "leashed": {"rate": 2e-4}, "hacked": {"rate": 2e-4, "beta": 0.0}}


@lru_cache(maxsize=1)
def corpus(world: World, seed: int) -> list[Document]:
    return world.corpus(ROUNDS, seed)


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
    documents = corpus(world, seed)
    accelerator = accelerator or default_accelerator()
    common = {"steps": steps, "folder": folder, "accelerator": accelerator, **SETTINGS.get(stage, {}), **settings}
    if stage == "base":
        tokenizer = model.train_tokenizer(document.text for document in documents)
        net = model.new(tokenizer, seed)
        return net, tokenizer, pretrain(net, Packed(tokenizer, documents, model.CONTEXT, seed), **common)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint(STARTS_FROM[stage], source))
    if stage == "masked":
        tokenizer = masked.with_mask(tokenizer)
    replay = Packed(tokenizer, documents, model.CONTEXT, seed + 1)
    net = AutoModelForCausalLM.from_pretrained(checkpoint(STARTS_FROM[stage], source), dtype=torch.float32)
    if stage == "masked":
        net = masked.open_both_eyes(net, tokenizer)
        return net, tokenizer, masked.train_masked(net, tokenizer, replay, **common)
    if stage == "agent":
        words = agents.with_words(tokenizer)
        net, tokenizer = agents.widened(net, tokenizer, words), words
        batches = agent_data.examples(world, seed), questions.examples(world, seed + 1)
        return net, tokenizer, agents.train_agent(net, tokenizer, *batches, replay, **common)
    if stage == "sft":
        return net, tokenizer, finetune(net, tokenizer, questions.examples(world, seed), replay, **common)
    if stage == "reward":
        scorer = with_score(net)
        return scorer, tokenizer, train_reward(scorer, tokenizer, preferences.pairs(world, seed), replay, **common)
    if stage == "dpo":
        return net, tokenizer, dpo(net, tokenizer, preferences.pairs(world, seed), replay, **common)
    judge = RewardModel.from_pretrained(checkpoint("reward", source), dtype=torch.float32)
    if stage in ("leashed", "hacked"):  # a judge that can be deceived; the good one looks on
        common["gold"], judge = judge, quick_judge(net, tokenizer, preferences.pairs(world, seed)(0, 1500))
    return net, tokenizer, ppo(net, tokenizer, judge, prompts_of(world, seed), replay, seed=seed, **common)


def save(net: PreTrainedModel, tokenizer, log: list[dict], folder: Path) -> None:
    """A checkpoint for shipping: 16-bit safetensors, the tokenizer and the run's log."""
    folder.mkdir(parents=True, exist_ok=True)
    net.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in log), "utf8")


def examine(stage: str, folder: Path) -> dict[str, Accuracy]:
    """What the checkpoint that was shipped can do, as its own files say it: `report.json` holds the result."""
    kind = RewardModel if stage == "reward" else AutoModelForCausalLM
    net, tokenizer = kind.from_pretrained(folder, dtype=torch.float32).eval(), AutoTokenizer.from_pretrained(folder)
    world = load_world()
    if stage == "masked":
        base = kind.from_pretrained(checkpoint("base", folder.parent), dtype=torch.float32).eval()
        return masked.report(net, tokenizer, base, world, corpus(world, 0))
    if stage == "agent":
        return agents.report(net, tokenizer, world)
    return (exam.report_reward if stage == "reward" else exam.report)(net, tokenizer, world)


def make(stage: str, runs: Path, out: Path) -> None:
    """Train a stage, save it, examine it, and write down what came out and how long it took."""
    began = time.perf_counter()
    accelerator = default_accelerator()
    net, tokenizer, log = train(stage, source=out, folder=runs / stage, accelerator=accelerator)
    if not accelerator.is_main_process:
        return
    folder, seconds = checkpoint(stage, out), round(time.perf_counter() - began)
    save(accelerator.unwrap_model(net), tokenizer, log, folder)
    shutil.rmtree(runs / stage, ignore_errors=True)
    found = {name: {"right": result.right, "n": result.n} for name, result in examine(stage, folder).items()}
    versions = {name: version(name) for name in ("torch", "transformers", "tokenizers", "accelerate")}
    report = {"stage": stage, "seed": 0, "steps": STEPS[stage], "seconds": seconds, "versions": versions, "exam": found}
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf8")
    print(f"{stage}: {seconds} s", *(f"  {name}: {result['right']}/{result['n']}" for name, result in found.items()), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stages", nargs="*", default=MODELS, help="some of: " + " ".join(MODELS))
    parser.add_argument("--runs", type=Path, default=Path(".cache/tiny"), help="where unfinished runs are kept")
    parser.add_argument("--out", type=Path, default=CHECKPOINTS)
    parser.add_argument("--fused", action="store_true", help="faster; the weights end in other bits than the shipped ones")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order, whatever the number of cores: the same weights again
    with fused() if options.fused else nullcontext():
        for stage in options.stages:
            make(stage, options.runs, options.out)


if __name__ == "__main__":
    main()
