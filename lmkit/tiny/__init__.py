"""The course's own small model: a world of facts, the stages that a chat model is made in, and the checkpoints of each.

    base      has read the small world's text and continues any text
    sft       has been shown questions with answers, and answers
    reward    gives an answer a number, learned from pairs in which one was preferred
    rl        has been trained by PPO to please the reward model
    grpo dpo  the same end by two other ways
    leashed   PPO for a poor reward model, one weight for each number of the last layer
    hacked    the same with nothing that keeps the policy near the model it began as

and two that are no stages of a chat model:

    masked    began as base, sees both sides, and names hidden tokens
    agent     began as sft, thinks, calls tools and reads what they say before it answers (`lmkit.tiny.agent`)

`load(stage)` opens a shipped checkpoint, `train(stage)` makes one again, `load_world()` gives the facts and the text.
"""

from __future__ import annotations

from pathlib import Path

from lmkit.tiny.world import World, load_world

__all__ = ["MODELS", "STAGES", "World", "load", "load_world", "train"]

STAGES = ("base", "sft", "reward", "rl", "grpo", "dpo", "leashed", "hacked")
MODELS = (*STAGES, "masked", "agent")
CHECKPOINTS = Path(__file__).parent / "checkpoints"


def load(stage: str = "rl"):
    """The shipped checkpoint of a stage, as a `LanguageModel` (the reward model: a `lmkit.tiny.reward.RewardModel`).

    Raises ValueError for a stage that does not exist.
    """
    check(stage)
    folder = checkpoint(stage)
    if stage == "reward":
        from lmkit.tiny.reward import RewardModel
        from lmkit.weights import quiet_transformers

        with quiet_transformers():
            return RewardModel.from_pretrained(folder, dtype="float32")
    import lmkit

    return lmkit.load(folder)


def train(stage: str, **settings):
    """Train a stage and return (model, tokenizer, log); the settings are those of `lmkit.tiny.recipe.train`."""
    from lmkit.tiny import recipe

    return recipe.train(stage, **settings)


def checkpoint(stage: str, folder: Path = CHECKPOINTS) -> Path:
    """Where the checkpoint of a stage stands."""
    return folder / f"tiny-{stage}"


def check(stage: str) -> None:
    if stage not in MODELS:
        raise ValueError(f"no stage {stage!r} of the tiny model: choose one of {', '.join(MODELS)}.")
