"""The built site, a builder of small books, and a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.book.small import ROOT, small_book
from tests.browser import chromium

__all__ = ["chromium"]

SITE = ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site. It is not built here, because that would hide a build that fails."""
    if not (SITE / "index.html").is_file():
        pytest.fail("the site is not built; run: make book", pytrace=False)
    return SITE


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Path]:
    """`build(pages, **settings)` builds a small book below the test's own folder."""
    return lambda pages, **settings: small_book(tmp_path, pages, **settings)
