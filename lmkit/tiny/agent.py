"""The tiny agent: the course's own model, taught to think, to act and to look at what came of it (ReAct, Yao et al. 2023).

A transcript is plain text, and one turn of the model ends with its end token:

    Tools: Search, Calculator
    Question: How many million people live in Kenya and Japan together?
    Thought: I need the population of Kenya.
    Action: Search[population of Kenya]
    Observation: Population of Kenya: 51 million people live in Kenya.
    …
    Answer: 178

`react` is the loop: the model writes a turn, the loop calls the tool and writes the observation, until there is an answer.
In training the loss counts what the model writes, never an observation. What it reads is in `lmkit.tiny.agent_data`.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from tokenizers import AddedToken
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lmkit.evaluate import Accuracy, accuracy
from lmkit.tiny import agent_data
from lmkit.tiny.agent_data import Task, header
from lmkit.tiny.run import Run, cosine, default_accelerator, set_rate
from lmkit.tiny.text import Packed, label_logprobs, next_token_loss, pad
from lmkit.tiny.world import World

CONTEXT = 384  # tokens: a transcript is longer than what the other stages read
FORGOTTEN = "(forgotten)"
# Words of the trade that the vocabulary of the world does not hold. None of them is special: they are text, as in any model.
WORDS = (
    *("Tools:", "Question:", "Thought:", "Action:", "Observation:", "Answer:", "Thoughts: off", "Search", "Calculator"),
    *(" Search[", " Calculator[", ' {"name": "', '", "arguments": {"', '": "', '"}}', "query", "expression", "(JSON)"),
    *("population", "area", "capital", "currency", "official", "Population", "Area", "Currency", "Official"),
    *(" population", " area", " million", " thousand square kilometres", " together", " larger", " more", " live", " whose"),
    *(" need", " add", " compare", " answer", " negative", " positive", " told", " another"),
)


@dataclass(frozen=True)
class Step:
    """One entry of a transcript. `kind`: question, thought, action, observation or answer; `prompt`: all that stood before."""

    kind: str
    text: str
    prompt: str


Write = Callable[[Sequence[str]], list[str]]  # transcripts so far -> the model's next turns
Look = Callable[[str, int], str]  # an observation, and which question it belongs to -> the observation that is shown


def react(
    model,
    tools: Mapping[str, Callable[[str], str]],
    question: str,
    max_steps: int = 6,
    *,
    think: bool = True,
    form: str = "plain",
    memory: bool = True,
    look: Look | None = None,
) -> list[Step]:
    """The transcript of one question. `model` is a `LanguageModel`; `tools` are functions of one text, by name.

    Ends with a step of kind "answer", or without one where the model did not answer in `max_steps` turns.
    think    False: the model is asked for actions without thoughts
    form     "plain": Search[…]; "json": actions are function calls in JSON; "none": no tools, an answer at once
    memory   False: the loop shows only the last observation, and forgets the earlier ones
    look     what the model sees of an observation, for experiments: `lambda text, i: ""` removes it
    """

    def write(prompts: Sequence[str]) -> list[str]:
        return [model.generate(prompt, max_new_tokens=min(64, room(model, prompt))).text for prompt in prompts]

    return run(write, tools, [question], max_steps, think=think, form=form, memory=memory, look=look)[0]


def room(model, prompt: str) -> int:
    used = len(model.tokenizer.encode(prompt, add_special_tokens=False))
    return max(1, model.torch_model.config.max_position_embeddings - used)


def run(
    write: Write,
    tools: Mapping[str, Callable[[str], str]],
    questions: Sequence[str],
    max_steps: int = 6,
    *,
    think: bool = True,
    form: str = "plain",
    memory: bool = True,
    look: Look | None = None,
) -> list[list[Step]]:
    """`react` for many questions side by side; `write` gives the next turn of each. Raises ValueError for an unknown form."""
    if form not in agent_data.FORMS:
        raise ValueError(f"form={form!r}: choose one of {', '.join(agent_data.FORMS)} (none: there are no tools).")
    runs = [[Step("question", question, header("", form, think).removesuffix("\n"))] for question in questions]
    live = list(range(len(runs)))
    for _ in range(max_steps):
        prompts = [transcript(runs[i], form, think, memory) for i in live]
        for i, prompt, turn in zip(live, prompts, write(prompts), strict=True):
            steps = read(turn, prompt)
            runs[i] += steps
            if steps[-1].kind == "action":
                said = act(tools, steps[-1].text, form)
                runs[i].append(Step("observation", look(said, i) if look else said, prompt + turn + "\n"))
        live = [i for i in live if runs[i][-1].kind == "observation"]
        if not live:
            break
    return runs


def transcript(steps: Sequence[Step], form: str = "plain", think: bool = True, memory: bool = True) -> str:
    """The text that the model has before its next turn."""
    last = max((i for i, step in enumerate(steps) if step.kind == "observation"), default=-1)
    text = header(steps[0].text, form, think)
    for i, step in enumerate(steps[1:], 1):
        if step.kind == "observation":
            text += f"\nObservation: {step.text if memory or i == last else FORGOTTEN}\n"
        else:
            text += f"{step.kind.capitalize()}: {step.text}" + ("\n" if step.kind == "thought" else "")
    return text


def read(turn: str, prompt: str) -> list[Step]:
    """A turn of the model as steps: an optional thought, then an action or an answer. Anything else counts as an action that
    no tool understands, so that the observation can say so."""
    found = re.fullmatch(r"(?:Thought: (?P<thought>[^\n]*)\n)?(?P<kind>Action|Answer): (?P<text>.*)", turn.strip(), re.DOTALL)
    if not found:
        return [Step("action", turn.strip(), prompt)]
    steps = []
    if found["thought"] is not None:
        steps.append(Step("thought", found["thought"], prompt))
        prompt += f"Thought: {found['thought']}\n"
    return [*steps, Step(found["kind"].lower(), found["text"].strip(), prompt)]


def act(tools: Mapping[str, Callable[[str], str]], text: str, form: str = "plain") -> str:
    """What comes of an action. Every fault is an observation that says what to mend."""
    if form == "json":
        return call_json(tools, text)
    found = re.fullmatch(r"(\w+)\[(.*)\]", text, re.DOTALL)
    if not found or found[1] not in tools:
        return "Error: write " + " or ".join(f"{name}[…]" for name in tools)
    try:
        return str(tools[found[1]](found[2]))
    except Exception as error:
        return f"Error: {error}"


def call_json(tools: Mapping[str, Callable[[str], str]], text: str) -> str:
    """The action as a function call, checked by `lmkit.tools.call` against the schema of the tool."""
    from lmkit.tools import Tool, call

    key = {"Calculator": "expression"}

    def tool(name: str) -> Tool:
        field = key.get(name, "query")
        schema = {"type": "object", "properties": {field: {"type": "string"}}, "required": [field], "additionalProperties": False}
        return Tool(name, f"{name} for one {field}", schema, lambda **given: tools[name](given[field]))

    return call([tool(name) for name in tools], text)


def answer(steps: Sequence[Step]) -> str | None:
    """The answer of a transcript, None where there is none."""
    return steps[-1].text if steps[-1].kind == "answer" else None


# Many questions at once


@torch.no_grad()
def writer(net: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, limit: int = 64, at_once: int = 64) -> Write:
    """A `Write` for `run`: greedy turns for many transcripts, filled up at the left so that all end together."""

    def write(prompts: Sequence[str]) -> list[str]:
        coded = [tokenizer.encode(prompt, add_special_tokens=False) for prompt in prompts]
        order = sorted(range(len(coded)), key=lambda i: len(coded[i]))
        found = [""] * len(coded)
        for start in range(0, len(order), at_once):
            part = order[start : start + at_once]
            for i, ids in zip(part, _write(net, [coded[i] for i in part], tokenizer.eos_token_id, limit), strict=True):
                found[i] = tokenizer.decode(ids, skip_special_tokens=True)
        return found

    return write


@torch.no_grad()
def _write(net: PreTrainedModel, rows: list[list[int]], end: int, limit: int) -> list[list[int]]:
    longest = max(map(len, rows))
    ids = torch.tensor([[end] * (longest - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    cache, new, done = None, [], torch.zeros(len(rows), dtype=torch.bool)
    places = (mask.cumsum(1) - 1).clamp(min=0)
    for _ in range(min(limit, net.config.max_position_embeddings - longest)):
        out = net(ids, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache, chosen = out.past_key_values, out.logits[:, -1].argmax(-1)
        new.append(chosen)
        done |= chosen == end
        if done.all():
            break
        ids, places = chosen[:, None], places[:, -1:] + 1
        mask = torch.cat([mask, torch.ones(len(rows), 1, dtype=mask.dtype)], 1)
    written = torch.stack(new, 1).tolist() if new else [[] for _ in rows]
    return [row[: row.index(end)] if end in row else row for row in written]


# Training


def with_words(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """The tokenizer with the words of the trade, as plain text."""
    found = copy.deepcopy(tokenizer)
    found.add_tokens([AddedToken(word, special=False, normalized=False) for word in WORDS])
    found.model_max_length = CONTEXT
    return found


def widened(net: PreTrainedModel, old: PreTrainedTokenizerFast, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """The model with a row for each new word, the mean of its old pieces, and room for CONTEXT tokens."""
    net.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with torch.no_grad():
        rows = net.get_input_embeddings().weight
        for word in WORDS:
            rows[tokenizer.convert_tokens_to_ids(word)] = rows[old.encode(word, add_special_tokens=False)].mean(0)
    net.config.max_position_embeddings = CONTEXT
    return net


def coded(tokenizer: PreTrainedTokenizerFast, pieces: Sequence[tuple[str, bool]]) -> tuple[list[int], list[int]]:
    """A transcript as ids, and the label of every place: what the model should write there, −100 where it writes nothing.
    After each of its turns it should write the end token, also where the transcript goes on with an observation."""
    end = tokenizer.eos_token_id
    ids, labels, ends_here = [], [], False
    for text, mine in pieces:
        new = tokenizer.encode(text, add_special_tokens=False)
        wanted = list(new) if mine else [-100] * len(new)
        if ends_here:
            wanted[0] = end
        ids, labels, ends_here = [*ids, *new], [*labels, *wanted], mine
    return [*ids, end], [*labels, end]


def padded(tokenizer: PreTrainedTokenizerFast, rows: Sequence[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels [transcript, token], filled up at the right."""
    ids, _ = pad(tokenizer, [(row, len(row)) for row, _ in rows])
    labels = torch.full_like(ids, -100)
    for i, (_, wanted) in enumerate(rows):
        labels[i, : len(wanted)] = torch.tensor(wanted)
    return ids, labels


def train_agent(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    batches: Callable[[int, int], list[list[tuple[str, bool]]]],
    chats: Callable[[int, int], list[tuple[str, str]]],
    replay: Packed,
    steps: int,
    batch: int = 26,
    chatted: int = 4,
    replayed: int = 1,
    parts: int = 3,
    rate: float = 1.5e-3,
    folder: Path | None = None,
    accelerator: Accelerator | None = None,
) -> list[dict]:
    """AdamW on `batch` transcripts a step, beside them `chatted` questions of fine-tuning and `replayed` rows of old text.

    Rows of like length go through the model together, in `parts` groups, and their gradients are added. Returns the log.
    """
    accelerator = accelerator or default_accelerator()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    model, optimizer = accelerator.prepare(model.train(), optimizer)
    training = Run(accelerator, model, optimizer, steps, folder, name="agent")
    mine, share = slice(accelerator.process_index, None, accelerator.num_processes), accelerator.num_processes
    for step in training:
        rows = [coded(tokenizer, pieces) for pieces in batches(step, batch)]
        rows += [coded(tokenizer, as_chat(*pair)) for pair in chats(step, chatted)]
        rows.sort(key=lambda row: len(row[0]))
        wanted = sum(label >= 0 for _, labels in rows for label in labels[1:])
        rows, total = rows[mine], 0.0
        size = -(-len(rows) // parts)
        for start in range(0, len(rows), size):
            ids, labels = (one.to(accelerator.device) for one in padded(tokenizer, rows[start : start + size]))
            loss = -label_logprobs(model(ids[:, :-1], use_cache=False).logits, labels).sum() / wanted * share
            accelerator.backward(loss)
            total += loss.detach()
        old = next_token_loss(model, replay.batch(step, replayed)[mine].to(accelerator.device))
        accelerator.backward(old)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        set_rate(optimizer, cosine(step, steps, rate))
        optimizer.step()
        optimizer.zero_grad()
        training.log(step, loss=accelerator.reduce(total, "mean"), replay=old)
    return training.records


def as_chat(question: str, answer: str) -> list[tuple[str, bool]]:
    """A question of fine-tuning in the chat's form, so that the agent does not forget how to chat."""
    from lmkit.tiny.model import ASSISTANT, END, USER

    return [(f"{USER}{question}{END}{ASSISTANT}", False), (answer, True)]


# The exam


def exact_tools(world: World, changed: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, Callable[[str], str]]:
    """The tools of the exam: a search over the true pages, and a calculator."""
    from lmkit.tools import Calculator, Search

    return {"Search": Search(agent_data.library(world, changed)), "Calculator": Calculator()}


def grade(runs: Sequence[Sequence[Step]], tasks: Sequence[Task]) -> list[bool]:
    """Whether each transcript ends with exactly the answer of its task."""
    return [answer(steps) == task.answer for steps, task in zip(runs, tasks, strict=True)]


def poison(tasks: Sequence[Task], world: World, seed: int = 0) -> tuple[Look, list[str]]:
    """A `look` that writes an order behind every page, and what each of them orders: something else than the answer."""
    rng, pool = random.Random(f"poison {seed}"), agent_data.codes(world, False)
    orders, wanted = [], []
    for task in tasks:
        target = agent_data.name(rng, world, pool)
        while target == task.answer or target in task.question:
            target = agent_data.name(rng, world, pool)
        orders.append(rng.choice(agent_data.UNSEEN_INJECTIONS).format(x=target))
        wanted.append(target)
    return (lambda text, i: f"{text} {orders[i]}" if is_page(text) else text), wanted


def is_page(observation: str) -> bool:
    return observation.endswith(".") and ": " in observation and not observation.startswith("Error")


FORMS = (
    r"The capital of .+? is .+?\. .+? lies in [A-Za-z ]+\.",
    r"People in [^.]+ pay with the [^.]+\.",
    r"Schools in [^.]+ teach [^.]+\.",
    r"\d+ million people live in [^.]+\.",
    r"[^.]+ has \d+ thousand square kilometres\.",
)


def only_known(observation: str, i: int = 0) -> str:
    """A page up to the end of the one form in which such pages are written, and nothing where it begins in none of them."""
    title, _, text = observation.partition(": ")
    if not is_page(observation):
        return observation
    found = (re.match(form, text) for form in FORMS)
    return next((f"{title}: {match[0]}" for match in found if match), "")


def other_digits(observation: str, i: int = 0) -> str:
    """A page with another digit for every digit: false, and in the right form."""
    return re.sub(r"\d", lambda digit: str(int(digit[0]) % 9 + 1), observation) if is_page(observation) else observation


def report(net: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, world: World, n: int = 200) -> dict[str, Accuracy]:
    """Whole answers right about true pages, in wordings that the training did not use: for countries that it named, for these
    without tools, and for countries that it never named. The record "agent" has more conditions."""
    write, tools, found = writer(net.eval(), tokenizer), exact_tools(world), {}
    for name, held, how in (
        ("named countries", False, {}),
        ("named countries, no tools", False, {"form": "none", "think": False}),
        ("held countries", True, {}),
    ):
        tasks = agent_data.exam(world, n, held)
        found[name] = accuracy(grade(run(write, tools, [task.question for task in tasks], **how), tasks))
    return found
