# Each target works from a bare checkout: the first run creates .venv and installs the pinned
# packages; later runs start at once, until a file under requirements/ or setup.py changes.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PINS := requirements/lock.txt requirements/torch.txt setup.py
# The first interpreter that is new enough for the pinned packages; override with PYTHON=...
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
# One thread per process: two test workers share two cores. The processes that tests start find
# the package compiled, whatever the environment says.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

.PHONY: help install demo test test-all docs parity faults lint lock

help:
	@echo 'make demo      find people in pictures, then train a small network (minutes)'
	@echo 'make test      run the tests except the slow ones'
	@echo 'make test-all  run every test'
	@echo 'make docs      build the documentation site in build/docs'
	@echo 'make parity    compare all networks with the recordings, write docs/parity.md'
	@echo 'make faults    provoke faults, count what they break, write docs/reliability.md (hours)'
	@echo 'make lint      check style and types'
	@echo 'make lock      pin newer releases in requirements/lock.txt'

install: $(INSTALLED)

# lock.txt comes first: torch then finds its own dependencies pinned and checked.
$(INSTALLED): $(PINS)
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python'; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --no-deps --require-hashes -r requirements/lock.txt
	$(BIN)/python -m pip install -r requirements/torch.txt
	$(BIN)/python -m pip install --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED)
	$(BIN)/python -m posenas demo

test: $(INSTALLED)
	$(PYTEST) -n 2 --dist worksteal --timeout 600 -m 'not slow'

test-all: $(INSTALLED)
	$(PYTEST) -n 2 --dist worksteal --timeout 3000

# The front page is build/docs/index.html. Warnings end the build.
docs: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/own/docs.txt
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -b html -d build/doctrees docs build/docs

parity: $(INSTALLED)
	PYTHONPATH=tests $(BIN)/python -m golden.table

# GOALS="R1 R6" runs some of them, COUNTS="saves=10 kills=5" with other numbers of trials.
faults: $(INSTALLED)
	OMP_NUM_THREADS=1 PYTHONPATH=.:tests $(BIN)/python -m faults $(GOALS) \
		$(if $(COUNTS),--counts $(COUNTS))

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Sed drops the closing remark that torch carries no hash: it is installed from its own file.
lock: $(INSTALLED)
	$(BIN)/python -m pip install pip-tools
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-options --annotation-style line \
		--unsafe-package torch --output-file requirements/lock.tmp \
		requirements/runtime.txt requirements/tests.txt requirements/torch.txt
	{ sed -n '/^#/!q;p' requirements/lock.txt; sed '/^# WARNING/,$$d' requirements/lock.tmp; } \
		> requirements/lock.new
	mv requirements/lock.new requirements/lock.txt
	rm requirements/lock.tmp
