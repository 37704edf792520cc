"""The masked model: the base model with both eyes open, trained to name the hidden tokens of the same text (Devlin et al. 2019).

It has the shape of the other stages. Its configuration says `is_causal: false`, so that every token sees every other one, and
its tokenizer knows one token more, `<|mask|>`, which stands where a token is hidden. It begins as the base model, which knows
the facts already, and learns to use what stands at the right (as in BehnamGhader et al. 2024, "LLM2Vec").

What is hidden are runs of tokens (Joshi et al. 2020, "SpanBERT"): of single tokens most could be guessed from the pieces of the
same word. All that is hidden becomes `<|mask|>`. BERT left a tenth of it as it was and put any token for another tenth, since
the tasks it was made for show it text without masks; to fill blanks is this model's only task. Every fourth step is read with
the causal mask on, one eye covered, so that the same weights can be shown with either mask (Dong et al. 2019, "UniLM").

The shipped model guesses single tokens well, and at the end of a sentence most names of several tokens, if it may fill them in
turn; all tokens of a name at once it finds for fewer than half, and names at the beginning of an English sentence seldom. Its
`report.json` holds the numbers.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import Accelerator
from tokenizers import AddedToken
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lmkit.evaluate import Accuracy, accuracy
from lmkit.models import LanguageModel
from lmkit.sampling import Distribution
from lmkit.tiny.run import Run, cosine, default_accelerator, set_rate
from lmkit.tiny.text import Packed
from lmkit.tiny.wordings import WORDINGS
from lmkit.tiny.world import LANGUAGES, Document, World

MASK = "<|mask|>"
ONE_EYE = 4  # every so many steps
SHARE, RUN = 0.3, 3  # of the tokens are hidden, in runs that are so long on average
Item = tuple[list[int], Sequence[int]]  # the ids of a text, and the places in it that are hidden


def with_mask(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """The tokenizer with one token more. A space before it belongs to it, as to a word: "is <|mask|>." is three tokens."""
    found = copy.deepcopy(tokenizer)
    found.add_special_tokens({"mask_token": AddedToken(MASK, lstrip=True, special=True, normalized=False)})
    return found


def open_both_eyes(net: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Takes the causal mask off a model, and gives it a row for the mask token: the mean of all others."""
    net.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with torch.no_grad():
        embedding = net.get_input_embeddings().weight
        embedding[tokenizer.mask_token_id] = embedding[: tokenizer.mask_token_id].mean(0)
    net.config.is_causal = False
    return net


@contextmanager
def eyes(net: PreTrainedModel, n: int) -> Iterator[None]:
    """As long as this lasts the model sees with two eyes, or with one: what stands at the left, and the token itself."""
    before = getattr(net.config, "is_causal", True)
    net.config.is_causal = n == 1
    try:
        yield
    finally:
        net.config.is_causal = before


def hide(
    rows: torch.Tensor, tokenizer: PreTrainedTokenizerFast, generator: torch.Generator, share: float = SHARE, run: float = RUN
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows with tokens hidden, and labels of the same shape: the hidden tokens, −100 everywhere else. Special tokens stay.

    The same places are hidden in all rows: scores are then needed at these places only. After a hidden place the next is hidden
    with probability 1 − 1/run, after a seen one so that `share` of all are.
    """
    draws = torch.rand(rows.shape[1], generator=generator).tolist()
    places = [draws[0] < share]
    for draw in draws[1:]:
        places.append(draw < (1 - 1 / run if places[-1] else share / (1 - share) / run))
    chosen = torch.tensor(places) & ~torch.isin(rows, torch.tensor(tokenizer.all_special_ids))
    return rows.masked_fill(chosen, tokenizer.mask_token_id), rows.masked_fill(~chosen, -100)


def masked_loss(model: PreTrainedModel, rows: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean of −ln p over the hidden tokens, nats."""
    places = (labels >= 0).any(0).nonzero()[:, 0]
    logits = model(rows, use_cache=False, logits_to_keep=places).logits
    return F.cross_entropy(logits.flatten(0, 1).float(), labels[:, places].flatten())


def train_masked(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    text: Packed,
    steps: int,
    batch: int = 8,
    rate: float = 2e-3,
    share: float = SHARE,
    run: float = RUN,
    folder: Path | None = None,
    accelerator: Accelerator | None = None,
) -> list[dict]:
    """AdamW on `batch` rows a step, other tokens hidden in each; the rate rises for 50 steps and falls along a cosine.
    Returns the log."""
    accelerator = accelerator or default_accelerator()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    model, optimizer = accelerator.prepare(model.train(), optimizer)
    running = Run(accelerator, model, optimizer, steps, folder, name="masked training")
    mine = slice(accelerator.process_index, None, accelerator.num_processes)
    for step in running:
        generator = torch.Generator().manual_seed(step)
        rows, labels = hide(text.batch(step, batch)[:, :-1], tokenizer, generator, share, run)
        rows, labels = (one[mine].to(accelerator.device) for one in (rows, labels))
        open_ = 1 if step % ONE_EYE == ONE_EYE - 1 else 2
        with eyes(accelerator.unwrap_model(model), open_):
            loss = masked_loss(model, rows, labels)
        accelerator.backward(loss)
        norm = accelerator.clip_grad_norm_(model.parameters(), 1.0)
        set_rate(optimizer, cosine(step, steps, rate))
        optimizer.step()
        optimizer.zero_grad()
        running.log(step, loss=accelerator.reduce(loss.detach(), "mean"), norm=norm, eyes=open_)
    return running.records


# Filling blanks


def fill(model: LanguageModel, text: str, n_eyes: int = 2) -> list[Distribution]:
    """What the model expects at each `<|mask|>` of a text, in their order, each guessed without the others. With `n_eyes=1` the
    causal mask is on: each is guessed from what stands at its left.

    The text is read as the model has read documents: with the end token before and after it. A mask is one token: " Beijing" is
    one in this vocabulary, " Paris" three, and 巴黎 two.
    Raises ValueError for a text without a mask, or a model whose tokenizer has none.
    """
    mask, end = model.tokenizer.mask_token_id, model.tokenizer.eos_token_id
    if mask is None:
        raise ValueError(f"{model.name} has no mask token: use tiny.load('masked').")
    ids = [end, *model.encode(text), end]
    places = [i for i, id in enumerate(ids) if id == mask]
    if not places:
        raise ValueError(f"There is nothing to fill: write {MASK} where a token is missing.")
    model.check_length(len(ids))
    with torch.no_grad(), model.evaluation(), eyes(model.torch_model, n_eyes):
        logits = model.torch_model(torch.tensor([ids], device=model.device), use_cache=False).logits[0]
    return [Distribution(logits[i], model.token_string) for i in places]


# The exam: hidden tokens of documents that were never read, and capitals


def held_out(world: World, read: Iterable[Document], n: int = 600, seed: int = 1) -> dict[str, list[Document]]:
    """For each language `n` documents of the same world, none of them among those that were `read`."""
    known = {document.text for document in read}
    fresh = [one for one in world.corpus(3, seed) if one.text not in known]
    return {language: [one for one in fresh if one.language == language][:n] for language in LANGUAGES}


def guesses(net: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, items: Sequence[Item], n_eyes: int = 2) -> list[list[int]]:
    """The most probable tokens at the hidden places of each text, each guessed without the others.

    A masked model is shown the text with all these places hidden. A causal model, which knows no mask token, is shown what
    stands at the left of each place, as it is.
    """
    return [[id for id, _ in found] for found in _expected(net, tokenizer, items, n_eyes)]


def guesses_in_turn(net: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, items: Sequence[Item]) -> list[list[int]]:
    """What a masked model writes into the hidden places of each text when it fills the one that it is surest of, reads the
    text anew with it, and so on: so the pieces of a name can fit together."""
    texts, left = [list(ids) for ids, _ in items], [list(places) for _, places in items]
    while any(left):
        open_ = [i for i, places in enumerate(left) if places]
        for i, found in zip(open_, _expected(net, tokenizer, [(texts[i], left[i]) for i in open_]), strict=True):
            surest = max(range(len(found)), key=lambda k: found[k][1])
            texts[i][left[i].pop(surest)] = found[surest][0]
    return [[text[place] for place in places] for text, (_, places) in zip(texts, items, strict=True)]


@torch.no_grad()
def _expected(net, tokenizer, items: Sequence[Item], n_eyes: int = 2, at_once: int = 50) -> list[list[tuple[int, float]]]:
    """The best guess at each hidden place, and its probability."""
    causal, end = getattr(net.config, "is_causal", True), tokenizer.eos_token_id
    order = sorted(range(len(items)), key=lambda i: len(items[i][0]))
    found: list[list[tuple[int, float]]] = [[] for _ in items]
    for part in (order[at : at + at_once] for at in range(0, len(order), at_once)):
        longest = max(len(items[i][0]) for i in part) + 2
        rows, there = torch.full((len(part), longest), end), torch.zeros((len(part), longest), dtype=torch.long)
        for row, i in enumerate(part):
            ids, places = items[i]
            rows[row, 1 : len(ids) + 1] = torch.tensor(ids)
            there[row, : len(ids) + 2] = 1
            if not causal:
                rows[row, torch.tensor(places) + 1] = tokenizer.mask_token_id
        with eyes(net, 1 if causal else n_eyes):
            best = net(rows, attention_mask=there, use_cache=False).logits.softmax(-1).max(-1)
        for row, i in enumerate(part):  # a causal model guesses a token where the one before it stands
            at = torch.tensor(items[i][1]) + (0 if causal else 1)
            found[i] = list(zip(best.indices[row, at].tolist(), best.values[row, at].tolist(), strict=True))
    return found


def blanks(tokenizer: PreTrainedTokenizerFast, documents: Sequence[Document], room: int) -> list[Item]:
    """One hidden place in each document, drawn by chance."""
    rng = random.Random("blanks")
    coded = tokenizer([one.text for one in documents], add_special_tokens=False)["input_ids"]
    return [(ids[:room], [rng.randrange(len(ids[:room]))]) for ids in coded]


def most_frequent(tokenizer: PreTrainedTokenizerFast, documents: Iterable[Document]) -> int:
    """The best guess of one who sees no text at all."""
    coded = tokenizer([one.text for one in documents], add_special_tokens=False)["input_ids"]
    return Counter(id for ids in coded for id in ids).most_common(1)[0][0]


def capitals(tokenizer: PreTrainedTokenizerFast, world: World, language: str, form: int) -> list[Item]:
    """Every capital hidden, all its tokens, in a sentence of the world: form 0 names it last, form 1 first."""
    items = []
    pattern = WORDINGS["capital"][language].say[form]
    for fact in world.facts:
        if fact.relation != "capital":
            continue
        sentence = fact.fill(pattern, language)
        name = fact.object[language] if form == 0 else sentence[: len(fact.object[language])]
        at = sentence.index(name) if form else sentence.rindex(name)
        coded = tokenizer(sentence, add_special_tokens=False, return_offsets_mapping=True)
        spans = coded["offset_mapping"]
        items.append((coded["input_ids"], [i for i, (a, b) in enumerate(spans) if a < at + len(name) and b > at]))
    return items


def all_right(items: Sequence[Item], guessed: Sequence[Sequence[int]]) -> list[bool]:
    """Whether every hidden token of each text was found."""
    return [[ids[i] for i in places] == list(found) for (ids, places), found in zip(items, guessed, strict=True)]


def report(
    net: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, base: PreTrainedModel, world: World, read: Sequence[Document]
) -> dict[str, Accuracy]:
    """What the masked model guesses with two eyes and with one, what the base model guesses, which sees the left side of the same
    places, and what one guesses who sees nothing. All but the base model are told by the masks how many tokens are hidden."""
    found = {}
    for language, documents in held_out(world, read).items():
        items = blanks(tokenizer, documents, tokenizer.model_max_length - 2)
        frequent = most_frequent(tokenizer, [one for one in read[:6000] if one.language == language])
        ends, begins = (capitals(tokenizer, world, language, form) for form in (0, 1))
        for name, one in {"hidden token": items, "capital at the end": ends, "capital at the beginning": begins}.items():
            by = {"two eyes": guesses(net, tokenizer, one), "one eye": guesses(net, tokenizer, one, n_eyes=1)}
            by |= {"base": guesses(base, tokenizer, one)}
            by |= {"no eye": [[frequent]] * len(one)} if one is items else {"in turn": guesses_in_turn(net, tokenizer, one)}
            found |= {f"{name}, {who}, {language}": accuracy(all_right(one, guessed)) for who, guessed in by.items()}
            if one is not items:
                first = [guessed[0] == ids[places[0]] for (ids, places), guessed in zip(one, by["two eyes"], strict=True)]
                found[f"{name}, its first token, {language}"] = accuracy(first)
    return found
