"""Chromium for the tests: found on the system, started with nothing of a user's, and cut off from every other site.

    def test_something(chromium, tmp_path):
        with served(folder) as address, visit(chromium, address + "page.html") as seen:
            seen.page.get_by_role("slider").press("ArrowRight")
            assert seen.clean()

`chromium` is a fixture; import it in the test module or its conftest. A page may request what lies under its own
address (a served folder, or a folder opened as file://), and data: and blob: addresses. Everything else is aborted and
kept in `seen.cut`.
"""

from __future__ import annotations

import base64
import functools
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect, sync_playwright

if TYPE_CHECKING:
    from lmkit.widgets.base import Widget

# the first opens a page in a third of the others' time
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str:
    """The path of the system's Chromium or Chrome. Fails the test with the way to get one if there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail(f"none of {', '.join(NAMES)} is installed; on Debian and Ubuntu: make chromium", pytrace=False)
    return found


def launch(playwright: Playwright) -> Browser:
    """A headless browser with an empty profile."""
    return playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module; every visit has its own context, hence its own storage."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder on loopback; gives its address, which ends in a slash."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def as_file(folder: Path) -> str:
    """The file:// address of a folder, which ends in a slash."""
    return folder.resolve().as_uri() + "/"


@dataclass
class Seen:
    """A page that was opened, and what went wrong on it."""

    page: Page
    errors: list[str] = field(default_factory=list)  # console errors and uncaught exceptions
    cut: list[str] = field(default_factory=list)  # addresses elsewhere that the page asked for
    missing: list[str] = field(default_factory=list)  # addresses of its own that answered 400 or more
    loaded: dict[str, int] = field(default_factory=dict)  # address: bytes, of its own that answered

    def clean(self) -> bool:
        """Whether nothing at all went wrong. Fails with the list otherwise, which says more than False."""
        wrong = self.errors + [f"asked for {url}" for url in self.cut] + [f"not found: {url}" for url in self.missing]
        assert not wrong, f"{self.page.url}:\n  " + "\n  ".join(wrong)
        return True


@contextmanager
def visit(
    browser: Browser,
    url: str,
    *,
    root: str | None = None,
    width: int = 1280,
    height: int = 900,
    dark: bool = False,
    motion: str | None = None,
    scripts: bool = True,
    wait: str = "load",
    before: str = "",
) -> Iterator[Seen]:
    """Opens `url` with everything outside `root` (by default its own folder, or its own host) cut off.

    `dark` and `motion` set the system's preferences; `width` under 600 emulates a touch screen; `before` is a script that runs
    before those of the page.
    """
    root = root or own_root(url)
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion=motion,
        has_touch=width < 600,
        java_script_enabled=scripts,
        accept_downloads=True,
    )
    page = context.new_page()
    seen = Seen(page)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("response", lambda response: note(seen, response.url, response.status, response.headers))
    page.route("**/*", lambda route: admit(seen, route, root))
    if before:
        page.add_init_script(before)
    try:
        page.goto(url, wait_until=wait)
        yield seen
    finally:
        context.close()


def own_root(url: str) -> str:
    """What a page may load from: the whole host over http, the page's folder on file://."""
    if url.startswith("http"):
        return "/".join(url.split("/")[:3]) + "/"
    return url.split("#")[0].rsplit("/", 1)[0] + "/"


def note(seen: Seen, url: str, status: int, headers: dict[str, str]) -> None:
    if status >= 400:
        seen.missing.append(url)
    else:
        seen.loaded[url] = int(headers.get("content-length") or 0)


def admit(seen: Seen, route: Route, root: str) -> None:
    url = route.request.url
    if url.startswith((root, "data:", "blob:", "about:")):
        route.continue_()
    else:
        seen.cut.append(url)
        route.abort()


@contextmanager
def imported(browser: Browser, name: str, source: str) -> Iterator[Page]:
    """A blank page in which an ES module's source is imported as `name`: for tests of its functions."""
    page = browser.new_page()
    page.evaluate(
        """async ([name, source]) => {
            window[name] = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
        }""",
        [name, source],
    )
    yield page
    page.close()


@contextmanager
def pages(browser: Browser, folder: Path) -> Iterator[Callable[..., Seen]]:
    """open(html, address="", **how) opens a page of widgets with `visit`, once all of them are there. At the end nothing may
    have gone wrong on any of the pages."""
    with ExitStack() as stack:
        visits: list[Seen] = []

        def open_page(html: str, address: str = "", **how) -> Seen:
            path = folder / f"page{len(visits)}.html"
            path.write_text(html, "utf8")
            seen = stack.enter_context(visit(browser, path.as_uri() + address, **how))
            visits.append(seen)
            wait_for_widgets(seen.page)
            return seen

        yield open_page
        assert all(seen.clean() for seen in visits)


# A widget in a blank page with the model that a kernel would give it: window.model, and window.stop to end the widget.
# Takes [source, traits, names of the traits that are bytes, in base64].
FAKE_MODEL = """async ([source, traits, binary]) => {
    const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    const state = { ...traits }, listeners = {};
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    for (const name of binary) state[name] = new DataView(bytes(state[name]).buffer);
    window.model = {
        saved: 0,
        get: (name) => state[name],
        set(name, value) { state[name] = value; (listeners[`change:${name}`] ?? []).forEach((f) => f()); },
        save_changes() { model.saved += 1; },
        on: (name, f) => (listeners[name] ??= []).push(f),
        off: (name, f) => (listeners[name] = (listeners[name] ?? []).filter((g) => g !== f)),
        listening: () => Object.values(listeners).flat().length,
    };
    const el = document.body.appendChild(document.createElement("div"));
    window.stop = await widget.render({ model, el });
}"""


def with_fake_model(page: Page, source: str, widget: Widget) -> None:
    """Renders `widget` from its code `source` in a page, with a model of its traits."""
    given = {name: getattr(widget, name) for name in widget.trait_names(sync=True) if not name.startswith("_")}
    binary = [name for name, value in given.items() if isinstance(value, bytes)]
    given |= {name: base64.b64encode(given[name]).decode() for name in binary}
    traits = {name: value for name, value in given.items() if isinstance(value, str | int | float | list | dict | None)}
    page.evaluate(FAKE_MODEL, [source, traits, binary])


# A widget with a kernel, in place of the page: window.widget holds its state, what it saved, and ways to push a trait and to stop
# it. The kernel answers a request for a parcel with that parcel's messages, [content, base64]. Takes [state, messages by parcel].
WITH_KERNEL = """async ([state, sent]) => {
    const listeners = {};
    const told = (name, ...news) => [...(listeners[name] ?? [])].forEach((call) => call(...news));
    const set = (name, value) => { state[name] = value; told("change:" + name); };
    const model = { get: (name) => state[name], set, save_changes: () => (widget.saved = { ...state }),
        on: (name, call) => (listeners[name] ??= new Set()).add(call), off: (name, call) => listeners[name]?.delete(call),
        send: ({ stage }) => setTimeout(() => sent[stage].forEach(([answer, text]) => told("msg:custom", { ...answer, stage },
            [new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer)]))) };
    window.widget = { state, listeners, push: set };
    document.body.replaceChildren();
    widget.stop = await MODULE.default.render({ model, el: document.body });
}"""


def with_kernel(page: Page, module: str, widget: Widget, names: Sequence[str]) -> None:
    """Renders a `Carrier` from its code, imported as `module`, with the traits `names`; its Python half answers."""
    sent: dict[str, list] = {}
    widget.send = lambda content, buffers=(): sent.setdefault(content["stage"], []).append(
        [content, base64.b64encode(buffers[0]).decode()]
    )
    for stage in widget.versions:
        widget._send_weights(widget, {"kind": "weights", "stage": stage}, [])
    page.evaluate(WITH_KERNEL.replace("MODULE", module), [{name: getattr(widget, name) for name in names}, sent])


def stops_listening(page: Page) -> bool:
    """Ends the widget of `with_kernel`; whether it has forgotten the kernel."""
    return page.evaluate("() => { widget.stop(); return Object.values(widget.listeners).every((one) => one.size === 0); }")


def wait_for_widgets(page: Page, timeout: float = 20_000) -> None:
    """Waits until every widget of the page is mounted and has drawn: some learn their width in the frame after, and draw
    in the next. Fails if one could not start."""
    page.wait_for_function("document.documentElement.dataset.widgets === 'ready'", timeout=timeout)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    broken = page.locator(".lmkit-error").all_text_contents()
    assert not broken, f"{page.url}: {broken}"


def scrolls_sideways(page: Page) -> list[str]:
    """The elements that make the page wider than its window, outermost first; empty if it does not scroll sideways."""
    return page.evaluate(
        """() => {
          const room = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= room + 1) return [];
          const outside = (e) => e.getBoundingClientRect().right > room + 1;
          const wide = [...document.querySelectorAll("main *, body > *")].filter(outside);
          return ["page is " + document.documentElement.scrollWidth + " px wide",
                  ...wide.slice(0, 8).map((e) => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 40))];
        }"""
    )


def shower(there: str):
    """A fixture show(view, **how): opens a widget in a page of its own and gives the page, once `there` (a selector) can be
    seen on it. At the end nothing may have gone wrong on any of its pages."""

    @pytest.fixture
    def show(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
        with pages(chromium, tmp_path) as open_page:

            def open_view(view: Widget, **how) -> Page:
                seen = open_page(view.to_html(), **how)
                expect(seen.page.locator(there).first).to_be_visible()
                return seen.page

            yield open_view

    return show
