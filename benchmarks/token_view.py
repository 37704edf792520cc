"""TokenView's tokenizers in a headless Chromium: bytes on the wire, time to open a vocabulary and to cut 10,000 characters.

Texts are documents of the course's small world, English and Chinese by turns. *Cold* is a tokenizer that has met none of the
words, *known* one that has read the text before, as it has while a reader types. A long word is 10,000 letters without a space.

    python -m benchmarks.token_view
"""

from __future__ import annotations

import base64
import random
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

from lmkit import tiny, vocabularies
from lmkit.widgets import checkpoint
from lmkit.widgets.base import bundle
from lmkit.widgets.token import TokenView
from tests.browser import imported, launch, visit, wait_for_widgets

RUNS, LENGTH = 7, 10_000

OPEN = """async ([name, text]) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    async function* chunks() { yield { bytes, part: 1 }; }
    const from = performance.now();
    window.it = await tk.openVocabulary(name + performance.now(), "1", chunks);
    return performance.now() - from;
}"""
TIME = "(text) => { const from = performance.now(); it.encode(text); return performance.now() - from; }"
TYPE = """async (text) => {
    const box = document.querySelector("textarea");
    box.value = text;
    const from = performance.now();
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - from;
}"""


def texts() -> tuple[str, str]:
    """10,000 characters of prose, and a word of 10,000 letters."""
    rng = random.Random(0)
    documents = rng.sample(tiny.load_world().corpus(1), 400)
    return "\n".join(one.text for one in documents)[:LENGTH], "".join(rng.choice("abcdefghijklmnop") for _ in range(LENGTH))


def measure(page, name: str, prose: str, word: str) -> dict[str, float]:
    packed = base64.b64encode(vocabularies.path(name).read_bytes()).decode()
    found: dict[str, list[float]] = {"open": [], "cold": [], "known": [], "word": []}
    for run in range(RUNS):
        found["open"].append(page.evaluate(OPEN, [name, packed]))
        found["cold"].append(page.evaluate(TIME, prose))
        found["known"].append(page.evaluate(TIME, prose))
        found["word"].append(page.evaluate(TIME, f"{run}{word}"))
    return {key: median(values) for key, values in found.items()}


def typing(browser, prose: str, folder: Path) -> float:
    """Milliseconds from a key to the frame that shows 10,000 characters' tokens."""
    (folder / "page.html").write_text(TokenView("", ["gpt-4o"]).to_html("Benchmark"), "utf8")
    with visit(browser, (folder / "page.html").as_uri()) as seen:
        wait_for_widgets(seen.page)
        seen.page.evaluate(TYPE, "a")
        seen.page.wait_for_selector(".tk-root[data-ready=true]")
        return median(seen.page.evaluate(TYPE, f"{run} {prose}") for run in range(RUNS))


def main() -> None:
    prose, word = texts()
    print("| vocabulary | tokens | on the wire | opened | 10,000 characters, cold | known | a word of 10,000 letters |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launch(playwright)
        with imported(browser, "tk", bundle("token.js")) as page:
            for name in vocabularies.names():
                ms = measure(page, name, prose, word)
                wire = checkpoint.entry(vocabularies.path(name))["bytes"] / 1e6
                cells = [f"{ms[key]:.1f} ms" for key in ("open", "cold", "known", "word")]
                print(f"| {name} | {vocabularies.about(name)['size']:,} | {wire:.2f} MB | {' | '.join(cells)} |", flush=True)
        print(f"\nFrom a key to the frame with the tokens of 10,000 characters: {typing(browser, prose, Path(folder)):.0f} ms")
        browser.close()


if __name__ == "__main__":
    main()
