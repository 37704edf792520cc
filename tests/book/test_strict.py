"""A page that would load anything from elsewhere, or that shows an error, stops the build."""

import pytest
from sphinx.errors import ExtensionError

from book.strict import foreign_loads
from tests.book.small import cell, notebook

LOADS = [
    '<script src="https://cdn.example.org/x.js"></script>',
    "<script src='//cdn.example.org/x.js'></script>",
    '<SCRIPT SRC = "HTTPS://cdn.example.org/x.js"></SCRIPT>',
    '<link rel="stylesheet" href="https://fonts.example.org/css?family=A">',
    '<link rel="preconnect" href="//fonts.example.org">',
    '<img src="http://example.org/x.png">',
    '<img srcset="a.png 1x, https://example.org/b.png 2x">',
    '<iframe src="https://example.org/"></iframe>',
    '<iframe srcdoc="&lt;script src=&quot;https://example.org/x.js&quot;&gt;&lt;/script&gt;"></iframe>',
    '<video poster="https://example.org/p.jpg"><source src="https://example.org/v.mp4"></video>',
    '<object data="https://example.org/x.svg"></object>',
    '<svg><image href="https://example.org/x.png"></image></svg>',
    '<svg><use xlink:href="https://example.org/x.svg#a"></use></svg>',
    '<div style="background: url(https://example.org/x.png)"></div>',
    "<style>@import '//example.org/x.css';</style>",
    '<script type="module">import x from "https://esm.example.org/x"</script>',
    "<script>import('https://esm.example.org/x')</script>",
    r'<script type="application/json">{"_esm": "import x from \"https://esm.example.org/x\""}</script>',
    '<meta http-equiv="refresh" content="0; url=https://example.org/">',
]
FINE = [
    '<a href="https://example.org/">a link that a reader may follow</a>',
    '<script src="_static/x.js"></script><img src="data:image/png;base64,AAAA"><img src="../x.png">',
    '<link rel="canonical" href="https://example.org/page.html">',
    '<svg xmlns="http://www.w3.org/2000/svg"><use href="#a"></use></svg>',
    "<p>&lt;script src=&quot;https://cdn.example.org/x.js&quot;&gt;</p>",
    '<script>const text = "see https://example.org/";</script>',
    '<div style="background: url(data:image/png;base64,AAAA)"></div>',
]


@pytest.mark.parametrize("html", LOADS)
def test_what_a_page_would_load_from_elsewhere_is_found(html):
    assert len(foreign_loads(f"<!doctype html><p>before</p>{html}<p>after</p>")) >= 1


@pytest.mark.parametrize("html", FINE)
def test_what_a_page_does_not_load_is_left_alone(html):
    assert foreign_loads(f"<!doctype html><p>before</p>{html}<p>after</p>") == []


def test_a_page_with_a_foreign_script_fails_the_build(build):
    page = '# Home\n\n<script src="https://cdn.example.org/x.js"></script>\n'
    with pytest.raises(ExtensionError, match=r"index\.html would load https://cdn\.example\.org/x\.js"):
        build({"index": page})


def test_an_output_with_a_foreign_image_fails_the_build(build):
    output = {"text/html": '<img src="https://example.org/x.png">'}
    with pytest.raises(ExtensionError, match=r"one\.html would load https://example\.org/x\.png"):
        build({"index": "# Home", "one": notebook("# One", cell("show()", output))})


def test_a_foreign_extension_script_fails_the_build(build):
    with pytest.raises(ExtensionError, match=r"would load https://cdn\.example\.org/y\.js"):
        build({"index": "# Home"}, html_js_files=["https://cdn.example.org/y.js"])


@pytest.mark.parametrize("source", ["1 / x", "%%time\n1 / x"])
def test_a_stored_error_fails_the_build_even_under_a_cell_magic(build, source):
    with pytest.raises(ExtensionError, match=r"one\.ipynb has stored errors; execute it again\.\s+cell 1 ends in NameError"):
        build({"index": "# Home", "one": notebook("# One", cell(source, error="NameError"))})


def test_an_icon_without_a_drawing_fails_the_build(build):
    with pytest.raises(ExtensionError, match=r"uses the icon unicorn, which book/vendor\.lock\.json does not name"):
        build({"index": '# Home\n\n<i class="fa-solid fa-unicorn"></i>\n'})
