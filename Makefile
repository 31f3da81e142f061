# Everything starts here: `make` lists what there is. Needs make and Python 3.11 or newer; all else goes into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ARGS   ?=

UV_VERSION := 0.13.9
COMPILE     = uv pip compile -q --python-version 3.11 --universal --generate-hashes \
              --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# Every Python process that a test starts would compile the whole project anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## This list
	@echo "Usage: make TARGET [PYTHON=python3.12] [ARGS=\"…\"]"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(STAMP) ## Process three orders on an embedded stack and stop it (ARGS: options, see --help)
	@$(BIN)/python -m stack demo $(ARGS)

.PHONY: up
up: $(STAMP) ## Run the embedded stack until Ctrl-C; its data stays in var/ (ARGS: options, see --help)
	@$(BIN)/python -m stack up $(ARGS)

# More at once than there are processors, because many tests wait for something (measured on two: see docs/testing.md).
# By file, because what a file's tests share is opened once then. Long files start first: tests/infrastructure says how.
# A process that dies ends the run: xdist would run its file again in a new one, which may die of the same, and so on.
PARALLEL ?= -n 4 --dist loadfile --no-loadscope-reorder --max-worker-restart 0

.PHONY: test
test: $(STAMP) ## Run the tests but for the long stories (ARGS: options of pytest)
	@$(BIN)/python -m pytest $(PARALLEL) --durations=10 --durations-min=1 -m "not proof" $(ARGS)

.PHONY: proof
proof: $(STAMP) ## Run the long stories that `make test` leaves out (ARGS: options of pytest)
	@$(BIN)/python -m pytest $(PARALLEL) --durations=10 --durations-min=1 -m "proof" $(ARGS)

# Go builds the Temporal server once, which takes a quarter of an hour; a skipped test names what is missing.
.PHONY: cluster-test
cluster-test: $(STAMP) ## Run the main stories on a Temporal server with PostgreSQL (needs Go and PostgreSQL; ARGS: of pytest)
	@RESELL_TEST_TEMPORAL_CLUSTER=1 $(BIN)/python -m pytest tests/cluster -v --durations=0 --durations-min=1 $(ARGS)

.PHONY: cluster-bench
cluster-bench: $(STAMP) ## Measure on that server with 1, 2 and 4 worker processes (ARGS="--json FILE …", see --help)
	@$(BIN)/python -m tests.cluster.measure $(ARGS)

# Each in an environment of its own, within .venv. Those that a machine does not have are left out.
PYTHONS ?= python3.11 python3.12 python3.13

.PHONY: pythons
pythons: ## Run the tests with every Python that there is (PYTHONS="python3.12 …", ARGS: options of pytest)
	@for python in $(PYTHONS); do \
		$$python --version >/dev/null 2>&1 || { echo "NOT TESTED: there is no $$python here" >&2; continue; }; \
		echo "== $$($$python --version)"; \
		$(MAKE) test PYTHON=$$python VENV=$(VENV)/pythons/$$(basename $$python) || exit 1; \
	done

# The seed is printed: give it to see the same once more.
FUZZ ?= 50
SEED := $(if $(SEED),$(SEED),$(shell od -An -N3 -tu4 /dev/urandom | tr -d ' '))

.PHONY: fuzz
fuzz: $(STAMP) ## Random and malformed inputs, many more than in the tests (FUZZ=times, SEED=number, ARGS: of pytest)
	@echo "FUZZ=$(FUZZ) SEED=$(SEED)"
	@RESELL_TEST_FUZZ=$(FUZZ) RESELL_TEST_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest tests/fuzz --hypothesis-seed=$(SEED) $(ARGS)

.PHONY: failure-matrix
failure-matrix: $(STAMP) ## Run every fault at every step, and write docs/failure-matrix.md (ARGS: options, see --help)
	@$(BIN)/python -m tests.matrix $(ARGS)

.PHONY: settings-page
settings-page: $(STAMP) ## Write docs/settings.md and the chart's schema of settings anew from settings/
	@$(BIN)/python -m tests.docs.settings_page

MODEL ?= 20

.PHONY: model
model: $(STAMP) ## Random stories of a reseller, many more than in the tests (MODEL=times, SEED=number, ARGS: of pytest)
	@echo "MODEL=$(MODEL) SEED=$(SEED)"
	@RESELL_TEST_MODEL=$(MODEL) $(BIN)/python -m pytest tests/model --hypothesis-seed=$(SEED) $(ARGS)

.PHONY: lint
lint: $(STAMP) ## Check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict . .ci/release.py

.PHONY: format
format: $(STAMP) ## Format the code and repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(STAMP) ## Measure (ARGS: options of the benchmark)
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: lock
lock: $(VENV)/tools/bin/uv ## Write requirements*.txt again from pyproject.toml (ARGS: --upgrade)
	$(VENV)/tools/bin/$(COMPILE) pyproject.toml $(ARGS) --extra tracing -o requirements.txt
	$(VENV)/tools/bin/$(COMPILE) pyproject.toml $(ARGS) --extra dev -o requirements-dev.txt
	$(VENV)/tools/bin/$(COMPILE) deploy/helm/requirements.in $(ARGS) -o deploy/helm/requirements.txt

.PHONY: client
client: $(STAMP) ## Write the generated files of clients/python again, from the OpenAPI document
	@PYTHONPATH=clients/python $(BIN)/python -m client_generator

CHART := $(VENV)/chart

.PHONY: chart-tools
chart-tools: $(STAMP) ## Build Helm with Go, and install the schemas of Kubernetes, for `make chart-test`
	@HELM_TOOLS_PYTHON=$(BIN)/python deploy/helm/tools.sh $(CHART)

# Includes a build that takes very long, of a Kubernetes API server. Debian's etcd-server is needed to run it.
.PHONY: chart-server
chart-server: $(STAMP) ## Build a Kubernetes API server, too: `make chart-test` then installs the chart there
	@HELM_TOOLS_PYTHON=$(BIN)/python deploy/helm/tools.sh $(CHART) --server

.PHONY: chart-test
chart-test: chart-tools ## Render the Helm chart in all its ways and look at what it makes (ARGS: options of pytest)
	@$(BIN)/python -m pytest -o python_files="test_*.py on_*.py" tests/chart $(ARGS)

TYPES := clients/typescript

# Once for each change of the lock. The packages' hashes are checked.
.PHONY: types-tools
types-tools: $(TYPES)/node_modules/.package-lock.json ## Install what `make types` needs (Node 20 or newer, npm)

$(TYPES)/node_modules/.package-lock.json: $(TYPES)/package-lock.json $(TYPES)/.npmrc
	@cd $(TYPES) && npm ci --silent
	@touch $@

.PHONY: types
types: $(STAMP) types-tools ## Make TypeScript types from the OpenAPI document, and compile an example with them
	@PYTHONPATH=clients/python $(BIN)/python -m client_generator.document > $(TYPES)/openapi.json
	@cd $(TYPES) && npm run --silent generate && npm run --silent check

.PHONY: upgrade-rehearsal
upgrade-rehearsal: $(STAMP) ## Upgrade from the release before to this tree and back, with orders under way (ARGS: options, see --help)
	@$(BIN)/python -m tests.upgrade $(ARGS)

# The number of a release has to be the one of CHANGELOG.md, of the programs and of the tag. See docs/upgrade.md.
.PHONY: release
release: $(STAMP) ## Check and build the release of a tag into dist/ (VERSION=0.1.0, ARGS: options, see --help)
	@$(BIN)/python .ci/release.py $(ARGS) -- $(VERSION)

.PHONY: clean
clean: ## Remove .venv, caches and build output. The data in var/ stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	rm -rf $(TYPES)/node_modules $(TYPES)/openapi.json $(TYPES)/resellflow.ts
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment ---------------------------------------------------------------------------------------------------

.PHONY: install
install: $(STAMP) ## Make .venv from the locked requirements

# Once for each change of the lock or of the project's own description.
$(STAMP): requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked requirements into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Resellflow needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." >&2; \
		echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
		exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/tools/bin/uv: | $(BIN)/python
	@$(BIN)/python -m venv $(VENV)/tools
	@$(VENV)/tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
