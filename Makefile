# `make help` lists what there is. Everything is installed under this folder, and `make clean` removes it; only uv's cache
# of packages is elsewhere (`uv cache dir`), as other projects share it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The local stack's port on 127.0.0.1; another checkout takes another one.
PORT ?= 4566
export PORT
# The stacks of tests and benches have theirs up to 20,000 above it.
ifeq ($(shell [[ "$(PORT)" =~ ^[1-9][0-9]{0,4}$$ ]] && (( $(PORT) <= 45535 )) && echo fits),)
$(error PORT=$(PORT) does not fit: take a number from 1 to 45535, as the stacks of tests and benches have theirs up to 20,000 above it)
endif

# Every process compiles boto3 anew (half a second) where Python may not keep what it compiled. It lies apart from the sources.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/pycache

BOOTSTRAP := .venvs/bootstrap
UV := $(BOOTSTRAP)/bin/uv
export UV_NO_PROGRESS := 1
BIN := .venv/bin

##@ Set up

.PHONY: setup
setup: .venv/.stamp .venvs/emulator/.stamp .venvs/sam/.stamp ## Install everything that development and the local stack need

$(BOOTSTRAP)/.stamp: requirements/bootstrap.txt tools/bootstrap.sh
	@echo "· looking for Python, installing uv"
	@tools/bootstrap.sh $(BOOTSTRAP)
	@touch $@

.venv/.stamp: requirements/dev.txt pyproject.toml $(BOOTSTRAP)/.stamp
	@echo "· installing the development environment into .venv"
	@$(call environment,.venv,requirements/dev.txt)
	@$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

.venvs/%/.stamp: requirements/%.txt $(BOOTSTRAP)/.stamp
	@echo "· installing $* into .venvs/$*"
	@$(call environment,.venvs/$*,requirements/$*.txt,$(if $(filter emulator,$*),--compile-bytecode))
	@touch $@

# $(1): the environment's folder, $(2): its lock, $(3): further options. What the lock does not name is removed.
# The emulator's is compiled at once: its functions look for bytecode beside the sources, as on Lambda, and write none.
# What comes as source only is built with what requirements/build.txt locks.
define environment
[[ -x $(1)/bin/python ]] && $(1)/bin/python -c '' 2>/dev/null || $(UV) venv --quiet --clear --python $(BOOTSTRAP)/bin/python $(1)
env -u PYTHONPYCACHEPREFIX $(UV) pip sync --quiet --python $(1) --require-hashes --build-constraints requirements/build.txt $(3) $(2)
endef

##@ The local stack

STACK := .venv/bin/python -m stack

.PHONY: demo
demo: up ## Start the stack, and watch a story: 200 buyers for 100 units, the books sealed, audited and tampered with
	@$(BIN)/python -m demo

.PHONY: up
up: setup ## Start the emulator and deploy what changed; the URL and a key are in .local/stack.json
	@$(STACK) up

.PHONY: down
down: ## Stop it, and everything it started; its data is gone
	@if [[ -x .venv/bin/python ]]; then $(STACK) down; fi

.PHONY: logs
logs: .venv/.stamp ## Show the functions' logs (FUNCTION=holds, MINUTES=15, FOLLOW=1)
	@$(STACK) logs $(if $(FUNCTION),--function $(FUNCTION)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(FOLLOW),--follow)

.PHONY: invoke
invoke: ## Play a sample event: make invoke FUNCTION=holds EVENT=apigateway/place-hold
	@$(MAKE) .venv/.stamp # as for deploy
	@$(STACK) invoke $(or $(FUNCTION),$(error FUNCTION=… is missing)) $(or $(EVENT),$(error EVENT=… is missing))

##@ Check and test

.PHONY: check
check: setup .venvs/checkov/.stamp ## Lint, types, import rules, template and its security: what CI checks
	@echo "· ruff"; $(BIN)/ruff check --quiet .; $(BIN)/ruff format --quiet --check .
	@echo "· mypy"; $(BIN)/mypy --no-error-summary $(PYTHON_SOURCES)
	@echo "· import rules"; output=$$($(BIN)/lint-imports 2>&1) || { echo "$$output"; exit 1; }
	@echo "· cfn-lint"; .venvs/sam/bin/cfn-lint
	@echo "· checkov"; .venvs/checkov/bin/checkov --config-file .checkov.yaml
	@echo "all clean"

PYTHON_SOURCES := $(wildcard layers/inventory/python/inventory cli tools bench) $(wildcard functions/*/app.py) tests

.PHONY: fmt
fmt: .venv/.stamp ## Format, and mend what can be mended
	@failed=0; $(BIN)/ruff check --quiet --fix . || failed=1; $(BIN)/ruff format .; exit $$failed

.PHONY: test
test: setup ## Run all tests (ARGS=-x is passed to pytest)
	@echo "· a stack is deployed and tested meanwhile; what became of that is told at the end (.local/test-e2e.log)"
	@mkdir -p .local; \
	set -m; $(MAKE) test-e2e >.local/test-e2e.log 2>&1 & deployed=$$!; set +m; \
	trap 'kill -- -$$deployed 2>/dev/null && wait $$deployed || true' EXIT; \
	$(MAKE) test-fast simulate NICE="nice -n 10"; \
	while kill -0 $$deployed 2>/dev/null; do \
		now=$$(grep -Eo '^tests/[^ ]+ .*' .local/test-e2e.log | tail -n 1 || true); \
		[[ $$now == "$${last-}" ]] || echo "· deployed: $$now"; last=$$now; \
		sleep 1; \
	done; \
	failed=0; wait $$deployed || failed=1; \
	cat .local/test-e2e.log; exit $$failed

# NICE: the tests of a deployed stack, which wait a lot, come first where all are run at once.
.PHONY: test-fast
test-fast: setup ## Run the tests that need no stack
	@$(NICE) $(BIN)/pytest --numprocesses 2 --dist loadgroup --ignore tests/e2e $(ARGS)

.PHONY: simulate
simulate: .venv/.stamp ## Run the real code through seeded faults and interleavings (SEEDS=1000 FIRST_SEED=0 WORKLOAD= TRACE=1)
	@PYTHONPATH=tests $(NICE) $(BIN)/python -m simulation --seeds $(or $(SEEDS),1000) --first-seed $(or $(FIRST_SEED),0) \
		$(if $(WORKLOAD),--workload $(WORKLOAD)) $(if $(TRACE),--trace)

.PHONY: mutants
mutants: .venv/.stamp ## Take each guard of the protocol away, and see that a test notices (ONLY="a part of its description")
	@PYTHONPATH=tests $(BIN)/python -m mutants.runner $(if $(ONLY),"$(ONLY)")

.PHONY: simulate-mutants
simulate-mutants: .venv/.stamp ## Take each guard away, and show which seed or small world finds it (ONLY="a part of its description" BY="world rush")
	@PYTHONPATH=tests $(BIN)/python -m mutants.simulated $(if $(SECONDS_EACH),--seconds $(SECONDS_EACH)) \
		$(if $(BY),--by "$(BY)") -- $(if $(ONLY),"$(ONLY)")

.PHONY: simulate-exhaustive
simulate-exhaustive: .venv/.stamp ## Go through every interleaving of small worlds, with a fault at any call (ONLY=rush)
	@PYTHONPATH=layers/inventory/python:tests $(BIN)/python -m simulation.exhaustive $(if $(ONLY),"$(ONLY)")

# The tests' own stack has its own port and folder, so that one that is up for use is left alone, and it enforces the
# functions' roles: a call that the template does not grant fails there as on AWS.
TEST_PORT ?= $(shell expr $(PORT) + 10000)
TEST_FOLDER := .local/test

.PHONY: test-e2e
test-e2e: setup ## Run the tests over HTTP, against a deployed stack of their own
	@trap '$(STACK) down --folder $(TEST_FOLDER)' EXIT; \
	AUTH=true $(STACK) up --folder $(TEST_FOLDER) --port $(TEST_PORT); \
	INVENTORY_STACK=$(TEST_FOLDER)/stack.json $(BIN)/pytest tests/e2e $(ARGS)

# On a stack of its own, so that what it leaves behind is nobody's.
BENCH_PORT ?= $(shell expr $(PORT) + 20000)
BENCH_FOLDER := .local/bench

.PHONY: bench
bench: setup .venvs/spark/.stamp ## Measure what docs/performance.md claims (ONLY="units records" takes some)
	@trap '$(STACK) down --folder $(BENCH_FOLDER)' EXIT; \
	$(STACK) up --folder $(BENCH_FOLDER) --port $(BENCH_PORT); \
	PYTHONPATH=tests:tools $(BIN)/python -m bench --stack $(BENCH_FOLDER)/stack.json $(if $(ONLY),--only $(ONLY))

.PHONY: bench-hot
bench-hot: .venv/.stamp ## Model a hot item against DynamoDB's published limits, draw docs/img (ONLY="one-item rush")
	@PYTHONPATH=tests:tools $(BIN)/python -m bench.hot $(if $(ONLY),--only $(ONLY))

.PHONY: bench-simulated
bench-simulated: .venv/.stamp ## Count the calls a second that the simulated DynamoDB answers
	@PYTHONPATH=tests $(BIN)/python -m bench.simulated_dynamodb

##@ Elsewhere

.PHONY: deploy
deploy: ## Build and deploy: make deploy ENV=staging, prod or localstack (RUNTIME=python3.12, ARCHITECTURE=x86_64)
	@$(MAKE) setup # not a prerequisite: that ENV is missing is said before anything is installed
	@$(STACK) deploy $(or $(ENV),$(error ENV=staging, prod or localstack is missing)) \
		$(if $(RUNTIME),--runtime $(RUNTIME)) $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))

##@ Housekeeping

LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"
.PHONY: lock
lock: $(BOOTSTRAP)/.stamp ## Renew the locks after an edit of requirements/*.in (all packages: make lock UPGRADE=1)
	@cd requirements && for lock in bootstrap build runtime columnar cli dev emulator sam checkov spark; do \
		output=$$lock.txt; [[ $$lock == runtime ]] && output=../layers/dependencies/requirements.txt; \
		[[ $$lock == columnar ]] && output=../layers/columnar/requirements.txt; \
		echo "· $$lock"; ../$(LOCK) $(if $(UPGRADE),--upgrade) $$lock.in --output-file $$output; \
	done

.PHONY: clean
clean: down ## Remove everything that was installed or built here
	rm -rf .venv .venvs .aws-sam .local .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.PHONY: help
help: ## Show this list
	@colours=; [[ ! -t 1 || -n "$${NO_COLOR-}" ]] || colours=1; \
	awk -v colours=$$colours 'BEGIN { FS = ":.*## "; if (colours) { bold = "\033[1m"; cyan = "\033[36m"; plain = "\033[0m" } } \
		/^##@ / { printf "\n%s%s%s\n", bold, substr($$0, 5), plain } \
		/^[a-z0-9-]+:.*## / { printf "  %s%-19s%s %s\n", cyan, $$1, plain, $$2 }' $(MAKEFILE_LIST)
