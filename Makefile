# `make` installs the pinned environment and rebuilds everything; `make help` lists the rest.
# On a machine with a GPU: `make ENV=gpu PROFILE=gpu`.

# The newest that is there and can make environments: a name alone may be a stub that starts nothing.
PYTHONS := python3.13 python3.12 python3.11
ifndef PYTHON
PYTHON := $(shell for python in $(PYTHONS); do \
	if $$python -c 'import ensurepip, venv' 2>/dev/null; then echo $$python; break; fi; done)
endif
ENV ?= cpu
CORES ?= all
PROFILE ?= box
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Snakemake keeps a cache below HOME, which not every machine lets one write to.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/.scratch/cache
endif

.DEFAULT_GOAL := rebuild
.PHONY: rebuild install test fast tests lint types fix clean help

rebuild: install ## install the environment, rebuild everything, say where the report lies
	snakemake --profile workflow/profiles/$(PROFILE) --cores $(CORES)
	@echo "The report: $(CURDIR)/results/report/report.html"

install: $(VENV)/installed-$(ENV) ## install the pinned environment into .venv

# torch first, by itself: nothing later then asks for another build of it.
$(VENV)/installed-$(ENV): envs/$(ENV).lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		2>/dev/null || { echo "make: no Python 3.11, 3.12 or 3.13 with venv is here$(PYTHON:%=, and % is none);" \
		"install one (apt install python3-venv, or conda, uv or pyenv), or name it: make PYTHON=..." >&2; exit 1; }
	@$(if $(filter gpu,$(ENV)),$(PYTHON) envs/driver.py,true)
	@echo "== 1 of 4: an environment of $$($(PYTHON) --version) in $(VENV)"
	@$(PYTHON) -m venv $$(test -x $(VENV)/bin/$(notdir $(PYTHON)) || echo --clear) $(VENV)
	@echo "== 2 of 4: torch, the largest part ($(if $(filter gpu,$(ENV)),with CUDA some 3 GB,without CUDA where the registry has such a build))"
	@pip install $$(grep '^torch==' envs/$(ENV).lock)
	@echo "== 3 of 4: $$(grep -c == envs/$(ENV).lock) pinned packages"
	@pip install --requirement envs/$(ENV).lock
	@echo "== 4 of 4: rosberta itself"
	@pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/installed-test: envs/test.lock $(VENV)/installed-$(ENV)
	@echo "== the tests' own packages"
	@pip install --quiet --requirement envs/test.lock
	@touch $@

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
