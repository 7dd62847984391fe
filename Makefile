# From a bare machine with Python 3.11 or newer:
#   make demo    build the environment, run the shuffle test on the embedded data, print what it found
#   make test    build the environment with the development tools, run the tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types check install clean

demo: $(VENV)/.core
	$(BIN)/barlow run shuffle-test --preset quick

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --durations=25

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

check: lint types test

install: $(VENV)/.core

# uv brings torch and torchvision as builds that fit each other, in a fraction of pip's time.
$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.core: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable .
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[dev]'
	touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
