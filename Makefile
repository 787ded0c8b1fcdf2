# Python 3.11 to 3.13 and make are all that is needed; everything else is installed into .venv from the lock.
.DEFAULT_GOAL := help
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.13; do \
	$$p -c '$(SUPPORTED)' >/dev/null 2>&1 && { echo $$p; break; }; done)
unexport PYTHONHOME PYTHONPATH PYTHONOPTIMIZE
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps
IMAGES ?=
FUZZ_SECONDS ?= 300
FAULTS := $(CURDIR)/tests/faults/results.jsonl

.PHONY: help demo up test test-fast test-faults fuzz lint types contracts check bench lock audit weights screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(VENV)/runtime ## set up, classify 24 synthetic images (or IMAGES=folder) and show the results
	@$(BIN)/headct demo $(if $(IMAGES),--images "$(IMAGES)")

up: $(VENV)/train ## set up and run everything in the foreground, with its data under ./var
	@$(BIN)/headct up

test: $(VENV)/dev ## set up and run all tests
	@$(BIN)/python -m pytest

test-fast: $(VENV)/dev ## only the unit tests
	@$(BIN)/python -m pytest tests/unit

test-faults: $(VENV)/dev ## every fault many times (IMAGES=folder, JOBS=n, HEADCT_TEST_SEED, HEADCT_TEST_REPETITIONS): hours
	@rm -f "$(FAULTS)"
	@HEADCT_TEST_FAULTS=full HEADCT_TEST_IMAGES="$(abspath $(IMAGES))" HEADCT_TEST_RESULTS="$(FAULTS)" \
		$(BIN)/python -m pytest -n $(or $(JOBS),0) --dist=worksteal tests/faults tests/fuzz; ended=$$?; \
		$(BIN)/python -m tests.faults.table "$(FAULTS)"; exit $$ended

fuzz: $(VENV)/dev ## fuzz decoder and intake for FUZZ_SECONDS (300) each; what it finds is kept in .fuzz
	@ended=0; for target in decoder intake; do mkdir -p .fuzz/$$target/corpus; \
		$(BIN)/python -m tests.fuzz.fuzz_$$target -max_total_time=$(FUZZ_SECONDS) \
			-artifact_prefix=.fuzz/$$target/ .fuzz/$$target/corpus || ended=1; done; exit $$ended

lint: $(VENV)/dev ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/dev ## mypy, strict
	@$(BIN)/mypy

contracts: $(VENV)/dev ## who may import whom
	@$(BIN)/lint-imports

check: test lint types contracts ## what CI runs

bench: $(VENV)/dev ## measure the running system beside the machine's limit
	@$(BIN)/python -m benchmarks.run

weights: $(VENV)/train ## train the shipped weights and choose the rule for studies anew (IMAGES="folder folder", each with labels.csv)
	@test -n "$(IMAGES)" || { echo "Name the data: make weights IMAGES=\"folder folder\"" >&2; exit 1; }
	@$(BIN)/python -m training.default_weights --data $(IMAGES)

screenshots: $(VENV)/dev ## take the README's pictures of the web page anew (needs chromium)
	@$(BIN)/python -m tests.web.screenshots

COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --quiet
lock: $(VENV)/dev ## solve the dependencies anew and write the lock files
	@$(COMPILE) --extra train --group dev --output-file requirements-dev.lock
	@$(COMPILE) --extra train --constraint requirements-dev.lock --output-file requirements-train.lock
	@$(COMPILE) --group build --constraint requirements-dev.lock --output-file requirements.lock

audit: $(VENV)/dev ## ask PyPI whether a locked version is known to be vulnerable (needs the internet)
	@$(BIN)/uv tool run --quiet pip-audit@2.10.1 --strict --require-hashes --disable-pip --progress-spinner=off \
		--requirement requirements-dev.lock

clean: ## remove the environment and caches, never the data under ./var
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "headct needs Python 3.11, 3.12 or 3.13 and found none:" \
		"install one, or name it with 'make PYTHON=/path/to/python3.12 ...'." >&2; exit 1; }
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "headct runs on Python 3.11 to 3.13;" \
		"$(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing headct's packages into $(VENV) (about 205 MB, once) ..."
	@$(PIP) --prefer-binary --require-hashes -r requirements.lock
	@$(PIP) --no-build-isolation --editable .
	@touch $@

$(VENV)/train: requirements-train.lock $(VENV)/runtime
	@echo "Installing what trains (TensorFlow: about 350 MB, once) ..."
	@$(PIP) --prefer-binary --require-hashes -r requirements-train.lock
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/train
	@echo "Installing the test tools ..."
	@$(PIP) --prefer-binary --require-hashes -r requirements-dev.lock
	@touch $@
