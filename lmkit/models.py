"""A loaded language model: `load` one, or wrap one that you built, and ask it for traces, distributions and text.

`LanguageModel` puts one face on every architecture family of transformers: decoders, encoders and encoder-decoders. It
knows how to turn text into ids and back without loss, and which numbers describe the model. It does not know where
files come from (`lmkit.weights`), what a trace keeps (`lmkit.trace`) or how a token is chosen (`lmkit.sampling`,
`lmkit.generation`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from lmkit import generation, weights
from lmkit import trace as tracing
from lmkit.generation import Generation
from lmkit.sampling import Distribution
from lmkit.tokens import Pieces
from lmkit.trace import Trace

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load(
    name: str | os.PathLike | None = None,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    revision: str | None = None,
) -> LanguageModel:
    """Find, verify and load a model, and print one line that says what it is.

    name      a local folder, a name of `lmkit.catalog()`, or a Hub id "owner/name"; None: $LMKIT_MODEL, else
              smollm2-135m-instruct, which needs no network when its wheel is installed
    device    "auto" (cuda, else mps, else cpu) or a device
    dtype     "auto" (float32 on a CPU, on CUDA bfloat16, or float16 where that is missing) or a dtype
    revision  a commit, tag or branch of the Hub; None: the catalogue's commit, else the newest, whose commit is printed

    Raises LookupError when the model is unknown or cannot be fetched, ValueError when its files fail their checksum,
    are not safetensors or GGUF, or the device is not there.
    """
    source = weights.find(str(name or os.environ.get("LMKIT_MODEL") or weights.DEFAULT_MODEL), revision)
    device = _device(device)
    dtype = _dtype(dtype, device)
    torch_model, tokenizer = _read(source, dtype)
    model = LanguageModel(torch_model.to(device), tokenizer, source.name)
    size = f"{torch_model.num_parameters() / 1e6:.1f}M parameters"
    print(" · ".join([source.name, size, source.origin, str(dtype).removeprefix("torch."), str(device)]))
    return model


def _device(wanted: str | torch.device) -> torch.device:
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    if torch.cuda.is_available():
        there = [f"cuda:{index}" for index in range(torch.cuda.device_count())] + there
    if wanted == "auto":
        return torch.device(there[0].split(":")[0])
    device = torch.device(wanted)
    if not any(str(device) in (name, name.split(":")[0]) for name in there):
        raise ValueError(
            f"device={str(wanted)!r} was asked for, but this machine has only: {', '.join(there)}. Use "
            "device='auto', or on Colab choose Runtime > Change runtime type > GPU."
        )
    return device


def _dtype(wanted: str | torch.dtype, device: torch.device) -> torch.dtype:
    if wanted == "auto":
        if device.type != "cuda":
            return torch.float32
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    dtype = getattr(torch, wanted, None) if isinstance(wanted, str) else wanted
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(
            f"dtype={wanted!r} is not a floating-point type: use 'auto', 'float32', 'bfloat16' or 'float16'."
        )
    return dtype


def _read(source: weights.Source, dtype: torch.dtype) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Read a folder of safetensors with the class that its configuration asks for. Code in the folder is never run."""
    import transformers

    with weights.quiet_transformers():
        try:
            config = transformers.AutoConfig.from_pretrained(source.folder, trust_remote_code=False)
        except ValueError as error:
            if "trust_remote_code" not in str(error):
                raise
            raise ValueError(
                f"{source.name} needs program code that comes with its files, and lmkit never runs that. Choose a "
                "model whose architecture is part of transformers."
            ) from error
        model, report = _auto_class(config).from_pretrained(
            source.folder,
            dtype=dtype,
            attn_implementation="eager",  # the only implementation that returns attention
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.folder, trust_remote_code=False)
    missing = sorted(name for name in report["missing_keys"] if "pooler" not in name)  # a pooler is not traced
    if missing:
        raise ValueError(
            f"The files of {source.name} lack {len(missing)} of the model's weights (for example {missing[0]}), which "
            "would be filled with random numbers. Get a checkpoint that has them."
        )
    return model, tokenizer


def _auto_class(config):
    """The class that keeps the checkpoint's language-model head where it has one."""
    import transformers
    from transformers.models.auto import modeling_auto

    architecture = (getattr(config, "architectures", None) or [""])[0]
    if config.is_encoder_decoder:
        return transformers.AutoModelForSeq2SeqLM
    if architecture.endswith("ForMaskedLM"):
        return transformers.AutoModelForMaskedLM
    causal = config.model_type in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    masked = config.model_type in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if causal and ("LMHead" in architecture or not masked):  # BERT is in both lists
        return transformers.AutoModelForCausalLM
    return transformers.AutoModel


class LanguageModel:
    """A transformers model and its tokenizer, with one interface for all families.

    `load` makes one; a model that you trained yourself is wrapped with `LanguageModel(torch_model, tokenizer, name)`.
    `torch_model` is the bare transformers model: nothing is hooked or changed in it.
    """

    def __init__(self, torch_model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str = "model") -> None:
        self.torch_model, self.tokenizer, self.name = torch_model, tokenizer, name
        self.config = torch_model.config
        self._pieces = Pieces(tokenizer)
        text = self.config.get_text_config()
        self.family = _family(torch_model)
        # Of an encoder-decoder, these describe the decoder: BART and T5 have names of their own for that.
        self.n_layers: int = _first(text, "decoder_layers", "num_decoder_layers", "num_hidden_layers")
        self.n_heads: int = _first(text, "decoder_attention_heads", "num_attention_heads")
        if self.n_heads is None:
            raise ValueError(f"{name} ({self.config.model_type}) has no attention heads: lmkit is about transformers.")
        self.n_kv_heads: int = _kv_heads(text) or self.n_heads
        self.width: int = text.hidden_size
        self.head_width: int = _first(text, "head_dim") or self.width // self.n_heads
        # RoBERTa counts two positions that are not for text; its tokenizer knows. None: no limit is built in (T5).
        positions = _first(text, "max_position_embeddings")
        self.context: int | None = positions and min(positions, tokenizer.model_max_length)
        self.vocab_size: int = text.vocab_size
        self.windows: list[int | None] = _windows(text, self.n_layers)

    @property
    def device(self) -> torch.device:
        return self.torch_model.device

    @property
    def dtype(self) -> torch.dtype:
        return self.torch_model.dtype

    def __repr__(self) -> str:
        kv = f" ({self.n_kv_heads} KV)" if self.n_kv_heads != self.n_heads else ""
        return (
            f"LanguageModel({self.name}: {self.family}, {self.n_layers} layers × {self.n_heads} heads{kv}, "
            f"width {self.width}, vocabulary {self.vocab_size}, context {self.context or 'unlimited'})"
        )

    # Text and ids

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with the special tokens that the model's tokenizer adds.

        What a vocabulary cannot spell, the tokenizer replaces or drops: MiniLM reads most Chinese characters as [UNK],
        and SmolLM2 has no token for six control characters (U+0004 is one).
        Raises ValueError for an empty text.
        """
        if not isinstance(text, str):
            raise ValueError(f"A text is a str; got {type(text).__name__}.")
        if not text:
            raise ValueError("The text is empty, so there is nothing to read: give at least one character.")
        return self.tokenizer(text, verbose=False)["input_ids"]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens included."""
        return self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def token_bytes(self, ids: Sequence[int]) -> list[bytes]:
        """The exact bytes that each token stands for.

        Byte-level and sentencepiece vocabularies are resolved to the text's own bytes (a word's leading space is a
        space). WordPiece entries keep their "##" and special tokens their name: they stand for no text of their own.
        """
        return self._pieces.bytes(ids)

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        """Lossless display pieces, one a token: its exact text, with a leading space as a space.

        A token that is not valid UTF-8 on its own (a fragment of a Chinese character, say) is shown as its bytes, such
        as '<0xE4><0xBB>'. Special tokens are shown by name. `token_bytes` tells both apart from text that looks so.
        """
        return self._pieces.strings(ids)

    def token_string(self, id: int) -> str:
        """`token_strings` of one id."""
        return self._pieces.strings([id])[0]

    # Reading and writing

    def trace(self, text: str | Sequence[int], target: str | Sequence[int] | None = None) -> Trace:
        """One forward pass over `text` (a str, or token ids taken as they are), kept whole: see `Trace`.

        `target` (encoder-decoder only) is what the decoder reads: a str, which gets the decoder's start token in front,
        or ids with that token included. None: the model's own greedy output.

        Raises ValueError for an empty text, one longer than the context, ids outside the vocabulary, a target for a
        model that takes none, or a model whose attention implementation returns no attention.
        """
        ids = self._ids(text)
        if self.family != "encoder-decoder":
            if target is not None:
                raise ValueError(
                    f"{self.name} is a {self.family} and takes one text; only an encoder-decoder has a target."
                )
            return tracing.trace(self, ids)
        if target is None or isinstance(target, str):
            target = self.generate(ids).ids if target is None else self._ids(target)
            if target[-1] in generation.end_ids(self):  # the end is predicted, not read
                target = target[:-1]
            target = self._decoder_start() + target
        return tracing.trace(self, ids, self._ids(target))

    def next_token(self, text: str | Sequence[int]) -> Distribution:
        """The distribution over the next token after `text`; for an encoder-decoder, over the first it would write.

        Raises ValueError for an encoder, which predicts no next token.
        """
        ids = self._ids(text)
        if self.family == "encoder":
            raise ValueError(
                f"{self.name} is an encoder: it reads both sides and predicts no next token. Load a decoder "
                "(lmkit.catalog() lists some)."
            )
        inputs = {"input_ids": torch.tensor([ids], device=self.device)}
        if self.family == "encoder-decoder":
            inputs["decoder_input_ids"] = torch.tensor([self._decoder_start()], device=self.device)
        with torch.no_grad(), self.evaluation():
            logits = self.torch_model(**inputs, use_cache=False).logits[0, -1]
        return Distribution(logits, self.token_string)

    def generate(
        self,
        text: str | Sequence[int],
        max_new_tokens: int = 40,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        seed: int | None = None,
        num_beams: int = 1,
        repetition_penalty: float = 1.0,
    ) -> Generation:
        """Continue `text` until the model ends it or `max_new_tokens` are written.

        temperature=None is greedy decoding (or beam search with num_beams > 1); a number samples, with top_k, top_p and
        min_p as in `Distribution.warp`. `seed` makes sampling repeatable; without it torch's own random state is used.
        repetition_penalty > 1 lowers the logits of tokens seen before (Keskar et al. 2019, CTRL).

        Raises ValueError for settings that cannot work, an encoder, or a text that leaves no room in the context.
        """
        settings = {name: value for name, value in locals().items() if name not in ("self", "text")}
        ids = self._ids(text)
        return generation.generate(self, text if isinstance(text, str) else self.decode(ids), ids, settings)

    def chat(self, messages: str | list[dict[str, str]], **settings) -> Generation:
        """Answer a message, or a list of {"role": ..., "content": ...}, in the model's chat format.

        The settings are those of `generate`. Raises ValueError for a model without a chat template.
        """
        if not self.tokenizer.chat_template:
            raise ValueError(
                f"{self.name} has no chat template: it was not trained to answer messages. Use generate(text), or load "
                "an instruction-tuned model."
            )
        messages = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        prompt = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return self.generate(self.tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"], **settings)

    # Shared with trace and sampling

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """Run without dropout, and put those parts of the model that were in training mode back into it."""
        training = [module for module in self.torch_model.modules() if module.training]
        for module in training:
            module.training = False
        try:
            yield
        finally:
            for module in training:
                module.training = True

    def check_length(self, length: int, what: str = "The text") -> None:
        """Raise ValueError when `length` tokens do not fit into the context."""
        if self.context is not None and length > self.context:
            raise ValueError(
                f"{what} is {length} tokens long, {length - self.context} more than the {self.context} that "
                f"{self.name} can read at once. Shorten it."
            )

    def _ids(self, text: str | Sequence[int]) -> list[int]:
        ids = self.encode(text) if isinstance(text, str) else [int(id) for id in text]
        if not ids:
            raise ValueError("There are no token ids to read: give at least one.")
        outside = [id for id in ids if not 0 <= id < self.vocab_size]
        if outside:
            raise ValueError(
                f"Token id {outside[0]} is outside the vocabulary of {self.name}: 0 to {self.vocab_size - 1}."
            )
        self.check_length(len(ids))
        return ids

    def _decoder_start(self) -> list[int]:
        config = self.torch_model.generation_config
        start = config.decoder_start_token_id
        return [config.bos_token_id if start is None else start]


def _family(torch_model: PreTrainedModel) -> str:
    if torch_model.config.is_encoder_decoder:
        return "encoder-decoder"
    both_sides = getattr(torch_model.config.get_text_config(), "is_causal", True) is False  # a decoder with its mask taken off
    return "decoder" if torch_model.can_generate() and not both_sides else "encoder"


def _first(config, *names: str):
    """The first of these settings that the configuration has, None if it has none of them."""
    return next((value for name in names if (value := getattr(config, name, None)) is not None), None)


def _kv_heads(config) -> int | None:
    """Heads that hold keys and values, where the configuration says so."""
    if getattr(config, "multi_query", False) and not getattr(config, "new_decoder_architecture", False):
        return 1  # Falcon's first models state another number and do not use it
    return _first(config, "num_key_value_heads", "num_kv_heads")


def _windows(config, n_layers: int) -> list[int | None]:
    """The sliding window of each layer in tokens, None for a layer without one."""
    window = _first(config, "sliding_window", "window_size")
    kinds = _first(config, "layer_types", "attention_layers")  # the second, with window_size, is GPT-Neo's
    if kinds is None:  # one window for all layers, as in Mistral
        return [getattr(config, "sliding_window", None)] * n_layers
    return [window if kind in ("sliding_attention", "local") else None for kind in kinds]
