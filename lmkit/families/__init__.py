"""Families of language models on the same text: n-gram, Bengio's network, RNN, LSTM, GRU, Transformer.

    families.load("lstm").next("The capital of France is")      probabilities of all words
    families.load("lstm", "stories")                            the same network, having read stories with a name to remember
    families.table(), families.recall(), families.log("lstm")   what a stored run measured
    families.train("lstm", steps=100)                           the first steps of that run, again

`models` holds the families, `text` what they read, `run` how they are trained and measured.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from lmkit.families.models import MLP, Block, Model, Neural, NGram, Recurrent, Transformer
from lmkit.families.text import DISTANCES, END, TASKS, UNKNOWN, Story, load_text, split, stories, story, vocabulary

__all__ = [
    "COUNTED", "DISTANCES", "END", "MLP", "MODELS", "NEURAL", "TASKS", "UNKNOWN", "Block", "Model", "NGram", "Neural",
    "Recurrent", "Story", "Transformer", "load", "load_text", "log", "new", "recall", "record", "split", "stories", "story",
    "table", "train", "vocabulary",
]  # fmt: skip

COUNTED = {"unigram": 1, "bigram": 2, "ngram": 5}  # how many words in a row are counted
NEURAL = ("mlp", "rnn", "lstm", "gru", "transformer")
MODELS = (*COUNTED, *NEURAL)
DATA = Path(__file__).parents[1] / "data"
TABLE, RECALL, RECORD, WEIGHTS = DATA / "families.csv", DATA / "families_recall.csv", DATA / "families.json", DATA / "families"


def new(name: str, words: list[str], seed: int = 0) -> Neural:
    """An untrained network of a family; the same numbers for the same seed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return {"mlp": MLP, "transformer": Transformer}[name](words) if name in ("mlp", "transformer") else Recurrent(words, name)


@cache
def load(name: str, text: str = "world") -> Model:
    """The shipped model of a family that has read `text`, "world" or "stories". What only counts is counted anew, in seconds.

    Raises ValueError where there is no such family or text.
    """
    check(name, text)
    if name in COUNTED:
        read = load_text(text).read
        return NGram(vocabulary(read), read, COUNTED[name])
    from safetensors import safe_open

    with safe_open(WEIGHTS / f"{text}-{name}.safetensors", "pt") as file:
        model = new(name, json.loads(file.metadata()["words"]))
        model.load_state_dict({key: file.get_tensor(key).float() for key in file.keys()})  # noqa: SIM118
    return model.eval()


def train(name: str, steps: int | None = None, seed: int = 0, text: str = "world") -> tuple[Neural, list[dict]]:
    """The first `steps` steps (default: all) of the stored run of a network, made again: the model, and its log as
    [{"step", "tokens", "loss"}, …], nats per token. On one thread it is the same run, but for the last digits elsewhere."""
    from lmkit.families import run

    check(name, text)
    if name in COUNTED:
        raise ValueError(f"{name} counts and has no steps: families.load({name!r}) counts anew.")
    return run.train(name, load_text(text), record()["rates"][text][name], seed, steps)


def check(name: str, text: str) -> None:
    if name not in MODELS:
        raise ValueError(f"no family {name!r}: choose one of {', '.join(MODELS)}.")
    if text not in ("world", "stories"):
        raise ValueError(f"no text {text!r}: choose 'world' or 'stories'.")


def table() -> list[dict]:
    """A row for each model and seed: model, seed, parameters (of counting: different sequences), tokens read, seconds of one
    processor core, perplexity of the held-out documents with their number of tokens, date."""
    from lmkit.families.run import read_table

    return read_table(TABLE)


def recall() -> list[dict]:
    """A row for each model, task, distance and seed: how many (`right`) of `n` stories got their last word, and the share that
    guessing would get (`chance`). There are few short stories, so nearly all of them up to distance 16 stand in the text that
    was learned from too; of the long ones next to none (`record()["settings"]["stories"]["recall_read"]`)."""
    from lmkit.families.run import read_table

    return read_table(RECALL)


def record() -> dict:
    """How the tables were made: settings, learning rates and the search for them, versions, machine, logs of seed 0."""
    return json.loads(RECORD.read_text("utf8")) if RECORD.is_file() else {}


def log(name: str, text: str = "world") -> list[dict]:
    """The training loss of the stored run with seed 0, as [{"step", "loss"}, …], nats per token."""
    check(name, text)
    return [{"step": step, "loss": loss} for step, loss in record()["logs"][text].get(name, [])]
