# Every target does its own set-up: a virtual environment with locked requirements, and, where tests need them and it is
# permitted, system packages. Nothing but Python 3.11 or newer is expected.
SHELL := /bin/sh
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= auto
# Recorded grid frequency, prices and load for the simulator and the tests, when they lie beside the checkout.
ifneq ($(realpath ../shared/data),)
export BESS_PIPELINE_DATA ?= $(realpath ../shared/data)
endif

.DEFAULT_GOAL := help
.PHONY: help demo test test-safety test-integration lint fuzz oracle mutants campaign campaign-short docs format bench trace lock clean \
        environment demo-environment broker test-packages

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: demo-environment broker ## a battery plant, a database and the pipeline; prints one address; Ctrl-C stops it at 0 kW
	@exec $(BIN)/bess-pipeline demo $(DEMO)

test: environment test-packages ## every test, with the coverage of lines; AGAIN=1 tries what failed once more, alone
	@rm -f .coverage .coverage.*
	$(PYTEST) -n $(WORKERS) --cov --cov-report=term --durations=30 --durations-min=5 $(TESTS) \
		|| { [ $$? = 1 ] && [ -n "$(AGAIN)" ] && $(BIN)/python -m tests.again; }

test-safety: environment ## the tests that prove a safety requirement
	$(PYTEST) -n $(WORKERS) -m safety $(TESTS)

test-integration: environment test-packages ## the tests against real servers, processes and a browser
	$(PYTEST) -n $(WORKERS) -m "integration or browser" $(TESTS)

lint: environment ## ruff, mypy --strict and the import rules
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fuzz: environment ## 22,000 broken files against the checker
	BESS_PIPELINE_FUZZ=nightly $(PYTEST) -n $(WORKERS) --timeout=3600 tests/config/test_fuzz.py $(TESTS)

oracle: environment ## the limiter and the rounded commands of a million batteries against exact arithmetic
	$(BIN)/python -m tests.jit.oracle_long $(ORACLE)

mutants: environment ## how many small changes of the safety core the tests find, and which branches they take; an hour
	$(BIN)/python -m tests.mutation $(MUTANTS)

campaign: environment ## storms over the simulated site: 2,000 seeds, 5 million asset-ticks, every mutant; about an hour
	$(BIN)/bess-pipeline campaign --goal hour --minutes 80 --mutants all --keep var/campaign $(CAMPAIGN)

campaign-short: environment ## the same for CI: 200 seeds, 300,000 asset-ticks, ten mutants; at most 6 minutes on two cores
	$(BIN)/bess-pipeline campaign --goal ci --minutes 6 --mutants smoke --keep var/campaign $(CAMPAIGN)

docs: environment ## docs/definition.md from the models, the tables of docs/safety.md from the tests
	$(BIN)/bess-pipeline schema --markdown --output docs/definition.md
	$(BIN)/python -m tests.trace --safety

format: environment ## put files into the house's form
	$(BIN)/ruff check --fix-only .

bench: environment ## benchmarks; results in .benchmarks/
	$(PYTEST) tests/benchmarks --benchmark-only --benchmark-autosave -p no:xdist --timeout=1200 $(TESTS)

trace: environment ## requirement -> design section -> module -> tests -> last result
	@$(BIN)/python -m tests.trace

lock: ## write the locked requirements anew (needs uv); LOCK=--upgrade takes newer versions
	requirements/lock.sh $(LOCK)

clean: ## remove what was made here, the demo's state included
	rm -rf .venv var build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .numba

environment:
	@deploy/environment.sh develop
demo-environment:
	@if [ -f .venv/.lock-develop ]; then deploy/environment.sh develop; else deploy/environment.sh demo; fi
broker:
	@deploy/system-packages.sh mosquitto
test-packages:
	@deploy/system-packages.sh mosquitto chromium
