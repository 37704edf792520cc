"""The policies trained again with other seeds: how much of a difference between methods is chance.

`python -m lmkit.tiny.seeds` measures the shipped policies (seed 0), trains each method with seeds 1 and 2 from the same
fine-tuned model and reward model, and writes one row a policy to `data/seeds.csv`. A row that is there is not made again.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lmkit.evaluate import mean
from lmkit.tiny import CHECKPOINTS, checkpoint, exam, recipe
from lmkit.tiny.reward import RewardModel
from lmkit.tiny.world import DATA, LANGUAGES, load_world

METHODS, SEEDS = ("rl", "grpo", "dpo"), (0, 1, 2)
FILE = DATA / "seeds.csv"
COLUMNS = ("method", "seed", "reward", "gain", "gain_low", "gain_high", "kl", "true_asked", "true_never_asked")


@lru_cache(maxsize=1)
def reference(source: Path) -> tuple:
    """What every policy is compared with: the fine-tuned model, its tokenizer, the reward model, and the rewards it gives."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint("sft", source))
    sft = AutoModelForCausalLM.from_pretrained(checkpoint("sft", source), dtype=torch.float32).eval()
    judge = RewardModel.from_pretrained(checkpoint("reward", source), dtype=torch.float32).eval()
    return sft, tokenizer, judge, exam.pleases(sft, sft, judge, tokenizer, load_world())[0]


def measure(net, source: Path = CHECKPOINTS) -> dict[str, float]:
    """Reward, what it gained on the fine-tuned model with its 95 % interval, KL in nats, and shares of true answers to
    questions in unseen wordings (100 in each language)."""
    world, (sft, tokenizer, judge, before) = load_world(), reference(source)
    after, away = exam.pleases(net, sft, judge, tokenizer, world)
    gain = mean([b - a for a, b in zip(before, after, strict=True)])
    found = {"reward": mean(after).value, "gain": gain.value, "gain_low": gain.low, "gain_high": gain.high}
    found["kl"] = mean(away).value
    for name, facts in (("true_asked", world.asked()), ("true_never_asked", world.never_asked())):
        results = [exam.answers_truly(net, tokenizer, world, facts, one, unseen=True, n=100) for one in LANGUAGES]
        found[name] = sum(result.right for result in results) / sum(result.n for result in results)
    return {key: round(value, 4) for key, value in found.items()}


def main() -> None:
    torch.set_num_threads(1)
    rows = list(csv.DictReader(FILE.open(encoding="utf8", newline=""))) if FILE.exists() else []
    done = {(row["method"], int(row["seed"])) for row in rows}
    for seed in SEEDS:
        for method in METHODS:
            if (method, seed) in done:
                continue
            if seed:
                net, _, _ = recipe.train(method, seed=seed)
            else:
                net = AutoModelForCausalLM.from_pretrained(checkpoint(method), dtype=torch.float32)
            rows.append({"method": method, "seed": seed, **measure(net.eval())})
            with FILE.open("w", encoding="utf8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
