"""An encoder and a decoder that turn one string into another, with attention and without it.

The task is to write a string of letters backwards. The two models differ in one thing only. Without attention the decoder
is given the same vector at every step, the encoder's summary of the whole string (Cho et al. 2014, sections 2.2 and 3.1);
with attention it is given a mixture of all the encoder's states, weighed anew at every step (Bahdanau et al. 2015, section 3).

    python -m lmkit.seq2seq

trains both and writes how often they are right at each length, the log, and their weights to `lmkit/data/seq2seq.*`.
"""

from __future__ import annotations

import datetime
import json
import platform
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from lmkit.tiny import scaling

DATA = Path(__file__).parent / "data"
TABLE, RECORD, WEIGHTS = (DATA / f"seq2seq.{ending}" for ending in ("csv", "json", "safetensors"))
LETTERS = "abcdefghijklmnopqrstuvwxyz"
START = len(LETTERS)  # what the decoder reads before its first letter
NAMES = ("without attention", "with attention")
LENGTHS = tuple(range(2, 25, 2))  # tested; training sees up to LONGEST
LONGEST, WIDTH, BATCH, STEPS, RATE = 16, 64, 64, 3000, 3e-3


class Seq2Seq(nn.Module):
    """Two recurrent networks (GRU). `attend` says what the decoder is given at each step: a mixture of states, or one summary."""

    def __init__(self, attend: bool, width: int = WIDTH) -> None:
        super().__init__()
        self.attend = attend
        self.embed = nn.Embedding(len(LETTERS) + 1, width)
        self.encoder = nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
        self.start = nn.Linear(width, width)
        self.decoder = nn.GRUCell(2 * width, width)
        self.head = nn.Linear(2 * width, len(LETTERS))
        if attend:
            self.query, self.key, self.score = nn.Linear(width, width), nn.Linear(width, width, bias=False), nn.Linear(width, 1)

    def forward(self, source: torch.Tensor, read: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [string, place, letter] after reading `read` [string, place], and the weights [string, place, letter of source]
        (all alike without attention, for then nothing is chosen)."""
        states, last = self.encoder(self.embed(source))
        summary = torch.cat(list(last), -1)  # the two ends of the two directions
        hidden = torch.tanh(self.start(summary))
        logits, weights = [], []
        for letter in self.embed(read).unbind(1):
            chosen = self.weigh(hidden, states)
            context = (chosen[:, None] @ states)[:, 0] if self.attend else summary
            hidden = self.decoder(torch.cat([letter, context], -1), hidden)
            logits.append(self.head(torch.cat([hidden, context], -1)))
            weights.append(chosen)
        return torch.stack(logits, 1), torch.stack(weights, 1)

    def weigh(self, hidden: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """How much each state of the encoder counts now, [string, letter of source], by additive scores."""
        if not self.attend:
            return torch.full(states.shape[:2], 1 / states.shape[1])
        return self.score(torch.tanh(self.query(hidden)[:, None] + self.key(states)))[..., 0].softmax(-1)

    @torch.no_grad()
    def write(self, source: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The letters it writes for source [string, letter], each the most probable one, and its weights."""
        read = torch.full((len(source), 1), START)
        for _ in range(source.shape[1]):
            logits, weights = self(source, read)
            read = torch.cat([read, logits[:, -1:].argmax(-1)], 1)
        return read[:, 1:], weights


def strings(n: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Random strings [n, length] as numbers of letters."""
    return torch.randint(0, len(LETTERS), (n, length), generator=generator)


def train(attend: bool, steps: int = STEPS, longest: int = LONGEST, seed: int = 0) -> tuple[Seq2Seq, list[float]]:
    """A trained model and its loss at every step (nats per letter). Every batch has strings of one random length."""
    torch.manual_seed(seed)
    model, generator = Seq2Seq(attend), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    losses = []
    for _ in range(steps):
        length = int(torch.randint(2, longest + 1, (1,), generator=generator))
        source = strings(BATCH, length, generator)
        target = source.flip(1)
        read = torch.cat([torch.full((BATCH, 1), START), target[:, :-1]], 1)
        loss = F.cross_entropy(model(source, read)[0].flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return model, losses


def right(model: Seq2Seq, length: int, n: int = 200) -> list[bool]:
    """Whether each of n fresh strings of a length is written backwards without a mistake."""
    source = strings(n, length, torch.Generator().manual_seed(1000 + length))
    return (model.write(source)[0] == source.flip(1)).all(1).tolist()


def read_table() -> list[dict]:
    """The stored run: {"model", "length", "right", "n"} for each model and length."""
    return scaling.read_table(TABLE)


def record() -> dict:
    """How the stored run was made: date, versions, settings, and for each model its seconds, parameters and log of losses."""
    return json.loads(RECORD.read_text("utf8"))


def load(name: str) -> Seq2Seq:
    """A model of the stored run, "with attention" or "without attention"."""
    from safetensors.torch import load_file

    model = Seq2Seq(attend=name == NAMES[1])
    weights = {key.split("/")[1]: value.float() for key, value in load_file(WEIGHTS).items() if key.split("/")[0] == name}
    model.load_state_dict(weights)
    return model.eval()


def main() -> None:
    from safetensors.torch import save_file

    torch.set_num_threads(1)
    rows, weights, runs = [], {}, {}
    for attend, name in enumerate(NAMES):
        begun = time.perf_counter()
        model, losses = train(bool(attend))
        seconds = round(time.perf_counter() - begun)
        half = {key: value.half() for key, value in model.state_dict().items()}
        weights |= {f"{name}/{key}": value for key, value in half.items()}
        model.load_state_dict({key: value.float() for key, value in half.items()})  # measured as stored
        rows += [{"model": name, "length": n, "right": sum(right(model, n)), "n": 200} for n in LENGTHS]
        parameters = sum(p.numel() for p in model.parameters())
        runs[name] = {"seconds": seconds, "parameters": parameters, "loss": [round(x, 4) for x in losses[49::50]]}
        print(name, runs[name], [row["right"] for row in rows if row["model"] == name], flush=True)
    scaling.write_table(rows, TABLE)
    settings = {"longest": LONGEST, "width": WIDTH, "batch": BATCH, "steps": STEPS, "rate": RATE, "seed": 0, "threads": 1}
    made = {"date": str(datetime.date.today()), "torch": torch.__version__, "machine": platform.machine()}
    RECORD.write_text(json.dumps({**made, "settings": settings, "log_every": 50, "runs": runs}, indent=1) + "\n", "utf8")
    save_file(weights, WEIGHTS)


if __name__ == "__main__":
    main()
