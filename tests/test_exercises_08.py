"""Chapter 8's exercises: the solutions in the notebook pass; the stubs and plausible mistakes fail, each by its own name."""

import torch
from exercises import exercise_tests

NOTEBOOK = "08_the_whole_transformer.ipynb"
EXERCISES = ["8.1", "8.2", "8.3", "8.4", "8.5", "8.6"]


def layer_norm(x, gain, eps):
    away = x - x.mean(-1, keepdim=True)
    return gain * away / (away.pow(2).mean(-1, keepdim=True) + eps).sqrt()


def counted(c, V=1, attention=None, matrices=3, norms=2, last=True, blocks=None):
    """A wrong 8.2: some of its terms changed."""
    d, head = c.hidden_size, c.hidden_size // c.num_attention_heads
    look = 2 * d * d + 2 * d * head * c.num_key_value_heads if attention is None else attention * d * d
    table = V * c.vocab_size * d
    blocks = c.num_hidden_layers if blocks is None else blocks
    return table + blocks * (look + matrices * d * c.intermediate_size + norms * d) + d * last


def triangle(n):
    return torch.ones(n, n, dtype=torch.bool).tril()


def opened(n, known, rows=None):
    mask = triangle(n)
    mask[:rows, :known] = True
    return mask


def look(q, k, v, scale=None):
    return (q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)).softmax(-1) @ v


def cached(output):
    """A wrong 8.5 whose cache is right."""

    def attend_next(q, k, v, keys, values):
        all_keys, all_values = torch.cat([keys, k], 1), torch.cat([values, v], 1)
        return output(q, k, v, keys, values, all_keys, all_values), all_keys, all_values

    return attend_next


def chosen(scores, top):
    return torch.zeros_like(scores).scatter(1, scores.topk(top).indices, 1.0)


WRONG = {
    "8.1": [
        (lambda x, gain, eps: x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt(), "the gain is missing"),
        (layer_norm, "that is LayerNorm"),
        (lambda x, gain, eps: gain * x / (x.pow(2).mean(-1, keepdim=True).sqrt() + eps), "inside the square root"),
        (lambda x, gain, eps: gain * x / x.pow(2).mean(-1, keepdim=True).sqrt(), "epsilon is missing"),
        (lambda x, gain, eps: gain * x / (x.pow(2).sum(-1, keepdim=True) + eps).sqrt(), "not their sum"),
        (lambda x, gain, eps: gain * x / (x.pow(2).mean() + eps).sqrt(), "over the last axis only"),
        (lambda x, gain, eps: gain * x / (x.pow(2).mean(-1, keepdim=True) + eps), "square root is missing"),
        (lambda x, gain, eps: x.mean(-1), "should have the shape (2, 5, 8)"),
        (lambda x, gain, eps: 1.0, "return a torch tensor"),
    ],
    "8.2": [
        (lambda c: counted(c, last=False), "after the last block"),
        (lambda c: counted(c, norms=0, last=False), "the norms are missing"),
        (lambda c: counted(c, norms=1), "two norms"),
        (lambda c: counted(c, attention=4), "narrower"),
        (lambda c: counted(c, matrices=2), "three matrices"),
        (lambda c: counted(c, V=2), "tie_word_embeddings"),
        (lambda c: counted(c), "tie_word_embeddings"),  # right for the tied one, wrong for the other
        (lambda c: counted(c, V=0), "embeddings is missing"),
        (lambda c: counted(c, blocks=1), "one block"),
        (lambda c: 7, "it should be"),
        (lambda c: "many", "return one number"),
    ],
    "8.3": [
        (lambda n, known: triangle(n), "plain causal mask"),
        (lambda n, known: torch.ones(n, n, dtype=torch.bool), "full mask"),
        (lambda n, known: opened(n, known).T, "the other way round"),
        (lambda n, known: opened(n, known + 1), "one token too many"),
        (lambda n, known: opened(n, known - 1), "one token too few"),
        (lambda n, known: triangle(n) | (torch.arange(n)[:, None] < known), "nothing that comes after"),
        (lambda n, known: ~opened(n, known), "wrong way round"),
        (lambda n, known: opened(n, known).float(), "return booleans"),
    ],
    "8.4": [
        (lambda ranks: ranks.index(1), "Find where it *stays*"),
        (lambda ranks: 1 + max((i for i, r in enumerate(ranks) if r > 1), default=-1) + 1, "one too far"),
        (lambda ranks: len(ranks) - 1, "leads for good from earlier on"),
        (lambda ranks: 1 + max((i for i, r in enumerate(ranks) if r > 1), default=-1), "return None"),
        (lambda ranks: [4], "return one number"),
    ],
    "8.5": [
        (cached(lambda q, k, v, keys, values, K, V: look(q, keys, values)), "sees itself too"),
        (cached(lambda q, k, v, keys, values, K, V: look(q, k, v)), "only the new token"),
        (cached(lambda q, k, v, keys, values, K, V: look(q, K, V, 1.0)), "not scaled"),
        (cached(lambda q, k, v, keys, values, K, V: look(q, K, V, 1 / 16)), "d instead of √d"),
        (lambda q, k, v, keys, values: look(q, keys, values), "return 3 things"),
        (
            lambda q, k, v, keys, values: (q, torch.cat([k, keys], 1), torch.cat([v, values], 1)),
            "the new token last",
        ),
        (
            lambda q, k, v, keys, values: (q, torch.cat([values, v], 1), torch.cat([keys, k], 1)),
            "keys and values are swapped",
        ),
        (lambda q, k, v, keys, values: (q, keys, values), "the keys should have the shape"),
    ],
    "8.6": [
        (lambda scores, top: scores.softmax(-1), "every expert gets something"),
        (lambda scores, top: scores.softmax(-1) * chosen(scores, top), "must sum to 1"),
        (lambda scores, top: chosen(scores, top) / top, "not equally"),
        (lambda scores, top: chosen(scores, 1), "only the best expert"),
        (lambda scores, top: (scores * chosen(scores, top)).softmax(-1), "exp(0) = 1"),
        (lambda scores, top: scores.topk(top).values.softmax(-1), "should have the shape (6, 5)"),
    ],
}


TestExercises = exercise_tests(NOTEBOOK, EXERCISES, WRONG, torch=torch)
