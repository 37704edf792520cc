"""What SmolLM2-135M-Instruct cannot do well, item by item, and what the tone of a message does to its reply.

    sums             a sum, difference, product or quotient of numbers of one to four digits, after four solved ones
    dates            the date, with and without a clock in the prompt; the day of the week so many days later
    needle           a number hidden in a long text, at several depths and lengths
    tones            the same event told sadly and gladly
    irony            sentences of praise, meant and not meant; `misconceptions`: a widespread error against the truth

`python -m lmkit.records limits`; chapter 17 asks some of the items again.
"""

from __future__ import annotations

import csv
import datetime
import random
import re
from collections.abc import Sequence
from pathlib import Path

from lmkit.records import Record, asking, made_with
from lmkit.records.prompting import chat, one_token
from lmkit.records.truth import MODEL, chances
from lmkit.tiny.world import load_world

SEED = 17
DATA = Path(__file__).parents[1] / "data"

# Arithmetic: four signs, one to four digits

SIGNS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
DIGITS, EACH = (1, 2, 3, 4), 25
SOLVED = {
    "+": "3 + 4 = 7\n12 + 30 = 42\n251 + 117 = 368\n8 + 5 = 13\n",
    "-": "7 - 4 = 3\n42 - 30 = 12\n368 - 117 = 251\n13 - 5 = 8\n",
    "*": "3 * 4 = 12\n12 * 30 = 360\n251 * 117 = 29367\n8 * 5 = 40\n",
    "/": "12 / 4 = 3\n360 / 30 = 12\n29367 / 117 = 251\n40 / 5 = 8\n",
}


def calculations(sign: str, digits: int) -> list[tuple[int, int, int]]:
    """25 different (a, b, a sign b), b with so many digits; for + − and × a has as many, for ÷ the result has."""
    rng, found = random.Random(f"{SEED} {sign} {digits}"), set()
    low, high = (2 if digits == 1 else 10 ** (digits - 1)), 10**digits
    while len(found) < EACH:
        a, b = rng.randrange(low, high), rng.randrange(low, high)
        if sign == "/":
            found.add((a * b, b, a))
        else:
            a, b = max(a, b), min(a, b)
            found.add((a, b, {"+": a + b, "-": a - b, "*": a * b}[sign]))
    return sorted(found)


def ask_sums(model, sign: str, digits: int, items: Sequence[int] | None = None) -> list[dict]:
    chosen = calculations(sign, digits)
    items = range(len(chosen)) if items is None else items
    replies = asking.write(model, [f"{SOLVED[sign]}{chosen[i][0]} {sign} {chosen[i][1]} =" for i in items], 10)
    return [
        {"part": "sums", "sign": sign, "digits": digits, "item": i, "said": text, "right": text == str(chosen[i][2])}
        | {"gap": round(gap, 3)}
        for i, (text, gap, _) in zip(items, replies, strict=True)
    ]


# Time

CLOCKS = ("no clock", "clock")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def days(n: int = 20) -> list[tuple[datetime.date, int]]:
    """Dates of the years 2023 to 2030, each with a number of days from 2 to 30."""
    rng, first = random.Random(SEED), datetime.date(2023, 1, 1)
    return [(first + datetime.timedelta(rng.randrange(8 * 365)), rng.randint(2, 30)) for _ in range(n)]


def ask_dates(model, question: str, items: Sequence[int] | None = None) -> list[dict]:
    """`question`: "no clock" and "clock" ask for the date of today, the second with that date in the system's message; "weekday"
    asks which day of the week it is so many days later, with today's in the prompt."""
    chosen, rows = days(), []
    items = range(len(chosen)) if items is None else items
    prompts, truths = [], []
    for date, later in (chosen[i] for i in items):
        if question == "weekday":
            prompts.append(chat(model, f"Today is {WEEKDAYS[date.weekday()]}. Which day of the week is it in {later} days?"))
            truths.append(WEEKDAYS[(date.weekday() + later) % 7])
        else:
            clock = f"The clock of this computer says: today is {date:%d %B %Y}." if question == "clock" else "You are helpful."
            prompts.append(chat(model, "What is the date of today?", clock))
            truths.append(f"{date:%d %B %Y}")
    for i, truth, (text, gap, _) in zip(items, truths, asking.write(model, prompts, 24), strict=True):
        right = says_date(text, truth) if question != "weekday" else re.findall("|".join(WEEKDAYS), text)[-1:] == [truth]
        rows.append({"part": "dates", "question": question, "item": i, "said": text, "right": right, "gap": round(gap, 3)})
    return rows


def says_date(text: str, truth: str) -> bool:
    """Whether day, month and year stand in a text, in any order, or the date in digits as in 2026-03-05."""
    day, month, year = truth.split()
    if datetime.datetime.strptime(truth, "%d %B %Y").date().isoformat() in text:
        return True
    return month in text and year in text and re.search(rf"\b0?{int(day)}(?:st|nd|rd|th)?\b", text) is not None


# A needle in a long text

LENGTHS, DEPTHS, NEEDLES = (150, 600), (0.0, 0.25, 0.5, 0.75, 1.0), 4
THINGS = ("locker", "garage", "safe", "bicycle")


def hay(model, length: int) -> list[str]:
    """Sentences about countries, of about so many tokens together."""
    sentences, n = [], 0
    for document in load_world().corpus(1, SEED):
        if document.kind == "statement" and document.language == "en" and n < length:
            sentences.append(document.text)
            n += len(asking.ids_of(model, " " + document.text))
    return sentences


def needle_prompt(model, length: int, depth: float, item: int) -> tuple[str, str]:
    """A text with one sentence about a code in it, at a depth from 0 (the beginning) to 1, then the question; and the code."""
    code = str(random.Random(f"{SEED} {item}").randint(1000, 9999))
    sentences = hay(model, length)
    sentences.insert(round(depth * len(sentences)), f"The code of the {THINGS[item]} is {code}.")
    question = f"What is the code of the {THINGS[item]}?"
    return f"{' '.join(sentences)}\n\nQuestion: {question}\nAnswer: The code of the {THINGS[item]} is", code


def ask_needle(model, length: int, depth: float, items: Sequence[int] | None = None) -> list[dict]:
    items = range(NEEDLES) if items is None else items
    made = [needle_prompt(model, length, depth, i) for i in items]
    replies = asking.write(model, [prompt for prompt, _ in made], 6)
    return [
        {"part": "needle", "length": length, "depth": depth, "item": i, "said": text, "gap": round(gap, 3)}
        | {"right": re.findall(r"\d+", text)[:1] == [code]}
        for i, (_, code), (text, gap, _) in zip(items, made, replies, strict=True)
    ]


# The same event in two tones

EVENTS = (
    ("my dog died", "my dog had puppies"),
    ("I lost my job", "I found a new job"),
    ("I failed the exam", "I passed the exam"),
    ("my flight was cancelled", "my flight landed early"),
    ("my garden was flooded", "my garden is in bloom"),
    ("we lost the match", "we won the match"),
)
FACT = "How many days are there in a week?"
MOODS = {"sad": "I am so sad today, {sad}. {q}", "glad": "I am so happy today, {glad}! {q}", "neither": "{q}"}
WARM = re.compile(r"\b(sorry|sad|understand|feel\w*|happy|glad|great|wonderful|congratulations|hear)\b", re.IGNORECASE)


def ask_tones(model, mood: str) -> list[dict]:
    """The same question after a sad and a glad beginning: does the reply hold the fact, and does it hold a word of feeling?"""
    chosen = EVENTS[:1] if mood == "neither" else EVENTS
    prompts = [chat(model, MOODS[mood].format(sad=sad, glad=glad, q=FACT)) for sad, glad in chosen]
    return [
        {"part": "tones", "mood": mood, "item": i, "said": text, "gap": round(gap, 3)}
        | {"fact": re.search(r"\b(7|seven)\b", text, re.IGNORECASE) is not None, "feeling": WARM.search(text) is not None}
        for i, (text, gap, _) in enumerate(asking.write(model, prompts, 40))
    ]


# Irony, and widespread errors


def rows_of(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf8", newline="") as lines:
        return list(csv.DictReader(lines))


PRAISE = (
    "The room was bright and the bed was soft.",
    "The waiter forgot us twice and the soup was cold.",
    "A wonderful story, I read it in one night.",
    "The screen broke on the second day.",
)
JUDGED = ("positive", "negative", "positive", "negative")


def ask_irony(model, items: Sequence[int] | None = None) -> list[dict]:
    """After four plain reviews: is the right label the more probable one? Rows of `irony.csv` are meant as they say, or not."""
    chosen = rows_of("irony")
    items = range(len(chosen)) if items is None else items
    before = "".join(f"Review: {text}\nSentiment: {label}\n\n" for text, label in zip(PRAISE, JUDGED, strict=True))
    labels = one_token(model, [" positive", " negative"])
    odds = asking.next_logits(model, [f"{before}Review: {chosen[i]['text']}\nSentiment:" for i in items])[:, labels]
    return [
        {"part": "irony", "item": i, "kind": chosen[i]["kind"], "odds": round((a - b).item(), 2)}
        | {"right": (a > b).item() == (chosen[i]["meant"] == "positive")}
        for i, (a, b) in zip(items, odds, strict=True)
    ]


def ask_misconceptions(model, items: Sequence[int] | None = None) -> list[dict]:
    """Is the true sentence end or the widespread error more probable? ln p a token, the error's less the truth's."""
    chosen = rows_of("misconceptions")
    items = range(len(chosen)) if items is None else items
    found = []
    for end in ("true", "false"):
        prompts = [asking.ids_of(model, chosen[i]["start"]) for i in items]
        ends = [asking.ids_of(model, f" {chosen[i][end]}.") for i in items]
        found.append([p / len(one) for (p, _), one in zip(chances(model, prompts, ends), ends, strict=True)])
    return [
        {"part": "misconceptions", "item": i, "odds": round(b - a, 2), "right": a > b}
        for i, a, b in zip(items, *found, strict=True)
    ]


def make() -> Record:
    """A few minutes on one thread, half of them for the long texts."""
    import lmkit

    model = lmkit.load(MODEL, device="cpu", dtype="float32")
    model.torch_model.set_attn_implementation("sdpa")  # faster; nobody looks at attention
    rows = [row for sign in SIGNS for digits in DIGITS for row in ask_sums(model, sign, digits)]
    rows += [row for question in (*CLOCKS, "weekday") for row in ask_dates(model, question)]
    rows += [row for mood in MOODS for row in ask_tones(model, mood)]
    rows += ask_irony(model) + ask_misconceptions(model)
    rows += [row for length in LENGTHS for depth in DEPTHS for row in ask_needle(model, length, depth)]
    return Record("limits", made_with(model, SEED), rows)
