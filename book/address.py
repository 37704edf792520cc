"""The public address of the repository: read it, set it, fill it into copies of the notebooks.

    python -m book.address                            prints the address
    python -m book.address set URL                    writes it into _config.yml, the only place where it stands
    python -m book.address fill FOLDER                copies the notebooks to FOLDER, ready for Colab
    python -m book.address fill FOLDER --ref COMMIT   … installing the package as it was at that commit
    python -m book.address fill FOLDER --from PATH    … installing the package from a local folder

A chapter's setup cell installs the package from `@REPOSITORY@`; a copy that leaves the repository says where that is.
An address that ends in `.invalid` means: not published yet.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "_config.yml"
PLACEHOLDER = "@REPOSITORY@"
Notebook = TypeVar("Notebook", bound=dict[str, Any])
BRANCH = "colab"  # holds the filled copies that Colab opens
URL_LINE = re.compile(r"^(repository:\n(?:[ #].*\n|\n)*?  url:[ ]*)(\S+)", re.MULTILINE)


def read(config: Path = CONFIG) -> str:
    """The repository's web address, without a slash at its end."""
    return yaml.safe_load(config.read_text("utf8"))["repository"]["url"].rstrip("/")


def is_published(url: str) -> bool:
    """False for the placeholder address, whose host ends in the reserved `.invalid`, and for none at all."""
    host = urlsplit(url).hostname
    return host is not None and not host.endswith(".invalid")


def write(url: str, config: Path = CONFIG) -> None:
    """Sets the address in the configuration and leaves everything else in it as it is.

    Raises ValueError unless `url` is https://host/owner/name, the form that pip and Colab need.
    """
    url = url.strip().rstrip("/").removesuffix(".git")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or len(parts.path.strip("/").split("/")) < 2 or parts.query:
        raise ValueError(f"{url!r} is not the address of a repository: expected https://host/owner/name")
    text, found = URL_LINE.subn(lambda match: match[1] + url, config.read_text("utf8"))
    if found != 1:
        raise ValueError(f"{config} has no line 'url:' under 'repository:'")
    config.write_text(text, "utf8")


def requirement(url: str, ref: str = "") -> str:
    """What pip installs the package from: the repository, as it was at `ref` if one is given."""
    return f"git+{url}@{ref}" if ref else f"git+{url}"


def fill(notebook: Notebook, source: str) -> Notebook:
    """A copy of a notebook with `@REPOSITORY@` in its cells replaced by `source`, what pip installs the package from."""
    filled = copy.deepcopy(notebook)
    for cell in filled["cells"]:
        text = "".join(cell["source"])
        if PLACEHOLDER in text:
            cell["source"] = text.replace(PLACEHOLDER, source)
    return filled


def fill_file(path: Path, target: Path, source: str) -> None:
    """Writes a filled copy of the notebook at `path` to `target`, which may be the same file."""
    notebook = fill(json.loads(path.read_text("utf8")), source)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", "utf8")


def fill_folder(target: Path, source: str, root: Path = ROOT) -> list[Path]:
    """Writes a filled copy of every chapter below `target`, under its own name. Returns the copies."""
    paths = sorted((root / "chapters").glob("*.ipynb"))
    copies = [target / path.relative_to(root) for path in paths]
    for path, filled in zip(paths, copies, strict=True):
        fill_file(path, filled, source)
    return copies


def colab_url(url: str, path: str) -> str:
    """Where Colab opens the filled copy of the notebook at `path`; "" if Colab cannot open repositories of that host."""
    parts = urlsplit(url)
    if parts.hostname != "github.com":
        return ""
    return f"https://colab.research.google.com/github{parts.path}/blob/{BRANCH}/{path}"


def site(url: str) -> str:
    """Where the pages of the repository are published, with a slash at the end; "" while it is not, or if its host is unknown."""
    parts = urlsplit(url)
    owner, _, name = parts.path.strip("/").partition("/")
    pages = {"github.com": "github.io", "gitlab.com": "gitlab.io"}.get(parts.hostname or "")
    if not (pages and owner and name):
        return ""
    host = f"{owner.lower()}.{pages}"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def main() -> None:
    parser = argparse.ArgumentParser(description="Read, set or fill in the address of the repository.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("set").add_argument("url")
    filling = commands.add_parser("fill")
    filling.add_argument("folder", type=Path)
    where = filling.add_mutually_exclusive_group()
    where.add_argument("--ref", default="")
    where.add_argument("--from", dest="local", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "set":
        write(arguments.url)
    elif arguments.command == "fill":
        local = arguments.local and arguments.local.resolve().as_uri()
        for path in fill_folder(arguments.folder, local or requirement(read(), arguments.ref)):
            print(path)
        return
    print(read())


if __name__ == "__main__":
    main()
