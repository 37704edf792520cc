"""Names the chapters that it is given, those that take longest first: two processes that take them in turn then end together.

    python -m book.longest chapters/*.ipynb
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path


def longest_first(paths: Iterable[Path]) -> list[Path]:
    """By the seconds that book.execute measured; a chapter without them comes first, since it may take any time."""
    metadata = {path: json.loads(path.read_text("utf8"))["metadata"].get("lmkit", {}) for path in paths}
    return sorted(metadata, key=lambda path: (-metadata[path].get("seconds", float("inf")), path))


if __name__ == "__main__":
    print(*longest_first(map(Path, sys.argv[1:])))
