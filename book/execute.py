"""Executes chapters in place and stores what they show: outputs, the state of their widgets, time and memory.

    python -m book.execute chapters/07_self_attention.ipynb ...

The stored outputs are what the site shows and what the tests compare, so a chapter is executed again whenever it, or
the package under it, changes. Ids that Jupyter draws at random are replaced by counters: an unchanged chapter gives an
unchanged file, up to the measured time.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import nbformat
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

from book import status

STATE = "application/vnd.jupyter.widget-state+json"
THREADS = "getattr(__import__('sys').modules.get('torch'), 'get_num_threads', lambda: 1)()"
PEAK = "__import__('resource').getrusage(__import__('resource').RUSAGE_SELF).ru_maxrss // 1024"


def run(notebook: nbformat.NotebookNode, folder: Path) -> dict[str, float]:
    """Executes every cell; returns {"seconds", "peak_memory_mb", "threads"} of the kernel. A cell's error is raised as it is."""
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.reset_execution_trackers()
    start = time.perf_counter()
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        seconds = time.perf_counter() - start
        ask = run_sync(client.kc.execute_interactive)
        reply = ask("", silent=True, user_expressions={"peak_memory_mb": PEAK, "threads": THREADS}, timeout=60)
        client.set_widgets_metadata()
    told = {name: int(value["data"]["text/plain"]) for name, value in reply["content"]["user_expressions"].items()}
    return {"seconds": round(seconds, 1), **told}


def settle(notebook: nbformat.NotebookNode, stem: str) -> nbformat.NotebookNode:
    """Replaces random ids by counters, drops the time stamps of cells, joins streams that were cut at random."""
    state = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    text = json.dumps(notebook)
    for number, model_id in enumerate(state):
        text = text.replace(model_id, f"{stem}-{number:03d}")
    notebook = nbformat.from_dict(json.loads(text))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{stem.replace('_', '-')[:40]}-{number:03d}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    return notebook


def joined(outputs: list) -> list:
    """One output per run of text on the same stream."""
    result: list = []
    for output in outputs:
        last = result[-1] if result else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            result.append(output)
    return result


def execute(path: Path) -> dict[str, float]:
    """Executes the chapter at `path` and writes it back; on an error the file stays as it was."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("widgets", None)
    measured = run(notebook, path.parent)
    notebook = settle(notebook, path.stem)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}
    notebook.metadata.pop("jupytext", None)
    notebook.metadata["lmkit"] = measured | {
        "code": status.digest(notebook),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "platform": f"{platform.system()} {platform.machine()}",
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "transformers": version("transformers"),
    }
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description="Execute chapters in place and store their outputs.")
    parser.add_argument("chapters", nargs="+", type=Path)
    for path in parser.parse_args().chapters:
        measured = execute(path)
        size = path.stat().st_size / 1e6
        print(f"{path.name}: {measured['seconds']} s, {measured['peak_memory_mb']} MB of memory, {size:.2f} MB of notebook")


if __name__ == "__main__":
    main()
