"""Reinforcement learning from a reward model: PPO, and GRPO, which needs no value head.

The policy is the language model, an action is a token, an episode is one answer. The reward model judges the whole answer;
a penalty for every token keeps the policy near the model it began as (the reference). Sources: PPO, Schulman et al. 2017;
its use on language models, Ouyang et al. 2022; GRPO, Shao et al. 2024.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lmkit.tiny.model import chat_ids
from lmkit.tiny.questions import ask_invented
from lmkit.tiny.reward import RewardModel, scores
from lmkit.tiny.run import Run, default_accelerator
from lmkit.tiny.text import Packed, answer_logprobs, ends, label_logprobs, next_token_loss, pad, write
from lmkit.tiny.world import LANGUAGES, World


class Policy(nn.Module):
    """The language model with a value head: a number for each place in a text, the reward that is expected from there."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.value = nn.Linear(model.config.hidden_size, 1)
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)

    def forward(
        self, rows: torch.Tensor, labels: torch.Tensor, old: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """ln p of the answers' tokens and the values before them, both [row, token − 1]; and the loss on `old` text."""
        hidden = self.model.model(rows[:, :-1]).last_hidden_state
        logprobs = label_logprobs(self.model.lm_head(hidden), labels)
        values = self.value(hidden)[..., 0] * (labels[:, 1:] >= 0)
        return logprobs, values, hidden.new_zeros(()) if old is None else next_token_loss(self.model, old)


def rollout(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, questions: Sequence[str], seed: int, limit: int = 64):
    """Answers drawn from the model at temperature 1: ids [answer, token] and labels, as `text.padded` gives them."""
    prompts = [chat_ids(tokenizer, question)[0] for question in questions]
    answers = write(model, tokenizer, prompts, limit, temperature=1.0, seed=seed)
    return pad(tokenizer, [(prompt + answer, len(prompt)) for prompt, answer in zip(prompts, answers, strict=True)])


def advantages(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, lam: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """Generalised advantage estimation (Schulman et al. 2016) with γ = 1: advantages and returns, [answer, token − 1]."""
    advantage = torch.zeros_like(rewards)
    after, after_value = torch.zeros(len(rewards), device=rewards.device), torch.zeros(len(rewards), device=rewards.device)
    for t in range(rewards.shape[1] - 1, -1, -1):
        here = mask[:, t]
        delta = rewards[:, t] + after_value - values[:, t]
        after = torch.where(here, delta + lam * after, after)
        after_value = torch.where(here, values[:, t], after_value)
        advantage[:, t] = after * here
    return advantage, advantage + values


def clipped(ratio: torch.Tensor, advantage: torch.Tensor, clip: float) -> torch.Tensor:
    """PPO's objective for each token, to be made large: a step beyond 1 ± clip earns nothing more."""
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def prompts_of(world: World, seed: int = 0) -> Callable[[int, int], list[str]]:
    """`batch(step, size)`: questions about asked facts, one in ten about a country that does not exist."""
    asked = world.asked()

    def batch(step: int, size: int) -> list[str]:
        rng = random.Random(f"prompts {seed} {step}")
        language = [rng.choice(LANGUAGES) for _ in range(size)]
        return [
            ask_invented(rng, one, world)[0] if rng.random() < 0.1 else rng.choice(rng.choice(asked).questions(one))
            for one in language
        ]

    return batch


def ppo(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    reward_model: RewardModel,
    questions: Callable[[int, int], list[str]],
    replay: Packed,
    steps: int,
    batch: int = 64,
    epochs: int = 2,
    beta: float = 0.3,
    clip: float = 0.2,
    rate: float = 1e-4,
    replayed: int = 4,
    group: int = 0,
    seed: int = 0,
    gold: RewardModel | None = None,
    folder: Path | None = None,
    accelerator: Accelerator | None = None,
) -> list[dict]:
    """PPO; with `group` > 1, GRPO: `group` answers to each question, judged against their own mean, and no value head.

    In memory are the policy with its value head, the reference and the reward model. A second reward model, `gold`, judges
    for the log only. Returns the log.
    """
    accelerator = accelerator or default_accelerator()
    reference = copy.deepcopy(model).eval().requires_grad_(False).to(accelerator.device)
    reward_model = reward_model.eval().requires_grad_(False).to(accelerator.device)
    gold = gold and gold.eval().requires_grad_(False).to(accelerator.device)
    policy = Policy(model)
    groups = [{"params": model.parameters()}, {"params": policy.value.parameters(), "lr": 20 * rate}]  # the value head is new
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), weight_decay=0.0)
    policy, optimizer = accelerator.prepare(policy, optimizer)
    bare = accelerator.unwrap_model(policy).model
    run = Run(accelerator, policy, optimizer, steps, folder, every=10, name="GRPO" if group else "PPO")
    share, me = accelerator.num_processes, accelerator.process_index
    with torch.no_grad():  # rewards have no zero of their own: count from what the reference gets, as Ouyang et al. do
        first = [x.to(accelerator.device) for x in rollout(reference, tokenizer, questions(0, batch), seed)]
        usual = scores(reward_model, *first).mean()
    for step in run:
        asked = questions(step, batch // max(1, group) // share * share)[me::share]
        asked = [one for one in asked for _ in range(max(1, group))]
        with torch.no_grad():
            rows, labels = rollout(bare, tokenizer, asked, seed=hash((seed, step, me)) % 2**31)
            rows, labels = rows.to(accelerator.device), labels.to(accelerator.device)
            mask = labels[:, 1:] >= 0
            before, values, _ = policy(rows, labels)
            reference_logprobs = answer_logprobs(reference, rows, labels)
            kl = before - reference_logprobs
            judged = scores(reward_model, rows, labels)
            more = {"gold": scores(gold, rows, labels).mean()} if gold else {}
            if group:
                grouped = judged.view(-1, group)
                relative = (grouped - grouped.mean(1, keepdim=True)) / (grouped.std(1, keepdim=True) + 1e-4)
                advantage, returns = relative.view(-1, 1) * mask, None
            else:
                rewards = -beta * kl
                rewards[torch.arange(len(rows)), ends(mask)] += judged - usual
                advantage, returns = advantages(rewards, values, mask)
                advantage = (advantage - advantage[mask].mean()) / (advantage[mask].std() + 1e-6) * mask
        for epoch in range(epochs):
            old = replay.batch(step * epochs + epoch, replayed)[me::share].to(accelerator.device)
            now, value, text_loss = policy(rows, labels, old)
            ratio = (now - before).exp()
            loss = -(clipped(ratio, advantage, clip) * mask).sum() / mask.sum()
            if group:  # the penalty of Schulman's estimator k3, in the loss instead of the reward
                away = reference_logprobs - now
                loss = loss + beta * ((away.exp() - away - 1) * mask).sum() / mask.sum()
                loss = loss + 0 * value.sum()  # several processes expect a gradient for every weight, the value head's too
            else:
                loss = loss + 0.1 * ((value - returns).pow(2) * mask).sum() / mask.sum()
            accelerator.backward(loss + text_loss)
            accelerator.clip_grad_norm_(policy.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        far = ((ratio - 1).abs() > clip).float()
        run.log(
            step,
            reward=judged.mean(),
            **more,
            kl=kl.sum(1).mean(),
            length=mask.sum(1).float().mean(),
            loss=loss,
            replay=text_loss,
            clipped=(far * mask).sum() / mask.sum(),
        )
    return run.records
