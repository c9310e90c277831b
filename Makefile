# `make run` starts the service, `make test` runs all tests. Both create the environment first and need Python 3.11 or newer.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
ADDRESS ?= 127.0.0.1:50051
SAMPLE ?= yes
DATABASE ?=
UPGRADE ?= no
DATA ?=
TABLE ?=
STRIDE ?=
PATHS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The lock has hashes but no index URL, so that it is valid for any package index.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-header --no-annotate $(if $(filter yes,$(UPGRADE)),--upgrade)
RUNTIME_LOCK := .ci/requirements.lock
LOCK := .ci/requirements-dev.lock
# The stamp's name contains the checksum of the lock, so a changed lock reinstalls whatever the file times are.
LOCKED := $(VENV)/.locked-$(firstword $(shell cksum < $(LOCK)))
INSTALLED := $(VENV)/.installed
PROTO_FOLDER := protos/collateral_registry/v1
PROTOS := $(wildcard $(PROTO_FOLDER)/*.proto)
GENERATED := collateral_registry/v1

.PHONY: help setup run test test-fast small-worlds check format bench bench-equipment bench-haircuts bench-monthly \
  bench-spikes chaos lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(LOCKED): | $(BIN)/pip
	@echo "Installing the packages of $(LOCK) into $(VENV): one or two minutes"
	@$(PIP) --require-hashes -r $(LOCK)
	@rm -f $(VENV)/.locked-*
	@touch $@

$(INSTALLED): pyproject.toml $(LOCKED)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# The folder is a prerequisite too, so that renaming or deleting a file regenerates the stubs.
$(GENERATED)/__init__.py: $(PROTOS) $(PROTO_FOLDER) $(LOCKED)
	@mkdir -p $(@D)
	@rm -f $(@D)/*_pb2*
	@$(BIN)/python -m grpc_tools.protoc -Iprotos \
	  -I"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
	  --python_out=. --grpc_python_out=. --mypy_out=quiet:. $(PROTOS)
	@touch $@

setup: $(INSTALLED) $(GENERATED)/__init__.py ## Create the environment: .venv with the collateral command

run: setup ## Start the service with the sample book (SAMPLE=no ADDRESS=host:port DATABASE=url)
	$(BIN)/collateral run --address $(ADDRESS) $(if $(filter no,$(SAMPLE)),--no-sample,--sample) $(if $(DATABASE),--database '$(DATABASE)')

test: setup ## Run all tests, on SQLite and PostgreSQL
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: setup ## Run the tests that need no server and no PostgreSQL, in less than a minute
	$(BIN)/python -m pytest -n 2 --dist worksteal --fast

small-worlds: setup ## Check the rule of dispositions in every small world
	$(BIN)/python -m tests.exhaustive.small_worlds

check: setup ## Check lint, format, types, layers, rules and contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/rules.py
	BIN=$(BIN) .ci/buf

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Run the benchmarks; prints JSON lines
	$(BIN)/python -m benchmarks.run

bench-haircuts: setup ## Compare haircuts with other programs (DATA=folder of series TABLE=file.csv STRIDE=windows)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.haircuts.run '$(DATA)' '$(TABLE)' '$(STRIDE)'

bench-spikes: setup ## Compare rules of the price adjustment (DATA=folder of series TABLE=file.csv PATHS=simulated paths)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.haircuts.spikes '$(DATA)' '$(TABLE)' '$(PATHS)'

bench-monthly: setup ## Test haircuts of monthly series after quiet and wild months (DATA=folder)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.haircuts.monthly '$(DATA)'

bench-equipment: setup ## Score the equipment models on your own sales (DATA=folder); prints JSON lines
	$(BIN)/python -m benchmarks.equipment.run $(or $(DATA),data/equipment)

chaos: setup ## Kill processes, cut connections, fill disks; check that no data is lost
	$(BIN)/python -m benchmarks.chaos.run

lock: setup ## Update the locks from pyproject.toml (UPGRADE=yes takes newer versions)
	$(COMPILE) --all-extras -o $(LOCK) pyproject.toml
	$(COMPILE) --constraint $(LOCK) -o $(RUNTIME_LOCK) pyproject.toml

clean: ## Remove the environment and generated files; keep the data in .data
	rm -rf $(VENV) $(GENERATED) .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
