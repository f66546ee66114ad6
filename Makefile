# Every target first makes .venv from the lock; nothing is done when it is up to date.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Parameters of `make run`: AS_OF=YYYY-MM-DD SOURCE=path/to/mapping.yaml DATA=path/to/its/files
AS_OF  ?=
SOURCE ?= simulated
DATA   ?=

.PHONY: run test ui lint bench ray lock
.DEFAULT_GOAL := run

$(STAMP): requirements.lock pyproject.toml
	@echo "installing from requirements.lock into $(VENV) (once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tierline needs Python 3.11 or newer: set PYTHON=...")'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: $(STAMP)
	@$(BIN)/tierline run --source "$(SOURCE)" $(if $(AS_OF),--as-of "$(AS_OF)") $(if $(DATA),--data "$(DATA)")

test: $(STAMP)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

ui: $(STAMP)
	@$(BIN)/tierline ui

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

# The extra for a cluster; its tests run where it is installed.
ray: $(STAMP) $(VENV)/.ray

$(VENV)/.ray: $(STAMP) requirements-ray.lock
	@echo "installing from requirements-ray.lock into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-ray.lock
	@touch $@

# Only this target needs uv; it rewrites the locks from pyproject.toml. The second holds what the extra adds to the first.
LOCK := uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11
SHARED = $(shell sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock)

lock:
	$(LOCK) --group dev -o requirements.lock pyproject.toml
	$(LOCK) --extra ray --constraint requirements.lock $(SHARED) -o requirements-ray.lock pyproject.toml
	sed -i '/^$$/,$$d' requirements-ray.lock  # the list of what was left out
