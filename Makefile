# `make help` lists what there is. Everything is installed under this folder, and `make clean` removes it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The local stack's port on 127.0.0.1; another checkout takes another one.
PORT ?= 4566
export PORT

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
	@$(call environment,.venvs/$*,requirements/$*.txt)
	@touch $@

# $(1): the environment's folder, $(2): its lock. What the lock does not name is removed.
define environment
[[ -x $(1)/bin/python ]] && $(1)/bin/python -c '' 2>/dev/null || $(UV) venv --quiet --clear --python $(BOOTSTRAP)/bin/python $(1)
$(UV) pip sync --quiet --python $(1) --require-hashes $(2)
endef

LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"
.PHONY: lock
lock: $(BOOTSTRAP)/.stamp ## Renew the locks after an edit of requirements/*.in (all packages: make lock UPGRADE=1)
	@cd requirements && for lock in bootstrap runtime cli dev emulator sam checkov; do \
		output=$$lock.txt; [[ $$lock == runtime ]] && output=../layers/dependencies/requirements.txt; \
		echo "· $$lock"; ../$(LOCK) $(if $(UPGRADE),--upgrade) $$lock.in --output-file $$output; \
	done

.PHONY: clean
clean: ## Remove everything that was installed or built here (the stack must be down)
	rm -rf .venv .venvs .aws-sam .local .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n\033[1m%s\033[0m\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  \033[36m%-10s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
