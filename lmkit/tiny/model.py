"""The tiny model's shape and its tokenizer: a Llama of about 1.6 million parameters, which transformers knows as it knows
the large ones, and a byte-level BPE of 2,048 tokens, trained on the text of the small world.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

END, USER, ASSISTANT = SPECIAL = "<|end|>", "<|user|>", "<|assistant|>"
VOCABULARY = 2048
CONTEXT = 256
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """A byte-level BPE: every Han character and every digit stands alone, so that neither names nor sums melt together."""
    tokenizer = Tokenizer(models.BPE())
    han, digit = (pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in (r"\p{Han}", r"\d"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([han, digit, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return wrap(tokenizer)


def wrap(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    special = {"eos_token": END, "pad_token": END, "additional_special_tokens": [USER, ASSISTANT]}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=CONTEXT,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        **special,
    )


def config(tokenizer: PreTrainedTokenizerFast, width: int = 160, layers: int = 4, heads: int = 5) -> LlamaConfig:
    """RMSNorm, rotary positions, SwiGLU, tied embeddings."""
    end = tokenizer.eos_token_id
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=round(2.7 * width / 16) * 16,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=end,
    )


def new(tokenizer: PreTrainedTokenizerFast, seed: int = 0, **shape: int) -> LlamaForCausalLM:
    """An untrained model; the same numbers for the same seed on every machine."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM._from_config(config(tokenizer, **shape), dtype=torch.float32)


def chat_ids(tokenizer: PreTrainedTokenizerFast, question: str, answer: str | None = None) -> tuple[list[int], int]:
    """The ids of a question in the chat's form, with its answer if there is one; and where the answer begins."""
    user, assistant, end = tokenizer.convert_tokens_to_ids([USER, ASSISTANT, END])
    plain = lambda text: tokenizer.encode(text, add_special_tokens=False)  # noqa: E731
    ids = [user, *plain(question), end, assistant]
    start = len(ids)
    return (ids if answer is None else [*ids, *plain(answer), end]), start
