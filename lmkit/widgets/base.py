"""What every widget shares: bundling its code, packing its arrays, and writing it into a page of its own.

A widget is a pair of files, `name.py` and `name.js`. Everything a reader does with it is computed in the browser
from its traits, so that it works alike with a kernel, on Colab, and on a static page. This module knows nothing
about models or attention.
"""

from __future__ import annotations

import html
import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from ipywidgets.embed import dependency_state, embed_data

HERE = Path(__file__).parent
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w]+\.js)";\n', re.MULTILINE)
SHEET = re.compile(r'^@import "\./(\w+\.css)";\n', re.MULTILINE)


def bundle(module: str) -> str:
    """The browser code of a widget as one ES module: each file that `module` imports from this folder, once, then `module`.

    The files are joined as they stand, so a top-level name may be used in one of them only. Raises ValueError where an
    import is left that does not name a file beside the widget: a page has nothing else to import.
    """
    parts: dict[str, str] = {}

    def add(name: str) -> None:
        if name in parts:
            return
        source = (HERE / name).read_text("utf8")
        for imported in IMPORT.findall(source):
            add(imported)
        parts[name] = IMPORT.sub("", source)
        if left := re.search(r"^import .*", parts[name], re.MULTILINE):
            raise ValueError(f'{name}: {left[0]!r} cannot be bundled; import {{ names }} from "./file.js", a file beside it')

    add(module)
    return "".join(parts.values())


def styles(module: str) -> str:
    """`base.css` followed by the widget's own style sheet, if it has one, with the sheets beside it that it imports."""
    own = (HERE / module).with_suffix(".css")
    sheet = own.read_text("utf8") if own.exists() else ""
    return (HERE / "base.css").read_text("utf8") + SHEET.sub(lambda found: (HERE / found[1]).read_text("utf8"), sheet)


def lines_of(widths: Iterable[float], room: float, gap: float = 0) -> int:
    """In how many lines things of these widths stand, side by side as far as there is room: for the height to keep free."""
    count, used = 1, 0.0
    for width in widths:
        if used and used + width > room:
            count, used = count + 1, 0.0
        used += width + gap
    return count


def pack(array: np.ndarray) -> bytes:
    """The array's bytes in C order and little-endian, as a raw deflate stream (RFC 1951), which browsers open natively."""
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    level = 9 if little.nbytes < 250_000 else 7  # above, 9 takes six times as long for 4 % fewer bytes
    deflate = zlib.compressobj(level=level, wbits=-15)
    return deflate.compress(little.tobytes()) + deflate.flush()


class Widget(anywidget.AnyWidget):
    """Base of all widgets: a subclass names its JavaScript file in `_module` and the heights to reserve in `_reserve`."""

    _module: str = ""
    _reserve: tuple[int, int] = (0, 0)  # CSS pixels kept free on the page before the widget draws: wide, narrow (< 600 px)

    _height = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init_subclass__(cls, **kwargs) -> None:
        if "_module" in vars(cls):  # not for the classes that traitlets derives when it adds traits
            cls._esm = bundle(cls._module)
            cls._css = styles(cls._module)
        super().__init_subclass__(**kwargs)

    def __init__(self, **traits) -> None:
        super().__init__(_height=list(self._reserve), **traits)

    def describe(self) -> str:
        """One line saying what is shown, the same on every machine; `repr` prints it, so the tests compare it."""
        raise TypeError(f"{type(self).__name__} has no describe(); a widget must say in one line what it shows")

    def __repr__(self) -> str:
        return self.describe()

    def beside(self) -> str:
        """HTML that a page of its own needs beside the widget's state; the base needs none."""
        return ""

    def to_html(self, title: str | None = None) -> str:
        """A page of its own, without any address in it: save it, open it from a folder, send it to a friend."""
        return page([self], title or type(self).__name__)


def script_json(value: object) -> str:
    """JSON that is safe inside a script element, whatever text it holds."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def page(widgets: list[Widget], title: str) -> str:
    """A self-contained HTML page that shows `widgets` one below the other, with no kernel and no request."""
    data = embed_data(views=widgets, drop_defaults=False, state=dependency_state(widgets, drop_defaults=False))
    kinds = "application/vnd.jupyter.widget-state+json", "application/vnd.jupyter.widget-view+json"
    views = "\n".join(
        f'<div class="lmkit-slot" style="--lm-height: {wide}px; --lm-height-narrow: {narrow}px">'
        f'<script type="{kinds[1]}">{script_json(spec)}</script></div>'
        for spec, (wide, narrow) in zip(data["view_specs"], (widget._height or (0, 0) for widget in widgets), strict=True)
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
body {{ margin: 0 auto; padding: 0.5rem; max-width: 76rem; color-scheme: light dark; background: Canvas; color: CanvasText; }}
</style>
</head>
<body>
<main>
{views}
</main>
<script type="{kinds[0]}">{script_json(data["manager_state"])}</script>
{"".join(widget.beside() for widget in widgets)}<script>
{(HERE / "mount.js").read_text("utf8")}
</script>
</body>
</html>
"""
