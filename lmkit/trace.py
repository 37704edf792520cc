"""One forward pass, kept whole: tokens, attention, hidden states and logits.

`trace` asks a loaded model for everything that a pass computes and returns it as plain CPU tensors in a `Trace`, the
same shape of answer for decoders, encoders and encoder-decoders. It knows nothing about files, sampling or drawing, and
it never recomputes what the model did: every number is the model's own output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from lmkit.models import LanguageModel

# Where the causal families of transformers keep the normalisation between the last layer and the unembedding.
FINAL_NORMS = ("norm", "ln_f", "final_layer_norm", "final_layernorm")


@dataclass(frozen=True, repr=False, eq=False)
class Trace:
    """What one model computed for one text. Tensors are float32 and on the CPU.

    tokens           list[str], the display pieces of `ids`
    attention        [layer, head, query, key], probabilities as the model returns them: a row over the keys sums to 1
    hidden           [layer+1, token, width]; entry 0 enters the first layer, entry -1 has been through the final norm
                     where the architecture has one
    logits           [token, vocab], or None for an encoder without a language-model head
    kind             "decoder", "encoder" or "encoder-decoder" (then all fields but `encoder` are about its decoder)
    mask             "causal" or "full"
    windows          for each layer its sliding window, or None where it sees all that its mask allows. A causal window
                     of w is the token itself and the w-1 before it; in an encoder it is w tokens on either side
    n_kv_heads       heads that hold keys and values; query head h uses KV head h // (heads // n_kv_heads)
    encoder          the encoder's own Trace (encoder-decoder only)
    cross_attention  [layer, head, query (target), key (source)] (encoder-decoder only)

    A tensor may be given as a function that makes it: it is then made when it is first read, and kept.
    """

    tokens: list[str]
    ids: list[int]
    attention: torch.Tensor
    hidden: torch.Tensor
    logits: torch.Tensor | None
    kind: str
    mask: str
    windows: list[int | None]
    n_kv_heads: int
    model_name: str
    encoder: Trace | None = None
    cross_attention: torch.Tensor | None = field(default_factory=lambda: None)
    _unembed: Callable[[torch.Tensor], torch.Tensor] | None = None

    def __post_init__(self) -> None:
        for name in ("attention", "hidden", "logits", "cross_attention"):
            if callable(self.__dict__[name]):
                self.__dict__[f"make {name}"] = self.__dict__.pop(name)

    def __getattr__(self, name: str):
        if f"make {name}" not in self.__dict__:  # Python asks here only for what is not there
            raise AttributeError(f"A Trace has no {name!r}.")
        self.__dict__[name] = self.__dict__[f"make {name}"]()
        del self.__dict__[f"make {name}"]
        return self.__dict__[name]

    def logit_lens(self) -> torch.Tensor:
        """Logits [layer+1, token, vocab] as if the model stopped after each layer: final norm, then unembedding.

        The last entry equals `logits`. It is large: SmolLM2 makes 6 MB for each token.
        Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
        Raises ValueError for an encoder or encoder-decoder, and for a decoder whose logits are made in another way.
        """
        if self._unembed is None:
            raise ValueError(
                "The logit lens reads a decoder's hidden states through its final norm and unembedding. "
                f"{self.model_name} is an {self.kind}: its layers do not lead to the next token in one straight line. "
                "Trace a decoder."
            )
        lens = self._unembed(self.hidden)
        if not torch.allclose(lens[-1], self.logits, rtol=1e-3, atol=1e-3 * self.logits.abs().max().item()):
            raise ValueError(
                f"{self.model_name} makes its logits with more than a final norm and an unembedding, so the logit lens "
                "would show something else than the model computes."
            )
        return lens

    def loss(self) -> float:
        """Mean next-token cross-entropy in nats: how surprised the model was by tokens 2, 3, ... given those before."""
        if self.mask != "causal" or self.logits is None:
            raise ValueError(
                f"{self.model_name} is an {self.kind} and predicts no next token, so it has no next-token loss."
            )
        if len(self.ids) < 2:
            raise ValueError("One token has no next token to compare with: trace at least two.")
        return torch.nn.functional.cross_entropy(self.logits[:-1], torch.tensor(self.ids[1:])).item()

    def __repr__(self) -> str:
        layers, heads, queries, _ = self.attention.shape
        text = (
            f"Trace({self.model_name}, {self.kind}; {queries} tokens, {layers} layers × {heads} heads, {self.mask} mask"
        )
        if self.n_kv_heads != heads:
            text += f", {self.n_kv_heads} KV heads"
        if self.cross_attention is not None:
            text += f"; cross-attention {queries} × {self.cross_attention.shape[-1]}"
        return text + ")"


def trace(model: LanguageModel, ids: list[int], target_ids: list[int] | None = None) -> Trace:
    """Run `model` once over `ids` (and, for an encoder-decoder, the decoder over `target_ids`) and keep everything."""
    inputs = {"input_ids": torch.tensor([ids], device=model.device)}
    if target_ids is not None:
        inputs["decoder_input_ids"] = torch.tensor([target_ids], device=model.device)
    with torch.no_grad(), model.evaluation():
        out = model.torch_model(**inputs, output_attentions=True, output_hidden_states=True, use_cache=False)
    if model.family == "encoder-decoder":
        return _encoder_decoder(model, ids, target_ids, out)
    decoder = model.family == "decoder"
    return Trace(
        tokens=model.token_strings(ids),
        ids=ids,
        attention=_stacked(model, getattr(out, "attentions", None)),
        hidden=_stacked(model, out.hidden_states),
        logits=_logits(model, out),
        kind=model.family,
        mask="causal" if decoder else "full",
        windows=model.windows,
        n_kv_heads=model.n_kv_heads,
        model_name=model.name,
        _unembed=_unembedding(model) if decoder else None,
    )


def _encoder_decoder(model: LanguageModel, ids: list[int], target_ids: list[int], out) -> Trace:
    encoder_attention = _stacked(model, out.encoder_attentions)
    n_layers, n_heads = len(out.encoder_attentions), out.encoder_attentions[0].shape[1]
    encoder = Trace(
        tokens=model.token_strings(ids),
        ids=ids,
        attention=encoder_attention,
        hidden=_stacked(model, out.encoder_hidden_states),
        logits=None,
        kind="encoder",
        mask="full",
        windows=[None] * n_layers,
        n_kv_heads=n_heads,
        model_name=model.name,
    )
    return Trace(
        tokens=model.token_strings(target_ids),
        ids=target_ids,
        attention=_stacked(model, out.decoder_attentions),
        hidden=_stacked(model, out.decoder_hidden_states),
        logits=_logits(model, out),
        kind="encoder-decoder",
        mask="causal",
        windows=model.windows,
        n_kv_heads=model.n_kv_heads,
        model_name=model.name,
        encoder=encoder,
        cross_attention=_stacked(model, out.cross_attentions),
    )


def _stacked(model: LanguageModel, layers: tuple) -> Callable[[], torch.Tensor]:
    """A function that joins [1, ...] tensors, one a layer, into one. Joining copies, so it waits until it is needed."""
    if not layers or any(layer is None for layer in layers):
        chosen = getattr(model.config, "_attn_implementation", None)
        if chosen == "eager":
            raise ValueError(
                f"{model.name} ({model.config.model_type}) has layers without attention, so it cannot be traced. "
                "generate and next_token work."
            )
        raise ValueError(
            f"{model.name} runs with attn_implementation={chosen!r}, which does not return attention. Load it with "
            'lmkit.load(...), or switch a model of your own: torch_model.set_attn_implementation("eager").'
        )
    return lambda: torch.cat(layers).float().cpu()


def _logits(model: LanguageModel, out) -> Callable[[], torch.Tensor] | None:
    """Logits over the vocabulary; None for a bare encoder or one with another head, such as a classifier."""
    logits = getattr(out, "logits", None)
    if logits is None or logits.shape[-1] != model.vocab_size:
        return None
    return lambda: logits[0].float().cpu()


def _unembedding(model: LanguageModel) -> Callable[[torch.Tensor], torch.Tensor]:
    """The map hidden [layer+1, token, width] -> logits [layer+1, token, vocab] of a causal model."""

    def unembed(hidden: torch.Tensor) -> torch.Tensor:
        body, head = model.torch_model.base_model, model.torch_model.get_output_embeddings()
        body = getattr(body, "decoder", body)  # OPT keeps its layers one level deeper
        norm = next((getattr(body, name) for name in FINAL_NORMS if hasattr(body, name)), None)
        if norm is None or head is None:
            raise ValueError(
                f"The logit lens finds no final norm and unembedding in {model.name} (looked for {FINAL_NORMS})."
            )
        hidden = hidden.to(model.device, model.dtype)
        with torch.no_grad(), model.evaluation():  # transformers' last hidden state has been normalised already
            logits = head(torch.cat([norm(hidden[:-1]), hidden[-1:]]))
        return logits.float().cpu()

    return unembed
