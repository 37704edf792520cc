"""The stages' loops: they learn, they go on after a kill to the same bits, and two processes are one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lmkit.tiny import model, preferences, questions, rl
from lmkit.tiny.base import pretrain
from lmkit.tiny.dpo import dpo
from lmkit.tiny.model import CONTEXT, chat_ids
from lmkit.tiny.reward import score, train_reward, with_score
from lmkit.tiny.sft import finetune
from lmkit.tiny.text import Packed, answer_logprobs, padded, reply

SMALL = {"width": 32, "layers": 1, "heads": 2}


@pytest.fixture(scope="module")
def documents(world):
    return world.corpus(rounds=2)


@pytest.fixture(scope="module")
def tokenizer(documents):
    return model.train_tokenizer(document.text for document in documents)


@pytest.fixture(scope="module")
def text(tokenizer, documents):
    return Packed(tokenizer, documents, 64)


def weights(net):
    return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])


def test_the_tokenizer_loses_nothing_and_keeps_han_and_digits_apart(tokenizer):
    for string in ("法国的首都是巴黎。", "12 + 30 = 42", "The capital", "👩🏽‍🚀 <s> \n\t", "café São Tomé", "𠀀 unseen 龘"):
        assert tokenizer.decode(tokenizer.encode(string, add_special_tokens=False)) == string
    assert len(tokenizer) == 2048
    assert tokenizer.tokenize("法国 42")[-2:] == ["4", "2"] and len(tokenizer.tokenize("法国")) == 2


def test_the_chat_template_writes_what_training_reads(tokenizer):
    messages = [{"role": "user", "content": "Hello!"}]
    ids, start = chat_ids(tokenizer, "Hello!", "Hi.")
    assert tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False) == ids[:start]
    whole = [*messages, {"role": "assistant", "content": "Hi."}]
    assert tokenizer.apply_chat_template(whole, return_dict=False) == ids


def test_packed_rows_are_the_text(tokenizer, text, documents):
    first = text.rows[: text.length * 3].tolist()
    assert tokenizer.decode(first).startswith(documents[0].text + "<|end|>")
    seen = torch.cat([text.batch(step, 4)[:, 0] for step in range(len(text) // 4)])
    assert text.batch(0, 4).shape == (4, 65) and len(seen) == len(text) // 4 * 4
    assert torch.equal(text.batch(len(text), 1), text.batch(0, 1))


def test_only_answers_are_labelled_and_padding_changes_nothing(tokenizer):
    net = model.new(tokenizer, **SMALL).eval()
    pairs = [("What is the capital of France?", "The capital of France is Paris."), ("中国的首都是哪里？", "北京。")]
    rows, labels = padded(tokenizer, pairs)
    assert tokenizer.decode(labels[1][labels[1] >= 0]) == "北京。<|end|>"
    together = answer_logprobs(net, rows, labels).sum(1)
    alone = torch.cat([answer_logprobs(net, *padded(tokenizer, [pair])).sum(1) for pair in pairs])
    assert torch.allclose(together, alone, atol=1e-4)


def test_pretraining_learns(tokenizer, text):
    net = model.new(tokenizer, **SMALL)
    log = pretrain(net, text, steps=60, rate=1e-2)
    assert [record["step"] for record in log] == list(range(60))
    assert log[0]["loss"] == pytest.approx(7.6, abs=0.3) and log[-1]["loss"] < 5.5


def loops(world, tokenizer, text):
    """A short run of every stage, as `run(folder, steps)` -> weights after it."""

    def base(folder, steps):
        net = model.new(tokenizer, **SMALL)
        pretrain(net, text, steps, batch=4, folder=folder)
        return weights(net)

    def sft(folder, steps):
        net = model.new(tokenizer, **SMALL)
        finetune(net, tokenizer, questions.examples(world), text, steps, batch=4, replayed=1, folder=folder)
        return weights(net)

    def reward(folder, steps):
        net = with_score(model.new(tokenizer, **SMALL))
        train_reward(net, tokenizer, preferences.pairs(world), text, steps, batch=4, replayed=1, folder=folder)
        return weights(net)

    def preference(folder, steps):
        net = model.new(tokenizer, **SMALL)
        dpo(net, tokenizer, preferences.pairs(world), text, steps, batch=4, replayed=1, folder=folder)
        return weights(net)

    def policy(folder, steps, group=0):
        net = model.new(tokenizer, **SMALL)
        judge = with_score(model.new(tokenizer, seed=1, **SMALL))
        torch.nn.init.normal_(judge.score.weight, generator=torch.Generator().manual_seed(0))
        asked = rl.prompts_of(world)
        rl.ppo(net, tokenizer, judge, asked, text, steps, batch=4, replayed=1, rate=1e-3, group=group, folder=folder)
        return weights(net)

    return {"base": base, "sft": sft, "reward": reward, "dpo": preference, "ppo": policy, "grpo": lambda *a: policy(*a, group=2)}


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stage", ["base", "sft", "reward", "dpo", "ppo", "grpo"])
def test_a_stopped_run_ends_in_the_same_bits(stage, world, tokenizer, text, tmp_path, monkeypatch):
    run = loops(world, tokenizer, text)[stage]
    whole = run(None, 6)
    from lmkit.tiny import run as running

    log = running.Run.log

    def stop(self, step, **values):
        log(self, step, **values)
        if step == 4:
            raise Stopped

    monkeypatch.setattr(running.Run, "every", property(lambda self: 2, lambda self, value: None), raising=False)
    with monkeypatch.context() as broken, pytest.raises(Stopped):
        broken.setattr(running.Run, "log", stop)
        run(tmp_path, 6)
    assert [path.name for path in tmp_path.glob("step-*")] == ["step-000004"]
    (tmp_path / ".new-abc").mkdir()  # as a kill leaves it in the middle of saving
    (tmp_path / ".new-abc" / "state.safetensors").write_bytes(b"half of it")
    assert torch.equal(run(tmp_path, 6), whole)
    assert not list(tmp_path.glob(".new-*"))


KILLED = """
import sys
from pathlib import Path
import torch
from lmkit.tiny import load_world, model
from lmkit.tiny.base import pretrain
from lmkit.tiny.text import Packed
from lmkit.tiny import run
documents = load_world().corpus(rounds=1)
tokenizer = model.train_tokenizer(one.text for one in documents)
net = model.new(tokenizer, width=32, layers=1, heads=2)
run.Run.every = property(lambda self: 3, lambda self, value: None)
torch.set_num_threads(1)
pretrain(net, Packed(tokenizer, documents, 64), int(sys.argv[2]), batch=4, folder=Path(sys.argv[1]))
net.save_pretrained(sys.argv[1] + "/end")
"""


def test_kill_9_at_any_moment_and_the_run_goes_on(tmp_path):
    """Several kills, at moments that are not chosen; what is left is whole, and the end is that of a run left alone."""
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def start(folder, steps=120):
        return subprocess.Popen([sys.executable, script, folder, str(steps)], env=environment, stderr=subprocess.DEVNULL)

    kills = 0
    for extra in (0.02, 0.11, 0.23):
        process = start(tmp_path / "killed")
        had = {path.name for path in (tmp_path / "killed").glob("step-*")}
        deadline = time.time() + 60
        while process.poll() is None and time.time() < deadline:
            if {path.name for path in (tmp_path / "killed").glob("step-*")} - had:
                time.sleep(extra)
                break
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        for state in (tmp_path / "killed").glob("step-*/state.safetensors"):
            load_file(state)  # whole, or this raises
    assert kills >= 2
    assert start(tmp_path / "killed").wait(120) == 0 and start(tmp_path / "alone").wait(120) == 0
    one, other = (load_file(tmp_path / name / "end" / "model.safetensors") for name in ("killed", "alone"))
    assert all(torch.equal(one[key], other[key]) for key in other)


TWO = """
import os, sys
import torch
from accelerate import Accelerator
from lmkit.tiny import load_world, model, questions, preferences
from lmkit.tiny.base import pretrain
from lmkit.tiny.sft import finetune
from lmkit.tiny.dpo import dpo
from lmkit.tiny.reward import train_reward, with_score
from lmkit.tiny.text import Packed
torch.set_num_threads(1)
world = load_world()
documents = world.corpus(rounds=1)
tokenizer = model.train_tokenizer(one.text for one in documents)
text = Packed(tokenizer, documents, 64)
net = model.new(tokenizer, width=32, layers=1, heads=2)
accelerator = Accelerator(cpu=True)
assert accelerator.num_processes == int(sys.argv[2])
log = pretrain(net, text, 4, batch=4, accelerator=accelerator)
finetune(net, tokenizer, questions.examples(world), text, 4, batch=8, replayed=2, accelerator=accelerator)
dpo(net, tokenizer, preferences.pairs(world), text, 3, batch=4, replayed=2, accelerator=accelerator)
judge = with_score(net)
train_reward(judge, tokenizer, preferences.pairs(world), text, 3, batch=4, replayed=2, accelerator=accelerator)
if accelerator.is_main_process:
    judge.save_pretrained(sys.argv[1])
"""


def test_two_processes_make_the_same_model_as_one(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(TWO)
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
    }
    one = [sys.executable, script, tmp_path / "one", "1"]
    two = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", script, tmp_path / "two", "2"]
    for command in (one, two):
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr[-3000:]
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert max((first[key] - second[key]).abs().max().item() for key in first) < 2e-4


# ---------------------------------------------------------------- the arithmetic of preference


def test_generalised_advantages_against_their_definition():
    generator = torch.Generator().manual_seed(0)
    rewards, values = (torch.randn(3, 6, generator=generator) for _ in range(2))
    mask = torch.tensor([[0, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0]]).bool()
    rewards, values, lam = rewards * mask, values * mask, 0.9
    found, returns = rl.advantages(rewards, values, mask, lam)
    for i in range(3):
        places = mask[i].nonzero()[:, 0].tolist()
        after = [*(values[i, t].item() for t in places[1:]), 0.0]
        deltas = [rewards[i, t].item() + v - values[i, t].item() for t, v in zip(places, after, strict=True)]
        for n, t in enumerate(places):
            expected = sum(lam**k * delta for k, delta in enumerate(deltas[n:]))
            assert found[i, t].item() == pytest.approx(expected, abs=1e-5)
            assert returns[i, t].item() == pytest.approx(expected + values[i, t].item(), abs=1e-5)
    assert (found[~mask] == 0).all()


def test_the_clipped_objective():
    ratio = torch.tensor([0.5, 1.0, 1.5, 0.5, 1.5])
    advantage = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0])
    assert rl.clipped(ratio, advantage, 0.2).tolist() == pytest.approx([0.5, 1.0, 1.2, -0.8, -1.5])


def test_an_untrained_reward_model_is_indifferent_and_a_trained_one_is_not(world, tokenizer, text):
    net = with_score(model.new(tokenizer, **SMALL))
    assert score(net, tokenizer, [("a", "b"), ("c", "d")]) == [0.0, 0.0]
    log = train_reward(net, tokenizer, preferences.pairs(world), text, 120, batch=32, replayed=1, rate=5e-3)
    assert log[0]["loss"] == pytest.approx(0.6931, abs=1e-3) and sum(r["right"] for r in log[-10:]) / 10 > 0.6


def test_the_reward_model_stays_as_it_is_while_the_policy_moves(world, tokenizer, text):
    net, judge = model.new(tokenizer, **SMALL), with_score(model.new(tokenizer, seed=1, **SMALL))
    torch.nn.init.ones_(judge.score.weight)
    policy, judged = weights(net).clone(), weights(judge).clone()
    log = rl.ppo(net, tokenizer, judge, rl.prompts_of(world), text, 2, batch=4, replayed=1, rate=1e-3)
    assert torch.equal(weights(judge), judged) and not torch.equal(weights(net), policy)
    assert log[0]["kl"] == 0 and log[0]["length"] > 1


def test_an_answer_that_does_not_end_says_so(tokenizer):
    net = model.new(tokenizer, **SMALL).eval()
    assert reply(net, tokenizer, ["Hello!"], limit=3)[0].endswith("…") and CONTEXT == 256
