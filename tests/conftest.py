"""Shared models: the two real ones that come in wheels, and one tiny random model for each architecture family."""

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may need the network

WORDS = "The animal didn't cross the street because it was too tired. 你好，世界 🙂 naïve façade 0123456789 the cat sat"
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48, "head_dim": 8}
IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def wrap(tokenizer, **special):
    from transformers import PreTrainedTokenizerFast

    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"} | special
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


@pytest.fixture(scope="session")
def byte_tokenizer():
    """Byte-level BPE, as in GPT-2, Llama 3, Qwen and SmolLM2."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        [WORDS] * 3,
        trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False),
    )
    return wrap(tokenizer)


@pytest.fixture(scope="session")
def wordpiece_tokenizer():
    """WordPiece, as in BERT: lower case, "##" inside a word, [CLS] and [SEP] around a text."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    pieces = [*SPECIAL, "the", "animal", "un", "##believ", "##able", "cat", "##s", "好"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    around = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    return wrap(tokenizer, cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")


@pytest.fixture(scope="session")
def sentencepiece_tokenizer():
    """A sentencepiece-like vocabulary with byte fallback, as in Llama 2 and Gemma."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    pieces = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"thecaso", "▁t", "▁th", "▁the", "▁c"]
    merges = [("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("▁", "c")]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return wrap(tokenizer)


def _build(family: str, vocabulary: int = 307, **changes):
    """A tiny transformers model with random weights that are not all alike. 307 exceeds every tiny vocabulary above."""
    import torch
    import transformers as hf

    common = {"vocab_size": vocabulary, **IDS}
    seq2seq = {"d_model": 32, "decoder_start_token_id": 2, **common}
    bart = {"encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 2, "decoder_attention_heads": 4}
    bart |= {"encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 64}
    t5 = {"d_ff": 48, "d_kv": 8, "num_layers": 3, "num_heads": 4}
    layers = ["sliding_attention", "full_attention", "sliding_attention"]
    long = {"max_position_embeddings": 64}
    choices = {
        "llama": (hf.LlamaConfig, hf.LlamaForCausalLM, {**SIZES, **common, **long, "num_key_value_heads": 2}),
        "mistral": (
            hf.MistralConfig,
            hf.MistralForCausalLM,
            {**SIZES, **common, **long, "num_key_value_heads": 2, "sliding_window": 5},
        ),
        "gpt2": (
            hf.GPT2Config,
            hf.GPT2LMHeadModel,
            {**common, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64},
        ),
        "qwen3": (hf.Qwen3Config, hf.Qwen3ForCausalLM, {**SIZES, **common, **long, "num_key_value_heads": 1}),
        "gemma3": (
            hf.Gemma3TextConfig,
            hf.Gemma3ForCausalLM,
            {**SIZES, **common, **long, "num_key_value_heads": 1, "sliding_window": 4, "layer_types": layers},
        ),
        "bert": (hf.BertConfig, hf.BertForMaskedLM, {**SIZES, **common, **long}),
        "bert-bare": (hf.BertConfig, hf.BertModel, {**SIZES, **common, **long}),
        "t5": (hf.T5Config, hf.T5ForConditionalGeneration, {**seq2seq, **t5}),
        "bart": (hf.BartConfig, hf.BartForConditionalGeneration, {**seq2seq, **bart}),
    }
    config_class, model_class, settings = choices[family]
    torch.manual_seed(0)
    changes.setdefault("attn_implementation", "eager")
    model = model_class(config_class(**{**settings, **changes})).eval()
    with torch.no_grad():
        for (
            parameter
        ) in model.parameters():  # the usual initial weights are so small that all attention is nearly equal
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


@pytest.fixture(scope="session")
def build():
    """build("llama", **changes) -> a tiny random transformers model, the same every time."""
    return _build


@pytest.fixture(scope="session")
def tiny(build, byte_tokenizer):
    """tiny("llama") -> a LanguageModel around `build("llama")`, made once."""
    import lmkit

    made = {}

    def get(family: str):
        if family not in made:
            made[family] = lmkit.LanguageModel(build(family), byte_tokenizer, f"tiny-{family}")
        return made[family]

    return get


@pytest.fixture(scope="session")
def smollm2():
    import lmkit

    return lmkit.load("smollm2-135m-instruct", device="cpu")


@pytest.fixture(scope="session")
def minilm():
    import lmkit

    return lmkit.load("minilm-l6", device="cpu")


def write_gguf(path, model, tokenizer) -> None:
    """Write a tiny Llama and its byte-level tokenizer as a GGUF file, in float32."""
    import json

    import gguf

    config = model.config
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_merges([" ".join(pair) for pair in backend["model"]["merges"]])
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([control if token in SPECIAL else normal for token in tokens])
    writer.add_bos_token_id(config.bos_token_id)
    writer.add_eos_token_id(config.eos_token_id)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        array = tensor.numpy()
        for part, heads in (("q_proj", config.num_attention_heads), ("k_proj", config.num_key_value_heads)):
            if part in name:  # GGUF keeps the two halves of a rotation beside each other
                array = array.reshape(heads, 2, -1, array.shape[1]).swapaxes(1, 2).reshape(array.shape)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="session")
def tiny_gguf(build, tmp_path_factory, byte_tokenizer):
    """A folder with one small GGUF file, and the model that was written into it."""
    folder = tmp_path_factory.mktemp("gguf") / "tiny-llama-gguf"
    folder.mkdir()
    model = build("llama", vocabulary=len(byte_tokenizer))
    write_gguf(folder / "tiny.gguf", model, byte_tokenizer)
    return folder, model
