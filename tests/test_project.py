"""The project as a whole: its layout, its one address, its budgets, its prose."""

import json
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
import tomllib

from book import status

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))
TOP = {
    "README.md", "Makefile", "pyproject.toml", "requirements.txt", "constraints.txt", "LICENSE", "_config.yml", "_toc.yml",
    "index.md", "chapters", "lmkit", "book", "tests", "benchmarks", ".ci", ".github", ".gitignore",
    "CITATION.cff",  # GitHub and Zenodo read it only there
}  # fmt: skip


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).is_file()]


def test_nothing_else_at_the_top_level():
    assert {name.split("/")[0] for name in tracked()} <= TOP


def test_readme_names_the_two_commands_and_fits_on_a_screen():
    readme = (ROOT / "README.md").read_text("utf8")
    assert "make book" in readme and "make test" in readme and "Colab" in readme
    assert len(readme.splitlines()) <= 60
    for target in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", readme):
        path = next(filter(None, target))
        assert path.startswith("http") or (ROOT / path).exists(), f"README points to {path}, which is not there"


def test_the_address_of_the_repository_stands_in_one_place():
    config = (ROOT / "_config.yml").read_text("utf8")
    address = re.search(r"^\s+url:\s*(\S+)", config, re.MULTILINE).group(1)
    holders = [n for n in tracked() if not n.startswith("tests/") and address in (ROOT / n).read_text("utf8", "replace")]
    assert holders == ["_config.yml"]


def test_every_pinned_package_is_within_the_ranges_of_learners():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    pins = {canonicalize_name(r.name): next(iter(r.specifier)).version for r in map(Requirement, lines)}
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            wanted = Requirement(line)
            assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), line


def test_the_package_installs_all_its_files():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["setuptools"]["packages"])
    assert packages == {str(p.parent.relative_to(ROOT)).replace("/", ".") for p in (ROOT / "lmkit").rglob("__init__.py")}
    data = project["tool"]["setuptools"]["package-data"]
    for path in (ROOT / "lmkit").rglob("*"):
        if path.is_file() and path.suffix not in {".py", ".pyc"}:
            home = next(folder for folder in path.parents if (folder / "__init__.py").is_file())
            patterns = data.get(str(home.relative_to(ROOT)).replace("/", "."), [])
            assert path in {found for pattern in patterns for found in home.glob(pattern)}, f"{path} would not be installed"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_chapter_keeps_its_budget(path):
    assert path.stat().st_size <= 1.5e6
    measured = nbformat.read(path, as_version=4).metadata["lmkit"]
    assert measured["seconds"] <= status.allowed_seconds(path.stem) and measured["peak_memory_mb"] <= status.MEMORY_MB


def test_the_book_keeps_its_budget():
    runs = [nbformat.read(path, as_version=4).metadata["lmkit"]["seconds"] for path in CHAPTERS]
    assert status.together(runs) <= status.BOOK_SECONDS


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_chapter_is_whole(path):
    notebook = nbformat.read(path, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    assert all(c.execution_count for c in code), "every cell was executed"
    assert status.run_of(path.stem, notebook).unchanged is not False, "its code was changed after it was run: make execute"
    assert not [o for c in code for o in c.outputs if o.output_type == "error"]
    assert not [c.source for c in code if len(c.source.splitlines()) > 25], "no cell is longer than 25 lines"
    text = "\n".join(c.source for c in notebook.cells)
    for part in ("You will be able to", "sources-said", "## Exercises", "## Quiz", "## Summary", "## Further reading"):
        assert part in text, f"{path.name} lacks {part!r}"
    assert "/root/" not in json.dumps(notebook) and "site-packages" not in json.dumps(notebook)
