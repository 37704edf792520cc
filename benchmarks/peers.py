"""BertViz and CircuitsVis, installed aside for the comparison only, as pages of the same attention tensor.

Nothing of them is a dependency of the course. Their pages ask a CDN for scripts; here the browser is handed the same
scripts from disk, so that no network latency is counted against them.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import torch

CACHE = Path(__file__).parent.parent / ".cache" / "peers"
PACKAGES = ["bertviz==1.4.1", "circuitsvis==1.43.3"]
SCRIPTS = {  # what the CDN address contains -> npm package, file in it
    "d3": ("d3@5.7.0", "dist/d3.min.js"),
    "jquery": ("jquery@2.2.4", "dist/jquery.min.js"),
    "require": ("requirejs@2.3.6", "require.js"),
}


def prepare() -> None:
    """Installs the peers under `.cache/peers`, once."""
    if not (CACHE / "bertviz").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(CACHE)]
        subprocess.run(pip + PACKAGES, check=True)
    for name, (package, _) in SCRIPTS.items():
        folder = CACHE / "js" / name
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.split()[-1]
        with tarfile.open(folder / packed) as archive:
            archive.extractall(folder, filter="data")
    if str(CACHE) not in sys.path:
        sys.path.append(str(CACHE))


def script_for(address: str) -> str | None:
    """The text of the script that a CDN address stands for, or None if it is none of the peers'."""
    for name, (_, file) in SCRIPTS.items():
        if f"/{name}" in address:
            return (CACHE / "js" / name / "package" / file).read_text("utf8")
    return None


def bertviz_page(attention: torch.Tensor, tokens: list[str]) -> str:
    """BertViz head view of `attention` [layer, head, query, key], all heads of layer 0 first, as its own HTML."""
    from bertviz import head_view

    layers = [layer.unsqueeze(0) for layer in attention]
    body = head_view(attention=layers, tokens=tokens, html_action="return").data
    require = '<script src="https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.6/require.min.js"></script>'
    return f"<!doctype html><meta charset=utf-8>{require if require not in body else ''}{body}"


def circuitsvis_page(attention: torch.Tensor, tokens: list[str], layer: int | None = None) -> str:
    """CircuitsVis attention heads, with its script inline: all layers, or one layer as its users show it."""
    from circuitsvis.utils import render as cv

    heads = attention[layer] if layer is not None else attention.flatten(0, 1)
    body = cv.render_local("AttentionHeads", attention=heads.numpy(), tokens=tokens)
    return f"<!doctype html><meta charset=utf-8>{body}"
