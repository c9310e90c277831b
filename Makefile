# `make run` starts the service, `make test` runs all tests. Both create the environment first and need Python 3.11 or newer.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
ADDRESS ?= 127.0.0.1:50051
HTTP ?= 127.0.0.1:50080
METRICS ?= 127.0.0.1:50081
SAMPLE ?= yes
DATABASE ?=
UPGRADE ?= no
DATA ?=
TABLE ?=
STRIDE ?=
PATHS ?=
NEWCOMER ?=
BUILDER ?=
BASE ?=
REQUESTS ?=
SEED ?=
REPLAY ?=
EXTRAS ?= comparables,bulk

VENV := .venv
BIN := $(VENV)/bin
# A lock has hashes but no index URL, so that it is valid for any package index.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-header --no-annotate --no-emit-package collateral-partner $(if $(filter yes,$(UPGRADE)),--upgrade)
RUNTIME_LOCK := .ci/requirements.lock
BUILD_LOCK := .ci/requirements-build.lock
LOCK := .ci/requirements-dev.lock
# A stamp's name contains the checksum of its locks, so a changed lock reinstalls whatever the file times are.
RUNTIME := $(VENV)/.runtime-$(firstword $(shell cat $(RUNTIME_LOCK) $(BUILD_LOCK) | cksum))
DEVELOPMENT := $(VENV)/.development-$(firstword $(shell cksum < $(LOCK)))
INSTALLED := $(VENV)/.installed
# Processes that run tests: one more than the cores of a small machine, because many tests wait for a server.
WORKERS ?= 3
PROTO_FOLDER := protos/collateral_registry/v1
PROTOS := $(wildcard $(PROTO_FOLDER)/*.proto)
GENERATED := collateral_registry/v1
PARTNER := deploy/partner
PARTNER_GENERATED := $(PARTNER)/collateral_partner/v1
PARTNER_SOURCES := $(PARTNER)/hatch_build.py valuation/errors.py $(wildcard valuation/tables/*.py)

.NOTPARALLEL:
.PHONY: help setup develop run test test-long test-fast small-worlds audit-attack check format bench bench-equipment bench-haircuts \
  bench-frauds bench-monthly bench-pairs bench-payment-days bench-spikes picture chaos fuzz overload lock newcomers image clean \
  bench-backup bench-pages

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 20

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): | $(BIN)/pip
	@echo "Installing the packages of the service into $(VENV): 10 to 30 seconds"
	@$(BIN)/python .ci/install.py $(RUNTIME_LOCK) $(BUILD_LOCK)
	@rm -f $(VENV)/.runtime-*
	@touch $@

# The development lock has the packages of the other two locks in the same versions.
$(DEVELOPMENT): | $(BIN)/pip
	@echo "Installing the packages of tests and checks into $(VENV): 20 to 60 seconds"
	@$(BIN)/python .ci/install.py $(LOCK)
	@rm -f $(VENV)/.development-* $(VENV)/.runtime-*
	@touch $@ $(RUNTIME)

# The folder is a prerequisite too, so that renaming or deleting a file regenerates the stubs.
$(GENERATED)/__init__.py: $(PROTOS) $(PROTO_FOLDER) .ci/stubs.py $(RUNTIME)
	@$(BIN)/python .ci/stubs.py

$(INSTALLED): pyproject.toml $(PARTNER)/pyproject.toml $(RUNTIME) | $(GENERATED)/__init__.py $(PARTNER_GENERATED)/__init__.py
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --editable $(PARTNER) --editable .
	@touch $@

$(PARTNER_GENERATED)/__init__.py: $(PROTOS) $(PROTO_FOLDER) $(PARTNER_SOURCES) $(RUNTIME)
	@$(BIN)/python $(PARTNER)/hatch_build.py

setup: $(INSTALLED) $(GENERATED)/__init__.py $(PARTNER_GENERATED)/__init__.py ## Create the environment: .venv with the collateral command

develop: $(DEVELOPMENT) ## Add the packages of tests and checks to the environment
	@$(MAKE) --no-print-directory setup

run: setup ## Start the service with the sample book (SAMPLE=no ADDRESS=host:port HTTP=host:port METRICS=host:port DATABASE=url)
	$(BIN)/collateral run --address '$(ADDRESS)' $(if $(HTTP),--http-address '$(HTTP)') \
	  $(if $(METRICS),--metrics-address '$(METRICS)') $(if $(filter no,$(SAMPLE)),--no-sample,--sample) \
	  $(if $(DATABASE),--database '$(DATABASE)')

test: develop ## Run the tests, on SQLite and PostgreSQL; states those that were left out
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -rs -n $(WORKERS) --dist worksteal -m 'not long'
	@echo "Left out: the tests that kill, attack and search for ten seconds or more (make test-long)"

test-long: develop ## Run the tests that make test leaves out because they take ten seconds or more
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -rs -n $(WORKERS) --dist worksteal -m long

test-fast: develop ## Run the tests that need no server and no PostgreSQL, in less than a minute
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --fast

small-worlds: develop ## Check the rule of dispositions in every small world
	$(BIN)/python -m tests.exhaustive.small_worlds

audit-attack: develop ## Change single bits of facts and of their audit log; all must be found (CHANGES=number SEED=number)
	$(BIN)/python -m tests.attacks.audit_log $(or $(CHANGES),1000) $(or $(SEED),1)

check: develop ## Check lint, format, types, layers, rules and contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/rules.py
	BIN=$(BIN) .ci/buf

format: develop ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: develop ## Run the benchmarks; prints JSON lines
	$(BIN)/python -m benchmarks.run

bench-haircuts: develop ## Compare haircuts with other programs (DATA=folder of series TABLE=file.csv STRIDE=windows)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.haircuts.run '$(DATA)' '$(TABLE)' '$(STRIDE)'

bench-spikes: develop ## Compare rules of the price adjustment (DATA=folder of series TABLE=file.csv PATHS=simulated paths)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.haircuts.spikes '$(DATA)' '$(TABLE)' '$(PATHS)'

bench-pairs: develop ## Compare value calls and price ticks with an older checkout (OLDER=folder PAIRS=number)
	$(BIN)/python -m benchmarks.pairs $(if $(PAIRS),--pairs '$(PAIRS)') '$(OLDER)'

bench-frauds: develop ## Find eight kinds of simulated fraud with receivables (DATA=folder SEED=first borrower)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.receivables.frauds $(if $(DATA),--data '$(DATA)') $(if $(SEED),--seed $(SEED))

bench-monthly: develop ## Test haircuts of monthly series after quiet and wild months (DATA=folder)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.haircuts.monthly '$(DATA)'

bench-payment-days: develop ## Forecast days late on public invoices, figures next to targets (DATA=folder)
	$(BIN)/python -m benchmarks.receivables.payment_days '$(DATA)'

bench-backup: develop ## Measure an online backup and its restoration (ASSETS=number, 1,000,000 by default)
	$(BIN)/python -m benchmarks.run --only backup --assets '$(or $(ASSETS),1000000)'

bench-pages: develop ## Measure the pages of a book of 100,000 loans while prices arrive (LOANS=number VISITS=number)
	$(BIN)/python -m benchmarks.pages.run $(if $(LOANS),--loans '$(LOANS)') $(if $(VISITS),--visits '$(VISITS)')

bench-equipment: develop ## Score the equipment models on your own sales (DATA=folder); prints JSON lines
	$(BIN)/python -m benchmarks.equipment.run '$(or $(DATA),data/equipment)'

picture: develop ## Draw the picture of the README from the server of `make run`
	$(BIN)/python -m benchmarks.draw_report docs/ltv-report.svg

chaos: develop ## Kill processes, cut connections, fill disks; check that no data is lost
	$(BIN)/python -m benchmarks.chaos.run

fuzz: develop ## Send hostile requests to every method (REQUESTS=number MINUTES=number PATIENCE=seconds SEED=number REPLAY=file)
	$(BIN)/python -m benchmarks.fuzz.run $(if $(REQUESTS),--requests '$(REQUESTS)') $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(PATIENCE),--patience '$(PATIENCE)') $(if $(SEED),--seed '$(SEED)') $(if $(REPLAY),--replay '$(REPLAY)')

overload: develop ## Measure reads while model and whole-book calls come at five times their capacity
	$(BIN)/python -m benchmarks.overload.run

newcomers: ## Run the first hour of five users from clean clones; prints times and sizes (NEWCOMER=name)
	@PYTHON='$(PYTHON)' .ci/newcomers/run $(if $(NEWCOMER),'$(NEWCOMER)')

sbom: setup ## Print the software bill of materials of the service (CycloneDX JSON)
	@$(BIN)/python .ci/sbom.py

lock: develop ## Update the locks from pyproject.toml (UPGRADE=yes takes newer versions)
	$(COMPILE) --all-extras -o $(LOCK) pyproject.toml
	$(COMPILE) --constraint $(LOCK) -o $(RUNTIME_LOCK) pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  | $(COMPILE) --constraint $(LOCK) -o $(BUILD_LOCK) -

image: ## Build the image, start it and check it (BUILDER=docker|podman|buildah BASE=image EXTRAS=names)
	BUILDER='$(BUILDER)' BASE='$(BASE)' EXTRAS='$(EXTRAS)' sh deploy/image.sh

clean: ## Remove the environment and generated files; keep the data in .data
	rm -rf $(VENV) $(GENERATED) $(PARTNER_GENERATED) $(PARTNER)/collateral_partner/tables .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
