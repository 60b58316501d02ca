# Uzel. `make demo` needs Python 3.11 or newer, make and the package registry; nothing else.
PYTHON ?= python3
BIN := .venv/bin
TESTS ?= tests
PYTEST_ARGS ?=
BENCH ?=
FUZZ ?=
PEERS ?=
SOAK ?=
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# The tests start the hub two hundred times: each start would compile every module anew where the
# environment forbids to keep bytecode.
KEEP_BYTECODE := PYTHONDONTWRITEBYTECODE=
MAKEFLAGS += --no-print-directory

.PHONY: help setup demo run test check fuzz soak bench bench-compare bench-pages bench-peers lock clean

help:
	@echo "make demo    the hub with emulated vendors (DEMO_ONCE=1: print and exit)"
	@echo "make run     the hub alone (HUB_HOME, HUB_PORT, DATABASE_URL, REDIS_URL)"
	@echo "make setup   only the environment, .venv"
	@echo "make test    every test (TESTS=tests/flow, PYTEST_ARGS=-x)"
	@echo "make check   format, lint, types, layers"
	@echo "make bench   the benchmarks, each against a floor of the same run (BENCH=\"drain stock\")"
	@echo "make bench-compare  the last two runs side by side"
	@echo "make bench-peers    the same job in other stacks, killed too (PEERS=\"uzel flask-rq\")"
	@echo "make fuzz    hostile input for every parser, the gateway, the drain (FUZZ=\"--inputs N --seed N --seconds S\")"
	@echo "make soak    kill -9 and worse, then compare (SOAK=\"--database postgresql --kills 1000 --seed 7\")"
	@echo "make lock    compile requirements*.txt anew; make clean: remove .venv and caches"

setup: .venv/.run

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "нужен Python 3.11 или новее: make PYTHON=python3.12 … · Python 3.11 or newer is needed" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
	  echo "установите venv: apt install python3-venv · the venv module is missing" >&2; exit 1; }

.venv/.run: requirements.txt pyproject.toml | .venv/bin/python
	@echo "ставлю библиотеки в .venv · installing libraries into .venv"
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

demo: .venv/.run
	@$(BIN)/hub demo

run: .venv/.run
	@$(BIN)/hub up

test: .venv/.dev
	@.ci/need.sh chromium chromium chromium-browser google-chrome
	@.ci/need.sh iproute2 ip
	@$(KEEP_BYTECODE) $(BIN)/python -m pytest -n 3 --dist worksteal -q $(PYTEST_ARGS) $(TESTS)

check: .venv/.dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/architecture

fuzz: .venv/.dev
	@$(BIN)/python -m tests.fuzz $(FUZZ)

bench: .venv/.dev
	@.ci/need.sh wrk wrk
	@$(BIN)/python -m tests.bench $(BENCH)

# The site on the whole sizes; PAGES="--keep FOLDER" seeds once and uses the stores again.
bench-pages: .venv/.dev
	@$(BIN)/python -m tests.bench.bench_pages --scale 1 $(PAGES)

bench-compare: .venv/.dev
	@$(BIN)/python -m tests.bench.compare

bench-peers: .venv/.dev
	@$(BIN)/python -m tests.bench.peers $(PEERS)

soak: .venv/.dev
	@$(BIN)/python -m tests.soak $(SOAK)

lock:
	@command -v uv >/dev/null || { echo "uv is needed: https://docs.astral.sh/uv" >&2; exit 1; }
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 requirements.in -c requirements-dev.txt -o requirements.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
