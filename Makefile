# `make` installs the pinned environment and rebuilds everything; `make help` lists the rest.
# On a machine with a GPU: `make ENV=gpu PROFILE=gpu`.

PYTHON ?= python3.11
ENV ?= cpu
CORES ?= all
PROFILE ?= box
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := rebuild
.PHONY: rebuild install test fast tests lint types fix clean help

rebuild: install ## install the environment, rebuild everything, say where the report lies
	snakemake --profile workflow/profiles/$(PROFILE) --cores $(CORES)
	@echo "The report: $(CURDIR)/results/report/report.html"

install: $(VENV)/installed-$(ENV) ## install the pinned environment into .venv

# torch first, by itself: nothing later then asks for another build of it.
$(VENV)/installed-$(ENV): envs/$(ENV).lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	pip install --quiet $$(grep '^torch==' envs/$(ENV).lock)
	pip install --quiet --requirement envs/$(ENV).lock
	pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/installed-test: envs/test.lock $(VENV)/installed-$(ENV)
	pip install --quiet --requirement envs/test.lock
	touch $@

test: lint types tests ## linters, types, and all tests

lint: $(VENV)/installed-test ## formats, linters, and the floors of the house
	ruff format --check .
	ruff check .
	snakefmt --check Snakefile workflow/rules
	typos
	lint-imports --no-cache
	snakemake --lint

types: $(VENV)/installed-test ## static types
	mypy

tests: $(VENV)/installed-test ## all tests
	pytest --numprocesses 2 --dist loadfile -m "not built"
	pytest --numprocesses 2 --dist loadgroup -m built

fast: $(VENV)/installed-test ## the tests that need no built tree and no long training
	pytest --numprocesses 2 --dist loadfile -m "not built and not slow"

fix: $(VENV)/installed-test ## format everything, and rewrite what is generated
	ruff format .
	ruff check --fix .
	snakefmt Snakefile workflow/rules
	pytest --fix -q tests/house/test_generated.py tests/commands/test_presets_page.py

clean: ## remove what may vanish at any time
	rm -rf .scratch logs timings .snakemake

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18
