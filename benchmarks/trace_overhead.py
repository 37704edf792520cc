"""What `trace` and `generate` cost beside the bare transformers calls that they wrap.

Both sides run in one process on the default model, in turn (A B A B ...), so that a busy machine slows both. The bare
forward also returns attentions and hidden states; the bare generate returns its ids only. A trace joins its layers into
one tensor when they are first read; "and read" includes that copy. Prints a Markdown table of medians; the ratio is the
median of the ratios of neighbouring runs.
"""

import argparse
import statistics
import time

import torch

import lmkit

TEXT = "The animal didn't cross the street because it was too tired, and so it sat down under a tree to rest. "


def paired(bare, ours, runs: int) -> tuple[float, float, float]:
    """Median seconds of both calls, run in turn, and the median of their ratios."""
    bare(), ours()  # warm up
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for call, kept in zip((bare, ours), times, strict=True):
            start = time.perf_counter()
            call()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            kept.append(time.perf_counter() - start)
    ratio = statistics.median(second / first for first, second in zip(*times, strict=True))
    return statistics.median(times[0]), statistics.median(times[1]), ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=None, help="a name for lmkit.load")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    model = lmkit.load(options.model)
    all_ids = model.encode(TEXT * 20)

    def bare_forward(ids):
        with torch.no_grad():
            inputs = torch.tensor([ids], device=model.device)
            model.torch_model(inputs, output_attentions=True, output_hidden_states=True, use_cache=False)

    def bare_generate(ids):
        inputs = torch.tensor([ids], device=model.device)
        model.torch_model.generate(inputs, do_sample=False, max_new_tokens=48)

    print("\n| what | transformers (ms) | lmkit (ms) | ratio |\n|---|---:|---:|---:|")
    for length in (16, 64, 256):
        ids = all_ids[:length]
        row = paired(lambda ids=ids: bare_forward(ids), lambda ids=ids: model.trace(ids), options.runs)
        print(f"| trace, {length} tokens | {row[0] * 1e3:.1f} | {row[1] * 1e3:.1f} | {row[2]:.3f} |")

    def read(ids):
        trace = model.trace(ids)
        return trace.attention, trace.hidden, trace.logits

    row = paired(lambda: bare_forward(all_ids[:256]), lambda: read(all_ids[:256]), options.runs)
    print(f"| trace, 256 tokens, and read | {row[0] * 1e3:.1f} | {row[1] * 1e3:.1f} | {row[2]:.3f} |")
    ids = all_ids[:32]
    row = paired(lambda: bare_generate(ids), lambda: model.generate(ids, max_new_tokens=48), max(5, options.runs // 3))
    print(f"| generate, 48 new tokens | {row[0] * 1e3:.0f} | {row[1] * 1e3:.0f} | {row[2]:.3f} |")


if __name__ == "__main__":
    main()
