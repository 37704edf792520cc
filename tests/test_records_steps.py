"""Two games in steps and at once: the rules, what each model reads and writes, and the stored record."""

import pytest
import torch

from lmkit import records
from lmkit.records import steps


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_ball_moves_with_its_cup():
    questions, places = steps.shell_game(50, draws())
    assert questions.shape == (50, 13) and places.shape == (50, 12)
    for question, place in zip(questions.tolist(), places.tolist(), strict=True):
        cups = [cup == question[0] for cup in range(steps.CUPS)]
        for swap, ball in zip(question[1:], place, strict=True):
            a, b = steps.PAIRS[swap - steps.CUPS]
            cups[a], cups[b] = cups[b], cups[a]
            assert cups.index(True) == ball


def test_the_leader_has_most_votes_and_of_equals_the_smallest_number():
    votes, leaders = steps.leader(50, draws())
    for cast, found in zip(votes.tolist(), leaders.tolist(), strict=True):
        for n, ahead in enumerate(found, 2):
            counts = [cast[:n].count(candidate) for candidate in range(steps.CUPS)]
            assert ahead == counts.index(max(counts))


def test_a_short_training_learns_one_swap_and_is_the_same_again():
    seen = []
    net = steps.fit(steps.shell_game, False, 60, layers=1, look=lambda step, _: seen.append(step))
    questions, places = steps.shell_game(200, draws(5))
    right = (steps.at_once(net, questions) == places).float().mean(0)
    assert right[0] > 0.5 > right[-1] and seen == list(range(1, 61))
    again = steps.fit(steps.shell_game, False, 60, layers=1)
    assert torch.equal(steps.at_once(net, questions), steps.at_once(again, questions))


def test_steps_are_written_one_after_another_and_what_was_begun_is_kept():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = steps.new(layers=1).eval()
    questions, places = steps.shell_game(4, draws())
    written = steps.in_steps(net, questions)
    assert written.shape == places.shape
    begun = steps.in_steps(net, questions, begun=places[:, :5])
    assert torch.equal(begun[:, :5], places[:, :5])
    assert torch.equal(steps.in_steps(net, questions, begun=written[:, :7]), written)
    assert torch.equal(steps.in_steps(net, questions, temperature=3.0), steps.in_steps(net, questions, temperature=3.0))
    assert not torch.equal(steps.in_steps(net, questions, temperature=9.0), written)


def test_the_model_does_not_look_ahead():
    net = steps.new(layers=2).eval()
    questions, _ = steps.shell_game(2, draws())
    with torch.no_grad():
        assert torch.allclose(net(questions)[:, :6], net(questions[:, :6]), atol=1e-5)
    assert sum(parameter.numel() for parameter in net.parameters()) == pytest.approx(1e5, rel=0.05)


def test_the_record_says_that_depth_buys_length():
    record = records.load("steps")
    assert {(row["layers"], row["steps"]) for row in record.rows} == {(k, n) for k in steps.LAYERS for n in steps.TRAINED}
    reach = [sum(row["right"] >= 0.9 * row["n"] for row in record.where(layers=k, steps=steps.TRAINED[-1])) for k in steps.LAYERS]
    assert reach == sorted(set(reach)) and record.made["seed"] == 0
