"""The order in which the chapters are run again."""

import json

from book.longest import longest_first


def test_chapters_come_longest_first_and_one_never_measured_before_all(tmp_path):
    for name, metadata in {"a": {"seconds": 3.0}, "b": {"seconds": 20.5}, "c": {}, "d": {"seconds": 20.5}}.items():
        (tmp_path / name).write_text(json.dumps({"cells": [], "metadata": {"lmkit": metadata} if metadata else {}}))
    assert "".join(path.name for path in longest_first(sorted(tmp_path.iterdir()))) == "cbda"
