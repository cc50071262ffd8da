# Two commands set up everything on a fresh machine: `make quickstart` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One thread a worker: two pytest workers with many threads each slow one another down.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-lowest lint docs bench clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/.stamp-venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	touch $@

# torch first and alone, by its exact version: another request may fetch gigabytes of a different build.
$(VENV)/.stamp-torch: $(VENV)/.stamp-venv
	$(BIN)/python -m pip install torch==2.13.0
	touch $@

$(VENV)/.stamp-%: $(VENV)/.stamp-torch pyproject.toml constraints.txt
	$(BIN)/python -m pip install -c constraints.txt -e '.[$*]'
	touch $@

# with pandas, so that equations carry the names of the columns
quickstart: $(VENV)/.stamp-bench  ## install the package and run examples/quickstart.py
	$(BIN)/python examples/quickstart.py

lint: $(VENV)/.stamp-dev  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## lint, then all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

# Compiled when installed, and without warnings of old packages about newer ones: both would be errors.
test-lowest:  ## all tests with the lowest versions that pyproject.toml names (torch as pinned)
	test -x .venv-lowest/bin/python || $(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install uv torch==2.13.0
	.venv-lowest/bin/uv pip install --python .venv-lowest --resolution lowest-direct \
		--compile-bytecode torch==2.13.0 -e '.[dev]'
	OMP_NUM_THREADS=1 .venv-lowest/bin/python -m pytest -n $(WORKERS) -W ignore::DeprecationWarning

# Set DOCS_ONLINE=1 where there is a network: links into other projects' pages.
docs: $(VENV)/.stamp-docs  ## build the site with its gallery into docs/_build/html, warnings as errors
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.stamp-bench  ## print the benchmark tables of the README
	for script in benchmarks/td_recovery.py benchmarks/tabular.py; do $(BIN)/python $$script || exit 1; done

clean:  ## remove caches and build outputs (the virtual environment stays)
	rm -rf .venv-lowest build dist docs/_build docs/auto_examples docs/generated .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
