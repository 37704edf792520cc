"""What a small model makes of the applications that introductions list: ten tasks, each with a judge that is a program.

    items("contract")                   the items of a task, made by templates and seeded numbers
    prompt(model, "contract", item)     what the model reads
    judge("contract", item, text)       what is right about its answer: {"right": …} and what else the task asks

Most prompts show two or three worked examples and end where the model is to write; those of `style` and `tutor` are turns of a
chat. Greedy. The judges read form and facts and nothing else: whether a poem is good they cannot say.
"""

from __future__ import annotations

import json
import random
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lmkit.records import Record, asking, made_with

if TYPE_CHECKING:
    from lmkit.models import LanguageModel

SEED = 19
MODEL = "smollm2-135m-instruct"
LIMITS = {"style": 64, "tutor": 32, "translate": 12, "sales": 28, "sales at once": 8, "svg": 60, "function": 60, "contract": 72,
          "shot": 44, "order": 6, "category": 5}  # fmt: skip
ENDS = {"style": "", "tutor": "", "function": "\n\n"}  # all others end with the line
TASKS = tuple(LIMITS)

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
PLACES = ("the library", "room 12", "the town hall", "the gym", "the small theatre", "the school yard")
EVENTS = (
    "The spring concert",
    "The chess club",
    "A talk on bees",
    "The book sale",
    "The parents' evening",
    "The first aid course",
)
TUTOR = "You are a tutor. Do not tell the answer. Ask the student one question that helps to find it."
STYLES = {"e-mail": "an e-mail", "poem": "a short poem", "speech": "a speech"}


def items(task: str, seed: int = SEED) -> list[dict]:
    """The items of a task. Raises LookupError for a task that does not exist."""
    if task not in TASKS:
        raise LookupError(f"no task {task!r}: there are {', '.join(TASKS)}.")
    rng = random.Random(f"{seed} {task.removesuffix(' at once')}")
    return MAKERS[task](rng)


def _styles(rng: random.Random) -> list[dict]:
    found = []
    for event in EVENTS:
        facts = [rng.choice(DAYS), f"{rng.randint(2, 8)}:{rng.choice(('15', '30', '45'))}", rng.choice(PLACES)]
        notice = f"{event} is on {facts[0]} at {facts[1]} in {facts[2]}."
        found += [{"notice": notice, "style": style, "facts": facts} for style in STYLES]
    return found


def _questions(rng: random.Random) -> list[dict]:
    sums = [(a, b) for a, b in ((rng.randint(12, 49), rng.randint(12, 49)) for _ in range(12))]
    facts = [
        ("What is the capital of France?", "Paris"),
        ("Which planet is the largest?", "Jupiter"),
        ("How many legs has a spider?", "8"),
        ("Who wrote Hamlet?", "Shakespeare"),
        ("What is ice made of?", "water"),
        ("Which gas do plants take in?", "carbon dioxide"),
        ("How many minutes has an hour?", "60"),
        ("What is the opposite of north?", "south"),
        ("What is the capital of Japan?", "Tokyo"),
        ("How many sides has a triangle?", "3"),
        ("Which animal gives us wool?", "sheep"),
        ("What do bees make?", "honey"),
    ]
    return [{"question": f"What is {a} + {b}?", "answer": str(a + b)} for a, b in sums] + [
        {"question": question, "answer": answer} for question, answer in facts
    ]


def _countries(rng: random.Random) -> list[dict]:
    from lmkit.tiny import load_world

    pairs = {fact.subject["en"]: fact.subject["zh"] for fact in load_world().facts}
    shown = dict(NAMES)
    return [{"english": english, "chinese": pairs[english]} for english in rng.sample(sorted(set(pairs) - set(shown)), 40)]


NAMES = (("France", "法国"), ("Germany", "德国"), ("Egypt", "埃及"), ("Canada", "加拿大"), ("India", "印度"))

# Questions about a list of sales, one a month, and the expression that answers each.
QUESTIONS = (
    ("How much was sold in all?", "sum(sales)"),
    ("How much was sold in the best month?", "max(sales)"),
    ("How much was sold in the worst month?", "min(sales)"),
    ("How much was sold in the last month?", "sales[-1]"),
    ("In how many months was more than {n} sold?", "sum(x > {n} for x in sales)"),
    ("By how much did sales grow from the first month to the last?", "sales[-1] - sales[0]"),
    ("How much was sold in the first three months?", "sum(sales[:3])"),
    ("What was sold on average a month?", "sum(sales) / len(sales)"),
)
ASKED = (
    ("How much was sold in the first month?", "sales[0]"),
    ("How much more was sold in the best month than in the worst?", "max(sales) - min(sales)"),
    ("In how many months was less than 20 sold?", "sum(x < 20 for x in sales)"),
    ("How much was sold in the last two months?", "sum(sales[-2:])"),
    ("What was the largest number sold in the first half?", "max(sales[:4])"),
    ("How much was sold in the second month?", "sales[1]"),
)


def _computed(expression: str, sales: list[int]) -> float:
    """The value of one of the expressions above: they are ours, and no model wrote them."""
    return eval(expression, {"__builtins__": {}}, {"sales": sales, "sum": sum, "max": max, "min": min, "len": len})


def _sales(rng: random.Random) -> list[dict]:
    found = []
    for question, expression in QUESTIONS * 5:
        sales, n = [rng.randint(10, 90) for _ in range(8)], rng.choice((30, 40, 50))
        value = _computed(expression.format(n=n), sales)
        found.append({"sales": sales, "question": question.format(n=n), "answer": value})
    return found


def _sketches(rng: random.Random) -> list[dict]:
    colours = ("red", "blue", "green", "black", "pink", "purple")
    one = [[(colour, shape)] for colour in colours for shape in ("circle", "square")]
    two = [[(a, "circle"), (b, "square")] for a in colours for b in colours if a != b]
    one, two = rng.sample(one, 12), rng.sample(two, 12)
    return [{"shapes": shapes, "text": " and ".join(f"a {colour} {shape}" for colour, shape in shapes)} for shapes in one + two]


# A signature, its docstring, and calls with their results.
FUNCTIONS = (
    ("double(x)", "Twice x.", (("double(3)", 6), ("double(-2)", -4))),
    ("area(width, height)", "The area of a rectangle.", (("area(3, 4)", 12), ("area(5, 5)", 25))),
    ("is_even(n)", "Whether n is even.", (("is_even(4)", True), ("is_even(7)", False))),
    ("last(items)", "The last element of a list.", (("last([1, 2, 3])", 3), ("last(['a'])", "a"))),
    ("count_a(text)", "How often the letter a stands in a text.", (("count_a('banana')", 3), ("count_a('xyz')", 0))),
    (
        "shout(text)",
        "The text in capital letters, with an exclamation mark at its end.",
        (("shout('hi')", "HI!"), ("shout('ok')", "OK!")),
    ),
    ("mean(numbers)", "The mean of a list of numbers.", (("mean([1, 2, 3])", 2), ("mean([4, 6])", 5))),
    (
        "longest(words)",
        "The longest word of a list.",
        (("longest(['a', 'abc', 'ab'])", "abc"), ("longest(['one', 'three'])", "three")),
    ),
    ("backwards(text)", "The text from its end to its beginning.", (("backwards('abc')", "cba"), ("backwards('ab')", "ba"))),
    ("positive(numbers)", "The numbers above 0, in their order.", (("positive([1, -2, 3])", [1, 3]), ("positive([-1])", []))),
    ("unique(items)", "How many different elements a list has.", (("unique([1, 1, 2])", 2), ("unique([])", 0))),
    ("fahrenheit(c)", "Degrees Celsius in degrees Fahrenheit.", (("fahrenheit(0)", 32), ("fahrenheit(100)", 212))),
    ("factorial(n)", "The product of the numbers from 1 to n.", (("factorial(4)", 24), ("factorial(1)", 1))),
    ("vowels(text)", "How many vowels a text has.", (("vowels('hello')", 2), ("vowels('sky')", 0))),
    ("second(items)", "The second largest number of a list.", (("second([3, 9, 5])", 5), ("second([1, 2])", 1))),
    (
        "initials(name)",
        "The first letters of the words of a name.",
        (("initials('Ada Lovelace')", "AL"), ("initials('Alan Turing')", "AT")),
    ),
)
WRITTEN = (
    'def add(a, b):\n    """The sum of two numbers."""\n    return a + b\n\n'
    'def first(items):\n    """The first element of a list."""\n    return items[0]\n\n'
)

FIRMS = ("Alder Ltd", "Birch GmbH", "Cedar Inc", "Dune Oy", "Ember SA", "Fjord AS", "Glade Ltd", "Heath BV")
MONTHS = ("January", "March", "April", "June", "August", "October")
GOODS = ("40 desks", "a printing press", "200 lamps", "12 bicycles", "a boat", "the software “Tide”")
FIELDS = {"seller": "string", "buyer": "string", "date": "string", "amount": "integer", "currency": "string"}


def contract(rng: random.Random) -> dict:
    """A short contract of one of three wordings, and what stands in it."""
    seller, buyer = rng.sample(FIRMS, 2)
    date = f"{rng.randint(1, 28)} {rng.choice(MONTHS)} {rng.randint(2019, 2025)}"
    amount, currency = rng.randint(11, 990) * 100, rng.choice(("euros", "dollars"))
    goods = rng.choice(GOODS)
    text = rng.choice((
        f"On {date} {seller} sells {goods} to {buyer} for {amount:,} {currency}.",
        f"{buyer} buys {goods} from {seller}. The price is {amount:,} {currency}. Signed on {date}.",
        f"This contract of {date} is between {seller}, the seller, and {buyer}, the buyer. "
        f"{buyer} pays {amount:,} {currency} for {goods}.",
    ))  # fmt: skip
    return {"text": text, "fields": {"seller": seller, "buyer": buyer, "date": date, "amount": amount, "currency": currency}}


PARTS = {
    "subject": ("a wolf", "an old sailor", "two children", "a paper boat", "a robot", "a cat"),
    "action": (
        "howls at the moon",
        "walks through the snow",
        "drifts down a river",
        "waits for a train",
        "looks for its friends",
    ),
    "mood": ("lonely", "joyful", "calm", "anxious", "hopeful"),
    "style": ("a silhouette animation", "a black and white film", "a watercolour cartoon", "a documentary"),
}


def _shots(rng: random.Random) -> list[dict]:
    found = []
    for _ in range(24):
        part = {name: rng.choice(values) for name, values in PARTS.items()}
        text = f"Make {part['style']} in which {part['subject']} {part['action']}. The mood is {part['mood']}."
        found.append({"text": text, **part})
    return found


def _orders(rng: random.Random) -> list[dict]:
    names = ("Tom", "Ann", "Bob", "Eva", "Max", "Lea", "Jim", "Kim")
    found = {}
    for i in range(48):
        a, b, c = rng.sample(names, 3)
        ends = ("tallest", a) if i % 2 else ("shortest", c)
        text = f"{a} is taller than {b}. {b} is taller than {c}. Who is the {ends[0]}?"
        found[text] = {"names": [a, b, c], "text": text, "answer": ends[1]}  # what is drawn twice stands once
    return list(found.values())


BILLS = {
    "travel": ("train to Lyon", "taxi from the airport", "two nights in a hotel", "flight to Oslo", "bus tickets", "car rental"),
    "food": ("lunch with a client", "coffee and cake", "sandwiches", "dinner for four", "pizza", "fruit for the office party"),
    "office": ("printer paper", "a desk lamp", "pens and folders", "a new keyboard", "ink", "an office chair"),
}


def _bills(rng: random.Random) -> list[dict]:
    found = [{"text": text, "answer": kind} for kind, texts in BILLS.items() for text in texts]
    rng.shuffle(found)
    return found


MAKERS = {
    "style": _styles, "tutor": _questions, "translate": _countries, "sales": _sales, "sales at once": _sales, "svg": _sketches,
    "function": lambda rng: [{"signature": s, "what": w, "tests": [list(t) for t in tests]} for s, w, tests in FUNCTIONS],
    "contract": lambda rng: [contract(rng) for _ in range(40)], "shot": _shots, "order": _orders, "category": _bills,
}  # fmt: skip

# ---------------------------------------------------------------- what the model reads

SHOTS = (
    ("a dog", "runs along a beach", "playful", "an oil painting"),
    ("a woman", "reads a letter", "sad", "an old photograph"),
)
HEIGHTS = (
    ("Ida", "Ben", "Zoe", "tallest", "Ida"),
    ("Ron", "Amy", "Lou", "shortest", "Lou"),
    ("Sue", "Ted", "Ian", "tallest", "Sue"),
)
KINDS = (
    ("a bus to the fair", "travel"),
    ("bread and cheese", "food"),
    ("staples", "office"),
    ("a boat trip", "travel"),
    ("tea", "food"),
    ("a shelf", "office"),
)


def chat(model: LanguageModel, text: str, system: str = "") -> str:
    """A chat of one turn, up to where the model answers."""
    turns = [{"role": "system", "content": system}] * bool(system) + [{"role": "user", "content": text}]
    return model.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)


def prompt(model: LanguageModel, task: str, item: dict, error: str = "") -> str:
    """What the model reads for an item; for a function, with the `error` of a first try where there was one."""
    if task == "style":
        return chat(model, f"Write {STYLES[item['style']]} that says this: {item['notice']}")
    if task == "tutor":
        return chat(model, item["question"], TUTOR)
    if task == "translate":
        return "".join(f"English: {a}\nChinese: {b}\n\n" for a, b in NAMES) + f"English: {item['english']}\nChinese:"
    if task in ("sales", "sales at once"):
        return _sales_prompt(item, at_once=task != "sales")
    if task == "svg":
        shown = [([("yellow", "square")], "a yellow square")]
        shown += [([("brown", "circle"), ("gray", "square")], "a brown circle and a gray square")]
        return "".join(f"Draw {text}.\n{drawing(shapes)}\n\n" for shapes, text in shown) + f"Draw {item['text']}.\n"
    if task == "function":
        note = f"# The line above this function failed: {error}\n" if error else ""
        return f'{WRITTEN}{note}def {item["signature"]}:\n    """{item["what"]}"""'
    if task == "contract":
        rng = random.Random("the examples")
        shown = [contract(rng) for _ in range(3)]
        examples = "".join(f"Contract: {one['text']}\nJSON: {json.dumps(one['fields'])}\n\n" for one in shown)
        return f"{examples}Contract: {item['text']}\nJSON:"
    if task == "shot":
        shown = "".join(
            f"Make {d} in which {a} {b}. The mood is {c}.\nsubject: {a}; action: {b}; mood: {c}; style: {d}\n\n"
            for a, b, c, d in SHOTS
        )
        return f"{shown}{item['text']}\nsubject:"
    if task == "order":
        shown = "".join(
            f"{a} is taller than {b}. {b} is taller than {c}. Who is the {end}?\nAnswer: {who}\n\n"
            for a, b, c, end, who in HEIGHTS
        )
        return f"{shown}{item['text']}\nAnswer:"
    return "".join(f"Bill: {text}\nKind: {kind}\n\n" for text, kind in KINDS) + f"Bill: {item['text']}\nKind:"


def _sales_prompt(item: dict, at_once: bool) -> str:
    """At once: the list and its number. Else the question alone: an expression need not know the numbers."""
    rng, text = random.Random("shown"), ""
    for question, expression in ASKED:
        sales = [rng.randint(10, 90) for _ in range(8)]
        shown = f"sales = {sales}\n{question}\nAnswer: {_computed(expression, sales)}"
        text += (shown if at_once else f"# {question}\n{expression}") + "\n\n"
    return text + (f"sales = {item['sales']}\n{item['question']}\nAnswer:" if at_once else f"# {item['question']}\n")


def drawing(shapes: Sequence[Sequence[str]]) -> str:
    """A sketch as SVG: the shapes side by side."""
    forms = {
        "circle": '<circle cx="{x}" cy="50" r="40" fill="{colour}"/>',
        "square": '<rect x="{left}" y="10" width="80" height="80" fill="{colour}"/>',
    }
    inside = [forms[shape].format(x=50 + 100 * i, left=10 + 100 * i, colour=colour) for i, (colour, shape) in enumerate(shapes)]
    return f'<svg width="{100 * len(shapes)}" height="100">{"".join(inside)}</svg>'


# ---------------------------------------------------------------- what is right about an answer


def judge(task: str, item: dict, text: str) -> dict[str, Any]:
    """What is right about an answer: `right`, and what else a task asks for."""
    if task == "style":
        kept = sum(fact.removeprefix("the ").lower() in text.lower() for fact in item["facts"])
        return {"right": kept == len(item["facts"]), "kept": kept}
    if task == "tutor":
        tells = re.search(rf"\b{re.escape(item['answer'])}\b", text, re.IGNORECASE) is not None
        return {"right": "?" in text and not tells, "asks": "?" in text, "tells": tells}
    if task == "translate":
        return {"right": text == item["chinese"]}
    if task == "sales":
        return {"right": _value(f"sales = {item['sales']}\n{text}") == item["answer"]}
    if task == "sales at once":
        found = re.match(r"-?\d+(?:\.\d+)?", text)
        return {"right": found is not None and float(found[0]) == item["answer"]}
    if task == "svg":
        return _judge_svg(item, text)
    if task == "function":
        error = first_error(item, text)
        return {"right": not error, "error": error}
    if task == "contract":
        return judge_contract(item, text)
    if task == "shot":
        return _judge_shot(item, text)
    if task == "category":
        return {"right": text == item["answer"]}
    found = re.match(r"\w+", text)
    return {"right": found is not None and found[0] == item["answer"]}


def _value(program: str) -> Any:
    from lmkit.tools import run_python

    ran = run_python(program)
    return None if ran.error else ran.value


def _judge_svg(item: dict, text: str) -> dict[str, bool]:
    try:
        drawn = [(one.get("fill"), one.tag.rsplit("}")[-1]) for one in ElementTree.fromstring(text).iter()]
    except ElementTree.ParseError:
        return {"right": False, "well_formed": False}
    wanted = [(colour, {"circle": "circle", "square": "rect"}[shape]) for colour, shape in item["shapes"]]
    return {"right": sorted(drawn[1:], key=str) == sorted(wanted, key=str), "well_formed": True}


def first_error(item: dict, text: str) -> str:
    """The first test that a function fails, or its error; "" where it passes all. The text follows signature and docstring."""
    from lmkit.tools import run_python

    lines = [line for line in text.split("\n") if line.strip()]
    body = "\n".join(line if line.startswith(" ") else f"    {line.strip()}" for line in lines[:6])
    for call, value in item["tests"]:
        ran = run_python(f"def {item['signature']}:\n{body or '    pass'}\n{call}")
        if ran.error:
            return f"{call}: {ran.error[:80]}"
        if ran.value != value:
            return f"{call} gave {ran.value!r}, not {value!r}"
    return ""


def judge_contract(item: dict, text: str) -> dict[str, Any]:
    """Whether the text is JSON, fits the schema, and how many of the five fields are right."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {"right": False, "parses": False, "valid": False, "fields": 0}
    valid = isinstance(found, dict) and set(found) == set(FIELDS)
    valid = valid and all(isinstance(found[name], int if kind == "integer" else str) for name, kind in FIELDS.items())
    fields = sum(found.get(name) == value for name, value in item["fields"].items()) if isinstance(found, dict) else 0
    return {"right": fields == len(FIELDS), "parses": True, "valid": valid, "fields": fields}


def _judge_shot(item: dict, text: str) -> dict[str, Any]:
    found = dict(part.strip().split(": ", 1) for part in f"subject: {text}".split(";") if ": " in part.strip())
    slots = sum(found.get(name, "").strip() == item[name] for name in PARTS)
    return {"right": slots == len(PARTS), "slots": slots}


# ---------------------------------------------------------------- asking


def ask(model: LanguageModel, task: str, chosen: Sequence[dict], errors: Sequence[str] | None = None) -> list[dict]:
    """One row for each item: its number in the task, what the model wrote, by how much each of its tokens led at least, and
    the verdict. `errors`: what to say of a first try, for functions."""
    numbers = {json.dumps(item): i for i, item in enumerate(items(task))}
    prompts = [prompt(model, task, item, error) for item, error in zip(chosen, errors or [""] * len(chosen), strict=True)]
    written = asking.write(model, prompts, LIMITS[task], ENDS.get(task, "\n"), at_once=40)
    rows = []
    for item, (text, lead, _) in zip(chosen, written, strict=True):
        row = {"task": task if errors is None else f"{task}, second try", "item": numbers[json.dumps(item)], "text": text}
        rows.append(row | {"lead": round(lead, 2)} | judge(task, item, text))
    return rows


def make() -> Record:
    import lmkit

    model = lmkit.load(MODEL, device="cpu", dtype="float32")
    model.torch_model.set_attn_implementation("sdpa")  # faster; nobody looks at attention
    rows = [row for task in TASKS for row in ask(model, task, items(task))]
    failed = [row for row in rows if row["task"] == "function" and not row["right"]]
    rows += ask(model, "function", [items("function")[row["item"]] for row in failed], [row["error"] for row in failed])
    return Record("applications", made_with(model, SEED), rows)
