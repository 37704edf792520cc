"""Every page of the built site in a headless Chromium: bytes before a reader does anything, time until it answers, shifts.

Each visit has a new context (nothing cached) and is served from this machine, so the times hold no network. *Ready* is the moment
at which the text can be read and every widget of the page answers; *its work* the processor time of the page's main thread until
then, which other programs on the machine lengthen little.

    python -m benchmarks.pages [FOLDER of the built site] [RUNS]
"""

from __future__ import annotations

import gzip
import statistics
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, sync_playwright

from tests.browser import launch, served, visit, wait_for_widgets

WIDTHS = (1280, 360)
SHIFTS = """window.shifts = 0; new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""
READY = """() => Math.max(performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
  ...performance.getEntriesByName("widgets-ready").map((mark) => mark.startTime))"""
TO_THE_END = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
    scrollTo({ top: y, behavior: "instant" });
    await new Promise((done) => setTimeout(done, 50));
  }
}"""


@cache
def sizes(path: Path) -> tuple[int, int]:
    """(bytes of the file, bytes by gzip; a file that is compressed already stays as it is)."""
    content = path.read_bytes()
    packed = len(content) if path.suffix in {".png", ".jpg", ".woff2"} else len(gzip.compress(content, 6))
    return len(content), packed


def weight(site: Path, loaded: dict[str, int]) -> tuple[int, int, int]:
    """(number of files, bytes, bytes by gzip) of what a visit has loaded."""
    paths = {site / (unquote(urlsplit(url).path.lstrip("/")) or "index.html") for url in loaded if url.startswith("http")}
    each = [sizes(path) for path in paths]
    return len(each), sum(raw for raw, _ in each), sum(packed for _, packed in each)


def open_page(browser: Browser, site: Path, address: str, name: str, width: int) -> dict[str, float]:
    """What one visit measures."""
    with visit(browser, "about:blank", root=address, width=width, before=SHIFTS) as seen:
        session = seen.page.context.new_cdp_session(seen.page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        seen.page.goto(address + name)
        if "mount.js" in (site / name).read_text("utf8"):
            wait_for_widgets(seen.page)
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        seen.page.wait_for_timeout(500)
        files, raw, packed = weight(site, seen.loaded)
        found = {"files": files, "raw": raw, "packed": packed, "ready": seen.page.evaluate(READY)}
        found["work"] = metrics["TaskDuration"] * 1000
        found["shift"] = seen.page.evaluate("window.shifts")
        seen.page.evaluate(TO_THE_END)
        seen.page.wait_for_timeout(500)
        found["all"] = weight(site, seen.loaded)[2]
    return found


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("_build/html")
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts)
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    columns = [f"{what}, {width}" for what in ("ready", "its work", "shift") for width in WIDTHS]
    heads = ("page", "files", "bytes", "by gzip", "with all figures", *columns)
    print(row(*heads), row("---", *("--:" for _ in heads[1:])), sep="\n")
    with sync_playwright() as playwright, served(site) as address:
        browser = launch(playwright)
        for name in names:
            seen = {width: [open_page(browser, site, address, name, width) for _ in range(runs)] for width in WIDTHS}
            first = seen[WIDTHS[0]][0]
            pairs = [(key, width) for key in ("ready", "work") for width in WIDTHS]
            ready = [f"{statistics.median(one[key] for one in seen[width]):.0f} ms" for key, width in pairs]
            shift = [f"{max(one['shift'] for one in seen[width]):.3f}" for width in WIDTHS]
            bytes_ = [f"{first[key] / 1e6:.2f} MB" for key in ("raw", "packed", "all")]
            print(row(name.removesuffix(".html"), f"{first['files']:.0f}", *bytes_, *ready, *shift), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
