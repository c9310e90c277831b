# Two commands: `make run` and `make test`. Both make the environment first.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := .ci/requirements.lock
ADDRESS ?= 127.0.0.1:50051
SAMPLE ?= yes
DATABASE ?=
PROTOS := $(wildcard protos/collateral_registry/v1/*.proto)

.PHONY: help setup proto run test check format bench lock clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/.installed: $(LOCK) pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.generated: $(PROTOS) $(VENV)/.installed
	mkdir -p collateral_registry/v1
	$(BIN)/python -m grpc_tools.protoc -Iprotos -I$$($(BIN)/python .ci/common_protos.py) \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
	  --python_out=. --grpc_python_out=. --mypy_out=quiet:. $(PROTOS)
	touch collateral_registry/v1/__init__.py $@

setup: $(VENV)/.generated ## Make the environment: .venv with the collateral command

proto: setup ## Generate the gRPC code

run: setup ## Start the service with the sample book (SAMPLE=no for an empty one)
	$(BIN)/collateral run --address $(ADDRESS) $(if $(filter no,$(SAMPLE)),--no-sample,--sample) $(if $(DATABASE),--database $(DATABASE))

test: setup ## Run every test
	$(BIN)/python -m pytest -n 2

check: setup ## Lint, types, layers, protos
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	BIN=$(BIN) .ci/buf

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure: prints JSON lines
	$(BIN)/python -m benchmarks.run

lock: ## Renew the lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate -o $(LOCK) pyproject.toml

clean: ## Remove the environment and generated files
	rm -rf $(VENV) collateral_registry/v1 .data
