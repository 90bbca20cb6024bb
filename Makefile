# `make` installs the pinned environment and rebuilds everything; `make test` checks the project.
# On a machine with a GPU: `make ENV=gpu`.

PYTHON ?= python3.11
ENV ?= cpu
CORES ?= all
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: rebuild install test lint types tests clean

rebuild: install
	snakemake --cores $(CORES)
	@echo "The report: $(CURDIR)/results/report/report.html"

install: $(VENV)/installed-$(ENV)

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

test: lint types tests

lint: $(VENV)/installed-test
	ruff format --check .
	ruff check .
	snakefmt --check Snakefile workflow/rules
	typos
	snakemake --lint

types: $(VENV)/installed-test
	mypy

tests: $(VENV)/installed-test
	pytest --numprocesses 2 --dist loadfile -m "not built"
	pytest --numprocesses 2 --dist loadgroup -m built

clean:
	rm -rf .scratch logs timings .snakemake
