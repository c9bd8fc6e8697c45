# Filiation. `make` alone says what there is.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
DEMO ?=
PYTEST ?= -n 2
FAULTS ?=
CORPORA ?= ../shared/corpora
ZOOS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo up test faults check bench bench-collect validate clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed  ## a virtual environment in .venv with everything that Filiation needs

demo: $(VENV)/.installed  ## probe the zoo of small real models and name their lineage (DEMO=--no-serve, DEMO=--fresh)
	@exec $(BIN)/python manage.py demo $(DEMO)

up: $(VENV)/.installed  ## run Filiation on this machine: broker, web, workers, scheduler
	@$(BIN)/python manage.py migrate --verbosity 0
	@exec $(BIN)/python manage.py up

test: $(VENV)/.installed-dev  ## every test (PYTEST='-n 2' are the options)
	$(BIN)/python -m pytest $(PYTEST)

faults: $(VENV)/.installed-dev  ## every fault that Filiation has to survive, in full, and what each cost (FAULTS='workers broker')
	$(BIN)/python -m tests.faults $(FAULTS)

check: $(VENV)/.installed-dev  ## style, types and the dependency rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/architecture

bench: $(VENV)/.installed-dev  ## the engine against naive peers, in one run on one machine
	$(BIN)/python -m benchmarks

bench-collect: $(VENV)/.installed-dev  ## collecting: calls, processor and memory beside bare asyncio and peers; local generation; 100,000 stored
	$(BIN)/python -m benchmarks collect collect_local ledger_at_scale

validate: $(VENV)/.installed  ## every figure of forensics/evaluation/validated/validation.json again (CORPORA=labelled recordings, ZOOS=recorded zoos)
	$(BIN)/python -m forensics study $(CORPORA) $(if $(ZOOS),--zoos $(ZOOS)) --jobs 2 --out forensics/evaluation/validated/validation.json

clean:  ## remove the virtual environment and the caches; var/ (your evidence) stays
	rm -rf $(VENV) tests/browser/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis artefacts
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

# A stamp for each step, so that a second run installs nothing.
$(VENV)/bin/python:
	@for candidate in python3.11 python3.12 python3.13 python3; do \
	  if $$candidate -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$candidate --version)"; exec $$candidate -m venv $(VENV); \
	  fi; \
	done; \
	echo "Filiation needs Python 3.11, 3.12 or 3.13 with venv and found none." \
	     "Install one (on Debian: apt-get install python3 python3-venv), then run make again." >&2; exit 1

# torch before what needs it: a looser requirement of another package would choose a far larger build.
$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check --no-input "$$(grep '^torch==' requirements.txt)"
	$(BIN)/python -m pip install --disable-pip-version-check --no-input -r requirements.txt
	@touch $@

# axe-core judges the pages. Without npm those tests are skipped, and say so.
$(VENV)/.installed-dev: requirements-dev.txt tests/browser/package.json $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check --no-input -r requirements-dev.txt
	@if command -v npm >/dev/null; then npm install --prefix tests/browser --no-package-lock --no-audit --no-fund --ignore-scripts; fi
	@touch $@
