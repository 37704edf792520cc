"""AttentionView against BertViz and CircuitsVis: bytes of a page, and time until a head is on the screen.

The same attention tensor, 12 layers × 12 heads, goes to all three: 144 of SmolLM2's 270 heads, spread evenly over its
layers, reading the licence and the README of this project. Every page is opened from disk in a new Chromium context;
times are medians.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import torch
from playwright.sync_api import Browser, Page, sync_playwright

import lmkit
from benchmarks import peers
from lmkit.models import LanguageModel
from lmkit.trace import Trace
from lmkit.widgets.attention import AttentionView
from tests.browser import launch

LAYERS, HEADS, RUNS = 12, 12, 5

# Notes the time of the first animation frame after `ready()` turns true, counted from the start of the navigation.
WATCH = """
(() => {
  const look = () => {
    let there = false;
    try { there = READY; } catch {}
    if (there) requestAnimationFrame(() => { window.firstDrawn = performance.now(); });
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
READY = {
    "ours": "document.documentElement.dataset.widgets === 'ready'",
    "BertViz": "document.querySelector('#vis svg line, #vis svg path, #vis svg rect') !== null",
    "CircuitsVis": "document.querySelector('[id^=circuits-vis] img, [id^=circuits-vis] canvas') !== null",
}


def tensor(model: LanguageModel, tokens: int) -> tuple[torch.Tensor, list[str]]:
    """Real attention [layer, head, query, key] of 12 × 12 heads, and its tokens."""
    root = Path(__file__).parent.parent
    text = "".join((root / name).read_text("utf8") for name in ("LICENSE", "README.md"))
    trace = model.trace(model.encode(text)[:tokens])
    heads = trace.attention.flatten(0, 1)
    chosen = heads[torch.linspace(0, len(heads) - 1, LAYERS * HEADS).long()]
    return chosen.reshape(LAYERS, HEADS, tokens, tokens).contiguous(), trace.tokens


def trace_of(attention: torch.Tensor, tokens: list[str]) -> Trace:
    """The tensor as a Trace, with nothing else in it."""
    empty = torch.zeros(LAYERS + 1, len(tokens), 1)
    ids, windows = list(range(len(tokens))), [None] * LAYERS
    return Trace(tokens, ids, attention, empty, None, "decoder", "causal", windows, HEADS, "synthetic")


def open_page(browser: Browser, path: Path, tool: str) -> tuple[float, Page]:
    """Milliseconds from navigation to the first drawn head, and the page."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.add_init_script(WATCH.replace("READY", READY[tool]))

    def route(request):
        script = peers.script_for(request.request.url)
        if script is not None:
            request.fulfill(body=script, content_type="text/javascript")
        else:
            request.abort()

    page.route("https://**/*", route)
    page.goto(path.as_uri())
    page.wait_for_function("window.firstDrawn", timeout=120_000)
    return page.evaluate("window.firstDrawn"), page


def first_drawn(browser: Browser, path: Path, tool: str, runs: int = RUNS) -> float:
    """Median over `runs` new contexts, ms."""
    times = []
    for _ in range(runs):
        milliseconds, page = open_page(browser, path, tool)
        times.append(milliseconds)
        page.context.close()
    return statistics.median(times)


CHANGE_HEAD = """
async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const select = [...document.querySelectorAll(".att-stepper select")].at(-1);
  const [work, frames] = [[], []];
  let before = await frame();
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    work.push(performance.now() - start);
    const now = await frame();
    frames.push(now - before);
    before = now;
  }
  return [work, frames];
}
"""


def change_head(browser: Browser, path: Path) -> tuple[float, float]:
    """Another head of the open layer in every frame, 60 times: median ms of script, and median ms from frame to frame."""
    _, page = open_page(browser, path, "ours")
    page.wait_for_timeout(1000)
    work, frames = page.evaluate(CHANGE_HEAD)
    page.context.close()
    return statistics.median(work), statistics.median(frames)


def write(folder: Path, name: str, html: str) -> Path:
    path = folder / f"{name}.html"
    path.write_text(html, "utf8")
    return path


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def head(*cells: str) -> list[str]:
    return [row(*cells), row(*("---" for _ in cells))]


def main() -> None:
    peers.prepare()
    model = lmkit.load()
    payload = head("tokens", "ours: data", "ours: page", "BertViz", "CircuitsVis", "BertViz ÷ our data", "CircuitsVis ÷ our data")
    speed = head("tokens", "ours", "BertViz", "CircuitsVis, 1 layer", "BertViz ÷ ours", "change of head: script", "frames")
    with tempfile.TemporaryDirectory() as folder_name, sync_playwright() as playwright:
        folder, browser = Path(folder_name), launch(playwright)
        for count in (64, 128, 256, 512):
            attention, tokens = tensor(model, count)
            view = AttentionView(trace_of(attention, tokens))
            data = (len(view.weights) + len(view.thumbs)) * 4 / 3
            page = view.to_html()
            drawn = {"ours": first_drawn(browser, write(folder, f"ours{count}", page), "ours")}
            if count <= 256:
                theirs = peers.bertviz_page(attention, tokens), peers.circuitsvis_page(attention, tokens)
                sizes = [data, len(page), *map(len, theirs)]
                ratios = [f"{len(page) / data:.0f} ×" for page in theirs]
                payload.append(row(str(count), *(f"{size / 1e6:.3f} MB" for size in sizes), *ratios))
            if count <= 128:
                drawn["BertViz"] = first_drawn(browser, write(folder, f"bertviz{count}", theirs[0]), "BertViz")
                one_layer = peers.circuitsvis_page(attention, tokens, layer=0)
                drawn["CircuitsVis"] = first_drawn(browser, write(folder, f"circuits{count}", one_layer), "CircuitsVis")
            times = [f"{drawn[tool]:.0f} ms" if tool in drawn else "–" for tool in READY]
            ratio = f"{drawn['BertViz'] / drawn['ours']:.1f} ×" if "BertViz" in drawn else "–"
            change = change_head(browser, folder / f"ours{count}.html")
            speed.append(row(str(count), *times, ratio, *(f"{median:.1f} ms" for median in change)))
        browser.close()
    print("Bytes, 12 × 12 heads (data: what the widget ships, in base64 as it stands in the page)\n")
    print("\n".join(payload))
    print("\nTime from navigation to the first drawn head\n")
    print("\n".join(speed))


if __name__ == "__main__":
    main()
