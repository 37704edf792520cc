"""The grid of chapter 11: models of five widths, each on four amounts of text, a law fitted to their losses, what the law
says of a sixth width, and only then that width. `python -m lmkit.tiny.scaling` trains what is missing in `data/scaling.csv`.

The text is the English half of the small world, in a vocabulary of 512 tokens. A run reads every row once and its learning
rate falls to the end of its own amount; a few further runs read little text many times. One thread, one run after another.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import platform
import random
import time
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lmkit.tiny import model, wordings
from lmkit.tiny.law import fit, interval, resampled
from lmkit.tiny.run import cosine, set_rate
from lmkit.tiny.text import Packed, label_logprobs, next_token_loss, pad
from lmkit.tiny.wordings import WORDINGS
from lmkit.tiny.world import DATA, Document, World, load_world

VOCABULARY, LENGTH, BATCH, LAYERS, HEAD = 512, 128, 8, 2, 8
ROUNDS = 112  # of the English text: a little more than the longest run reads once
WIDTHS, NEXT = (12, 16, 24, 32, 48), 64
STEPS = (96, 288, 864, 2592)
SEEDS = {96: 2, 288: 1, 864: 1, 2592: 1}  # how many runs of each amount, each with weights and a part of the text of its own
REPEATED = ((48, 288, 72), (48, 288, 18), (32, 288, 18), (16, 288, 18))  # width, steps, steps of distinct text
RATE = 0.4  # the peak of the learning rate, times the width
TABLE, RECALL, RECORD = DATA / "scaling.csv", DATA / "scaling_recall.csv", DATA / "scaling.json"


@dataclass(frozen=True)
class Cell:
    """One run: `steps` of BATCH rows of LENGTH tokens, of which the first `unique` steps are read again and again."""

    width: int
    steps: int
    seed: int
    unique: int

    @property
    def tokens(self) -> int:
        return self.steps * BATCH * LENGTH

    @property
    def name(self) -> str:
        return f"{self.width}/{self.steps}/{self.seed}" + ("" if self.unique == self.steps else f"/{self.unique}")


def grid(widths: Iterable[int]) -> list[Cell]:
    """The runs of these widths, first of all those with seed 0."""
    cells = [Cell(width, steps, seed, steps) for width in widths for steps in STEPS for seed in range(SEEDS[steps])]
    return sorted(cells, key=lambda cell: (cell.seed > 0, cell.tokens * cell.width))


def documents(world: World, seed: int, rounds: int = ROUNDS) -> list[Document]:
    """The English text of the world, in an order drawn from the seed."""
    rng = random.Random(f"scaling {seed}")
    found = [one for _ in range(rounds) for one in world._round(rng, "en")]
    rng.shuffle(found)
    return found


@dataclass(frozen=True)
class Texts:
    """What all runs share: the world, a tokenizer made for its text, the text, and documents that no run reads."""

    world: World
    tokenizer: PreTrainedTokenizerFast
    text: Packed
    held_out: list[Document]

    def rows(self, seed: int) -> Packed:
        """The text, its rows in an order drawn from the seed: a short run reads a part of it, and each seed another part."""
        found = copy(self.text)
        found.order = torch.randperm(len(found), generator=torch.Generator().manual_seed(seed))
        return found


def prepare(world: World, rounds: int = ROUNDS, n_held_out: int = 600) -> Texts:
    """The text of seed 0, and held-out documents: of the same world, and not one of them a document of the text."""
    read = documents(world, 0, rounds)
    tokenizer = model.train_tokenizer((document.text for document in read), VOCABULARY)
    known = {document.text for document in read}
    fresh = [document for document in documents(world, 1, rounds=3) if document.text not in known]
    return Texts(world, tokenizer, Packed(tokenizer, read, LENGTH), fresh[:n_held_out])


def train(cell: Cell, texts: Texts, rate: float = RATE) -> tuple[PreTrainedModel, float]:
    """The trained model of a cell, and its mean loss on the last 32 steps, nats per token."""
    net = model.new(texts.tokenizer, cell.seed, width=cell.width, layers=LAYERS, heads=cell.width // HEAD).train()
    rows, peak = texts.rows(cell.seed), rate / cell.width
    assert cell.unique * BATCH <= len(rows)
    optimizer = torch.optim.AdamW(net.parameters(), lr=peak, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    losses = []
    for step in range(cell.steps):
        loss = next_token_loss(net, rows.batch(step % cell.unique, BATCH))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        set_rate(optimizer, cosine(step, cell.steps, peak, warm_up=cell.steps // 10))
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
    return net.eval(), torch.stack(losses[-32:]).mean().item()


def parameters(net: PreTrainedModel) -> tuple[int, int]:
    """How many parameters a model has without its embedding (Kaplan et al. 2020, section 2.1), and with it."""
    count = {name: parameter.numel() for name, parameter in net.named_parameters()}
    return sum(n for name, n in count.items() if "embed" not in name), sum(count.values())


@dataclass(frozen=True)
class Target:
    """Something to complete: the text before it, and what must follow, to the end of the sentence."""

    key: str
    relation: str
    prompt: str
    answer: str


def targets(world: World) -> list[Target]:
    """Every fact in a wording that the text uses, and every sum that it may hold."""
    found = []
    for fact in world.facts:
        sentence, end = fact.answer("en"), fact.object["en"] + "."
        found.append(Target(fact.key, fact.relation, sentence.removesuffix(end).rstrip(), " " + end))
    sums = [(a, b) for a in range(21) for b in range(21)]
    return found + [Target(f"{a}+{b}", "sum", f"{a} + {b} =", f" {a + b}\n") for a, b in sums]


@torch.no_grad()
def score(net: PreTrainedModel, texts: Texts, pairs: Sequence[tuple[str, str]], at_once: int = 64) -> torch.Tensor:
    """How well a model goes on, [pair, 3]: of each second text after the first, the number of tokens, how many of them were
    the most probable one, and the −ln p of all. A document begins after nothing and ends with the end token."""
    end, found = texts.tokenizer.eos_token_id, []
    code = lambda text: texts.tokenizer.encode(text, add_special_tokens=False)  # noqa: E731
    coded = [([end, *code(a), *code(b), *([] if a else [end])], 1 + len(code(a))) for a, b in pairs]
    for i in range(0, len(coded), at_once):
        rows, labels = pad(texts.tokenizer, coded[i : i + at_once])
        logits, wanted = net(rows[:, :-1]).logits, labels[:, 1:]
        right = (logits.argmax(-1) == wanted).sum(1)
        found.append(torch.stack([(wanted >= 0).sum(1), right, -label_logprobs(logits, labels).sum(1)], 1))
    return torch.cat(found)


def measure(net: PreTrainedModel, texts: Texts) -> tuple[dict, list[int]]:
    """Loss and accuracy on the held-out documents and by kind, and on the targets; how many tokens of each are right."""
    kinds = np.array([document.kind for document in texts.held_out])
    n, right, nats = score(net, texts, [("", document.text) for document in texts.held_out]).double().numpy().T
    found = {"loss": nats.sum() / n.sum(), "accuracy": right.sum() / n.sum()}
    found |= {f"loss_{kind}": nats[kinds == kind].sum() / n[kinds == kind].sum() for kind in sorted(set(kinds))}
    asked = targets(texts.world)
    relations = np.array([target.relation for target in asked])
    n, right, nats = score(net, texts, [(target.prompt, target.answer) for target in asked]).double().numpy().T
    found |= {f"nats_{name}": nats[relations == name].sum() / n[relations == name].sum() for name in sorted(set(relations))}
    return {key: round(float(value), 5) for key, value in found.items()}, right.astype(int).tolist()


def least_loss(texts: Texts) -> float:
    """The loss, nats per token of the held-out documents, of a reader who knows how the small world writes and all its facts,
    and not the dice: −ln of the chance with which each document is drawn. No model does better, except by luck."""
    world, wording = texts.world, {relation: languages["en"] for relation, languages in WORDINGS.items()}
    ln, facts, subjects = math.log, len(world.facts), len(world.by_subject)
    stories = [fact for fact in world.facts if fact.relation in wordings.ENDING]
    in_a_round = {"article": subjects, "statement": facts // 3, "questions": subjects // 4}
    in_a_round |= {"dialogue": subjects // 8, "story": subjects // 8, "sums": subjects // 16}

    def nats(document: Document) -> float:
        told = [wording[world.by_key[key].relation] for key in document.facts]
        lines = document.text.count("\n") + 1
        if document.kind == "article":  # which subject, in which order; a full sentence, then each "it" or again full
            later = [ln(2) + (ln(len(one.its)) + ln(len(one.say))) / 2 for one in told[1:]]
            return ln(subjects) + math.lgamma(len(told) + 1) + ln(len(told[0].say)) + sum(later)
        if document.kind == "statement":
            return ln(facts) + ln(len(told[0].say))
        if document.kind == "questions":
            ask = sum(ln(len(wording[fact.relation].ask)) for fact in world.facts) / facts
            return ln(4) + lines * ask + sum(ln(facts - i) for i in range(lines))
        if document.kind == "dialogue":
            choices = len(told[0].say) if "travel" in document.text else len(told[0].ask)
            return ln(len(wordings.DIALOGUES["en"])) + ln(len(world.asked())) + ln(choices)
        if document.kind == "story":
            between = len(wordings.BETWEEN["en"])
            order = sum(ln(between - i) for i in range(document.text.count(". ") - 1))
            return ln(len(wordings.NAMES["en"])) + ln(len(stories)) + ln(len(wordings.BIRTH["en"])) + ln(3) + order
        return ln(4) + 2 * lines * ln(21)

    total = sum(nats(one) - ln(in_a_round[one.kind] / sum(in_a_round.values())) for one in texts.held_out)
    return total / sum(len(texts.tokenizer.encode(one.text, add_special_tokens=False)) + 1 for one in texts.held_out)


def read_table(path: Path | None = None) -> list[dict]:
    """The runs of the grid, one a row, or another table; numbers as numbers."""
    path = path or TABLE
    if not path.is_file():
        return []
    with path.open(encoding="utf8", newline="") as file:
        return [{key: number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def write_table(rows: Sequence[dict], path: Path) -> None:
    """A CSV file, put in its place whole."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(new, path)


def points(rows: Sequence[dict], widths: Iterable[int]) -> list[dict]:
    """The mean of the runs of each cell of some widths that read every row once: what the law is fitted to."""
    kept: dict[tuple[int, int], list[dict]] = {}
    for row in rows:
        if row["width"] in set(widths) and row["unique"] == row["steps"]:
            kept.setdefault((row["n"], row["tokens"]), []).append(row)
    return [{"n": n, "d": d, "loss": sum(row["loss"] for row in same) / len(same)} for (n, d), same in sorted(kept.items())]


def run(cells: Iterable[Cell], texts: Texts) -> None:
    """Train and measure the cells that the table does not hold yet."""
    for cell in cells:
        rows = read_table()
        if cell.name in [row["run"] for row in rows]:
            continue
        began = time.process_time()
        net, last = train(cell, texts)
        seconds = time.process_time() - began
        found, right = measure(net, texts)
        n, whole = parameters(net)
        row = {"run": cell.name, "width": cell.width, "steps": cell.steps, "seed": cell.seed, "unique": cell.unique}
        row |= {"n": n, "parameters": whole, "tokens": cell.tokens, "train_loss": round(last, 5), **found}
        row |= {"seconds": round(seconds), "date": now()}
        asked = targets(texts.world)
        recall = read_table(RECALL) or [
            {"target": target.key, "relation": target.relation, "tokens": len(texts.tokenizer.encode(target.answer))}
            for target in asked
        ]
        write_table([{**one, cell.name: count} for one, count in zip(recall, right, strict=True)], RECALL)
        write_table([*rows, row], TABLE)
        print(f"{cell.name}: loss {row['loss']:.4f}, {seconds:.0f} s", flush=True)


def text_sha256(world: World) -> str:
    """A checksum of the text that the grid is trained on: another one when the world speaks or is shuffled otherwise."""
    return hashlib.sha256("\0".join(document.text for document in documents(world, 0)).encode()).hexdigest()


def record(texts: Texts) -> dict:
    """How the grid was made: settings, versions, machine, and the checksums of its text and its tokenizer."""
    names = ("VOCABULARY", "LENGTH", "BATCH", "LAYERS", "HEAD", "ROUNDS", "WIDTHS", "NEXT", "STEPS", "SEEDS", "RATE")
    packages = {"torch": torch, "transformers": transformers, "tokenizers": tokenizers, "numpy": np}
    return {
        "settings": {name.lower(): globals()[name] for name in names},
        "optimizer": "AdamW, betas 0.9 and 0.95, weight decay 0.1, gradient norm at most 1, rate rising for a tenth of the steps "
        "to 0.4 / width, then a cosine to a tenth of that",
        "versions": {"python": platform.python_version()} | {name: package.__version__ for name, package in packages.items()},
        "machine": f"one thread of a shared machine with {os.cpu_count()} {platform.machine()} processor cores, float32",
        "text_sha256": text_sha256(texts.world),
        "tokenizer_sha256": hashlib.sha256(texts.tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
        "held_out_documents": len(texts.held_out),
        "least_loss": round(least_loss(texts), 5),
    }


def predict(texts: Texts) -> dict:
    """What the law of the five widths says of the next one, for each amount of text, before a run of it has begun."""
    known = points(read_table(), WIDTHS)
    values = [[point[key] for point in known] for key in ("n", "d", "loss")]
    law, laws = fit(*values), resampled(*values)
    n, _ = parameters(model.new(texts.tokenizer, width=NEXT, layers=LAYERS, heads=NEXT // HEAD))
    said = []
    for steps in STEPS:
        d = steps * BATCH * LENGTH
        low, high = interval(laws, n, d)
        said.append({"n": n, "tokens": d, "loss": round(float(law(n, d)), 5), "low": round(low, 5), "high": round(high, 5)})
    return {"date": now(), "law": asdict(law), "next": said}


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def keep(written: dict) -> None:
    RECORD.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", "utf8")


def main() -> None:
    """The five widths, and the runs on repeated text; then what the law foretells, written down; then the sixth width."""
    torch.set_num_threads(1)
    texts = prepare(load_world())
    made, written = record(texts), json.loads(RECORD.read_text("utf8")) if RECORD.is_file() else {}
    if written.get("text_sha256", made["text_sha256"]) != made["text_sha256"]:
        raise SystemExit(f"The small world's text has changed since {TABLE.name} was made: remove data/scaling* and start anew.")
    keep(written | made)
    run(grid(WIDTHS), texts)
    run([Cell(width, steps, 0, unique) for width, steps, unique in REPEATED], texts)
    written = json.loads(RECORD.read_text("utf8"))
    if "prediction" not in written:
        if any(row["width"] == NEXT and row["steps"] == max(STEPS) for row in read_table()):
            raise SystemExit(f"Width {NEXT} has been trained on all the text: it can no longer be predicted.")
        keep(written | {"prediction": predict(texts)})
    run(grid([NEXT]), texts)


if __name__ == "__main__":
    main()
