# Each target does its own set-up. It needs only Python 3.11 and make.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Tests at once. Each worker has its own Elasticsearch nodes, and needs about 2 GB of memory in all.
WORKERS ?= 4
STAMP := .venv/.ready
DEMO_STAMP := .venv/.ready-for-demo
CHECK_PYTHON = test -n "$(PYTHON)" || { echo "es-access needs Python 3.11 or newer: set PYTHON=/path/to/python"; exit 1; }

.PHONY: setup demo test soak lint types check format bench lock clean
setup: $(STAMP)

$(STAMP): requirements-dev.txt pyproject.toml
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(if $(wildcard $(STAMP)),,$(DEMO_STAMP)) ## plays the story against a real Elasticsearch, here and in a browser; stays open until Ctrl-C
	$(BIN)/python -m bot sandbox --story

# Without the packages of development, which take longer than everything else.
$(DEMO_STAMP): requirements-sandbox.txt
	@$(CHECK_PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-sandbox.txt
	@touch $@

test: setup ## every test
	$(BIN)/python -m tests.ready
	@# With several workers on few cores, a test may exceed its own limits: failed tests are shown and run once more alone.
	@# A test that fails again fails the target.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal || \
		$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

soak: setup ## up to 200 kills under load on SQLite, PostgreSQL and PgBouncer in 15 minutes, 100,000 bad inputs, and a kill at every commit
	$(BIN)/python -m tests.soak --inputs 100000
	ES_ACCESS_SOAK=1 $(BIN)/python -m pytest -n $(WORKERS) tests/scenario/test_more_crashes.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

check: lint types test

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## the figures of docs/figures.md, measured beside the bare calls
	$(BIN)/python -m benchmarks

LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml

lock: ## renews the three lock files (needs uv); hashes, no addresses
	$(LOCK) --upgrade --all-extras --group dev -o requirements-dev.txt
	$(LOCK) -c requirements-dev.txt $(patsubst %,--extra %,aws azure build gcp postgres vault) -o requirements.txt
	$(LOCK) -c requirements-dev.txt --extra sandbox -o requirements-sandbox.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
