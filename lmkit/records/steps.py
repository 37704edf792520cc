"""Two games for a transformer of a hundred thousand parameters, answered at once or in written steps (chapter 14).

    shell game   a ball lies under one of five cups, two cups change places, twelve times: where is the ball now?
    leader       thirteen votes for five candidates: who leads after each of them?

Both are told first, as a whole. Answering at once, the model says at each swap or vote, in one pass over the question, where
things stand: every length from 1 to 12 is asked, and graded in training, which gives the direct answer its best chance.
Answering in steps, it writes the state after each swap behind the question, and reads what it wrote.

The first game is serial: to know where any of five things is after any row of swaps is to multiply in the group S5, and circuits
of constant depth and polynomial size are not known to do that, nor believed to (Barrington 1989; Merrill, Petty and Sabharwal
2024). A depth that grows with the logarithm of the length is enough in principle (Liu et al. 2023). The second is parallel:
count, then compare.

The record holds how long a game models of 1, 2 and 4 layers answer at once: `python -m lmkit.records steps`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from importlib.metadata import version

import torch
from torch import nn
from torch.nn import functional as F

from lmkit.records import Record
from lmkit.records.decoder import Decoder

CUPS, LONG = 5, 12
PAIRS = [(a, b) for b in range(CUPS) for a in range(b)]
LAYERS, TRAINED, N = (1, 2, 4), (300, 1500), 1000  # counted after so many steps of training
Game = Callable[[int, torch.Generator], tuple[torch.Tensor, torch.Tensor]]


def tables() -> torch.Tensor:
    """Where each swap takes each cup, [pair, cup]."""
    found = torch.arange(CUPS).repeat(len(PAIRS), 1)
    for i, (a, b) in enumerate(PAIRS):
        found[i, a], found[i, b] = b, a
    return found


def shell_game(n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Questions [n, 1 + LONG]: the ball's cup, then swaps as CUPS + number of the pair. Places [n, LONG]: after each swap."""
    goes, ball = tables(), torch.randint(CUPS, (n,), generator=generator)
    swaps = torch.randint(len(PAIRS), (n, LONG), generator=generator)
    questions, places = torch.cat([ball[:, None], CUPS + swaps], 1), []
    for step in range(LONG):
        ball = goes[swaps[:, step], ball]
        places.append(ball)
    return questions, torch.stack(places, 1)


def leader(n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Questions [n, 1 + LONG]: votes for the candidates 0 to 4. Leaders [n, LONG] after each vote but the first; of several
    with as many votes the one with the smallest number."""
    votes = torch.randint(CUPS, (n, 1 + LONG), generator=generator)
    return votes, F.one_hot(votes, CUPS).cumsum(1)[:, 1:].argmax(-1)


def new(layers: int = 2) -> Decoder:
    """An untrained model for these games: 64 wide, two heads."""
    return Decoder(CUPS + len(PAIRS), 1 + 2 * LONG, layers=layers, heads=2, spread=0.5)


def fit(
    game: Game, written: bool, steps: int, layers: int = 2, seed: int = 0, batch: int = 64, look: Callable | None = None
) -> Decoder:
    """Train a new model on fresh games: to answer at once, or to write its steps. `look(step, net)` is called after each."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = new(layers)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 30)
        questions, states = game(batch, generator)
        read = torch.cat([questions, states[:, :-1]], 1) if written else questions
        logits = net(read)[:, -LONG:, :CUPS]
        loss = F.cross_entropy(logits.flatten(0, 1), states.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if look:
            look(step + 1, net)
    return net


@torch.no_grad()
def at_once(net: Decoder, questions: torch.Tensor) -> torch.Tensor:
    """The state after each swap [question, LONG], read off one pass over the question."""
    return net(questions)[:, -LONG:, :CUPS].argmax(-1)


@torch.no_grad()
def in_steps(
    net: Decoder, questions: torch.Tensor, begun: torch.Tensor | None = None, temperature: float = 0.0, seed: int = 0
) -> torch.Tensor:
    """The states [question, LONG] that the model writes one after another, each read before the next; `begun` are the first
    of them, written by someone else. Temperature 0 is greedy."""
    generator = torch.Generator().manual_seed(seed)
    text = questions if begun is None else torch.cat([questions, begun], 1)
    while text.shape[1] < questions.shape[1] + LONG:
        logits = net(text)[:, -1, :CUPS]
        if temperature:
            new = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        else:
            new = logits.argmax(-1, keepdim=True)
        text = torch.cat([text, new], 1)
    return text[:, questions.shape[1] :]


def of_depth(layers: int) -> list[dict]:
    """Train a model of so many layers to answer the shell game at once; right answers to N fresh games, by length."""
    questions, places = shell_game(N, torch.Generator().manual_seed(1000))
    rows: list[dict] = []

    def look(step: int, net: Decoder) -> None:
        if step in TRAINED:
            right = (at_once(net, questions) == places).sum(0).tolist()
            rows.extend({"layers": layers, "steps": step, "length": i + 1, "right": r, "n": N} for i, r in enumerate(right))

    fit(shell_game, False, TRAINED[-1], layers, look=look)
    return rows


def make() -> Record:
    """Models of all depths, one after another: about three minutes on one thread."""
    rows = [row for layers in LAYERS for row in of_depth(layers)]
    made = {"model": "trained anew", "revision": "none", "seed": 0, "date": datetime.date.today().isoformat()}
    return Record("steps", made | {"versions": {"torch": version("torch")}}, rows)
