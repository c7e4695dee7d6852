# liveshelf. `make install` makes .venv with the `liveshelf` command in it; `make up` runs the whole system.
# Another Python: make install PYTHON=/path/to/python3.12

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install up test lint bench chaos audit kafka lock clean

VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
# Made anew when the lock changed or the folder was moved (a venv can't be); the project alone when only it changed.
LOCK_NOW = $$(cksum < requirements.lock) $(CURDIR)
PROJECT_NOW = $$(cat pyproject.toml Makefile | cksum)
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | sort | column -t -s '	'

install: ## .venv with exactly the locked packages and the `liveshelf` command
	@if [ "$$(cat $(LOCKED) 2>/dev/null)" != "$(LOCK_NOW)" ]; then \
		$(find_python) \
		"$$python" -m venv --clear $(VENV); \
		$(PIP_INSTALL) --require-hashes -r requirements.lock; \
		echo "$(LOCK_NOW)" > $(LOCKED); \
	fi
	@if [ ! -x $(BIN)/liveshelf ] || [ "$$(cat $(INSTALLED) 2>/dev/null)" != "$(PROJECT_NOW)" ]; then \
		$(PIP_INSTALL) --no-build-isolation --editable .; \
		echo "$(PROJECT_NOW)" > $(INSTALLED); \
	fi

define find_python
python="$(PYTHON)"; fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'; \
for candidate in python3.11 python3.12 python3.13 python3 python; do \
	[ -n "$$python" ] || ! "$$candidate" -c "$$fits" >/dev/null 2>&1 || python="$$candidate"; done; \
if [ -z "$$python" ]; then \
	echo "liveshelf needs Python 3.11, 3.12 or 3.13, and none is on the PATH: install one, or name it with 'make install PYTHON=/path/to/python3'." >&2; exit 1; fi; \
if ! "$$python" -c "$$fits" >/dev/null 2>&1; then \
	echo "'$$python' is not a Python 3.11, 3.12 or 3.13: name one with 'make install PYTHON=/path/to/python3'." >&2; exit 1; fi; \
if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
	echo "'$$python' has no venv module, which 'make install' needs: install it (on Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 1; fi;
endef

up: install ## the whole system with the demo shop, on loopback; Ctrl-C stops it
	@$(BIN)/liveshelf up --demo

test: install lint ## the house rules, then every test that this machine can run (CI=true: a missing back end fails)
	@$(BIN)/python -m pytest -n 2

lint: install ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: install ## bounded load on loopback; the figures of the README
	@$(BIN)/python -m tests.load

chaos: install ## faults and hostile requests at full length
	@$(BIN)/python -m pytest -m chaos

audit: install ## known vulnerabilities of what is locked, and its bill of materials (reports/sbom.json)
	@$(BIN)/python -m tests.audit

kafka: ## Kafka's jars for the tests, where no Docker engine answers; needs Java and mvn
	@[ -n "$(wildcard $(KAFKA_LIB)/kafka_2.13-*.jar)" ] || { \
		command -v mvn >/dev/null || { echo "'make kafka' needs Maven (mvn) on the PATH." >&2; exit 1; }; \
		rm -rf "$(KAFKA_LIB).partial"; \
		mvn -B -q -C -Dstyle.color=never -f tests/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$(KAFKA_LIB).partial"; \
		rm -rf "$(KAFKA_LIB)"; mv "$(KAFKA_LIB).partial" "$(KAFKA_LIB)"; }

KAFKA_LIB := $(or $(LIVESHELF_TEST_KAFKA_LIB),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/liveshelf-tests/kafka-4.1.1/lib)

lock: ## resolve again: requirements.lock (all) and deploy/requirements.lock (what the image holds); needs uv
	@command -v uv >/dev/null || { echo "'make lock' needs uv on the PATH: pip install uv." >&2; exit 1; }
	@uv pip compile pyproject.toml --group dev --output-file requirements.lock $(LOCK_FLAGS)
	@uv pip compile pyproject.toml --group build --constraint requirements.lock --output-file deploy/requirements.lock $(LOCK_FLAGS)

LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

clean: ## remove .venv and the caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
