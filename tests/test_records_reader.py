"""The small reader of lines, which chapter 18 trains: it learns, it does not look ahead, it is the same again."""

import pytest
import torch

from lmkit.records import reader

LINES = ["Ada likes tea.", "Ben likes milk.", "Call 41 now!"]


def trained(steps=60):
    return reader.train(LINES, steps, batch=3, width=16, layers=1, heads=2)


def test_words_digits_and_marks_are_tokens():
    assert reader.tokens("Call 41, (now)!") == ["Call", "4", "1", ",", "(", "now", ")", "!"]


def test_it_learns_its_lines_and_the_same_again():
    net = trained()
    assert reader.write(net, ["Ada likes", "Ben likes"], 4) == ["tea .", "milk ."]
    again = trained()
    ids = torch.tensor([net.ids("Ada likes")])
    assert torch.equal(net(ids), again(ids)) and not net.training


def test_it_does_not_look_ahead():
    net = trained(2)
    with torch.no_grad():
        long, short = torch.tensor([net.ids("Ada likes tea.")]), torch.tensor([net.ids("Ada")])
        assert torch.allclose(net(long)[:, : short.shape[1]], net(short), atol=1e-5)


def test_chances_are_those_of_the_model_and_padding_changes_nothing():
    net = trained(10)
    both = reader.log_chances(net, "Ada", ["likes tea.", "likes"])
    with torch.no_grad():
        logprobs = net(torch.tensor([net.ids("Ada likes")])).log_softmax(-1)
    assert both[1].item() == pytest.approx(logprobs[0, 1, net.index["likes"]].item(), abs=1e-5)
    assert both[0] < both[1]


def test_a_word_that_it_never_read_is_named():
    with pytest.raises(KeyError, match="coffee"):
        trained(1).ids("Ada likes coffee.")


def test_drawing_depends_on_the_seed_alone():
    net = trained(5)
    one, two, other = (reader.write(net, ["Ada"] * 8, 4, 2.0, seed) for seed in (0, 0, 1))
    assert one == two != other
