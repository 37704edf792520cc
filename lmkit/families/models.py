"""Six families of language models behind one interface, from counting to attention, each short enough to read at once.

Every one of them turns what stands before into a probability for each word of its vocabulary. They differ in one thing
only: what they make of what stands before. A document begins after the word that ends one, and after nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lmkit.families.text import END, UNKNOWN, split


class Model(ABC):
    """What all families can do. `words` is the vocabulary; a subclass says how `logprobs` are found.

    Text is given as a string or as a list of tokens; a token that is no word of the vocabulary is read as <unk>.
    """

    words: list[str]

    @abstractmethod
    def logprobs(self, ids: torch.Tensor) -> torch.Tensor:
        """ln p of every word after each token, [row, token, word], for ids [row, token]."""

    def tokens(self, text: str | Sequence[str]) -> list[str]:
        """The words and signs of a text, <unk> for those that are not in the vocabulary."""
        known = self.index
        return [token if token in known else UNKNOWN for token in (split(text) if isinstance(text, str) else text)]

    @property
    def index(self) -> dict[str, int]:
        if not hasattr(self, "_index"):
            self._index = {word: i for i, word in enumerate(self.words)}
        return self._index

    def ids(self, text: str | Sequence[str]) -> list[int]:
        return [self.index[token] for token in self.tokens(text)]

    @torch.no_grad()
    def next(self, prefix: str | Sequence[str]) -> torch.Tensor:
        """The probability of every word after a prefix, [word], in the order of `words`."""
        return self.logprobs(torch.tensor([[self.index[END], *self.ids(prefix)]]))[0, -1].exp()

    @torch.no_grad()
    def token_logprobs(self, documents: Iterable[str | Sequence[str]], at_once: int = 64) -> list[torch.Tensor]:
        """ln p of each token of each document and of its end, nats: one tensor a document."""
        end, found = self.index[END], []
        rows = [torch.tensor([end, *self.ids(document), end]) for document in documents]
        for i in range(0, len(rows), at_once):
            some = rows[i : i + at_once]
            ids = nn.utils.rnn.pad_sequence(some, batch_first=True, padding_value=end)
            each = self.logprobs(ids[:, :-1]).gather(2, ids[:, 1:, None])[..., 0]
            found += [one[: len(row) - 1] for one, row in zip(each, some, strict=True)]
        return found

    def logprob(self, text: str | Sequence[str]) -> float:
        """ln of the probability of a whole document, its end included, nats."""
        return self.token_logprobs([text])[0].sum().item()

    def perplexity(self, documents: Iterable[str | Sequence[str]]) -> float:
        """exp of the mean of −ln p over all tokens of the documents, their ends included."""
        return exp(-torch.cat(self.token_logprobs(documents)).double().mean().item())


class NGram(Model):
    """Counts of up to `order` words in a row, interpolated by Kneser and Ney's method: from each count a discount D is taken,
    and what is taken goes to the shorter context, where a word counts by how many different words it has followed.

    Kneser and Ney 1995, interpolated as in Chen and Goodman 1999; D = n1 / (n1 + 2 n2) for each length, n1 and n2 being the
    numbers of sequences counted once and twice (Ney, Essen and Kneser 1994). A sequence of words is kept as one number, whose
    digits are the words: the last digit is the word that followed, the others are its context.
    """

    def __init__(self, words: list[str], documents: Iterable[str | Sequence[str]], order: int = 5) -> None:
        self.words, self.order, base = words, order, len(words)
        if base**order >= 2**63:
            raise ValueError(f"{order} of {base} words do not fit into a 64-bit number: take a smaller order.")
        end = self.index[END]
        ids = np.array([i for document in documents for i in (end, *self.ids(document))] + [end])
        at = np.arange(1, len(ids))
        ends = np.flatnonzero(ids == end)
        room = at - ends[np.searchsorted(ends, at) - 1]  # how many tokens of its document stand before each, its beginning too
        sequences = [sum(ids[at[room > n - 1] - k] * base**k for k in range(n + 1)) for n in range(order)]
        self.seen = [np.unique(keys, return_counts=True) for keys in sequences]  # by length of context: sequences, counts
        self.weights, self.discounts = [], []
        for n, (keys, counts) in enumerate(self.seen):
            weight = counts.copy()
            if n < order - 1:  # a shorter one counts once for each word seen before it; nothing stands before a beginning
                inside = (keys // base**n != end) | (n == 0)
                weight[inside] = np.unique(self.seen[n + 1][0] % base ** (n + 1), return_counts=True)[1]
            once, twice = (weight == 1).sum(), (weight == 2).sum()
            self.weights.append(weight)
            self.discounts.append(once / (once + 2 * twice) if once else 0.5)
        self.n_parameters = sum(len(keys) for keys, _ in self.seen)
        self._known: dict[tuple[int, ...], np.ndarray] = {}

    def _find(self, context: Sequence[int]) -> tuple[slice, np.ndarray]:
        """Where the sequences that begin with a context stand, and the words that followed it."""
        base, keys = len(self.words), self.seen[len(context)][0]
        key = sum(i * base**k for k, i in enumerate(reversed(context), 1))
        found = slice(*np.searchsorted(keys, [key, key + base]))
        return found, keys[found] - key

    def _after(self, context: tuple[int, ...]) -> np.ndarray:
        """The probability of every word after exactly these words."""
        if context in self._known:
            return self._known[context]
        share = self._after(context[1:]) if context else np.full(len(self.words), 1 / len(self.words))
        found, which = self._find(context)
        if len(which):
            weight = self.weights[len(context)][found]
            taken = np.minimum(weight, self.discounts[len(context)])
            share = taken.sum() / weight.sum() * share
            share[which] += (weight - taken) / weight.sum()
        if len(context) < 2:
            self._known[context] = share
        return share

    def logprobs(self, ids: torch.Tensor) -> torch.Tensor:
        far = self.order - 1
        rows = [[self._after(tuple(row[max(0, i - far) : i])) for i in range(1, len(row) + 1)] for row in ids.tolist()]
        return torch.tensor(np.array(rows)).log()

    def counts(self, prefix: str | Sequence[str]) -> Counter[str]:
        """How often each word followed the last `order` − 1 words of a prefix in the text that was counted."""
        row = [self.index[END], *self.ids(prefix)]
        context = row[max(0, len(row) - self.order + 1) :]
        found, which = self._find(context)
        return Counter({self.words[i]: int(count) for i, count in zip(which, self.seen[len(context)][1][found], strict=True)})


class Neural(nn.Module, Model):
    """Words become vectors, `body` makes of them one vector at each place, and the nearest word vectors get the probability.

    The same word vectors stand at both ends. A subclass gives `body`: [row, token, width] in, the same shape out, where no
    place may depend on a later one.
    """

    def __init__(self, words: list[str], width: int = 64) -> None:
        super().__init__()
        self.words, self.width = words, width
        self.embed = nn.Embedding(len(words), width)
        nn.init.normal_(self.embed.weight, std=width**-0.5)
        self.bias = nn.Parameter(torch.zeros(len(words)))

    @abstractmethod
    def body(self, x: torch.Tensor) -> torch.Tensor:
        """What is made of the words' vectors, [row, token, width]."""

    def logprobs(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.body(self.embed(ids) * self.width**0.5)
        return F.linear(x, self.embed.weight, self.bias).log_softmax(-1)

    @property
    def n_parameters(self) -> int:
        return sum(one.numel() for one in self.parameters())


class MLP(Neural):
    """The last four words side by side and a layer of tanh: nothing else is seen (Bengio et al. 2003, but for the word vectors,
    which stand at one end only there)."""

    def __init__(self, words: list[str], width: int = 64, hidden: int = 240, window: int = 4) -> None:
        super().__init__(words, width)
        self.window = window
        self.hidden, self.out = nn.Linear(window * width, hidden), nn.Linear(hidden, width)

    def body(self, x: torch.Tensor) -> torch.Tensor:
        last = F.pad(x, (0, 0, self.window - 1, 0)).unfold(1, self.window, 1)  # [row, token, width, window]
        return self.out(torch.tanh(self.hidden(last.flatten(2))))


class Recurrent(Neural):
    """One state, changed by every word: a simple network (Elman 1990), an LSTM (Hochreiter and Schmidhuber 1997) or a GRU
    (Cho et al. 2014). All that it knows of what stands before has to fit into the state. All begin with torch's own random
    numbers; the open forget gate that Jozefowicz et al. 2015 advise for an LSTM is left out."""

    def __init__(self, words: list[str], kind: str, width: int = 64, hidden: int | None = None) -> None:
        super().__init__(words, width)
        cell = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind]
        hidden = hidden or {"rnn": 218, "lstm": 103, "gru": 122}[kind]  # about as many parameters for each
        self.cell, self.out = cell(width, hidden, batch_first=True), nn.Linear(hidden, width)

    def body(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.cell(x)[0])


class Block(nn.Module):
    """Attention to what stands before, then a small network at each place; both add to what was there."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = self.qkv(self.norms[0](x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)  # [row, head, token, width / heads]
        x = x + self.join(seen.transpose(1, 2).flatten(2))
        return x + self.network(self.norms[1](x))


class Transformer(Neural):
    """Every place looks back at all places before it, as far as `longest` tokens: the decoder of Vaswani et al. 2017 without its
    encoder, with learned positions and the norms in front, as in Radford et al. 2019."""

    def __init__(self, words: list[str], width: int = 64, layers: int = 2, heads: int = 4, hidden: int = 160, longest: int = 128):
        super().__init__(words, width)
        self.position = nn.Parameter(0.02 * torch.randn(longest, width))
        self.blocks = nn.Sequential(*(Block(width, heads, hidden) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)

    def body(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[1] > len(self.position):
            raise ValueError(f"{x.shape[1]} tokens, and this Transformer has a place for {len(self.position)}: shorten the text.")
        return self.norm(self.blocks(x + self.position[: x.shape[1]]))
