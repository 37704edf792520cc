"""EmbeddingView with 5,000 words × 50 numbers: bytes on the way, and the time of a frame while the map is dragged.

The most frequent words of GloVe. Times are processor time of the page's main thread in a headless Chromium that paints without a
GPU, at full speed and with the browser's own throttling to a quarter of it, which stands for a phone: the quickest of three runs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from lmkit import glove
from lmkit.widgets.embedding import EmbeddingView
from tests.browser import launch, wait_for_widgets

WORDS, FRAMES, RUNS = 5000, 60, 3
SCREENS = {"laptop": (1000, 900, 1), "phone": (360, 740, 3)}  # width, height, device pixels a CSS pixel

# The mouse drags the map a little further in every frame. Its events are made in the page, so that nothing else is measured.
DRAG = """async (frames) => {
  const stage = document.querySelector(".em-stage");
  const { left, top } = stage.getBoundingClientRect();
  const send = (type, x, y) => stage.dispatchEvent(new PointerEvent(type,
    { pointerId: 1, pointerType: "mouse", buttons: 1, bubbles: true, clientX: left + x, clientY: top + y }));
  send("pointerdown", 60, 60);
  for (let i = 1; i <= frames; i++) {
    send("pointermove", 60 + i, 60 + i / 3);
    await new Promise(requestAnimationFrame);
  }
  send("pointerup", 60 + frames, 60);
}"""
QUERY = """() => {
  const start = performance.now();
  for (let i = 0; i < 50; i++) document.querySelectorAll(".em-near .em-word")[i % 10].click();
  return (performance.now() - start) / 50;
}"""


def metrics(page: Page) -> tuple[float, float]:
    """Seconds of script, and of all tasks, so far on the main thread."""
    found = {one["name"]: one["value"] for one in page.context.devtools.send("Performance.getMetrics")["metrics"]}
    return found["ScriptDuration"], found["TaskDuration"]


def frame(page: Page, dimensions: int) -> tuple[float, float]:
    """Milliseconds of script and of all tasks for each frame, while the map is dragged (in 3-D: turned)."""
    page.get_by_role("radio", name=f"{dimensions}-D").click()
    page.evaluate(DRAG, 10)
    before = metrics(page)
    page.evaluate(DRAG, FRAMES)
    return tuple(1000 * (after - was) / FRAMES for after, was in zip(metrics(page), before, strict=True))


def main() -> None:
    vectors = glove.load()
    view = EmbeddingView(vectors.words[:WORDS], vectors.matrix[:WORDS], arrows=[("man", "king"), ("woman", "queen")])
    parts = {"vectors": len(view.vectors) + len(view.factors) + len(view.frame), "words": len(view.words)}
    print(f"{view}\n{', '.join(f'{name} {size / 1000:.1f} kB' for name, size in parts.items())}; largest change {view.error}\n")
    print("| screen | slowed | 2-D: script | all tasks | 3-D: script | all tasks | a word's neighbours |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        path.write_text(view.to_html(), "utf8")
        browser = launch(playwright)
        for screen, (width, height, ratio) in SCREENS.items():
            for slowed in (1, 4):
                size = {"width": width, "height": height}
                context = browser.new_context(viewport=size, device_scale_factor=ratio, has_touch=ratio > 1)
                page = context.new_page()
                page.goto(path.as_uri())
                wait_for_widgets(page)
                context.devtools = context.new_cdp_session(page)
                context.devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
                context.devtools.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
                runs = [[*frame(page, 2), *frame(page, 3), page.evaluate(QUERY)] for _ in range(RUNS)]
                times = map(min, zip(*runs, strict=True))
                print(f"| {screen} | {slowed} × | {' | '.join(f'{ms:.1f} ms' for ms in times)} |")
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
