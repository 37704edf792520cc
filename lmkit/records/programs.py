"""Word problems four ways: the answer at once, with steps in words, as one line of arithmetic, as a small program.

The problems are made here, by templates and seeded numbers, so no model has read them. Every way shows the same six worked
examples and differs only in what stands behind them. A number that the model writes counts as it is; a line of arithmetic and
a program are run by `lmkit.tools.run_python`, and what they give is the answer (Gao et al. 2023, PAL). A fifth prompt gives
the model a result and asks for a reply: does the number come through?
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lmkit.records import Record, asking, made_with

if TYPE_CHECKING:
    from lmkit.models import LanguageModel

SEED = 16
EACH = 10  # problems of a template
TEENS, TENS, HUNDREDS = range(12, 31), range(31, 100), range(112, 500)
MODEL = "smollm2-135m-instruct"


@dataclass(frozen=True)
class Problem:
    """A word problem, the template it was made from, how many operations it takes, and the whole number that answers it."""

    text: str
    template: int
    operations: int
    answer: int


# Each: the text, how many operations it takes, the answer, and the ranges from which its numbers are drawn.
TEMPLATES: tuple[tuple[str, int, Callable[..., float], dict[str, range]], ...] = (
    ("A shelf holds {a} books. How many books do {b} shelves hold?", 1, lambda a, b: a * b, {"a": TENS, "b": TEENS}),
    ("A ticket costs {a} euros. How many euros do {b} tickets cost?", 1, lambda a, b: a * b, {"a": TEENS, "b": TENS}),
    ("A train has {b} cars with {a} seats each. How many seats are there?", 1, lambda a, b: a * b, {"a": TENS, "b": TEENS}),
    ("Tom has {a} stamps and finds {b} more. How many stamps does he have?", 1, lambda a, b: a + b, {"a": HUNDREDS, "b": TENS}),
    ("A school has {a} girls and {b} boys. How many children are there?", 1, lambda a, b: a + b, {"a": HUNDREDS, "b": HUNDREDS}),
    ("A shop has {a} lamps and sells {b}. How many lamps are left?", 1, lambda a, b: a - b, {"a": HUNDREDS, "b": TENS}),
    ("A walk is {a} km long. Ida has gone {b} km. How many km are left?", 1, lambda a, b: a - b, {"a": HUNDREDS, "b": TENS}),
    ("{a} apples are packed into bags of {b}. How many bags are there?", 1, lambda a, b: a / b, {"a": HUNDREDS, "b": TEENS}),
    (
        "A baker makes {b} trays of {a} rolls. {c} rolls are sold. How many rolls are left?",
        2,
        lambda a, b, c: a * b - c,
        {"a": TENS, "b": TEENS, "c": TEENS},
    ),
    (
        "A room costs {a} euros a night and the taxi {c} euros. How many euros do {b} nights and the taxi cost?",
        2,
        lambda a, b, c: a * b + c,
        {"a": TENS, "b": TEENS, "c": TEENS},
    ),
    (
        "A bus has {a} passengers. {b} get off and {c} get on. How many passengers are on the bus?",
        2,
        lambda a, b, c: a - b + c,
        {"a": TENS, "b": TEENS, "c": TEENS},
    ),
    (
        "Mia has {a} coins and gives {b} coins to each of {c} friends. How many coins does she keep?",
        2,
        lambda a, b, c: a - b * c,
        {"a": HUNDREDS, "b": TEENS, "c": range(3, 8)},
    ),
)

# Worked examples: question, answer, steps in words, one line of arithmetic, a program, a reply. None is a template's story.
EXAMPLES = (
    (
        "210 chairs stand in rows of 15. How many rows are there?",
        "14",
        "Each row has 15 chairs, so there are 210 / 15 = 14 rows. The answer is 14.",
        "210 / 15",
        "chairs = 210\nper_row = 15\nanswer = chairs / per_row",
        "There are 14 rows of chairs.",
    ),
    (
        "A farmer has 340 eggs and sells 125. How many eggs are left?",
        "215",
        "Of 340 eggs 125 are sold, so 340 - 125 = 215 are left. The answer is 215.",
        "340 - 125",
        "eggs = 340\nsold = 125\nanswer = eggs - sold",
        "The farmer has 215 eggs left.",
    ),
    (
        "Ben has 158 cards and gets 67 more. How many cards does he have?",
        "225",
        "He has 158 cards and 67 more, which makes 158 + 67 = 225. The answer is 225.",
        "158 + 67",
        "cards = 158\nnew = 67\nanswer = cards + new",
        "Ben has 225 cards.",
    ),
    (
        "A gardener plants 7 rows of 14 tulips. 19 tulips do not grow. How many tulips grow?",
        "79",
        "7 rows of 14 tulips are 7 * 14 = 98 tulips. 19 do not grow, so 98 - 19 = 79 grow. The answer is 79.",
        "7 * 14 - 19",
        "rows = 7\nper_row = 14\nlost = 19\nanswer = rows * per_row - lost",
        "79 tulips grow.",
    ),
    (
        "A box holds 24 pens. How many pens do 13 boxes hold?",
        "312",
        "Each of 13 boxes holds 24 pens, so there are 24 * 13 = 312 pens. The answer is 312.",
        "24 * 13",
        "per_box = 24\nboxes = 13\nanswer = per_box * boxes",
        "13 boxes hold 312 pens.",
    ),
    (
        "A bike costs 35 euros a day and the helmet 12 euros once. How many euros do 6 days cost?",
        "222",
        "6 days cost 35 * 6 = 210 euros. The helmet is 12 euros more, so 210 + 12 = 222. The answer is 222.",
        "35 * 6 + 12",
        "per_day = 35\nhelmet = 12\ndays = 6\nanswer = per_day * days + helmet",
        "6 days and the helmet cost 222 euros.",
    ),
)
WAYS = ("direct", "steps", "expression", "program")
HEADS = {"direct": "Answer:", "steps": "Answer:", "expression": "Expression:", "program": "Program:", "reply": "Reply:"}
LIMITS = {"direct": 8, "steps": 64, "expression": 20, "program": 56, "reply": 24}  # new tokens
ENDS = {"direct": "\n", "steps": "\n", "expression": "\n", "program": "\n\n", "reply": "\n"}


def problems(each: int = EACH, seed: int = SEED) -> list[Problem]:
    """`each` problems of every template, whose answers are whole numbers above 1, in a drawn order; none stands there twice."""
    rng, found = random.Random(seed), {}
    for number, (text, operations, answer, ranges) in enumerate(TEMPLATES):
        while sum(one.template == number for one in found.values()) < each:
            drawn = {name: rng.choice(values) for name, values in ranges.items()}
            value = answer(**drawn)
            if value == int(value) and value > 1:
                found[text.format(**drawn)] = Problem(text.format(**drawn), number, operations, int(value))
    out = list(found.values())
    rng.shuffle(out)
    return out


def shown(way: str) -> str:
    """The worked examples, as the prompt of this way shows them. A reply follows the result, which it is given."""
    if way == "reply":
        return "".join(f"Question: {one[0]}\nResult: {one[1]}\nReply: {one[5]}\n\n" for one in EXAMPLES)
    gap = "\n" if way == "program" else " "
    return "".join(f"Question: {one[0]}\n{HEADS[way]}{gap}{one[1 + WAYS.index(way)]}\n\n" for one in EXAMPLES)


def asked(way: str, problem: Problem) -> str:
    """What follows the worked examples: the new problem, up to where the model writes."""
    result = f"Result: {problem.answer}\n" if way == "reply" else ""
    return f"Question: {problem.text}\n{result}{HEADS[way]}"


def complete(model: LanguageModel, start: str, rest: Sequence[str], limit: int, end: str = "\n") -> list[str]:
    """Greedy continuations of start + text for every text of `rest`, up to `end`, with at most `limit` new tokens."""
    return [text for text, *_ in asking.write(model, _joined(model, start, rest), limit, end)]


def next_logits(model: LanguageModel, start: str, rest: Sequence[str]) -> torch.Tensor:
    """Logits [text, vocabulary] of the token after start + text, for every text of `rest`."""
    return asking.next_logits(model, _joined(model, start, rest))


def _joined(model: LanguageModel, start: str, rest: Sequence[str]) -> list[list[int]]:
    """The ids of start + text, the two cut into tokens apart."""
    return [asking.ids_of(model, start) + asking.ids_of(model, text) for text in rest]


def value(way: str, text: str) -> float | None:
    """The number that a text of this way stands for; None where it stands for none."""
    if way in ("expression", "program"):
        from lmkit.tools import run_python

        ran = run_python(text if way == "expression" else f"{text}\nanswer")
        number = ran.error is None and isinstance(ran.value, int | float) and not isinstance(ran.value, bool)
        return float(ran.value) if number else None
    pattern = {"direct": r"\D{0,12}?(-?\d[\d,]*(?:\.\d+)?)", "steps": r".*answer is\D{0,4}?(-?\d[\d,]*(?:\.\d+)?)"}[way]
    found = re.match(pattern, text, re.DOTALL)
    return float(found[1].replace(",", "")) if found else None


def is_right(way: str, problem: Problem, text: str) -> bool:
    """Whether the text stands for the answer; of a reply, whether the result that it was given stands in it."""
    if way == "reply":
        return str(problem.answer) in re.findall(r"\d+", text.replace(",", ""))
    return value(way, text) == problem.answer


def ask(model: LanguageModel, way: str, chosen: Sequence[Problem], at_once: int = 20) -> list[dict]:
    """One row for each problem: what the model wrote, by how much each of its tokens led at least, whether it is right."""
    out = []
    for i in range(0, len(chosen), at_once):
        part = chosen[i : i + at_once]
        prompts = _joined(model, shown(way), [asked(way, one) for one in part])
        found = asking.write(model, prompts, LIMITS[way], ENDS[way])
        for problem, (text, lead, _) in zip(part, found, strict=True):
            row = {"way": way, "problem": problem.text, "operations": problem.operations, "answer": problem.answer}
            out.append(row | {"text": text, "lead": round(lead, 2), "right": is_right(way, problem, text)})
    return out


def make() -> Record:
    import lmkit

    model = lmkit.load(MODEL, device="cpu", dtype="float32")
    model.torch_model.set_attn_implementation("sdpa")  # faster; nobody looks at attention
    rows = [row for way in (*WAYS, "reply") for row in ask(model, way, problems())]
    return Record("programs", made_with(model, SEED), rows)
