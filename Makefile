# From a bare machine with Python 3.11 or newer:
#   make demo           build the environment, run the shuffle test on the embedded data, print what it found
#   make test           build the environment with the development tools, run the tests
#   make test-lowest    in an environment of the lowest versions that pyproject.toml allows, the tests close to libraries
#   make tried-lowest   the whole suite there; tests/tried keeps what it ran on. Wanted after a change of a bound
#   make tried          the same with the newest versions; PYTHON=python3.13 VENV=.venv-3.13 for a Python to be named

PYTHON ?= python3
VENV ?= .venv
LOWEST ?= .venv-lowest
BIN := $(VENV)/bin
# Rooms that speak to pydantic, pandas, matplotlib, jinja2, pyarrow, Pillow, scipy and torch directly, and some cells.
CLOSE_TO_LIBRARIES := $(addprefix tests/, settings records experiment plan machine data views networks methods cell \
    training analysis tables plots published report held cli/test_output.py faults/test_fuzz_readers.py)

.PHONY: demo test test-lowest tried tried-lowest lint types check install clean

demo: $(VENV)/.core
	$(BIN)/barlow run shuffle-test --preset quick

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --durations=25

test-lowest: $(LOWEST)/.lowest
	$(LOWEST)/bin/python -m pytest -n 2 --durations=10 tests/tried $(CLOSE_TO_LIBRARIES)

tried-lowest: $(LOWEST)/.lowest
	$(LOWEST)/bin/python -m tests.tried

tried: $(VENV)/.dev
	$(BIN)/python -m tests.tried

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

# Made anew each time: what is there already would be kept, though it is newer.
$(LOWEST)/.lowest: pyproject.toml | $(VENV)/bin/uv
	rm -rf $(LOWEST)
	$(BIN)/uv venv --quiet --python $(BIN)/python $(LOWEST)
	sed -n 's/^requires = .*"hatchling>=\(.*\)".*/hatchling==\1/p' pyproject.toml > $(LOWEST)/build.txt
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
	    --build-constraints $(LOWEST)/build.txt --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) .mypy_cache .ruff_cache .pytest_cache
