"""TransformerView of SmolLM2: bytes that one sentence puts on a page, and the time until its first box is drawn.

Data: what travels for this sentence, in base64 as it stands in the page. Code: the widget's script and styles, which a page holds
once. The page is opened from disk in a new Chromium context; times are medians.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

import lmkit
from benchmarks.attention_view import head, row, write
from lmkit.widgets.transformer import TransformerView
from tests.browser import launch

SENTENCES = (
    "She is in a restaurant",
    "The animal didn't cross the street",
    "When the animal crossed the street, it was too tired to notice the car again",
)
RUNS = 5
MOST = 1.5e6  # bytes of a page with sixteen tokens
WATCH = """
(() => {
  const look = () => {
    const there = document.querySelector(".tf-figure")?.firstElementChild;
    requestAnimationFrame(there ? () => { window.firstDrawn = performance.now(); } : look);
  };
  requestAnimationFrame(look);
})();
"""


def first_drawn(browser, path: Path) -> float:
    """Median of RUNS visits, ms from navigation to the frame after the first box is there."""
    times = []
    for _ in range(RUNS):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.add_init_script(WATCH)
        page.goto(path.as_uri())
        page.wait_for_function("window.firstDrawn", timeout=60_000)
        times.append(page.evaluate("window.firstDrawn"))
        page.context.close()
    return statistics.median(times)


def main() -> None:
    model = lmkit.load()
    lines = head("tokens", "data", "code", "page", "made in", "first box drawn after")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        for text in SENTENCES:
            start = time.perf_counter()
            view = TransformerView(model, text)
            made = time.perf_counter() - start
            page = view.to_html()
            data = len(view.numbers) * 4 / 3 + sum(len(json.dumps(one)) for one in (view.facts, view.layout, view.words))
            drawn = first_drawn(browser, write(Path(folder), "page", page))
            sizes = (f"{size / 1e6:.3f} MB" for size in (data, len(view._esm) + len(view._css), len(page.encode())))
            tokens = len(view.facts["tokens"])
            assert tokens < 16 or len(page.encode()) < MOST
            lines.append(row(str(tokens), *sizes, f"{made:.1f} s", f"{drawn:.0f} ms"))
        browser.close()
    print("\n".join(lines))


if __name__ == "__main__":
    main()
