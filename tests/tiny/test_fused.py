"""The fused operations: the numbers and gradients of transformers' own, also in training, and nothing is left behind."""

import pytest
import torch
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from transformers.models.llama import modeling_llama as llama

from lmkit.tiny import base, model
from lmkit.tiny import fused as operations
from lmkit.tiny.base import pretrain
from lmkit.tiny.fused import fused
from lmkit.tiny.text import Packed


@pytest.fixture(scope="module")
def tokenizer(world):
    return model.train_tokenizer(one.text for one in world.corpus(rounds=1))


@pytest.fixture(scope="module")
def text(world, tokenizer):
    return Packed(tokenizer, world.corpus(rounds=1), 64)


@pytest.fixture
def new(tokenizer):
    return lambda: model.new(tokenizer, width=32, layers=2, heads=2).double()


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, requires_grad=True)


def gradients(net, rows, parameters):
    loss = base.next_token_loss(net, rows)
    return loss.item(), torch.autograd.grad(loss, list(parameters))


def test_loss_and_every_gradient_are_those_of_transformers(new, text):
    net, rows = new(), text.batch(0, 6)  # more places than one part of the loss has, and no multiple of it
    assert rows[:, 1:].numel() % operations.ROWS != 0 and rows[:, 1:].numel() > operations.ROWS
    for parameter in net.parameters():  # norms whose weights are not all one
        parameter.data.add_(0.1 * draw(*parameter.shape).detach())
    loss, theirs = gradients(net, rows, net.parameters())
    with fused():
        again, mine = gradients(net, rows, net.parameters())
    assert again == pytest.approx(loss, abs=1e-6)  # their loss is taken in 32 bits
    for (name, _), a, b in zip(net.named_parameters(), mine, theirs, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-7), name


def test_gradients_are_the_slopes_of_what_is_computed():
    weights = [draw(8, 6, seed=1), draw(4, 6, seed=2), draw(4, 6, seed=3)]  # two heads of queries, one of keys and values
    turn = torch.polar(torch.ones(1, 3, 1, 2), torch.arange(6.0).view(1, 3, 1, 2)).to(torch.complex128)
    assert torch.autograd.gradcheck(operations.Projection.apply, (draw(2, 3, 6), *weights, turn))
    assert torch.autograd.gradcheck(operations.Norm.apply, (draw(2, 3, 6), draw(6, seed=1), 1e-5))
    assert torch.autograd.gradcheck(operations.Gate.apply, (draw(2, 3, 6),))
    assert torch.autograd.gradcheck(operations.Loss.apply, (draw(5, 4), draw(7, 4, seed=1), torch.tensor([0, 6, 3, 3, 1])))


@pytest.mark.parametrize("size", [1.0, 300.0])
def test_the_loss_in_parts_is_the_cross_entropy_also_of_extreme_scores(size, monkeypatch):
    monkeypatch.setattr(operations, "ROWS", 4)
    hidden, table, targets = draw(11, 8), draw(20, 8, seed=1), torch.arange(11)
    theirs = F.cross_entropy(size * hidden @ table.T, targets)
    mine = operations.Loss.apply(size * hidden, table, targets)
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-12)
    slopes, right = (torch.autograd.grad(3 * loss, [hidden, table]) for loss in (mine, theirs))
    for a, b in zip(slopes, right, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-12)


KINDS = {
    "eager": {},
    "sdpa": {"attn_implementation": "sdpa"},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "gelu": {"hidden_act": "gelu"},
    "both eyes": {"attn_implementation": "sdpa", "is_causal": False},
}


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_transformers_with_shared_keys_padding_and_a_cache(build, kind):
    net = build("llama", **KINDS[kind])  # four heads of queries, two of keys
    ids = torch.randint(3, 300, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[0, :4] = 0  # filled up at the left
    asked = {"input_ids": ids, "attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    with torch.no_grad():
        theirs, written = net(**asked).logits, net.generate(ids, max_new_tokens=6, do_sample=False)
        with fused():
            mine, again = net(**asked).logits, net.generate(ids, max_new_tokens=6, do_sample=False)
    assert torch.allclose(mine[mask > 0], theirs[mask > 0], atol=1e-4) and torch.equal(again, written)


def test_attention_can_still_be_seen(build):
    net, ids = build("llama"), torch.arange(3, 12)[None]
    with torch.no_grad():
        theirs = net(ids, output_attentions=True).attentions
        with fused():
            mine = net(ids, output_attentions=True).attentions
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(mine, theirs, strict=True)) and len(mine) == 3


def test_a_run_is_the_same_up_to_rounding(new, text):
    plain = [record["loss"] for record in pretrain(new(), text, 12, batch=4)]
    with fused():
        mine = [record["loss"] for record in pretrain(new(), text, 12, batch=4)]
    assert plain[-1] < plain[0] and mine == pytest.approx(plain, abs=1e-4)


def test_several_processes_can_train_so(new, text, tmp_path):
    net, rows = new(), text.batch(0, 4)
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        with fused():
            loss, alone = gradients(net, rows, net.parameters())
            base.next_token_loss(DistributedDataParallel(net), rows).backward()
    finally:
        torch.distributed.destroy_process_group()
    assert loss > 7 and all(torch.allclose(p.grad, a) for p, a in zip(net.parameters(), alone, strict=True))


def test_nothing_is_left_behind_even_after_an_error():
    places = [(llama.LlamaRMSNorm, "forward"), (llama.LlamaAttention, "forward"), (llama.LlamaMLP, "forward")]
    places += [(llama.LlamaForCausalLM, "forward"), (base, "next_token_loss"), (torch.optim.AdamW, "__init__")]
    names = [getattr(*place) for place in places]
    weight = [torch.nn.Parameter(torch.ones(1))]
    with pytest.raises(KeyError), fused():
        assert all(getattr(*place) is not name for place, name in zip(places, names, strict=True))
        assert torch.optim.AdamW(weight, lr=1.0).defaults["fused"]
        raise KeyError
    assert [getattr(*place) for place in places] == names and not torch.optim.AdamW(weight, lr=1.0).defaults["fused"]
