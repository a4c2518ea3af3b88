# The verbs of the project, the same here and in CI. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := .cache/uv/bin/uv
UV_VERSION := 0.13.8
PYTEST := $(BIN)/pytest -n 2 --dist loadfile

# What only `make test` runs: what needs servers, and the adapter contract once more for stores that share their code
# with another.
NOT_IN_CHECK := integration faults end_to_end \
	$(patsubst %,contracts/test_%_adapter.py,guarded local_json sqlite)

# Stamps: nothing is installed again while its lock is unchanged.
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-test
COMPILED := $(wildcard storage/_*.[ch])

.DEFAULT_GOAL := help
.PHONY: help run test faults check format bench bench-check bench-peers profile lock clean

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN_READY) ## Set up, then run the main job on a simulated market: no server needed
	@$(BIN)/tapestore demo

test: $(DEV_READY) ## Install what the tests need, start the real servers, run everything, stop them
	-$(BIN)/python -m tests.servers.install
	$(PYTEST)

faults: $(DEV_READY) ## Kill and break everything for an hour and a bit, and write the figures; FAULT_SEEDS=100 a stage
	-$(BIN)/python -m tests.servers.install mongodb nats kafka mariadb faketime
	FAULT_SEEDS=$${FAULT_SEEDS:-100} FAULT_REPORT=.cache/faults.json \
		$(BIN)/pytest -q -n 2 --dist worksteal -m "" tests/faults; status=$$?; \
		$(BIN)/python -m tests.faults.report .cache/faults.json && exit $$status

check: $(DEV_READY) ## Format, lint, types, unit tests and contracts without a server: under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) -q -m "not server and not tools" $(addprefix --ignore=tests/,$(NOT_IN_CHECK))

format: $(DEV_READY) ## Format, mend what the linter can, and write the generated files again
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m storage.schemas.publish
	$(BIN)/python -m config.reference
	$(BIN)/python -m helm.values_schema
	$(BIN)/python -m consumer.telemetry.reference
	$(BIN)/python -m benchmarks.reference

bench: $(DEV_READY) ## Measure every row of docs/performance.md: ten minutes
	$(BIN)/python -m tests.servers.install mongodb nats kafka
	$(BIN)/python -m benchmarks

bench-check: $(DEV_READY) ## Fail where a message costs 15 % more CPU than was recorded
	$(BIN)/python -m tests.servers.install mongodb nats kafka
	$(BIN)/python -m benchmarks.check

bench-peers: $(DEV_READY) ## Measure Kafka Connect and Benthos beside: brings them, by Maven and Go
	$(BIN)/python -m tests.servers.install mongodb kafka
	$(BIN)/python -m benchmarks.peers

FLOW ?= kafka-mongodb
profile: $(DEV_READY) ## Where the CPU time of a flow goes: a table and a flame graph; FLOW=kafka-mongodb
	$(BIN)/python -m tests.servers.install mongodb nats kafka
	$(BIN)/python -m benchmarks.profile $(FLOW)

lock: $(UV) ## Write both lock files again; UPGRADE=1 takes the newest versions
	$(call compile,requirements.lock,--group build)
	$(call compile,requirements-dev.lock,--group dev --constraint requirements.lock)

clean: ## Remove what was installed and made here, but no data
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

compile = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) $(2) --output-file $(1) pyproject.toml

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "tapestore needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1); try make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUN_READY): requirements.lock pyproject.toml $(COMPILED) | $(BIN)/python
	$(call install,requirements.lock)
	@touch $@

$(DEV_READY): requirements-dev.lock pyproject.toml $(COMPILED) | $(BIN)/python
	$(call install,requirements-dev.lock)
	@touch $@ $(RUN_READY)

define install
	@echo "Installing $(1) into $(VENV); this takes about half a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endef

$(UV):
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
