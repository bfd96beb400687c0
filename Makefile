PYTHON ?= .venv/bin/python

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

install: ## a virtual environment with everything for work on gatewise
	python3 -m venv .venv && $(PYTHON) -m pip install -q -e '.[dev]'

check: ## lint, format, types, import arrows, workflows
	$(PYTHON) -m ruff check && $(PYTHON) -m ruff format --check
	$(PYTHON) -m pyright --project pyproject.toml --pythonpath $(PYTHON)
	$(PYTHON) tools/check_imports.py
	$(PYTHON) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

test: ## the quick breadth of the tests
	$(PYTHON) -m pytest

test-rest: ## what the quick breadth leaves out, as CI runs it after the quick one
	$(PYTHON) -m pytest --breadth=rest

test-all: ## the full breadth, quick and rest in one
	$(PYTHON) -m pytest --breadth=full

format: ## let ruff arrange the code
	$(PYTHON) -m ruff check --fix && $(PYTHON) -m ruff format

regen: ## write the golden programs anew
	GATEWISE_REGEN=1 $(PYTHON) -m pytest tests/compiler/test_program.py

docs: ## write the pages that are made from the code
	$(PYTHON) -m tools.make_docs

site: ## the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet && $(PYTHON) -m tools.check_site

package: ## wheel and sdist in dist, as they would be published
	rm -rf dist && $(PYTHON) -m build --quiet && $(PYTHON) -m twine check --strict dist/*

show: ## one cell from equation to LLVM: make show CELL=gru
	$(PYTHON) -m gatewise show $(or $(CELL),lstm) --as equations

bench: ## our CPU kernels and their peers, timed alternately
	$(PYTHON) -m benchmarks cpu

competition: ## forecasts of the M4 competition's hourly and weekly series
	$(PYTHON) -m benchmarks m4 hourly && $(PYTHON) -m benchmarks m4 weekly

conformance: ## what a memory cell must solve, at published sizes
	$(PYTHON) -m benchmarks conformance

overfitting: ## overfitting on a small set of chorales, and its cures
	$(PYTHON) -m benchmarks overfitting

SEED ?= 0

harden: ## hostile calls drawn from SEED: nothing may crash, hang, or be wrong without a word
	$(PYTHON) -m harden all --seed $(SEED)

clean: ## everything that can be made again
	rm -rf .venv build dist .cache .pytest_cache .ruff_cache .hypothesis

.PHONY: help install check test test-rest test-all format regen docs site package show bench competition conformance overfitting harden clean
