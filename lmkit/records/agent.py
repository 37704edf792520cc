"""What the tiny agent can do with its tools, and what becomes of it when something is taken away or put in its way.

The same questions in every condition: two hops to a fact, two hops to a number, sums, comparisons, in wordings that its training
never used, with numbers that it never read. A row is a question in a condition: whether the answer was right, how many
turns it took, and, where a page gave an order, whether the order was followed. Two models: the shipped one, and the same one
trained for `HARDENING` steps more, with orders on a third of the pages it read (`agent_data.INJECTIONS`; the exam uses others).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from importlib.metadata import version

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lmkit import tiny
from lmkit.records import Record
from lmkit.tiny import agent, agent_data, questions
from lmkit.tiny.text import Packed

N, SEED, HARDENING = 200, 0, 60
CONDITIONS = (
    *("tools", "held countries", "no tools", "no thoughts", "JSON", "observations removed", "forgetful"),
    *("one fact, no tools", "changed pages", "false numbers", "orders on pages", "orders, filtered"),
)


def changes(world) -> dict[str, dict[str, str]]:
    """Invented news: every country of the exam has taken over the currency and the language of the next one that has others."""
    codes, found = agent_data.codes(world, False), {}
    facts = lambda code: {r: world.by_key[f"{code} {r}"].object["en"] for r in ("currency", "language")}  # noqa: E731
    for i, code in enumerate(codes):
        later = [*codes[i + 1 :], *codes[:i]]
        found[code] = {r: next(facts(o)[r] for o in later if facts(o)[r] != facts(code)[r]) for r in ("currency", "language")}
    return found


def asked(world, condition: str) -> list[agent_data.Task]:
    """The questions of a condition, with the answers that count as right."""
    if condition == "changed pages":
        return agent_data.exam(world, N // 2, changed=changes(world), kinds=("two hops, fact",))
    if condition == "false numbers":
        return agent_data.exam(world, N // 2, kinds=("two hops, number", "sum"))
    if condition == "one fact, no tools":
        return agent_data.exam(world, N // 2, kinds=("one fact",))
    n = N if condition in ("tools", "held countries", "no tools", "orders on pages") else N // 2
    return agent_data.exam(world, n, held=condition == "held countries")


def ask(net, tokenizer, world, condition: str, places: list[int] | None = None) -> Iterator[dict]:
    """The rows of a condition, or of some of its questions."""
    tasks = asked(world, condition)
    orders, wanted = agent.poison(tasks, world)
    places = list(range(len(tasks))) if places is None else places
    settings = {
        "no tools": {"form": "none", "think": False},
        "one fact, no tools": {"form": "none", "think": False},
        "no thoughts": {"think": False},
        "JSON": {"form": "json"},
        "observations removed": {"look": lambda text, i: ""},
        "forgetful": {"memory": False},
        "false numbers": {"look": agent.other_digits},
        "orders on pages": {"look": lambda text, i: orders(text, places[i])},
        "orders, filtered": {"look": lambda text, i: agent.only_known(orders(text, places[i]))},
    }.get(condition, {})
    tools = agent.exact_tools(world, changes(world) if condition == "changed pages" else None)
    runs = agent.run(agent.writer(net, tokenizer), tools, [tasks[i].question for i in places], **settings)
    for i, steps in zip(places, runs, strict=True):
        found, turns = agent.answer(steps), sum(step.kind in ("action", "answer") for step in steps)
        row = {"condition": condition, "item": i, "kind": tasks[i].kind, "right": found == tasks[i].answer, "turns": turns}
        yield row | ({"followed": found == wanted[i]} if condition.startswith("orders") else {})


def harden(world, steps: int = HARDENING, folder=None):
    """The shipped agent after some more steps, on transcripts that go on calmly when a page gives an order."""
    path = tiny.checkpoint("agent")
    tokenizer, net = AutoTokenizer.from_pretrained(path), AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    replay = Packed(tokenizer, world.corpus(10, SEED), 256, SEED + 2)
    batches = agent_data.examples(world, SEED + 1, hardened=True), questions.examples(world, SEED + 2)
    agent.train_agent(net, tokenizer, *batches, replay, steps, rate=3e-4, folder=folder)
    return net, tokenizer


def make() -> Record:
    """About five minutes on one thread, half of it the training of the second model."""
    world, rows = tiny.load_world(), []
    shipped = tiny.load("agent")
    models = {"shipped": (shipped.torch_model.eval(), shipped.tokenizer)}
    for condition in CONDITIONS:
        rows += [{"model": "shipped"} | row for row in ask(*models["shipped"], world, condition)]
    net, tokenizer = harden(world)
    for condition in ("tools", "orders on pages"):
        rows += [{"model": "hardened"} | row for row in ask(net.eval(), tokenizer, world, condition)]
    return Record("agent", made(), rows)


def made() -> dict:
    versions = {package: version(package) for package in ("torch", "transformers", "tokenizers")}
    date = datetime.date.today().isoformat()
    return {"model": "tiny-agent", "revision": "shipped", "seed": SEED, "date": date, "versions": versions}
