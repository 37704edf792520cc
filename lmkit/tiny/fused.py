"""Three operations of a Llama with fewer passes over memory: the norm, the rotation of queries and keys, and the gate of the
MLP, each with its gradient written out. On a CPU, where such operations take a quarter of a small model's step, a step on one
thread becomes about an eighth shorter. The numbers are the same up to rounding: a run does not end in the same bits as without.

    with fused():
        pretrain(net, text, steps)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional as F
from transformers.models.llama import modeling_llama as llama


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


def turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """The two halves of the last axis as the coordinates of points, turned."""
    result = torch.empty_like(x, memory_format=torch.contiguous_format)
    (a, b), (c, d) = x.chunk(2, -1), result.chunk(2, -1)
    torch.mul(a, cos, out=c).addcmul_(b, sin, value=-1)
    torch.mul(b, cos, out=d).addcmul_(a, sin)
    return result


class Rotation(torch.autograd.Function):
    """Rotary positions (Su et al. 2021). The gradient is turned back."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, sin)
        return turned(x, cos, sin)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple:
        cos, sin = ctx.saved_tensors
        return turned(gradient, cos, -sin), None, None


class Gate(torch.autograd.Function):
    """silu(gate) · up (Shazeer 2020)."""

    @staticmethod
    def forward(ctx, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        opened = F.silu(gate)
        ctx.save_for_backward(gate, up, opened)
        return opened * up

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple:
        gate, up, opened = ctx.saved_tensors
        return torch.ops.aten.silu_backward(gradient * up, gate), gradient * opened


def norm(self, hidden_states: torch.Tensor) -> torch.Tensor:
    return Norm.apply(hidden_states, self.weight, self.variance_epsilon)


def rotate(q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, unsqueeze_dim: int = 1) -> tuple:
    cos, sin = (x.unsqueeze(unsqueeze_dim).chunk(2, -1)[0] for x in (cos, sin))  # both halves hold the same angles
    return Rotation.apply(q, cos, sin), Rotation.apply(k, cos, sin)


def mlp(self, x: torch.Tensor) -> torch.Tensor:
    return self.down_proj(Gate.apply(self.gate_proj(x), self.up_proj(x)))


@contextmanager
def fused() -> Iterator[None]:
    """Every Llama of this process computes so, as long as this lasts."""
    places = [(llama.LlamaRMSNorm, "forward", norm), (llama, "apply_rotary_pos_emb", rotate), (llama.LlamaMLP, "forward", mlp)]
    before = [getattr(owner, name) for owner, name, _ in places]
    try:
        for owner, name, mine in places:
            setattr(owner, name, mine)
        yield
    finally:
        for (owner, name, _), theirs in zip(places, before, strict=True):
            setattr(owner, name, theirs)
