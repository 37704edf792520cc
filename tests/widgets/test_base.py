"""The widgets' browser code: it is readable as separate modules, and bundled into one without changing its meaning."""

import re
import zlib

import numpy as np
import pytest
from browser import chromium, served  # noqa: F401

from lmkit.widgets import base

WIDGETS = {
    "agent.js", "attention.js", "bench.js", "boundary.js", "calculator.js", "catalogue.js", "cloze.js",
    "descent.js", "embedding.js", "lens.js", "playground.js", "preference.js", "quiz.js", "retrieval.js",
    "sampling.js", "sort.js", "timeline.js", "token.js", "token_step.js", "training.js", "transformer.js",
}  # fmt: skip
FILES = sorted(path.name for path in base.HERE.glob("*.js") if path.name != "mount.js")


@pytest.fixture(scope="module")
def page(chromium):  # noqa: F811
    with served(base.HERE) as address:
        page = chromium.new_page()
        page.goto(address)
        yield page
        page.close()


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_a_module_that_imports_what_it_uses(page, name):
    """The browser itself checks that every imported name exists; here, that each is used."""
    assert page.evaluate(f"import('./{name}').then((module) => Object.keys(module).length)") > 0
    source = (base.HERE / name).read_text("utf8")
    rest = base.IMPORT.sub("", source)
    for names in re.findall(r"^import \{([^}]*)\}", source, re.MULTILINE):
        for imported in filter(None, map(str.strip, names.split(","))):
            assert re.search(rf"\b{imported}\b", rest), f"{name} imports {imported} and does not use it"


@pytest.mark.parametrize("name", sorted(WIDGETS))
def test_a_bundle_is_one_module_with_what_its_files_export(page, name):
    source = base.bundle(name)
    assert "import " not in "".join(line for line in source.splitlines(True) if line.startswith("import"))
    exported = page.evaluate(
        "(source) => import(URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))).then(Object.keys)", source
    )
    assert {"default", "unpack"} <= set(exported)


def test_an_import_that_a_page_cannot_have_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "HERE", tmp_path)
    (tmp_path / "own.js").write_text("export const one = 1;\n")
    (tmp_path / "good.js").write_text('import { one } from "./own.js";\nexport const two = 2 * one;\n')
    (tmp_path / "bad.js").write_text('import d3 from "https://example.org/d3.js";\n')
    assert base.bundle("good.js") == "export const one = 1;\nexport const two = 2 * one;\n"
    with pytest.raises(ValueError, match=r"d3.js.*cannot be bundled"):
        base.bundle("bad.js")


@pytest.mark.parametrize("size", [0, 1, 1000, 3_000_000])
def test_packed_arrays_come_back(size):
    array = np.random.default_rng(0).integers(0, 4, size, dtype=np.uint8)
    assert zlib.decompress(base.pack(array), wbits=-15) == array.tobytes()


def test_packing_is_little_endian_and_in_c_order():
    array = np.arange(6, dtype=">f2").reshape(2, 3).T
    assert zlib.decompress(base.pack(array), wbits=-15) == np.array([0, 3, 1, 4, 2, 5], "<f2").tobytes()
