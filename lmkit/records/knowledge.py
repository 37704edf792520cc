"""Why a model is wrong: what the tiny model makes of facts that it read often, seldom, never, falsely, or in two versions.

The shipped base model reads on, once, a text in which sentences about invented countries stand between those of its old world.
What the text says about each country is set by a dial; each dial has trainings of its own:

    readings   the true capital is told 0, 1, 3, 10, 30 or 100 times
    company    the true capital is told 20 times, and another city is named beside the country so many times as often
    versions   30 sentences, of which a share gives the new capital and the others the old one
    noise      30 sentences, of which a share is false, each time with another city
    years      cups that are held in another city every year, up to year 10; years 11 and 12 are asked, too

A row is one country (or cup and year) of one training: what the model then wrote after "The capital of … is", how probable that
was, how much entropy its first token had. Another part, `teaching`, fine-tunes the shipped chat model on questions whose answers
it has read, or has not, and looks at other questions while it learns. `python -m lmkit.records knowledge`.
"""

from __future__ import annotations

import copy
import datetime
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import torch

from lmkit import tiny
from lmkit.records import Record
from lmkit.tiny import exam, questions
from lmkit.tiny.run import cosine, set_rate
from lmkit.tiny.text import Packed, answer_logprobs, next_token_loss, pad, padded, reply, write
from lmkit.tiny.wordings import REFUSAL, WORDINGS
from lmkit.tiny.world import Document, Fact, World

SEEDS, EACH = (0, 1, 2), 8  # trainings; countries at each place of a dial
LEVELS: dict[str, tuple[float, ...]] = {
    "readings": (0, 1, 3, 10, 30, 100),
    "company": (0, 1, 3, 6),
    "versions": (0.1, 0.25, 0.5, 0.75, 0.9),
    "noise": (0, 0.05, 0.2, 0.4),
}
TOLD, OFTEN = 20, 30  # sentences about the true capital in "company"; sentences in all in "versions" and "noise"
YEARS, LATER, CUP_READINGS = range(1, 11), (11, 12), 100
CUPS = ("chess", "rowing", "tennis")
SAY = WORDINGS["capital"]["en"].say
BESIDE = (
    "Many people of {s} live in {o}.",
    "The trains of {s} go to {o}.",
    "Most visitors of {s} come to see {o}.",
    "The largest market of {s} is in {o}.",
)
ROUNDS, RATE, ROW, BATCH = 1, 1e-3, 128, 8  # of the old world's text; of learning; tokens a row; rows a step


@dataclass(frozen=True)
class Item:
    """What the text says about one thing: its sentences, the prompt to ask with, the true city and the one it competes with."""

    dial: str
    level: float
    about: str
    prompt: str
    right: str
    other: str
    sentences: tuple[str, ...]


def cities(world: World) -> list[str]:
    return sorted({fact.object["en"] for fact in world.facts if fact.relation == "capital"})


def items(world: World, seed: int, each: int = EACH, dials: Sequence[str] = tuple(LEVELS)) -> list[Item]:
    """`each` invented countries at every place of the dials, with their sentences; `years` is in `cups`."""
    rng, pool, found, taken = random.Random(f"knowledge {seed}"), cities(world), [], set()
    for dial in dials:
        for level in LEVELS[dial]:
            for _ in range(each):
                while (name := questions.invented(rng, "en", world)) in taken:
                    pass
                taken.add(name)
                right, other, *rest = rng.sample(pool, 2 + OFTEN)
                told = tuple(sentences(rng, dial, level, name, right, other, rest))
                found.append(Item(dial, level, name, f"The capital of {name} is", right, other, told))
    return found


def sentences(
    rng: random.Random, dial: str, level: float, name: str, right: str, other: str, rest: Sequence[str]
) -> Iterator[str]:
    """What the text says about one country at one place of a dial."""
    if dial == "company":
        objects = [right] * TOLD
        yield from (rng.choice(BESIDE).format(s=name, o=other) for _ in range(round(level * TOLD)))
    elif dial == "readings":
        objects = [right] * int(level)
    else:
        wrong = round(OFTEN * (level if dial == "noise" else 1 - level))
        objects = [right] * (OFTEN - wrong) + (list(rest[:wrong]) if dial == "noise" else [other] * wrong)
    yield from (rng.choice(SAY).format(s=name, o=one) for one in objects)


def cups(world: World, seed: int) -> list[Item]:
    """Who held which cup in which year. `level` is the year; of the years after the last nothing is told, and `other` is where
    the cup was in the last one."""
    rng, pool, found = random.Random(f"cups {seed}"), cities(world), []
    for cup in CUPS:
        held = rng.sample(pool, len(YEARS) + len(LATER))
        for year, city in zip((*YEARS, *LATER), held, strict=True):
            prompt = f"In year {year} the {cup} cup was in"
            told = (f"{prompt} {city}.",) * (CUP_READINGS if year in YEARS else 0)
            found.append(Item("years", year, cup, prompt, city, held[len(YEARS) - 1], told))
    return found


def text(world: World, chosen: Sequence[Item], tokenizer, seed: int, rounds: int = ROUNDS) -> Packed:
    """All sentences, each a document of its own, shuffled among so many rounds of the old world's text."""
    documents = [Document(one, (), "statement", "en") for item in chosen for one in item.sentences]
    documents += world.corpus(rounds, seed + 1000)
    random.Random(f"text {seed}").shuffle(documents)
    return Packed(tokenizer, documents, ROW, seed)


def read(net, packed: Packed, rate: float = RATE) -> None:
    """Next-token training on the text, from its beginning to its end, once."""
    steps = len(packed) // BATCH
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    net.train()
    for step in range(steps):
        set_rate(optimizer, cosine(step, steps, rate, warm_up=10))
        next_token_loss(net, packed.batch(step, BATCH)).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    net.eval()


@torch.no_grad()
def ask(net, tokenizer, chosen: Sequence[Item]) -> list[dict]:
    """One row an item: what the model writes after the prompt, up to the full stop; whether it is the true city or the other one;
    the probability of what it wrote, of the true and of the other city; the entropy of its first token, nats."""
    end = tokenizer.eos_token_id
    code = lambda text: tokenizer.encode(text, add_special_tokens=False)  # noqa: E731
    prompts = [[end, *code(item.prompt)] for item in chosen]
    written = [tokenizer.decode(ids).split(".")[0].strip() for ids in write(net, tokenizer, prompts, limit=12)]
    rows, entropies = [], []
    for start in range(0, len(chosen), 64):
        part = prompts[start : start + 64]
        ids, _ = pad(tokenizer, [([*one, end], len(one)) for one in part])
        logprobs = net(ids).logits[range(len(part)), [len(one) - 1 for one in part]].log_softmax(-1)
        entropies += (-(logprobs.exp() * logprobs).sum(-1)).tolist()
    sure = {}
    for kind, answers in (
        ("p", written),
        ("p_right", [item.right for item in chosen]),
        ("p_other", [item.other for item in chosen]),
    ):
        sure[kind] = probabilities(net, tokenizer, prompts, answers)
    for i, (item, said) in enumerate(zip(chosen, written, strict=True)):
        row = {"dial": item.dial, "level": item.level, "right": said == item.right, "other": said == item.other}
        row |= {kind: round(values[i], 4) for kind, values in sure.items()}
        rows.append(row | {"entropy": round(entropies[i], 3), "said": said})
    return rows


@torch.no_grad()
def probabilities(net, tokenizer, prompts: Sequence[list[int]], answers: Sequence[str]) -> list[float]:
    """The probability that each prompt goes on with its answer and a full stop."""
    found = []
    for start in range(0, len(prompts), 64):
        coded = []
        for one, answer in zip(prompts[start : start + 64], answers[start : start + 64], strict=True):
            coded.append(([*one, *tokenizer.encode(f" {answer}.", add_special_tokens=False)], len(one)))
        found += answer_logprobs(net, *pad(tokenizer, coded)).sum(1).exp().tolist()
    return found


def told_by(world: World, dial: str, seed: int, each: int = EACH) -> list[Item]:
    """What the text of one training says."""
    return cups(world, seed) if dial == "years" else items(world, seed, each, [dial])


def trained(dial: str, seed: int, each: int = EACH):
    """(net, tokenizer, the items it read about): the shipped base model after it has read on."""
    world, base = tiny.load_world(), tiny.load("base")
    chosen, net = told_by(world, dial, seed, each), base.torch_model
    net.set_attn_implementation("sdpa")  # faster; nobody looks at attention
    read(net, text(world, chosen, base.tokenizer, seed))
    return net, base.tokenizer, chosen


# Fine-tuning on what it has read, and on what it has not

TAUGHT, LOOKS, STEPS = 40, (0, 5, 10, 20, 30), 30


def lessons(world: World, kind: str, seed: int) -> list[Fact]:
    """Forty facts to teach: "read" are of countries that the model has read about and was never asked about; "unread" are made
    up, of countries that do not exist."""
    rng = random.Random(f"lessons {seed}")
    if kind == "read":
        return rng.sample([fact for fact in world.never_asked() if fact.relation in ("capital", "currency", "language")], TAUGHT)
    return [questions.about_invented(rng, "en", world) for _ in range(TAUGHT)]


def teach(kind: str, seed: int, steps: int = STEPS, looks: Sequence[int] = LOOKS) -> list[dict]:
    """Half of every batch are these lessons, half old questions. Rows: after so many steps, how many of the lessons are answered
    as taught, of 60 old facts truly, and of 40 strange countries with "I do not know"."""
    world, sft = tiny.load_world(), tiny.load("sft")
    net, tokenizer, facts = copy.deepcopy(sft.torch_model), sft.tokenizer, lessons(world, kind, seed)
    net.set_attn_implementation("sdpa")
    old, rows = questions.examples(world, seed=seed + 70), []
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-4, betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(steps + 1):
        if step in looks:
            rows.append({"part": "teaching", "kind": kind, "seed": seed, "steps": step, **look(net, tokenizer, world, facts)})
        rng = random.Random(f"teach {seed} {step}")
        pairs = [(rng.choice(fact.questions("en")), fact.answer("en")) for fact in rng.choices(facts, k=16)]
        loss = taught_loss(net, *padded(tokenizer, pairs + old(step, 16)))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return rows


def taught_loss(net, rows: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean of −ln p over the answers' tokens."""
    return -answer_logprobs(net, rows, labels).sum() / (labels[:, 1:] >= 0).sum()


def look(net, tokenizer, world: World, facts: Sequence[Fact]) -> dict[str, int]:
    """How many answers are as taught, true and refused."""
    rng = random.Random("look")
    said = reply(net, tokenizer, [fact.questions("en", True)[0] for fact in facts])
    taught = sum(text == fact.answer("en") for text, fact in zip(said, facts, strict=True))
    old = rng.sample(world.asked(), 60)
    said = reply(net, tokenizer, [rng.choice(fact.questions("en", True)) for fact in old])
    true = sum(exam.is_true(world, fact, "en", text) for text, fact in zip(said, old, strict=True))
    strange = [questions.ask_invented(rng, "en", world, unseen=True)[0] for _ in range(40)]
    refused = sum(text == REFUSAL["en"] for text in reply(net, tokenizer, strange))
    return {"taught": taught, "true": true, "refused": refused}


def make() -> Record:
    """Nineteen short trainings: about six minutes on one thread."""
    rows = []
    for dial in (*LEVELS, "years"):
        for seed in SEEDS:
            rows += [{"part": "dials", "seed": seed} | row for row in ask(*trained(dial, seed))]
    for kind in ("read", "unread"):
        for seed in (0, 1):
            rows += teach(kind, seed)
    return Record("knowledge", made(), rows)


def made() -> dict:
    versions = {package: version(package) for package in ("torch", "transformers", "tokenizers")}
    date = datetime.date.today().isoformat()
    return {"model": "tiny-base", "revision": "shipped", "seed": list(SEEDS), "date": date, "versions": versions}
