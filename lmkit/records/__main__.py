"""`python -m lmkit.records [NAME…]` makes the named records again; without a name, those that are not there."""

import importlib
import sys

from lmkit import records

NAMES = (
    "prompting", "steps", "reading", "programs", "agent", "branches", "knowledge", "truth", "limits",
    "applications", "memorised", "bias", "detection", "oversight",
)  # fmt: skip

for name in sys.argv[1:] or [name for name in NAMES if not records.path(name).is_file()]:
    if name not in NAMES:
        sys.exit(f"no record {name!r}: choose one of {', '.join(NAMES)}.")
    record = importlib.import_module(f"lmkit.records.{name}").make()
    records.save(record)
    print(record)
