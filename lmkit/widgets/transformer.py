"""`TransformerView`: one sentence through a whole decoder, box by box, with the numbers of a real forward pass.

This module runs the model once with hooks on its parts, checks that the boxes of the picture account for everything the
model did, and packs the numbers as decimals: a value travels as a whole number of thousandths or hundredths, so that what the
page adds up is exactly what it shows. It draws nothing; all interaction is in `transformer.js`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import traitlets

from lmkit.trace import Trace, trace
from lmkit.widgets.base import Widget, lines_of, pack

if TYPE_CHECKING:
    from lmkit.models import LanguageModel

MOST_TOKENS = 32
SHOWN = 64  # numbers of a vector of the residual stream that travel; of 576, the first 64
NEURONS = 24  # of the MLP, the most active of each token in each block
LENS = 5  # tokens of the logit lens, for each token after each block
TOP = 20  # logits of each token
THOUSANDTHS = 3
PARTS = (
    "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
)  # fmt: skip


# ---------------------------------------------------------------- one forward pass, with all its parts


def forward(model: LanguageModel, ids: Sequence[int]) -> tuple[Trace, dict[str, torch.Tensor]]:
    """The Trace of `ids`, and what the parts of the blocks computed, float32 on the CPU, stacked over blocks:

    stream   [2·block+1, token, width] before attention, before the MLP, before the next attention, …
    copy     [2·block+1, token, width] the stream after the norm of each of these places
    query    [block, head, token, number], key, value [block, KV head, token, number], not turned yet
    attention, mlp [block, token, width] what is added; gate, up, hidden [block, token, neuron]
    gain     [2·block+1, width] of the norms

    Raises ValueError for a model that is not built of these parts.
    """
    body, names = parts(model)
    caught: dict[str, list[torch.Tensor]] = {}
    handles = []

    def catch(name: str, module: torch.nn.Module, read: Callable) -> None:
        def keep(_module, given, result):
            caught.setdefault(name, []).append(read(given, result)[0].float().cpu())

        handles.append(module.register_forward_hook(keep))

    def took(given, result):
        return given[0]

    def gave(given, result):
        return result

    try:
        for block in body.layers:
            for name, path in names.items():
                catch(name, block.get_submodule(path), gave)
            for norm in (block.input_layernorm, block.post_attention_layernorm):
                catch("stream", norm, took)
                catch("copy", norm, gave)
            catch("hidden", block.mlp.down_proj, took)
        catch("stream", body.norm, took)
        catch("copy", body.norm, gave)
        traced = trace(model, list(ids))
    finally:
        for handle in handles:
            handle.remove()
    found = {name: torch.stack(values) for name, values in caught.items()}
    for name in ("query", "key", "value"):
        if found[name].ndim == 3:
            found[name] = found[name].unflatten(-1, (-1, model.head_width))
        found[name] = found[name].transpose(1, 2)
    norms = [norm for block in body.layers for norm in (block.input_layernorm, block.post_attention_layernorm)]
    found["gain"] = torch.stack([norm.weight.detach().float().cpu() for norm in (*norms, body.norm)])
    check(model, traced, found)
    return traced, found


def parts(model: LanguageModel) -> tuple[torch.nn.Module, dict[str, str]]:
    """The body of the model, and where in each of its blocks the vectors are made."""
    body = getattr(model.torch_model, "base_model", None)
    if model.family != "decoder":
        raise ValueError(
            f"{model.name} is an {model.family}; TransformerView walks through a decoder of the Llama family. "
            'Load one, for example "smollm2-135m-instruct".'
        )
    missing = [name for name in ("embed_tokens", "layers", "norm", "rotary_emb") if not hasattr(body, name)]
    block = body.layers[0] if not missing else None
    for path in PARTS if block is not None else ():
        try:
            block.get_submodule(path)
        except AttributeError:
            missing.append(path)
    if missing:
        raise ValueError(
            f"{model.name} ({model.config.model_type}) has no {', '.join(missing)}: it is not built of the boxes that "
            "TransformerView shows. Load a decoder of the Llama family (SmolLM2, Llama, Mistral, Qwen, the tiny model)."
        )
    normed = hasattr(block.self_attn, "q_norm")  # Qwen3 scales queries and keys once more
    return body, {
        "query": "self_attn.q_norm" if normed else "self_attn.q_proj",
        "key": "self_attn.k_norm" if normed else "self_attn.k_proj",
        "value": "self_attn.v_proj",
        "attention": "self_attn.o_proj",
        "gate": "mlp.gate_proj",
        "up": "mlp.up_proj",
        "mlp": "mlp.down_proj",
    }


def turned(vectors: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """Queries or keys [..., token, number] after the rotary turn: number i with number i + half, by place × frequency."""
    angles = torch.arange(vectors.shape[-2])[:, None] * frequencies[None]
    first, second = vectors.chunk(2, -1)
    return torch.cat([first * angles.cos() - second * angles.sin(), first * angles.sin() + second * angles.cos()], -1)


def scores(model: LanguageModel, found: dict[str, torch.Tensor]) -> torch.Tensor:
    """[block, head, query, key], before mask and softmax."""
    frequencies = frequencies_of(model)
    query, key = (turned(found[name], frequencies) for name in ("query", "key"))
    return query @ key.repeat_interleave(model.n_heads // model.n_kv_heads, 1).mT / model.head_width**0.5


def frequencies_of(model: LanguageModel) -> torch.Tensor:
    """The speed of each pair of numbers, radians a place."""
    found = getattr(model.torch_model.base_model.rotary_emb, "inv_freq", None)
    if found is None or 2 * len(found) != model.head_width:
        raise ValueError(
            f"{model.name} ({model.config.model_type}) turns its queries and keys in a way that TransformerView does not know. "
            "Load a decoder of the Llama family (SmolLM2, Llama, Mistral, Qwen)."
        )
    return found.float().cpu()


def mask(model: LanguageModel, tokens: int) -> torch.Tensor:
    """[block, query, key]: True where the query may look."""
    place = torch.arange(tokens)
    back = place[:, None] - place[None]
    return torch.stack([(back >= 0) & (back < (window or tokens)) for window in model.windows])


def check(model: LanguageModel, traced: Trace, found: dict[str, torch.Tensor]) -> None:
    """Raises ValueError unless every box can be had from the one before it: then the picture leaves nothing out."""
    stream, copy = found["stream"], found["copy"]
    if not stream.isfinite().all():
        raise ValueError(f'The numbers of {model.name} overflow in half precision: load it again with dtype="float32".')
    tolerance = 1e-3 if model.dtype == torch.float32 else 5e-2
    weights = scores(model, found).masked_fill(~mask(model, stream.shape[1])[:, None], -torch.inf).softmax(-1)
    root = (stream.square().mean(-1, keepdim=True) + epsilon(model)).rsqrt()
    boxes = {
        "the embedding": (stream[0], model.torch_model.get_input_embeddings().weight[traced.ids].detach().float().cpu()),
        "RMSNorm": (copy, stream * root * found["gain"][:, None]),
        "rotary attention": (traced.attention, weights),
        "adding attention to the stream": (stream[1::2], stream[:-1:2] + found["attention"]),
        "the gated MLP with SiLU": (found["hidden"], torch.nn.functional.silu(found["gate"]) * found["up"]),
        "adding the MLP to the stream": (stream[2::2], stream[1::2] + found["mlp"]),
    }
    for name, (theirs, ours) in boxes.items():
        if (theirs - ours).abs().max() > tolerance * theirs.abs().max():
            raise ValueError(
                f"{model.name} ({model.config.model_type}) does something else in “{name}” than the box of TransformerView "
                "says, so the picture would not be true. Load a decoder of the Llama family (SmolLM2, Llama, Mistral, Qwen)."
            )


def epsilon(model: LanguageModel) -> float:
    return float(model.config.get_text_config().rms_norm_eps)


# ---------------------------------------------------------------- packing


def rounded(values: torch.Tensor | np.ndarray, digits: int | Sequence[int]) -> np.ndarray:
    """Values as whole numbers of 10^−digits; `digits` is one number, or one for each entry of the first axis."""
    values = np.asarray(values, np.float64)
    steps = 10.0 ** np.asarray(digits)
    return np.rint(values * (steps if steps.ndim == 0 else steps.reshape(-1, *[1] * (values.ndim - 1)))).astype(np.int64)


def digits_of(values: torch.Tensor) -> list[int]:
    """For each block the decimals, 2 to 4, that give the median number at least two significant digits."""
    medians = [max(float(one.abs().median()), 1e-9) for one in values]
    return [min(4, max(2, 1 - math.floor(math.log10(median)))) for median in medians]


class Parcel:
    """Arrays on their way to the browser, one after the other: whole numbers as planes of bytes, the rest as float32.

    A plane holds the same byte of every number; small numbers leave the upper planes empty, and deflate likes that.
    """

    def __init__(self) -> None:
        self.layout: list[list] = []  # [name, shape, planes (0: float32), digits]
        self.pieces: list[bytes] = []

    def whole(self, name: str, values: np.ndarray, digits: int | list[int] = 0) -> None:
        folded = np.where(values < 0, -2 * values - 1, 2 * values)  # signs into the lowest bit
        if folded.size and folded.max() >= 2**32:
            raise ValueError(f"A number in {name} is too large for the page: {np.abs(values).max()}.")
        planes = max(1, -(-int(folded.max(initial=0)).bit_length() // 8))
        bytes_ = np.ascontiguousarray(folded.astype("<u4")).reshape(-1).view(np.uint8).reshape(-1, 4)[:, :planes]
        self.layout.append([name, list(values.shape), planes, digits])
        self.pieces.append(bytes_.T.tobytes())

    def real(self, name: str, values: torch.Tensor) -> None:
        array = np.asarray(values, "<f4")
        self.layout.append([name, list(array.shape), 0, 0])
        self.pieces.append(array.tobytes())

    def packed(self) -> bytes:
        return pack(np.frombuffer(b"".join(self.pieces), np.uint8))


def parcel(model: LanguageModel, traced: Trace, found: dict[str, torch.Tensor]) -> tuple[Parcel, list[str]]:
    """Everything that the page shows, and the token texts that it needs beside the sentence's own."""
    sent, tokens = Parcel(), len(traced.ids)
    stream = found["stream"]
    fine = THOUSANDTHS if stream.abs().max() < 1e6 else 0
    steps = rounded(stream[..., :SHOWN], fine)
    sent.whole("steps", np.diff(steps, axis=0, prepend=0), fine)  # the stream is their running sum, exactly
    largest = stream.abs().argmax(-1)
    sent.whole("largestAt", largest.numpy())
    sent.whole("largest", rounded(stream.gather(-1, largest[..., None])[..., 0], fine), fine)
    sent.real("rms", stream.square().mean(-1).sqrt())
    sent.real("added", torch.stack([found["attention"], found["mlp"]], 1).flatten(0, 1).norm(dim=-1))
    sent.real("gain", found["gain"][:, :SHOWN])
    for name in ("query", "key", "value"):
        digits = digits_of(found[name])
        sent.whole(name, rounded(found[name], digits), digits)
    below = np.tril_indices(tokens)
    sent.whole("scores", rounded(scores(model, found), THOUSANDTHS)[..., below[0], below[1]], THOUSANDTHS)
    active = found["hidden"].abs().topk(min(NEURONS, found["hidden"].shape[-1]), -1).indices
    sent.whole("neuron", active.numpy())
    for name in ("gate", "up"):
        digits = digits_of(found[name])
        sent.whole(name, rounded(found[name].gather(-1, active), digits), digits)
    hidden = found["hidden"].square()
    sent.real("neuronShare", hidden.gather(-1, active).sum(-1) / hidden.sum(-1).clamp_min(1e-30))
    words = predictions(model, traced, sent)
    return sent, words


def predictions(model: LanguageModel, traced: Trace, sent: Parcel) -> list[str]:
    """Adds the logit lens and the logits; returns the texts that their indices point at."""
    lens = traced.logit_lens().log_softmax(-1).topk(min(LENS, model.vocab_size), -1)
    best = traced.logits.topk(min(TOP, model.vocab_size), -1)
    used, where = np.unique(np.concatenate([lens.indices.numpy().ravel(), best.indices.numpy().ravel()]), return_inverse=True)
    cut = lens.indices.numel()
    sent.whole("lensToken", where[:cut].reshape(lens.indices.shape))
    sent.real("lens", lens.values.exp())
    sent.whole("topToken", where[cut:].reshape(best.indices.shape))
    sent.whole("top", rounded(best.values, THOUSANDTHS), THOUSANDTHS)
    sent.real("logSum", traced.logits.logsumexp(-1))
    return [model.token_string(int(one)) for one in used]


# ---------------------------------------------------------------- the widget


class TransformerView(Widget):
    """A walk through one forward pass of a decoder of the Llama family: sixteen boxes from the text to the next word.

    model   a `LanguageModel`: SmolLM2, the course's tiny model, or another whose blocks are built like Llama's
    text    what it reads, a str or token ids; at most 32 tokens
    title   one line above the figure
    block   the block that is open first, and `head`, its head; both count from 0
    token   the token that is followed first, counted from 0; None: the last

    Of each vector of the residual stream the first 64 numbers travel, rounded to thousandths; queries, keys, values and
    neurons to hundredths or finer; scores and logits to thousandths; lengths, gains and the lens as float32. Everything else is
    computed in the page from these.
    Raises ValueError for a model of another build, too long a text, and a block, head or token that is not there.
    """

    _module = "transformer.js"

    title = traitlets.Unicode().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)  # sizes, tokens and what the page must know of the model
    layout = traitlets.List().tag(sync=True)  # [name, shape, planes, digits] of each array in `numbers`
    numbers = traitlets.Bytes().tag(sync=True)
    words = traitlets.List(traitlets.Unicode()).tag(sync=True)  # texts of predicted tokens
    start = traitlets.Dict().tag(sync=True)  # block, head, token

    def __init__(
        self,
        model: LanguageModel,
        text: str | Sequence[int],
        title: str = "",
        *,
        block: int = 0,
        head: int = 0,
        token: int | None = None,
    ) -> None:
        if isinstance(model, Trace):
            raise ValueError(
                "A Trace keeps no queries, keys, values and neurons, so TransformerView cannot be made from one: give it the "
                "model and the text."
            )
        ids = model.encode(text) if isinstance(text, str) else [int(one) for one in text]
        if not 1 <= len(ids) <= MOST_TOKENS:
            raise ValueError(
                f"The text has {len(ids)} tokens; a walk-through shows 1 to {MOST_TOKENS}, because every number travels to the "
                "page. Choose a shorter sentence."
            )
        token = len(ids) - 1 if token is None else token
        counts = {"block": (block, model.n_layers), "head": (head, model.n_heads), "token": (token, len(ids))}
        for name, (value, count) in counts.items():
            if not 0 <= value < count:
                whose = "the text" if name == "token" else model.name
                raise ValueError(f"{name}={value} is not there: {whose} has {count}, numbered 0 to {count - 1}.")
        traced, found = forward(model, ids)
        sent, words = parcel(model, traced, found)
        best = traced.logits[token].softmax(-1).topk(min(3, model.vocab_size))
        self._best = [(model.token_string(int(one)), float(p)) for p, one in zip(best.values, best.indices, strict=True)]
        self._first = token
        super().__init__(
            title=title,
            facts=facts(model, traced, found, text if isinstance(text, str) else model.decode(ids)),
            layout=sent.layout,
            numbers=sent.packed(),
            words=words,
            start={"block": block, "head": head, "token": token},
        )
        self._height = [reserve(width, title, traced.tokens) for width in (690, 322)]

    def describe(self) -> str:
        """Sizes, and the most probable tokens after the token that is followed first."""
        facts = self.facts
        tokens = facts["tokens"]
        expected = ", ".join(f"{text!r} {p:.2f}" for text, p in self._best)
        return (
            f"TransformerView({facts['name']}: {len(tokens)} tokens through {facts['blocks']} blocks × {facts['heads']} heads, "
            f"width {facts['width']}; after {tokens[self._first]!r}: {expected})"
        )


def facts(model: LanguageModel, traced: Trace, found: dict[str, torch.Tensor], text: str) -> dict[str, Any]:
    """What the page must know beside the arrays."""
    head = model.torch_model.get_output_embeddings()
    return {
        "name": model.name,
        "text": text,
        "tokens": traced.tokens,
        "ids": traced.ids,
        "bytes": [len(piece) for piece in model.token_bytes(traced.ids)],
        "blocks": model.n_layers,
        "heads": model.n_heads,
        "kvHeads": model.n_kv_heads,
        "width": model.width,
        "headWidth": model.head_width,
        "neurons": found["hidden"].shape[-1],
        "vocabulary": model.vocab_size,
        "windows": list(model.windows),
        "epsilon": epsilon(model),
        "frequencies": [float(f"{one:.9g}") for one in frequencies_of(model)],
        "tied": head.weight is model.torch_model.get_input_embeddings().weight,
        "normedQueries": hasattr(model.torch_model.base_model.layers[0].self_attn, "q_norm"),
    }


def reserve(width: int, title: str, tokens: Sequence[str]) -> int:
    """CSS pixels to keep free in a column so wide."""
    lines = lines_of((17.5 + sum(15 if ord(sign) > 0x2E7F else 8.5 for sign in token) for token in tokens), width)
    return round((1450 if width < 560 else 1004) + 38 * lines + (34 if title else 0))
