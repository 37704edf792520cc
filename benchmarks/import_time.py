"""How long `import lmkit` takes beyond torch and transformers: medians over fresh processes, run in turn."""

import statistics
import subprocess
import sys
import time

BARE = "import torch, transformers"
OURS = "import torch, transformers, lmkit"
RUNS = 5


def seconds(code: str) -> float:
    """Wall time of a fresh Python that runs `code`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    times = [(seconds(BARE), seconds(OURS)) for _ in range(RUNS + 1)][1:]  # the first fills the disk cache
    bare, ours = (statistics.median(column) for column in zip(*times, strict=True))
    beyond = statistics.median(second - first for first, second in times)
    print("| torch and transformers (s) | with lmkit (s) | lmkit beyond them (s) |\n|---:|---:|---:|")
    print(f"| {bare:.2f} | {ours:.2f} | {beyond:.2f} |")


if __name__ == "__main__":
    main()
