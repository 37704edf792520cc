"""The fused operations: the numbers and gradients of transformers' own, also in training, and nothing is left behind."""

import pytest
import torch
from transformers.models.llama import modeling_llama as llama

from lmkit.tiny import model
from lmkit.tiny.base import pretrain
from lmkit.tiny.fused import fused
from lmkit.tiny.text import Packed, next_token_loss


@pytest.fixture(scope="module")
def text(world):
    documents = world.corpus(rounds=1)
    return Packed(model.train_tokenizer(one.text for one in documents), documents, 64)


@pytest.fixture
def new(world):
    tokenizer = model.train_tokenizer(one.text for one in world.corpus(rounds=1))
    return lambda: model.new(tokenizer, width=32, layers=2, heads=2).double()


def gradients(net, rows):
    loss = next_token_loss(net, rows)
    return loss.item(), torch.autograd.grad(loss, list(net.parameters()))


def test_loss_and_every_gradient_are_those_of_transformers(new, text):
    net, rows = new(), text.batch(0, 4)
    for parameter in net.parameters():  # norms whose weights are not all one
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    loss, theirs = gradients(net, rows)
    with fused():
        again, mine = gradients(net, rows)
    assert again == pytest.approx(loss, abs=1e-6)  # the loss is taken in 32 bits
    for (name, _), a, b in zip(net.named_parameters(), mine, theirs, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-7), name


def test_a_run_is_the_same_up_to_rounding(new, text):
    plain = [record["loss"] for record in pretrain(new(), text, 12, batch=4)]
    with fused():
        mine = [record["loss"] for record in pretrain(new(), text, 12, batch=4)]
    assert plain[-1] < plain[0] and mine == pytest.approx(plain, abs=1e-4)


def test_nothing_is_left_behind_even_after_an_error():
    names = llama.LlamaRMSNorm.forward, llama.apply_rotary_pos_emb, llama.LlamaMLP.forward
    with pytest.raises(KeyError), fused():
        assert llama.LlamaRMSNorm.forward is not names[0]
        raise KeyError
    assert (llama.LlamaRMSNorm.forward, llama.apply_rotary_pos_emb, llama.LlamaMLP.forward) == names
