"""Formulas are set when the book is built: no script, nothing that moves, words for screen readers, no silent mistake."""

import re

import pytest
from sphinx.errors import ExtensionError

from book.formulas import formulas_of

PAGE = r"""# Formulas

## Why $p^k$

Inline $a < b$ and $\text{注意力}$, and displayed:

$$
\mathrm{softmax}\left(\frac{QK^\top}{\sqrt{d}}\right)V
$$ (eq-softmax)

See {eq}`eq-softmax`.

\begin{align}
a &= b \\
c &= d
\end{align}
"""


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    from tests.book.small import small_book

    return small_book(tmp_path_factory.mktemp("formulas"), {"index": PAGE, "plain": "# No formula here"})


def test_every_formula_is_drawn_and_said(html):
    page = (html / "index.html").read_text("utf8")
    drawn = re.findall(r"<mjx-container.*?</mjx-container>", page, re.DOTALL)
    assert len(drawn) >= 5 and all("<svg" in one and "<math" in one for one in drawn)
    assert not re.search(r"\\\(|\\\[|\\begin\{", re.sub(r"<title>.*?</title>|<meta[^>]*>", "", page, flags=re.DOTALL))
    assert "<mo>&lt;</mo>" in page and "<mtext>注意力</mtext>" in page and "<mtable" in page
    assert 'id="equation-eq-softmax"' in page and 'class="eqno"' in page


def test_the_shapes_of_the_letters_stand_once(html):
    page = (html / "index.html").read_text("utf8")
    shapes = re.findall(r'<path id="(MJX-[^"]+)"', page)
    assert len(shapes) == len(set(shapes)) > 10
    assert set(re.findall(r'xlink:href="#(MJX-[^"]+)"', page)) == set(shapes)


def test_no_page_loads_a_script_for_formulas(html):
    for path in html.rglob("*.html"):
        scripts = re.findall(r"<script\b.*?</script>", path.read_text("utf8"), re.DOTALL)
        assert scripts and not any("mathjax" in script.lower() for script in scripts), path.name
    assert "<mjx-container" not in (html / "plain.html").read_text("utf8")


@pytest.mark.parametrize("wrong", [r"\frac{a", r"\softmaxx(a)"])
def test_a_formula_that_cannot_be_set_stops_the_build(build, wrong):
    with pytest.raises(ExtensionError, match=r"index\.html: the formula .* cannot be set: (Missing|Undefined)"):
        build({"index": f"# Home\n\n${wrong}$\n"})


def test_a_form_that_is_not_known_stops_the_build():
    with pytest.raises(ExtensionError, match="a form that book"):
        formulas_of('<span class="math notranslate nohighlight">$x$</span>')
