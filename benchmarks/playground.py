"""The playground in a headless Chromium: bytes on the wire, time until the first token, tokens per second, and the longest task.

Each stage has a page of its own, served from this machine, and writes until its context is full (nothing ends it: its end token
is passed over). Processor time is that of the page's main thread; on a quiet machine it is close to the time on the clock.

    python -m benchmarks.playground [FOLDER of the checkpoints]
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from lmkit import tiny
from lmkit.widgets import checkpoint
from lmkit.widgets.base import bundle
from lmkit.widgets.playground import WRITERS, Playground
from tests.browser import launch, served, wait_for_widgets

RUNS, TOKENS = 5, 250
STATUS = "document.querySelector('.pg-root').dataset.running === 'false' && document.querySelector('.pg-token:not(.pg-given)')"

IMPORT = """async (source) => {
    window.pg = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
}"""

# The engine alone: tokens written one after another, with no page to draw. Returns milliseconds a token.
ENGINE = """async ([stage, root, manifest, count]) => {
    const { tokenizer, ...rest } = await pg.openCheckpoint(pg.fromPage({ root, stages: manifest }, stage));
    const it = { model: pg.newModel(rest), tokenizer: pg.newTokenizer(tokenizer) };
    const run = () => {
        const settings = { temperature: 1, topK: Infinity, topP: 0.95, minP: 0 };
        const prompt = pg.promptIds(it.tokenizer, "", false);
        const one = pg.newRun(it, prompt, { settings, seed: 0, limit: count }, pg.newText(it.model));
        const start = performance.now();
        while (one.wrote < count) pg.advance(one);
        return (performance.now() - start) / count;
    };
    run();
    return Math.min(run(), run(), run());
}"""


def write_page(view: Playground, folder: Path, sources: dict[str, Path]) -> None:
    """The page as a book has it, with its chunks beside it."""
    inline = re.compile(rf'<script type="{re.escape(checkpoint.INLINE)}".*?</script>\n?')
    page = inline.sub("", view.to_html("Benchmark")).replace('{"root":"",', '{"root":"tiny/",')
    (folder / "tiny").mkdir(exist_ok=True)
    (folder / "page.html").write_text(page, "utf8")
    for stage, source in sources.items():
        for name, text in checkpoint.scripts(stage, source):
            (folder / "tiny" / name).write_text(text, "utf8")


def first_answer(browser: Browser, address: str) -> tuple[float, float, float]:
    """Milliseconds from the press of Run to the first answer's end, and the longest main-thread task on the clock and in
    processor time while it loads and writes."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(address + "page.html")
    wait_for_widgets(page)
    page.wait_for_timeout(500)
    browser.start_tracing(page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"])
    took = page.evaluate(f"""async () => {{
        const start = performance.now();
        document.querySelector(".pg-run").click();
        while (!({STATUS})) await new Promise((done) => setTimeout(done, 4));
        return performance.now() - start;
    }}""")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    context.close()
    threads = [e for e in events if e.get("name") == "thread_name" and e["args"].get("name") == "CrRendererMain"]
    mains = {(e["pid"], e["tid"]) for e in threads}
    names = ("ThreadControllerImpl::RunTask", "RunTask")
    tasks = [e for e in events if e.get("name") in names and (e["pid"], e["tid"]) in mains]
    return took, max(e.get("dur", 0) for e in tasks) / 1000, max(e.get("tdur", 0) for e in tasks) / 1000


def engine_speed(page: Page, stage: str, source: Path) -> float:
    """Tokens per second of the arithmetic alone, the best of three runs."""
    return 1000 / page.evaluate(ENGINE, [stage, "tiny/", {stage: checkpoint.entry(source)}, TOKENS])


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else tiny.CHECKPOINTS
    stages = [stage for stage in WRITERS if tiny.checkpoint(stage, home).is_dir()]
    heads = ("stage", "on the wire", "run to answer", "engine, tokens/s", "longest task", "its processor time")
    lines = [row(*heads), row(*("---" for _ in heads))]
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for stage in stages:
            source = tiny.checkpoint(stage, home)
            with tempfile.TemporaryDirectory() as name:
                write_page(Playground(stages=[stage], folder=home), Path(name), {stage: source})
                with served(Path(name)) as address:
                    seen = sorted(first_answer(browser, address) for _ in range(RUNS))
                    page = browser.new_page()
                    page.goto(address + "page.html")
                    page.evaluate(IMPORT, bundle("playground.js"))
                    speed = engine_speed(page, stage, source)
                    page.close()
            took, clock, processor = seen[RUNS // 2][0], max(one[1] for one in seen), max(one[2] for one in seen)
            wire = f"{checkpoint.entry(source)['bytes'] / 1e6:.2f} MB"
            lines.append(row(stage, wire, f"{took:.0f} ms", f"{speed:.0f}", f"{clock:.0f} ms", f"{processor:.0f} ms"))
        browser.close()
    print("\n".join(lines))


if __name__ == "__main__":
    main()
