"""Train every family on the same text and measure it. `python -m lmkit.families` makes what the stored tables lack, and
`python -m lmkit.families lstm gru` only these; stopped, it goes on with the next run.

All networks read the same rows in the same order, as many tokens, under the same optimizer. The learning rate of each is
the best of three, judged on documents that are neither learned from nor held out: in a run over a quarter of the world's text,
and over all stories, since with fewer some networks have not yet begun to remember.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from math import exp

import numpy as np
import torch
from safetensors.torch import save_file

from lmkit import families
from lmkit.families import COUNTED, MODELS, NEURAL, RECALL, RECORD, TABLE, WEIGHTS
from lmkit.families.models import Model, Neural
from lmkit.families.text import DISTANCES, TASKS, Story, Text, load_text, stories, vocabulary
from lmkit.tiny.run import cosine, set_rate
from lmkit.tiny.scaling import now, read_table, write_table

SEEDS = (0, 1, 2)
RATES = (0.001, 0.003, 0.01)  # 0.03 was tried too: `dropped` in the record
SEARCH_SEED, SEARCH_PART = 100, {"world": 4, "stories": 1}  # the search reads a quarter of the world's text, or all stories
N_RECALL = 200  # stories of each kind and distance
EVERY = 10  # steps between two numbers of a stored log
BETAS, DECAY, CLIP = (0.9, 0.99), 0.01, 1.0


def train(
    name: str, text: Text, rate: float, seed: int = 0, steps: int | None = None, part: int = 1
) -> tuple[Neural, list[dict]]:
    """A network trained on a text, every row of it once, and what each step read and its loss. `steps` stops earlier, `part`
    plans for so much less from the beginning."""
    words = vocabulary(text.read)
    net = families.new(name, words, seed).train()
    batches = text.batches(net.index, seed)
    planned = len(batches) // part
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, betas=BETAS, weight_decay=DECAY, fused=True)
    log = []
    for step, ids in enumerate(batches[: planned if steps is None else min(steps, planned)]):
        loss = -net.logprobs(ids[:, :-1]).gather(2, ids[:, 1:, None]).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        set_rate(optimizer, cosine(step, planned, rate, warm_up=planned // 20))
        optimizer.step()
        optimizer.zero_grad()
        log.append({"step": step, "tokens": ids[:, 1:].numel(), "loss": loss.item()})
    return net.eval(), log


@torch.no_grad()
def recalls(model: Model, told: Sequence[Story], at_once: int = 50) -> list[bool]:
    """Whether a model's most probable word after each story's prompt is its last word."""
    end, right = model.index[families.END], []
    for i in range(0, len(told), at_once):
        some = told[i : i + at_once]
        rows = [torch.tensor([end, *model.ids(one.prompt)]) for one in some]
        after = model.logprobs(torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=end))
        best = after[range(len(some)), [len(row) - 1 for row in rows]].argmax(-1)
        right += [model.words[k] == one.answer for k, one in zip(best.tolist(), some, strict=True)]
    return right


def doubt(model: Model, text: str) -> float:
    """What the search for a rate makes small, nats: −ln p of a token of the world, or of the last word of a story."""
    documents = load_text(text).choose
    each = model.token_logprobs(documents)
    kept = torch.cat(each) if text == "world" else torch.stack([one[-2] for one in each])
    return -kept.mean().item()


def search(name: str, text: str) -> dict[float, float]:
    """What each rate reached: {rate: nats}."""
    tried = {rate: train(name, load_text(text), rate, SEARCH_SEED, part=SEARCH_PART[text])[0] for rate in RATES}
    return {rate: round(doubt(net, text), 4) for rate, net in tried.items()}


def rounded(net: Neural) -> Neural:
    """The network with the 16-bit numbers that are shipped: what is measured is what is stored."""
    net.load_state_dict({key: value.half().float() for key, value in net.state_dict().items()})
    return net


def make(name: str, text: str, seed: int) -> tuple[Model, dict]:
    """A trained model, and what a row of both tables says of how it was made."""
    read, peak = load_text(text), rate(name, text) if name in NEURAL else None
    families.load.cache_clear()
    began = time.process_time()
    model, log = train(name, read, peak, seed) if name in NEURAL else (families.load(name, text), [])
    seconds = time.process_time() - began
    if name in NEURAL:
        rounded(model)
    if seed == 0 and name in NEURAL:
        WEIGHTS.mkdir(parents=True, exist_ok=True)
        half = {key: value.half() for key, value in model.state_dict().items()}
        save_file(half, WEIGHTS / f"{text}-{name}.safetensors", {"words": json.dumps(model.words, ensure_ascii=False)})
        keep("logs", text, name, [[one["step"], round(one["loss"], 4)] for one in log[::EVERY]])
    tokens = sum(one["tokens"] for one in log) or sum(len(document) + 1 for document in read.read)
    return model, {"model": name, "seed": seed, "parameters": model.n_parameters, "tokens": tokens, "seconds": round(seconds, 1)}


def rate(name: str, text: str) -> float:
    """The learning rate of a network: the stored one, or the best of a search, which is then stored."""
    found = families.record().get("rates", {}).get(text, {}).get(name)
    if found is None:
        tried = search(name, text)
        found = min(tried, key=tried.get)
        keep("search", text, name, tried)
        keep("rates", text, name, found)
        print(f"{text} {name}: rate {found} of {tried}", flush=True)
    return found


def run(name: str, text: str, seed: int) -> None:
    """One row of the table of perplexities, or the rows of the table of recall, where they are not there yet."""
    path = TABLE if text == "world" else RECALL
    rows = read_table(path)
    if (name, seed) in {(row["model"], row["seed"]) for row in rows} or (name in COUNTED and seed):
        return
    model, made = make(name, text, seed)
    if text == "world":
        each = torch.cat(model.token_logprobs(load_text(text).held_out))
        made |= {"held_out": len(each), "perplexity": round(exp(-each.double().mean().item()), 4), "date": now()}
        rows.append(made)
    else:
        for task in TASKS:
            for distance in DISTANCES:
                right = sum(recalls(model, stories(N_RECALL, "recall", distance, task)))
                found = {"task": task, "distance": distance, "right": right, "n": N_RECALL, "chance": 0.05}
                rows.append(made | found | {"date": now()})
    rows.sort(key=lambda row: (MODELS.index(row["model"]), row["seed"]))
    write_table(rows, path)
    print(json.dumps(made), flush=True)


def settings() -> dict:
    world, told = load_text("world"), load_text("stories")
    return {
        "world": {"read": len(world.read), "held_out": len(world.held_out), "rows": "12 of 64 tokens a step, documents packed"},
        "stories": {"read": len(told.read), "rows": "16 stories of one length a step", "recall_read": already_read(told)},
        "optimizer": f"AdamW, betas {BETAS}, weight decay {DECAY}, gradient norm at most {CLIP}, rate rising for a twentieth "
        "of the steps, then a cosine to a tenth of it; every row read once",
        "search": f"rates {RATES} for each with seed {SEARCH_SEED}, on a quarter of the rows of the world and on all stories, "
        "judged on documents of their own",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "machine": f"one thread of a shared machine with {os.cpu_count()} {platform.machine()} processor cores, float32",
    }


def already_read(told: Text) -> dict[str, int]:
    """How many of the stories that recall is measured on stand, word for word, among those learned from: "dish 8": 200."""
    read, found = set(told.read), {}
    for task in TASKS:
        for distance in DISTANCES:
            found[f"{task} {distance}"] = sum(one.tokens in read for one in stories(N_RECALL, "recall", distance, task))
    return found


def keep(*path_and_value) -> None:
    """Store a value in the record under a path of keys."""
    *path, last, value = path_and_value
    written = families.record()
    here = written
    for key in path:
        here = here.setdefault(key, {})
    here[last] = value
    RECORD.write_text(json.dumps(written, ensure_ascii=False, separators=(",", ":")) + "\n", "utf8")


def main() -> None:
    torch.set_num_threads(1)
    families.DATA.mkdir(exist_ok=True)
    keep("settings", settings())
    for name in sys.argv[1:] or MODELS:
        for text in ("world", "stories"):
            for seed in SEEDS:
                run(name, text, seed)
