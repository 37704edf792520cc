"""Draws the card that other sites show for a link to this one: `python -m book.card` writes `book/static/card.png`.

The sentence and its probabilities are those of the front page. Drawn once with an installed Chromium, and kept: building the
book needs no browser. Where the system has no Chinese font, name the files of one: `python -m book.card some-font.woff2`.
"""

from __future__ import annotations

import argparse
import base64
import html
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from book import branches
from book.metadata import CARD_SIZE
from book.selfhost import HERE

TARGET = HERE / "static" / "card.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WRITTEN = 3  # tokens that the model has written already
LOOK = """
* { box-sizing: border-box; margin: 0; }
body { width: 1200px; height: 630px; padding: 62px 76px 0; background: #14181e; color: #e4e9f0; overflow: hidden;
  font-family: system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
h1 { font-size: 61px; white-space: nowrap; line-height: 1.1; letter-spacing: -0.02em; }
h2 { margin-top: 18px; font: 500 50px NAMED "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: #a3aebb; }
p { margin: 54px 0 24px; font-size: 36px; color: #a3aebb; }
p b { color: #e4e9f0; font-weight: 600; }
ol { list-style: none; padding: 0; }
li { display: grid; grid-template-columns: 220px 1fr 130px; gap: 24px; align-items: center; height: 46px; font-size: 30px; }
li span:first-child { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 28px; }
li i { display: block; height: 22px; border-radius: 6px; background: #6cb4f5; }
li span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
"""


def page(record: dict, fonts: Sequence[Path] = ()) -> str:
    """The card as HTML. `fonts` are files for the characters that the fonts of the system lack."""
    data = [base64.b64encode(font.read_bytes()).decode() for font in fonts]  # a page may load no font from another folder
    faces = [f'@font-face {{ font-family: "named-{i}"; src: url("data:;base64,{one}"); }}' for i, one in enumerate(data)]
    look = "".join(faces) + LOOK.replace("NAMED ", "".join(f'"named-{i}", ' for i in range(len(fonts))))
    steps = record["steps"]
    line = "".join(token for token, _ in branches.likeliest(steps)[:WRITTEN])
    bars = "".join(
        f"<li><span>{html.escape(branches.shown(token))}</span>"
        f'<i style="width:{100 * p:.2f}%"></i><span>{branches.percent(p)}</span></li>'
        for token, p in steps["0" * WRITTEN]
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><style>{look}</style><h1>Inside Large Language Models</h1>'
        f'<h2 lang="zh">走进大模型</h2><p>{html.escape(record["made"]["prompt"])}<b>{html.escape(line)}</b> …</p><ol>{bars}</ol>'
    )


def draw(target: Path = TARGET, fonts: Sequence[Path] = ()) -> None:
    """Writes the card. Raises LookupError where no browser is installed."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise LookupError(f"none of {', '.join(BROWSERS)} is installed; one of them draws the card")
    width, height = CARD_SIZE
    with tempfile.TemporaryDirectory() as work:
        source, picture = Path(work) / "card.html", Path(work) / "card.png"
        source.write_text(page(branches.read(), fonts), "utf8")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={work}/profile"]
        size = [f"--window-size={width},{height}", "--timeout=3000"]  # time for the font
        command = [browser, *flags, *size, f"--screenshot={picture}", source.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        shutil.copyfile(picture, target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw the card that other sites show for a link to this one.")
    parser.add_argument("fonts", nargs="*", type=Path, help="files for the characters that the fonts of the system lack")
    draw(fonts=parser.parse_args().fonts)
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")
