"""A chapter alone: copied into an empty folder, in an environment without lmkit, as Colab opens it."""

import importlib.metadata as metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from packaging.requirements import Requirement

from book.address import fill
from book.longest import longest_first

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))


def copy_of_project(to: Path) -> Path:
    """The tree as git would hand it out: tracked and new files, nothing ignored (no environment, no build)."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return to


def setup_cell(path: Path) -> str:
    cells = json.loads(path.read_text("utf8"))["cells"]
    found = ["".join(c["source"]) for c in cells if "setup" in c["metadata"].get("tags", [])]
    assert len(found) == 1, f"{path.name} must have one cell tagged 'setup', it has {len(found)}"
    return found[0]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_setup_cell_installs_the_course_only_where_it_is_missing(path):
    install = setup_cell(path).split("import torch")[0]
    assert install == setup_cell(CHAPTERS[0]).split("import torch")[0], "the install lines of all chapters are the same"
    assert "@REPOSITORY@" in install and 'find_spec("lmkit") is None' in install


class BareKernel(AsyncKernelManager):
    """A kernel of the environment at `python`, without an installed kernel specification."""

    python: str

    def format_kernel_cmd(self, extra_arguments=None):
        return [self.python, "-m", "ipykernel_launcher", "-f", self.connection_file]


def link_requirements(to: Path) -> None:
    """Link what requirements.txt, the models and a kernel need, and nothing else, from this environment into a folder.

    To install gigabytes once more would take minutes and test pip; what a learner's environment would lack is lacking.
    """
    to.mkdir()
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    wanted += [Requirement(name) for name in ("ipykernel", "pip", "setuptools")]
    found: dict[str, metadata.Distribution] = {}
    while wanted:
        need = wanted.pop()
        if need.name.lower() not in found:
            found[need.name.lower()] = installed = metadata.distribution(need.name)
            for line in installed.requires or []:
                more = Requirement(line)
                if more.marker is None or any(more.marker.evaluate({"extra": extra}) for extra in need.extras or {""}):
                    wanted.append(more)
    models = re.search(r"^MODELS = (.+)$", (ROOT / "Makefile").read_text(), re.M).group(1).split()
    distributions = [*found.values(), *(metadata.distribution(Requirement(model).name) for model in models)]
    for entry in sorted({(d.locate_file(f.parts[0]), f.parts[0]) for d in distributions for f in d.files or []}):
        if entry[1] not in ("..", "__pycache__"):
            (to / entry[1]).symlink_to(entry[0])


@pytest.mark.timeout(900)
def test_chapter_alone_runs_from_its_own_setup_cell(tmp_path):
    chapter = longest_first(CHAPTERS)[-1]
    alone, home, environment = tmp_path / "alone", tmp_path / "home", tmp_path / "environment"
    alone.mkdir()
    home.mkdir()
    source = copy_of_project(tmp_path / "project")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)  # pip is linked, as the rest
    python = str(environment / "bin" / "python")
    link_requirements(tmp_path / "packages")
    packages = next((environment / "lib").glob("python*/site-packages"))
    (packages / "requirements.pth").write_text(f"{tmp_path / 'packages'}\n")
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("LMKIT_", "PYTHONPATH", "VIRTUAL_ENV"))}
    variables |= {"HOME": str(home), "PIP_CONSTRAINT": str(ROOT / "constraints.txt"), "HF_HUB_OFFLINE": "1"}
    variables["PATH"] = f"{environment / 'bin'}{os.pathsep}{variables['PATH']}"
    missing = subprocess.run([python, "-c", "import lmkit"], cwd=alone, env=variables, capture_output=True)
    assert missing.returncode != 0, "the environment was meant to be without lmkit"

    notebook = fill(nbformat.read(chapter, as_version=4), f"file://{source}")
    manager = BareKernel(kernel_name="python3")
    manager.python = python
    client = NotebookClient(notebook, km=manager, timeout=900, resources={"metadata": {"path": str(alone)}})
    client.execute(env=variables, cwd=str(alone))

    ran = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    assert all(cell.execution_count for cell in ran)
    assert not [o for cell in ran for o in cell.outputs if o.output_type == "error"]
    assert any("application/vnd.jupyter.widget-view+json" in o.get("data", {}) for cell in ran for o in cell.outputs)
