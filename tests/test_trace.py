"""A trace is what transformers computes, no more and no less, for every family; and its tokens lose nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lmkit
from lmkit.tokens import Pieces

DECODERS = ["llama", "gpt2", "qwen3", "gemma3", "mistral"]
TEXT = "The animal didn't cross the street 你好"


def bare(model, ids, **more):
    with torch.no_grad():
        return model.torch_model(torch.tensor([ids]), output_attentions=True, output_hidden_states=True, **more)


def same(stacked: torch.Tensor, layers: tuple) -> bool:
    assert stacked.dtype == torch.float32 and stacked.device.type == "cpu"
    return torch.equal(stacked, torch.stack([layer[0] for layer in layers]))


@pytest.mark.parametrize("family", DECODERS)
def test_a_decoder_is_traced_as_transformers_computes_it(tiny, family):
    model = tiny(family)
    trace = model.trace(TEXT)
    out = bare(model, trace.ids)
    assert trace.ids == model.tokenizer(TEXT)["input_ids"]
    assert same(trace.attention, out.attentions) and trace.attention.shape == (3, 4, len(trace.ids), len(trace.ids))
    assert same(trace.hidden, out.hidden_states) and trace.hidden.shape == (4, len(trace.ids), 32)
    assert torch.equal(trace.logits, out.logits[0])
    assert (trace.kind, trace.mask, trace.encoder, trace.cross_attention) == ("decoder", "causal", None, None)
    assert not trace.attention.triu(1).any(), "a causal model attends to no later token"


@pytest.mark.parametrize(
    ("family", "kv_heads", "windows"),
    [
        ("llama", 2, [None] * 3),
        ("gpt2", 4, [None] * 3),
        ("qwen3", 1, [None] * 3),
        ("gemma3", 1, [4, None, 4]),
        ("mistral", 2, [5] * 3),
        ("bert", 4, [None] * 3),
        ("t5", 4, [None] * 3),
        ("bart", 4, [None] * 3),
    ],
)
def test_heads_and_windows(tiny, family, kv_heads, windows):
    model = tiny(family)
    trace = model.trace(TEXT)
    assert (model.n_layers, model.n_heads, model.width, model.head_width) == (3, 4, 32, 8)
    assert trace.n_kv_heads == model.n_kv_heads == kv_heads
    assert trace.windows == windows
    if hasattr(model.torch_model.base_model, "layers"):
        keys = model.torch_model.base_model.layers[0].self_attn.k_proj.out_features
        assert keys == kv_heads * model.head_width
    distance = torch.arange(len(trace.ids))[:, None] - torch.arange(len(trace.ids))
    for layer, window in enumerate(windows):
        seen = (trace.attention[layer] > 0).any(0)
        allowed = distance >= 0 if trace.mask == "causal" else torch.ones_like(seen)
        assert torch.equal(seen, allowed if window is None else allowed & (distance < window))


def test_an_encoder_is_traced_as_transformers_computes_it(tiny):
    model = tiny("bert")
    trace = model.trace(TEXT)
    out = bare(model, trace.ids)
    assert same(trace.attention, out.attentions) and same(trace.hidden, out.hidden_states)
    assert torch.equal(trace.logits, out.logits[0])
    assert (trace.kind, trace.mask) == ("encoder", "full")
    without_head = tiny("bert-bare").trace(TEXT)
    assert without_head.logits is None and without_head.kind == "encoder"
    assert same(without_head.attention, bare(tiny("bert-bare"), trace.ids).attentions)


@pytest.mark.parametrize("family", ["t5", "bart"])
def test_an_encoder_decoder_is_traced_on_both_sides(tiny, family):
    model = tiny(family)
    target = [2, 9, 30, 31, 32]
    trace = model.trace(TEXT, target=target)
    out = bare(model, trace.encoder.ids, decoder_input_ids=torch.tensor([target]))
    source = len(trace.encoder.ids)
    assert source != len(target)
    assert same(trace.attention, out.decoder_attentions) and trace.attention.shape == (3, 4, 5, 5)
    assert same(trace.cross_attention, out.cross_attentions) and trace.cross_attention.shape == (3, 4, 5, source)
    assert same(trace.hidden, out.decoder_hidden_states)
    assert same(trace.encoder.attention, out.encoder_attentions)
    assert len(trace.encoder.attention) == (3 if family == "t5" else 2)
    assert same(trace.encoder.hidden, out.encoder_hidden_states)
    assert torch.equal(trace.logits, out.logits[0]) and trace.encoder.logits is None
    assert (trace.kind, trace.mask, trace.encoder.kind, trace.encoder.mask) == (
        "encoder-decoder",
        "causal",
        "encoder",
        "full",
    )
    assert trace.encoder.n_kv_heads == trace.encoder.attention.shape[1] == (4 if family == "t5" else 2)


def test_a_target_in_words_gets_the_start_token_and_loses_the_end_token(tiny):
    model = tiny("bart")
    words = model.trace(TEXT, target="cat</s>")
    assert words.ids == [2, *model.encode("cat")]
    assert words.tokens[0] == "</s>"


def test_without_a_target_the_model_writes_its_own(tiny):
    model = tiny("t5")
    ids = model.encode(TEXT)
    written = model.torch_model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=40)[0].tolist()
    assert model.trace(TEXT).ids == [id for id in written if id != 2 or written.index(id) == 0]


@pytest.mark.parametrize("family", DECODERS)
def test_the_logit_lens_ends_in_the_logits(tiny, family):
    model = tiny(family)
    trace = model.trace(TEXT)
    lens = trace.logit_lens()
    assert lens.shape == (4, len(trace.ids), model.vocab_size)
    torch.testing.assert_close(lens[-1], trace.logits, rtol=1e-5, atol=1e-5)
    body = model.torch_model.base_model
    norm = body.ln_f if family == "gpt2" else body.norm
    by_hand = model.torch_model.get_output_embeddings()(norm(trace.hidden[1])).detach()
    torch.testing.assert_close(lens[1], by_hand)
    assert not torch.allclose(lens[1], lens[-1])


def test_the_logit_lens_refuses_a_model_whose_logits_are_made_otherwise(build, byte_tokenizer):
    model = lmkit.LanguageModel(build("gemma3", final_logit_softcapping=0.5), byte_tokenizer, "capped")
    with pytest.raises(ValueError, match="capped makes its logits with more than a final norm"):
        model.trace(TEXT).logit_lens()


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_the_logit_lens_says_why_others_have_none(tiny, family):
    with pytest.raises(ValueError, match=f"tiny-{family} is an encoder"):
        tiny(family).trace(TEXT).logit_lens()


def test_loss_is_the_mean_cross_entropy_in_nats(tiny):
    model = tiny("llama")
    trace = model.trace(TEXT)
    ids = torch.tensor([trace.ids])
    assert trace.loss() == pytest.approx(model.torch_model(ids, labels=ids).loss.item(), abs=1e-6)
    with pytest.raises(ValueError, match="predicts no next token"):
        tiny("bert").trace(TEXT).loss()
    with pytest.raises(ValueError, match="trace at least two"):
        model.trace([5]).loss()


def test_dropout_is_off_while_tracing_and_on_again_after(build, byte_tokenizer):
    torch_model = build("gpt2", attn_pdrop=0.5, resid_pdrop=0.5)
    model = lmkit.LanguageModel(torch_model, byte_tokenizer)
    quiet = model.trace(TEXT).logits
    torch_model.train()
    torch_model.transformer.h[0].eval()
    assert torch.equal(model.trace(TEXT).logits, quiet)
    assert torch_model.training and torch_model.transformer.h[1].training and not torch_model.transformer.h[0].training


def test_reprs_are_the_same_every_time(tiny):
    assert repr(tiny("llama").trace("The cat")) == repr(tiny("llama").trace("The cat"))
    text = repr(tiny("bart").trace("The cat", target="cat"))
    assert text.startswith("Trace(tiny-bart, encoder-decoder; ") and "cross-attention" in text


def test_real_models_are_traced(smollm2, minilm):
    trace = smollm2.trace("The capital of France is")
    assert trace.attention.shape == (30, 9, 5, 5) and trace.n_kv_heads == 3 and trace.logits.shape == (5, 49152)
    torch.testing.assert_close(trace.attention.sum(-1), torch.ones(30, 9, 5))
    torch.testing.assert_close(trace.logit_lens()[-1], trace.logits, rtol=1e-4, atol=1e-4)
    encoder = minilm.trace("The capital of France is")
    assert encoder.tokens == ["[CLS]", "the", "capital", "of", "france", "is", "[SEP]"] and encoder.logits is None


# Tokens


NOT_IN_SMOLLM2 = "\x04\x06\x13\x14\x16\x1d"  # its vocabulary has no token for these bytes, and its tokenizer drops them
MIXED = st.text(
    st.one_of(
        st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"], exclude_characters=NOT_IN_SMOLLM2),
        st.characters(min_codepoint=0x590, max_codepoint=0x9FFF, exclude_categories=["Cs"]),
        st.sampled_from("🙂👍🏽👩‍💻 \n\t<|im_end|></script>ĠĊ▁"),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(text=MIXED)
def test_the_bytes_of_the_tokens_are_the_bytes_of_the_text(smollm2, text):
    assert b"".join(smollm2.token_bytes(smollm2.encode(text))) == text.encode()


def test_special_tokens_in_a_text_are_kept(smollm2):
    text = "<|im_start|>user\nHi<|im_end|> 你"
    ids = smollm2.encode(text)
    assert b"".join(smollm2.token_bytes(ids)) == text.encode()
    assert smollm2.token_strings(ids)[0] == "<|im_start|>"


def test_byte_level_tokens(smollm2):
    assert smollm2.token_strings(smollm2.encode(" the cat\n")) == [" the", " cat", "\n"]
    pieces = smollm2.token_strings(smollm2.encode("佢"))
    assert "".join(pieces) == "".join(f"<0x{byte:02X}>" for byte in "佢".encode()) and len(pieces) > 1


def test_wordpiece_tokens(build, wordpiece_tokenizer):
    model = lmkit.LanguageModel(build("bert"), wordpiece_tokenizer)
    strings = model.token_strings(model.encode("The unbelievable cats 好 龘"))
    assert strings == ["[CLS]", "the", "un", "##believ", "##able", "cat", "##s", "好", "<unk>", "[SEP]"]


def test_sentencepiece_tokens(build, sentencepiece_tokenizer):
    model = lmkit.LanguageModel(build("llama"), sentencepiece_tokenizer)
    ids = model.encode("the cat 好\n")
    assert model.token_strings(ids) == ["t", "h", "e", " c", "a", "t", " ", "<0xE5>", "<0xA5>", "<0xBD>", "\n"]
    assert b"".join(model.token_bytes(ids)) == "the cat 好\n".encode()
    assert model.token_string(model.tokenizer.convert_tokens_to_ids("▁the")) == " the"


def test_unigram_tokens():
    """T5's kind of vocabulary: pieces with probabilities, and a Metaspace in front of every word."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁cat", -1.0), ("s", -2.0), ("▁", -3.0)], unk_id=0))
    unigram.pre_tokenizer, unigram.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    pieces = Pieces(PreTrainedTokenizerFast(tokenizer_object=unigram, unk_token="<unk>"))
    assert pieces.strings([1, 2, 3, 0]) == [" cat", "s", " ", "<unk>"]


def test_an_id_beyond_the_tokenizer_has_a_name_too(tiny):
    model = tiny("llama")
    last = model.vocab_size - 1
    assert last >= len(model.tokenizer)
    assert model.token_strings([last]) == [f"[no token {last}]"]


def test_decode_gives_the_text_back(smollm2):
    text = "Hello , world !  <|im_end|> 你好 🙂"
    assert smollm2.decode(smollm2.encode(text)) == text
