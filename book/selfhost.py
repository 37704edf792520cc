"""Serves the site from itself: mathematics, icons and scripts are vendored, and what would load from elsewhere goes.

The theme's FontAwesome (1.9 MB of script, style and fonts on every page) is replaced by one small style sheet that
holds the few icons in use.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util.fileutil import copy_asset

from book import vendor

HERE = Path(__file__).parent
MOUNT = HERE.parent / "lmkit" / "widgets" / "mount.js"
STATIC = "inside"  # below _static; the theme owns _static/vendor
ICONS = "@fortawesome/fontawesome-free"
OLD_ICON_NAMES = {"home": "house", "pencil-alt": "pencil"}
NO_SUMMARIES_FROM_A_FOLDER = (
    'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false; // no fetch there'
)
MENDED = {
    '<summary aria-label="Toggle hidden content">': "<summary>",
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    ' role="doc-biblioentry"': "",
}
MATHJAX = {
    "options": {"processHtmlClass": "tex2jax_process|mathjax_process|math|output_area", "enableMenu": False},
    "svg": {"fontCache": "global"},
}


def configure(app: Sphinx, config: Config) -> None:
    """Sphinx `config-inited`: points every default that names a CDN at the site itself."""
    config.mathjax_path = f"{STATIC}/mathjax/es5/tex-svg.js"
    config.mathjax3_config = MATHJAX
    config.nb_ipywidgets_js = {}
    config.templates_path.insert(0, str(HERE / "templates"))
    config.html_context["default_mode"] = "light"  # what a browser without scripts shows
    app.add_css_file(f"{STATIC}/icons.css", priority=800)
    app.add_css_file(f"{STATIC}/inside.css", priority=801)
    app.add_js_file(f"{STATIC}/page.js")
    config.html_theme_options["logo"] = {"text": config.html_title, "alt_text": ""}
    for theme in ("light", "dark"):
        config.html_theme_options[f"pygments_{theme}_style"] = f"a11y-high-contrast-{theme}"
    silence_thebe(app)


def silence_thebe(app: Sphinx) -> None:
    """Takes sphinx-thebe, which Jupyter Book always loads, off every event: it names a CDN and throws in the page."""
    for listeners in app.events.listeners.values():
        listeners[:] = [entry for entry in listeners if not entry.handler.__module__.startswith("sphinx_thebe")]


def copy_assets(app: Sphinx) -> None:
    """Sphinx `builder-inited`: puts everything that any page may load under `_static/inside`."""
    if app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / STATIC
    copy_asset(str(HERE / "static"), str(target))
    copy_asset(str(MOUNT), str(target))
    copy_vendored("mathjax", target / "mathjax")
    vendor.place(vendored(ICONS)["LICENSE.txt"], target / "icons-LICENSE.txt")
    (target / "icons.css").write_text(icon_css(), "utf8")


def copy_vendored(package: str, target: Path) -> None:
    """Copies the files of a vendored package below `target`."""
    for name, source in vendored(package).items():
        vendor.place(source, target / name)


def vendored(package: str) -> dict[str, Path]:
    """The verified files of a vendored package; a missing or wrong file stops the build with the reason."""
    try:
        return vendor.files(package)
    except vendor.VendorError as error:
        raise ExtensionError(str(error)) from error


def icon_css() -> str:
    """One rule for each vendored icon: a mask in the colour of the text, so that `<i class="fa-solid fa-bars">` works."""
    drawings = {Path(name).stem: path for name, path in vendored(ICONS).items() if name.endswith(".svg")}
    drawings |= {old: drawings[new] for old, new in OLD_ICON_NAMES.items()}
    rules = [f'.fa-{name}{{--icon:url("{data_address(path)}")}}' for name, path in sorted(drawings.items())]
    return "\n".join(["/* Drawn by Font Awesome, CC BY 4.0; see icons-LICENSE.txt. */", *rules]) + "\n"


def data_address(drawing: Path) -> str:
    """The SVG file as a data: address, which a mask may load on file:// too. Comments and sizes are dropped."""
    svg = re.sub(r"<!--.*?-->", "", drawing.read_text("utf8"), flags=re.DOTALL)
    for character, code in (("%", "%25"), ("#", "%23"), ("<", "%3C"), (">", "%3E"), ('"', "'")):
        svg = svg.replace(character, code)
    return f"data:image/svg+xml,{svg}"


def mend_roles(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: takes away names and roles that tell screen readers something else than the page shows."""
    for wrong, right in MENDED.items():
        context["body"] = context.get("body", "").replace(wrong, right)


def order_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: no script holds up the page, and the largest one, of the formulas, comes last.

    Deferring keeps the order of the files. Where scripts that are not deferred build on them, they stay as they are: one
    small file that inline scripts use, and the page of the search.
    """
    scripts, sheets = context.get("script_files", []), context.get("css_files", [])
    formulas = [script for script in scripts if is_for_formulas(script, app.config.mathjax_path)]
    scripts[:] = [script for script in scripts if script not in formulas]
    sheets[:] = [sheet for sheet in sheets if "sphinx-thebe" not in sheet.filename]
    for script in scripts:
        if pagename == "search" or (script.filename or "").endswith("documentation_options.js"):
            script.attributes.pop("defer", None)  # all pages share these objects
        elif script.filename and "async" not in script.attributes:
            script.attributes["defer"] = "defer"
    if pagename == "search":
        app.add_js_file(None, body=NO_SUMMARIES_FROM_A_FOLDER)
    if "math notranslate" in context.get("body", ""):  # Sphinx also loads it on pages whose neighbours have formulas
        for script in formulas:
            app.add_js_file((script.filename or "").removeprefix("_static/") or None, priority=990, **script.attributes)


def is_for_formulas(script: object, mathjax_path: str) -> bool:
    """Whether this is mathjax, or the inline script that configures it."""
    return (script.filename or "").endswith(mathjax_path) or "window.MathJax" in script.attributes.get("body", "")
