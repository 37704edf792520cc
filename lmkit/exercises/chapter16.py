"""Checkers for chapter 16, programs, tools and agents. Each tries an answer on inputs that it has not seen and names the
typical mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lmkit.exercises import Mistake, call
from lmkit.exercises.answers import close, name_mistake, single

# 16.1 the action in what a model wrote

WRITTEN = (
    ("Thought: I need the capital.\nAction: Search[capital of Kenya]", ("Search", "capital of Kenya")),
    ("Action: Calculator[ 37 * 29 ]", ("Calculator", "37 * 29")),
    ("Thought: a list.\nAction: Calculator[sum([1, 2, 3])]\n", ("Calculator", "sum([1, 2, 3])")),
    ("Thought: I know it.\nAnswer: Nairobi", ("", "")),
    ("Thought: the Action is clear.\nAction: Search[Oslo]", ("Search", "Oslo")),
    (
        "Action: Search[Lima]\nObservation: Lima is in Peru.\nAction: Search[Peru]\nObservation: Its money is the sol.",
        ("Search", "Lima"),
    ),
)


def action_of(answer: Callable) -> None:
    for text, right in WRITTEN:
        result = call(answer, text)
        if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(part, str) for part in result):
            raise Mistake("return a pair of texts, the tool's name and its input (two empty texts where there is no action).")
        if tuple(result) == right:
            continue
        name, inside = result
        if right == ("", "") and (name or inside):
            raise Mistake(f"there is no action in {text!r}: return two empty texts, not {tuple(result)}.")
        wrong = [
            (("Search", "Peru"), "you took the last action. What stands after the first the model has invented: stop there."),
            (("Calculator", "sum([1, 2, 3"), "you stopped at the first closing bracket: an input may hold brackets too."),
            (("Calculator", " 37 * 29 "), "strip the blanks round the input."),
            (("", ""), f"you found no action in {text!r}, and there is one."),
        ]
        if inside.startswith("Lima]"):
            raise Mistake("the input ends with its line: yours runs on into what the model invented afterwards.")
        name_mistake(tuple(result), wrong, f"for {text!r} it is {right}; yours is {tuple(result)}.", lambda a, b: a == b)


# 16.2 the loop


class Policy:
    """A model that says what it is told to, and remembers what it was given to read."""

    def __init__(self, says: list[str], limit: int) -> None:
        self.says, self.limit, self.read = says, limit, []

    def __call__(self, prompt: Any) -> str:
        if not isinstance(prompt, str):
            raise Mistake(f"the model reads one text; you gave it a {type(prompt).__name__}.")
        if len(self.read) == self.limit:
            raise Mistake(f"the model was asked more than max_steps = {self.limit} times: the loop must end by itself.")
        self.read.append(prompt)
        return self.says[min(len(self.read), len(self.says)) - 1]


def broken(text: str) -> str:
    raise ZeroDivisionError("division by zero")


TOOLS = {"Search": lambda text: f"{text} has 7 gates", "Broken": broken}
SAID = ["Action: Search[Thebes]", "Action: Broken[1 / 0]", "Action: Fax[hello]", "Answer: 7 gates"]


def run_agent(answer: Callable) -> None:
    policy = Policy(SAID, 6)
    try:
        result = answer(policy, dict(TOOLS), "How many gates has Thebes?", 6) if callable(answer) else call(answer)
    except Mistake:
        raise
    except ZeroDivisionError:
        raise Mistake("a tool raised an error and the loop died of it: make the error an observation.") from None
    except KeyError as error:
        raise Mistake(f"the model named a tool that is not there ({error}) and the loop died: make it an observation.") from None
    except Exception as error:
        raise Mistake(f"your function raised {type(error).__name__}: {error}") from error
    if result is None or result is Ellipsis:
        raise Mistake("your function returns nothing yet: replace the dots, and end with `return`.")
    check_reading(policy.read)
    if result != "7 gates":
        name_mistake(
            result,
            [
                ("Answer: 7 gates", "return the answer alone, without the word “Answer:”."),
                ("no answer", "it gave an answer at its fourth turn."),
            ],
            f"the answer is '7 gates'; yours is {result!r}.",
            lambda a, b: a == b,
        )
    endless = Policy(["Action: Search[Thebes]"], 3)
    result = call(answer, endless, dict(TOOLS), "How many gates has Thebes?", 3)
    if len(endless.read) != 3:
        raise Mistake(f"with max_steps = 3 the model may be asked three times; you asked it {len(endless.read)} times.")
    if result != "no answer":
        raise Mistake(f"when the steps are used up, return 'no answer', not {result!r}: a guess would look like an answer.")


def check_reading(read: list[str]) -> None:
    if not read or "How many gates has Thebes?" not in read[0]:
        raise Mistake("the model must read the question first.")
    if len(read) > 1:
        if "Search[Thebes]" not in read[1]:
            raise Mistake("at its second turn the model must read what it wrote at its first: append it to the prompt.")
        if "Thebes has 7 gates" not in read[1]:
            raise Mistake("at its second turn the model must read the observation: append it to the prompt.")
        if "How many gates" not in read[1]:
            raise Mistake("the question has gone from the prompt: append, do not replace.")
    if len(read) < 4:
        raise Mistake(f"the model was asked {len(read)} times and gives its answer at the fourth: go on after an error.")
    if "7 gates" not in read[3] or not all(word in read[3] for word in ("Broken", "Fax")):
        raise Mistake("the prompt must keep all steps, not only the last one.")
    if read[2].count("Observation") < 2 or read[3].count("Observation") < 3:
        raise Mistake("every action needs an observation, also one that failed or names a tool that is not there.")


# 16.3 a call against its schema

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "max_price": {"type": "number"},
        "breakfast": {"type": "boolean"},
    },
    "required": ["city", "days"],
}
CALLS = (
    ({"city": "Oslo", "days": 3}, set()),
    ({"city": "Oslo", "days": 3, "max_price": 99, "breakfast": True}, set()),
    ({"city": "Oslo", "days": 3, "max_price": 99.5}, set()),
    ({"city": "Oslo"}, {"days"}),
    ({"city": "Oslo", "days": "3"}, {"days"}),
    ({"city": "Oslo", "days": 3, "colour": "red"}, {"colour"}),
    ({"city": "Oslo", "days": True}, {"days"}),
    ({"city": "Oslo", "days": 3, "breakfast": "yes"}, {"breakfast"}),
    ({"town": "Oslo", "days": 2.5}, {"city", "town", "days"}),
)


def faults(answer: Callable) -> None:
    for arguments, right in CALLS:
        result = call(answer, dict(arguments), SCHEMA)
        if isinstance(result, str) or not hasattr(result, "__iter__"):
            raise Mistake(f"return a set of names; your function returns a {type(result).__name__}.")
        found = set(result)
        if found == right:
            continue
        raise Mistake(f"for {arguments}: {mistake_in_faults(arguments, found, right)}")


def mistake_in_faults(arguments: dict, found: set, right: set) -> str:
    if found - right:
        extra = sorted(map(str, found - right))[0]
        if extra == "max_price":
            return "a whole number is a number too: 99 is fine for max_price."
        return f"{extra!r} is no fault here." + (" What is not required may be missing." if extra not in arguments else "")
    missing = sorted(right - found)[0]
    if missing not in SCHEMA["properties"]:
        return f"the schema knows no {missing!r}: a name it does not know is a fault (the model meant something by it)."
    if missing not in arguments:
        return f"{missing!r} is required and is missing."
    if isinstance(arguments[missing], bool):
        return "True is no integer here, although Python says isinstance(True, int)."
    return f"{missing!r} has the wrong type: {arguments[missing]!r}."


# 16.4 a loop without progress

HISTORIES = (
    ([], False),
    ([("Search[a]", "nothing found")], False),
    ([("Search[a]", "nothing found")] * 2, False),
    ([("Search[a]", "nothing found")] * 3, True),
    ([("Search[a]", "nothing found"), ("Search[b]", "nothing found")] * 3, True),
    ([("Clock[]", "10:00"), ("Clock[]", "10:01"), ("Clock[]", "10:02")], False),
    ([*[("Search[a]", "nothing found")] * 3, ("Search[c]", "it is here")], False),
    ([("Search[a]", "x"), ("Search[b]", "x"), ("Search[c]", "x")], False),
)


def stuck(answer: Callable) -> None:
    for steps, right in HISTORIES:
        result = call(answer, list(steps))
        if not isinstance(result, bool):
            raise Mistake(f"return True or False; your function returns a {type(result).__name__}.")
        if result != right:
            raise Mistake(mistake_in_stuck(steps, right))


def mistake_in_stuck(steps: list, right: bool) -> str:
    actions = [action for action, _ in steps]
    if not right and len(steps) == 2:
        return "twice may be an accident: stop at the third time."
    if not right and len(set(actions)) == 1 and len(steps) == 3:
        return "the action is the same but the observation is new each time, as with a clock: that is progress."
    if not right and len(set(actions)) == 3:
        return "three different actions gave the same observation: the model is still trying something else."
    if not right and len(steps) == 4:
        return "its last step is a new one: it has got out of the loop by itself. Look at the last step."
    if right and len(set(actions)) == 2:
        return "a, b, a, b, a, b is a loop too: count the last step among all, not only the ones just before it."
    return f"for {steps} it is {right}."


# 16.5 the bill

ATTEMPTS = (
    {"status": 200, "prompt_tokens": 1_200, "completion_tokens": 300},
    {"status": 429, "prompt_tokens": 1_500, "completion_tokens": 0},
    {"status": 500, "prompt_tokens": 1_500, "completion_tokens": 80},
    {"status": 200, "prompt_tokens": 1_500, "completion_tokens": 250},
)


def bill(answer: Callable) -> None:
    price_in, price_out = 2.0, 10.0
    result = single(call(answer, [dict(one) for one in ATTEMPTS], price_in, price_out))

    def cost(attempts, a=price_in, b=price_out):
        return sum(one["prompt_tokens"] * a + one["completion_tokens"] * b for one in attempts) / 1e6

    paid = [one for one in ATTEMPTS if one["status"] == 200]
    if close(result * 1e6, cost(paid) * 1e6):
        return
    wrong = [
        (cost(ATTEMPTS), "attempts that failed are not billed here: count status 200 alone."),
        (cost(paid) * 1e3, "prices are for a *million* tokens, not for a thousand."),
        (cost(paid) * 1e6, "prices are for a million tokens: divide."),
        (cost(paid, price_out, price_in), "the two prices are swapped: what is written costs more than what is read."),
        (cost(paid, price_in, 0), "what the model writes costs too."),
        (cost(paid, 0, price_out), "what the model reads costs too, every time anew."),
        (cost(paid, price_in, price_in), "what is written has a price of its own."),
        (cost(paid[-1:]), "that is the last answer alone: every answer is billed."),
    ]
    name_mistake(result, wrong, f"the bill is {cost(paid):.4f}; yours is {result:.4f}.", lambda a, b: close(a * 1e6, b * 1e6))


CHECKERS: dict[str, Callable[[Any], None]] = {
    "16.1": action_of,
    "16.2": run_agent,
    "16.3": faults,
    "16.4": stuck,
    "16.5": bill,
}
