# Everything a contributor runs. A fresh machine needs python3 (3.11+), venv and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test check bench screenshots clean

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once, about a minute) …"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

demo: $(READY)
	$(BIN)/bcifs demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.console.screenshots --check

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

screenshots: $(READY)
	$(BIN)/python -m tests.console.screenshots

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
