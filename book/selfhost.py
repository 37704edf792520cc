"""Serves the site from itself: icons and scripts are vendored, and what would load from elsewhere goes.

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
MENDED = {
    '<summary aria-label="Toggle hidden content">': "<summary>",
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    ' role="doc-biblioentry"': "",
}
EMPTY_HEADER = re.compile(r'<th class="head[^"]*">\s*(?:<p>\s*</p>)?\s*</th>')
PLAIN_CODE = re.compile(r'<span class="[npw]">([^<]*)</span>')  # names, punctuation, spaces: in the colour of all code


def configure(app: Sphinx, config: Config) -> None:
    """Sphinx `config-inited`: points every default that names a CDN at the site itself."""
    config.nb_ipywidgets_js = {}
    config.templates_path.insert(0, str(HERE / "templates"))
    config.html_context["default_mode"] = "light"  # what a browser without scripts shows
    app.add_css_file(f"{STATIC}/icons.css", priority=800)
    app.add_css_file(f"{STATIC}/inside.css", priority=801)
    app.add_css_file(f"{STATIC}/print.css", priority=802, media="print")
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
    vendor.place(vendored(ICONS)["LICENSE.txt"], target / "icons-LICENSE.txt")
    vendor.place(vendored("mathjax")["LICENSE"], target / "formulas-LICENSE.txt")
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
    body = context.get("body", "")
    for wrong, right in MENDED.items():
        body = body.replace(wrong, right)
    context["body"] = EMPTY_HEADER.sub("<td></td>", body)


def lighten_code(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: code without the elements that change nothing, half of all elements of a chapter's page."""
    context["body"] = PLAIN_CODE.sub(r"\1", context.get("body", ""))


def order_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Sphinx `html-page-context`: no script holds up the page, and that of the formulas, which are set already, goes.

    Deferring keeps the order of the files. One small file that inline scripts use stays as it is.
    """
    scripts, sheets = context.get("script_files", []), context.get("css_files", [])
    scripts[:] = [script for script in scripts if not is_for_formulas(script, app.config.mathjax_path)]
    sheets[:] = [sheet for sheet in sheets if "sphinx-thebe" not in sheet.filename]
    for script in scripts:
        own = not (script.filename or "").endswith("documentation_options.js")
        if own and script.filename and "async" not in script.attributes:
            script.attributes["defer"] = "defer"


def is_for_formulas(script: object, mathjax_path: str) -> bool:
    """Whether this is mathjax, or the inline script that configures it."""
    return (script.filename or "").endswith(mathjax_path) or "window.MathJax" in script.attributes.get("body", "")
