r"""The text of the chapters as a collection of documents, for the chapter on retrieval: `lmkit/data/course/en.jsonl`.

    python -m book.passages           write it again
    python -m book.passages --check   say which documents are not those of today's chapters

A document is a section (`##`) of a chapter, with what its cells printed as text ("What you see"), and without code, tables of
results, exercises, quiz and summary. Markdown, MyST and TeX become plain text: $\frac{a}{b}$ is a/b, {cite:t}`key` the authors
and the year. Outputs that nbval does not compare (timings) are left out, so the text is the same on every machine.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from pybtex.database import parse_file

ROOT = Path(__file__).parents[1]
CHAPTERS = ROOT / "chapters"
TARGET = ROOT / "lmkit" / "data" / "course" / "en.jsonl"
COLLECTED = range(1, 14)  # the chapters before the one that searches them
LEFT_OUT = {"Exercises", "Quiz", "Summary", "What comes next", "Further reading"}
SKIPPED = {"nbval-ignore-output", "hide-cell", "hide-output", "remove-output"}

HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$")
WORDS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "epsilon": "ε", "eta": "η", "theta": "θ",
    "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "nabla": "∇", "sum": "Σ", "cdot": "·", "times": "×",
    "odot": "⊙", "pm": "±", "approx": "≈", "le": "≤", "ge": "≥", "ne": "≠", "in": "∈", "infty": "∞", "propto": "∝", "mid": "|",
    "leftarrow": "←", "rightarrow": "→", "to": "→", "succ": "≻", "ell": "ℓ", "dots": "…", "ldots": "…", "cdots": "…",
    "lVert": "‖", "rVert": "‖", "top": "T", "downarrow": "↓", "quad": " ", "qquad": " ", "left": "", "right": "", "bigl": "",
    "bigr": "", "Bigl": "", "Bigr": "",
}  # fmt: skip
MARKS = {"hat": "\u0302", "bar": "\u0304"}  # signs that stand above the letter before them
BRACES = r"\{((?:[^{}]|\{[^{}]*\})*)\}"  # one pair, holding at most one more level


def formula(tex: str) -> str:
    r"""TeX as text on one line: \frac{a}{b+1} is a/(b+1), e^{-x} is e^(-x), Greek letters are letters."""
    text = re.sub(r"\\[td]?frac(\d)([\da-z])", r"\\frac{\1}{\2}", tex)
    text = re.sub(r"\\(?:mathcal|mathbb|mathbf)\s*(?:\{(\w+)\}|(\w))", r"\1\2", text)
    text = re.sub(r"\\(hat|bar)\s*(?:\{(\w)\}|(\w))", lambda match: (match[2] or match[3]) + MARKS[match[1]], text)
    text = re.sub(r"\\(?:text|mathrm|operatorname)\s*" + BRACES, r" \1 ", text)
    text = re.sub(r"\\underbrace" + BRACES + r"_" + BRACES, r"\1 (\2)", text)
    for _ in range(2):  # a fraction may hold another
        text = re.sub(r"\\sqrt\s*(?:" + BRACES + r"|(\w))", lambda match: f"√{group(match[1] or match[2])}", text)
        text = re.sub(r"\\[td]?frac\s*" + BRACES + BRACES, lambda match: f"{group(match[1])}/{group(match[2])}", text)
    text = re.sub(r"\\binom" + BRACES + BRACES, r"C(\1, \2)", text)
    text = re.sub(r"([\^_])" + BRACES, lambda match: match[1] + group(match[2]), text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda match: WORDS.get(match[1], match[1]), text)
    text = re.sub(r"\\[,;:!> ]|~|&|\\\\", " ", text).replace("\\", "")
    return re.sub(r"\s+", " ", text.replace("{", "").replace("}", "")).strip()


def group(tex: str) -> str:
    """What stands above or below a line, in parentheses where it is more than one thing."""
    return tex.strip() if re.fullmatch(r"\s*(?:\\?\w+|[+−-]?[\w.,√]+)\s*", tex) else f"({tex.strip()})"


@cache
def cited() -> dict[str, tuple[str, str]]:
    """{key: (authors, year)} of the references, as "Vaswani et al." and "2017"."""
    found = {}
    for key, entry in parse_file(str(CHAPTERS / "references.bib")).entries.items():
        people = entry.persons.get("author") or entry.persons.get("editor") or []
        names = [re.sub(r"[{}]", "", " ".join(str(part) for part in p.rich_prelast_names + p.rich_last_names)) for p in people]
        names = [name for name in names if name != "others"]
        shown = " and ".join(names) if len(names) < 3 and len(names) == len(people) else f"{names[0]} et al." if names else key
        found[key] = (shown, entry.fields.get("year", "undated"))
    return found


def citation(match: re.Match) -> str:
    pairs = [cited().get(key.strip(), (key.strip(), "")) for key in match[2].split(",")]
    if match[1] == "t":
        return "; ".join(f"{who} ({year})" for who, year in pairs)
    return "(" + "; ".join(f"{who}, {year}" for who, year in pairs) + ")"


def plain(markdown: str) -> str:
    """Inline Markdown, MyST and TeX as text."""
    text = re.sub(r"<br ?/?>", " ", markdown)
    kept: list[str] = []  # code, whose signs mean nothing else

    def keep(match: re.Match) -> str:
        kept.append(match[2].strip())
        return f"\0{len(kept) - 1}\0"

    text = re.sub(r"\{cite(?::(\w))?\}`([^`]*)`", citation, text)
    text = re.sub(r"(`+)(.+?)\1(?!`)", keep, text, flags=re.DOTALL)
    text = re.sub(r"\$\$(.+?)\$\$", lambda match: formula(match[1]), text, flags=re.DOTALL)
    text = re.sub(r"(?<!\\)\$(?!\s)([^$\n]+?)(?<!\s)\$(?!\d)", lambda match: formula(match[1]), text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", text, flags=re.DOTALL)
    text = re.sub(r"(?<![\w*])\*(?!\s)(.+?)(?<!\s)\*(?!\w)", r"\1", text, flags=re.DOTALL)
    text = re.sub(r"\\([$*_|\\])", r"\1", text)
    text = re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], text)
    return re.sub(r"\s+", " ", text).strip()


def row(line: str) -> list[str]:
    return [plain(cell) for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def table(lines: list[str]) -> Iterator[str]:
    """A sentence for every row of a Markdown table: `titles: values`."""
    titles = row(lines[0])
    for line in lines[2:]:
        cells = row(line)
        pairs = [f"{title}: {cell}" if title else cell for title, cell in zip(titles, cells, strict=False) if cell]
        yield "; ".join(pairs) + "."


def paragraphs(markdown: str) -> Iterator[str]:
    """The paragraphs of a Markdown text, as plain text: a list's items, a table's rows and a formula are paragraphs too."""
    text = re.sub(r"^[:`]{3,}\{admonition\} *(.*)$", r"\1:\n", markdown, flags=re.MULTILINE)
    text = re.sub(r"^(?::class: .*|[:`]{3,}(?:\{[\w-]+\})?.*)$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\n{0,2}\$\$(.+?)\$\$", lambda m: f"\n\n{formula(m[1])}\n\n", text, flags=re.DOTALL)
    for block in re.split(r"\n\s*\n", text):
        lines = block.strip().splitlines()
        if len(lines) > 2 and lines[0].startswith("|") and re.fullmatch(r"[|:\- ]+", lines[1]):
            yield from table(lines)
            continue
        lines = [re.sub(r"^> ?", "", line).removesuffix("\\") for line in lines]
        items = re.split(r"\n(?=\s*(?:[-*]|\d+\.) )", "\n".join(lines))
        yield from filter(None, (plain(re.sub(r"^\s*(?:[-*]|#+) ", "", item)) for item in items))


def shown(cell: dict) -> Iterator[str]:
    """What a reader of a cell reads as text: the cell itself, or the sentences it printed as Markdown."""
    if cell["cell_type"] == "markdown":
        yield "".join(cell["source"])
    elif not SKIPPED & set(cell["metadata"].get("tags", [])):
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/markdown", ""))
            if text and not text.lstrip().startswith("|"):  # a table of results
                yield text


def sections(notebook: dict) -> Iterator[tuple[str, list[str]]]:
    """(heading, texts) of a chapter; what stands before the first section has the heading of the chapter."""
    heading, texts = "", []
    for cell in notebook["cells"]:
        for text in shown(cell):
            for part in re.split(r"^(?=##? )", text, flags=re.MULTILINE):
                match = HEADING.match(part.split("\n", 1)[0])
                if match and len(match[1]) < 3:
                    yield heading, texts
                    heading, texts = plain(match[2]), []
                    part = part.partition("\n")[2]
                texts.append(part)
    yield heading, texts


def slug(heading: str) -> str:
    words = re.sub(r"\W+", "-", heading.lower()).strip("-").split("-")
    return "-".join(words[:8])


def documents(chapters: Iterable[int] = COLLECTED) -> list[dict]:
    """[{id, title, chapter, text}] of the chapters as they are now, in their order."""
    found = []
    for number in chapters:
        path = next(CHAPTERS.glob(f"{number:02}_*.ipynb"))
        name = ""
        for heading, texts in sections(json.loads(path.read_text(encoding="utf8"))):
            text = "\n".join(line for markdown in texts for line in paragraphs(markdown))
            name = name or re.sub(r"^\d+ · ", "", heading)
            if not text or heading in LEFT_OUT:
                continue
            id = f"{number:02}/{slug(heading) if not heading.startswith(str(number)) else 'beginning'}"
            title = name if id.endswith("/beginning") else f"{name} · {heading}"
            found.append({"id": id, "title": title, "chapter": number, "text": text})
    return found


def differences() -> list[str]:
    """Which stored documents are not those of today's chapters, one line each."""
    stored = {d["id"]: d for d in map(json.loads, TARGET.read_text(encoding="utf8").splitlines())}
    today = {d["id"]: d for d in documents()}
    gone = [f"{id}: no such section today" for id in stored if id not in today]
    new = [f"{id}: not stored" for id in today if id not in stored]
    changed = [f"{id}: another text today" for id in stored if id in today and stored[id] != today[id]]
    return gone + new + changed


def main() -> None:
    if "--check" in sys.argv:
        print("\n".join(differences()) or "The stored text is that of the chapters.")
        return
    lines = [json.dumps(document, ensure_ascii=False) for document in documents()]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf8")
    print(f"{TARGET.relative_to(ROOT)}: {len(lines)} sections, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
