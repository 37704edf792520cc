"""Chapter 16's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import re

from exercises import exercise_tests

NOTEBOOK = "16_programs_tools_and_agents.ipynb"
EXERCISES = ["16.1", "16.2", "16.3", "16.4", "16.5"]


def by(pattern: str, flags: int = 0, which: int = 0, strip: bool = True):
    """An answer to 16.1 by a regular expression."""

    def action_of(text):
        found = re.findall(pattern, text, flags)
        if not found:
            return "", ""
        name, inside = found[which]
        return name, inside.strip() if strip else inside

    return action_of


def loop(ends=True, safe=True, known=True, keep=True, write=True, observe=True, prefix=False, guess="no answer", spare=0):
    """An answer to 16.2, right but for what is switched off."""

    def run_agent(model, tools, question, max_steps):
        prompt, step = f"Question: {question}\n", 0
        while not ends or step < max_steps - spare:
            text, step = model(prompt), step + 1
            if text.startswith("Answer: "):
                return text if prefix else text.removeprefix("Answer: ")
            name, inside = re.fullmatch(r"Action: (\w+)\[(.*)\]", text).groups()
            if name in tools or not known:
                try:
                    seen = tools[name](inside)
                except ArithmeticError as error:
                    if not safe:
                        raise
                    seen = f"error: {error}"
            else:
                seen = f"there is no tool {name}"
            new = (f"{text}\n" if write else "") + (f"Observation: {seen}\n" if observe else "")
            prompt = prompt + new if keep else new
        return guess

    return run_agent


def against(python: dict, strict=True, unknown=True, required=True):
    """An answer to 16.3 with these Python types."""

    def faults(arguments, schema):
        found = {name for name in schema["required"] if name not in arguments} if required else set()
        for name, value in arguments.items():
            if name not in schema["properties"]:
                found |= {name} if unknown else set()
            elif not isinstance(value, python[schema["properties"][name]["type"]]) or (
                strict and isinstance(value, bool) and schema["properties"][name]["type"] != "boolean"
            ):
                found.add(name)
        return found

    return faults


TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool}


def billed(ok=True, per=1e6, swap=False, out=True, read=True):
    """An answer to 16.5, right but for what is switched."""

    def bill(attempts, price_in, price_out):
        a, b = (price_out, price_in) if swap else (price_in, price_out)
        paid = [one for one in attempts if one["status"] == 200 or not ok]
        return sum(read * one["prompt_tokens"] * a + out * one["completion_tokens"] * b for one in paid) / per

    return bill


LINE = r"^Action: (\w+)\[(.*)\]"
WRONG = {
    "16.1": [
        (by(LINE, re.M, which=-1), "you took the last action"),
        (by(r"^Action: (\w+)\[(.*?)\]", re.M), "first closing bracket"),
        (by(LINE, re.M, strip=False), "strip the blanks"),
        (by(r"Action: (\w+)\[(.*)\]", re.S), "runs on into what the model invented"),
        (by(LINE), "you found no action"),
        (lambda text: text.split("Action: ")[-1], "a pair of texts"),
        (lambda text: ("Search", "Oslo") if "Action" not in text else by(LINE, re.M)(text), "there is no action"),
    ],
    "16.2": [
        (loop(ends=False), "must end by itself"),
        (loop(safe=False), "make the error an observation"),
        (loop(known=False), "a tool that is not there"),
        (loop(keep=False), "append, do not replace"),
        (loop(write=False), "what it wrote at its first"),
        (loop(observe=False), "must read the observation"),
        (loop(prefix=True), "without the word"),
        (loop(guess="7"), "a guess would look like an answer"),
        (loop(spare=1), "you asked it 2 times"),
    ],
    "16.3": [
        (against(TYPES, strict=False), "True is no integer"),
        (against(TYPES, unknown=False), "a name it does not know"),
        (against(TYPES, required=False), "is required and is missing"),
        (against({**TYPES, "number": float}), "a whole number is a number too"),
        (lambda arguments, schema: set(schema["properties"]) - set(arguments), "What is not required may be missing"),
        (lambda arguments, schema: "days", "return a set of names"),
    ],
    "16.4": [
        (lambda steps: len(steps) > 1 and steps[-1] in steps[:-1], "twice may be an accident"),
        (lambda steps: len(steps) > 2 and steps[-1] == steps[-2] == steps[-3], "a, b, a, b"),
        (lambda steps: any([a for a, _ in steps].count(a) > 2 for a, _ in steps[-1:]), "as with a clock"),
        (lambda steps: any(steps.count(one) > 2 for one in steps), "Look at the last step"),
        (lambda steps: any([o for _, o in steps].count(o) > 2 for _, o in steps[-1:]), "still trying something else"),
        (lambda steps: len(steps), "True or False"),
    ],
    "16.5": [
        (billed(ok=False), "not billed here"),
        (billed(per=1e3), "a *million* tokens"),
        (billed(per=1), "divide"),
        (billed(swap=True), "swapped"),
        (billed(out=False), "what the model writes costs too"),
        (billed(read=False), "what the model reads costs too"),
        (lambda attempts, a, b: "0.01", "return one number"),
    ],
}

TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, re=re)
