"""How long `import lmkit` takes once torch and transformers are there: the median over fresh processes."""

import statistics
import subprocess
import sys

CODE = """
import time
start = time.perf_counter()
import torch, transformers
between = time.perf_counter()
import lmkit
print(between - start, time.perf_counter() - between)
"""
RUNS = 7


def seconds() -> tuple[float, float]:
    """Seconds that a fresh Python takes to import torch and transformers, and lmkit after them."""
    out = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True).stdout
    theirs, ours = map(float, out.split())
    return theirs, ours


def main() -> None:
    runs = [seconds() for _ in range(RUNS)]
    theirs, ours = (statistics.median(column) for column in zip(*runs, strict=True))
    print("| torch and transformers (s) | lmkit after them (s) |\n|---:|---:|")
    print(f"| {theirs:.2f} | {ours:.3f} |")


if __name__ == "__main__":
    main()
