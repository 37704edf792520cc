"""The operations of a Llama's training step with fewer passes over memory, each with its gradient written out: the norm, the
product that makes queries, keys and values together with their rotation, the gate of the MLP, and the loss, whose scores are
never kept; and AdamW as one operation. On a CPU such operations take a good part of a small model's step: what they save is in
`benchmarks/README.md`. The numbers are the same up to rounding: a run does not end in the same bits as without.

    with fused():
        pretrain(net, text, steps)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partialmethod, wraps

import torch
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.models.llama import modeling_llama as llama

from lmkit.tiny import base

ROWS = 256  # of scores at a time: 2 MB of them with 2,048 tokens, which stay in the cache


class Norm(torch.autograd.Function):
    """x / rms(x) · w over the last axis (Zhang and Sennrich 2019)."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        unit = x * scale
        ctx.save_for_backward(unit, weight, scale)
        return unit * weight

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple:
        unit, weight, scale = ctx.saved_tensors
        products = (gradient * unit).view(-1, unit.shape[-1])
        along = torch.mv(products, weight).div_(-unit.shape[-1]).view(scale.shape)  # what a longer x would not change
        return (gradient * weight).addcmul_(unit, along).mul_(scale), products.sum(0), None


def paired(weight: torch.Tensor, size: int) -> torch.Tensor:
    """Rows of heads of `size`, reordered: row i of a head's first half and row i of its second stand side by side."""
    return weight.unflatten(0, (-1, 2, size // 2)).transpose(1, 2).flatten(0, 2)


def unpaired(weight: torch.Tensor, size: int) -> torch.Tensor:
    return weight.unflatten(0, (-1, size // 2, 2)).transpose(1, 2).flatten(0, 2)


class Projection(torch.autograd.Function):
    """Queries, keys and values by one product, queries and keys with rotary positions (Su et al. 2021).

    A rotation turns pairs of numbers, as the product with a complex number does. Llama pairs number i of a head with number
    i + size / 2; here the rows of the weights are reordered so that a pair stands side by side. What attention sees of queries
    and keys, their scalar products, does not change.

    x [row, token, width], weights [heads · size, width], turn [1 or row, token, 1, size / 2], complex
    -> queries, keys, values [row, head, token, size]
    """

    @staticmethod
    def forward(ctx, x: torch.Tensor, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, turn: torch.Tensor) -> tuple:
        size = 2 * turn.shape[-1]
        ctx.heads = [len(weight) // size for weight in (query, key, value)]
        weight = torch.cat([paired(query, size), paired(key, size), value])
        made = F.linear(x, weight).unflatten(-1, (-1, size))
        points(made, ctx.heads).mul_(turn)
        ctx.save_for_backward(x, weight, turn)
        return tuple(part.transpose(1, 2) for part in made.split(ctx.heads, 2))

    @staticmethod
    def backward(ctx, *gradients: torch.Tensor) -> tuple:
        x, weight, turn = ctx.saved_tensors
        size = 2 * turn.shape[-1]
        made = x.new_empty(*x.shape[:2], sum(ctx.heads), size)
        for part, gradient in zip(made.split(ctx.heads, 2), gradients, strict=True):
            part.copy_(gradient.transpose(1, 2))
        points(made, ctx.heads).mul_(turn.conj())  # turned back
        made = made.view(-1, len(weight))
        query, key, value = (made.T @ x.flatten(0, 1)).split([n * size for n in ctx.heads])
        return (made @ weight).view_as(x), unpaired(query, size), unpaired(key, size), value, None


def points(made: torch.Tensor, heads: list[int]) -> torch.Tensor:
    """The queries and keys in [row, token, head, size] as complex numbers, [row, token, head, size / 2]: a view."""
    return torch.view_as_complex(made[:, :, : heads[0] + heads[1]].unflatten(-1, (-1, 2)))


class Gate(torch.autograd.Function):
    """silu(gate) · up (Shazeer 2020), of a tensor whose last axis holds first the gates, then as many values that pass them."""

    @staticmethod
    def forward(ctx, both: torch.Tensor) -> torch.Tensor:
        gate, up = both.chunk(2, -1)
        opened = F.silu(gate)
        ctx.save_for_backward(both, opened)
        return opened * up

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        both, opened = ctx.saved_tensors
        result = torch.empty_like(both)
        (gate, up), (to_gate, to_up) = both.chunk(2, -1), result.chunk(2, -1)
        torch.mul(gradient, opened, out=to_up)
        torch.mul(gradient, up, out=to_gate)
        torch.ops.aten.silu_backward.grad_input(to_gate, gate, grad_input=to_gate)
        return result


class Loss(torch.autograd.Function):
    """Mean of −ln p of the targets, nats, where p is the softmax of hidden · tableᵀ. `ROWS` scores of all tokens are there at a
    time, and what the gradient needs of them is taken on the way: (p − one-hot) · table, and (p − one-hot)ᵀ · hidden.

    hidden [place, width], table [token, width], targets [place]
    """

    @staticmethod
    def forward(ctx, hidden: torch.Tensor, table: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        total = hidden.new_zeros(())
        to_hidden, to_table = torch.empty_like(hidden), torch.zeros_like(table)
        for part, wanted, to_part in zip(*(x.split(ROWS) for x in (hidden, targets[:, None], to_hidden)), strict=True):
            scores = part @ table.T
            scores -= scores.amax(1, keepdim=True)
            total -= scores.gather(1, wanted).sum()
            all_ = scores.exp_().sum(1, keepdim=True)
            total += all_.log().sum()
            scores.scatter_add_(1, wanted, -all_)  # (p − one-hot) · all_
            torch.mm(scores, table, out=to_part).div_(all_)
            to_table.addmm_(scores.T, part / all_)
        ctx.save_for_backward(to_hidden, to_table)
        return total / len(hidden)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple:
        to_hidden, to_table = ctx.saved_tensors
        scale = gradient / len(to_hidden)
        return to_hidden * scale, to_table * scale, None


# What takes the place of what. A part that has more to it than these operations know (biases, a cache) stays as it is.


def norm(self: llama.LlamaRMSNorm, hidden_states: torch.Tensor) -> torch.Tensor:
    return Norm.apply(hidden_states, self.weight, self.variance_epsilon)


def attention(theirs: Callable) -> Callable:
    @wraps(theirs)
    def forward(self, hidden_states, position_embeddings=None, attention_mask=None, past_key_values=None, **kwargs):
        if self.config.attention_bias or past_key_values is not None:
            return theirs(self, hidden_states, position_embeddings, attention_mask, past_key_values, **kwargs)
        cos, sin = (x.chunk(2, -1)[0].unsqueeze(2) for x in position_embeddings)  # both halves hold the same angles
        weights = self.q_proj.weight, self.k_proj.weight, self.v_proj.weight
        made = Projection.apply(hidden_states, *weights, torch.complex(cos, sin))
        attend = llama.ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, llama.eager_attention_forward)
        dropout = self.attention_dropout if self.training else 0.0
        mixed, seen = attend(self, *made, attention_mask, dropout=dropout, scaling=self.scaling, **kwargs)
        return self.o_proj(mixed.flatten(2)), seen

    return forward


def mlp(theirs: Callable) -> Callable:
    @wraps(theirs)
    def forward(self, x):
        if self.config.mlp_bias or self.config.hidden_act != "silu":
            return theirs(self, x)
        return self.down_proj(Gate.apply(F.linear(x, torch.cat([self.gate_proj.weight, self.up_proj.weight]))))

    return forward


def with_loss(theirs: Callable) -> Callable:
    """A language model's call, which gives the loss and nothing else where `next_ids` are given."""

    @wraps(theirs)
    def forward(self, *args, next_ids: torch.Tensor | None = None, **kwargs):
        if next_ids is None:
            return theirs(self, *args, **kwargs)
        hidden = self.model(*args, **kwargs).last_hidden_state
        return Loss.apply(hidden.flatten(0, 1), self.lm_head.weight, next_ids.flatten())

    return forward


def next_token_loss(model: PreTrainedModel, rows: torch.Tensor) -> torch.Tensor:
    """`lmkit.tiny.text.next_token_loss` of a Llama, also of one that several processes train."""
    return model(rows[:, :-1], use_cache=False, next_ids=rows[:, 1:])


def keep_memory() -> None:
    """Lets a step take the memory that the last one has freed. glibc hands memory back to the system as soon as much of it lies
    idle, and gets it again page by page, 5,000 to 10,000 of them a step; how much is much, twice the largest block that was
    ever freed says (at most 64 MB: mallopt(3), M_MMAP_THRESHOLD). Nothing is written here, so it costs nothing."""
    torch.empty(31 * 2**18)


@contextmanager
def fused() -> Iterator[None]:
    """As long as this lasts, every Llama of this process computes so, `pretrain` takes its loss so, AdamW makes its steps so.
    What remains is that the process keeps up to 64 MB of freed memory for itself."""
    keep_memory()
    places = [
        (llama.LlamaRMSNorm, "forward", lambda _: norm),
        (llama.LlamaAttention, "forward", attention),
        (llama.LlamaMLP, "forward", mlp),
        (llama.LlamaForCausalLM, "forward", with_loss),
        (base, "next_token_loss", lambda _: next_token_loss),
        (torch.optim.AdamW, "__init__", lambda theirs: partialmethod(theirs, fused=True)),
    ]
    before = [getattr(owner, name) for owner, name, _ in places]
    try:
        for (owner, name, mine), theirs in zip(places, before, strict=True):
            setattr(owner, name, mine(theirs))
        yield
    finally:
        for (owner, name, _), theirs in zip(places, before, strict=True):
            setattr(owner, name, theirs)
