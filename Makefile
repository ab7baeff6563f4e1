# Everything a developer types. A fresh machine needs make and Python 3.11 or newer (with venv); the rest is
# installed into .venv from requirements/*.txt, hash by hash. `make demo` installs what it runs on and no more;
# the other targets install the tools too, into the same .venv.

VENV := .venv
BIN := $(VENV)/bin
BASE := $(VENV)/.base-installed
DEV := $(VENV)/.dev-installed
INSTALLED = $(if $(wildcard $(DEV)),$(DEV),$(BASE))
PIP_INSTALL = $(BIN)/python -m pip --disable-pip-version-check install --progress-bar on
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"
SQL := src/steelyard/storage/sql
WORKERS := $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null); [ "$${n:-1}" -ge 2 ] && echo 2 || echo 0)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check bench bench-peers lock advisories release published statements mutate clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## show the sample book, analysed, and serve its pages (SERVE=0: show it and end)
	@$(BIN)/steelyard demo

test: $(DEV) ## run every test
	$(BIN)/pytest -n $(WORKERS)

check: $(DEV) ## style, types, import contract, SQL, advisories
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --quiet tests/test_*.py
	$(BIN)/python scripts/check_advisories.py
	$(BIN)/sqlfluff lint --disable-progress-bar $(SQL)
	$(BIN)/squawk $(SQL)/schema.sql $(shell find $(SQL)/migrations -name '*.sql')

bench: $(DEV) ## run the benchmarks, one after the other
	@set -e; for file in benchmarks/bench_*.py; do echo "$$file"; $(BIN)/python "$$file"; done

bench-peers: requirements/peers.txt ## install what the engines are compared with, into .venv-peers
	@python=$$(sh scripts/find-python) && $$python -m venv .venv-peers
	.venv-peers/bin/python -m pip --disable-pip-version-check install --require-hashes -r requirements/peers.txt

lock: $(DEV) ## write requirements/*.txt anew from pyproject.toml
	$(LOCK) pyproject.toml --output-file requirements/base.txt
	$(LOCK) pyproject.toml --all-extras --group dev --constraint requirements/base.txt --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --extra gcp --constraint requirements/dev.txt --output-file requirements/gcp.txt
	$(LOCK) --group peers --constraint requirements/dev.txt --output-file requirements/peers.txt
	$(LOCK) --group build --constraint requirements/dev.txt --output-file requirements/build.txt

advisories: $(DEV) ## hold the locks against what is known today (SOURCE=a clone of the advisory database)
	$(BIN)/python scripts/advisories.py $(SOURCE)

release: $(DEV) ## build, list the parts, sum up and sign what is committed (KEY=an Ed25519 key)
	$(BIN)/python scripts/release.py $(if $(KEY),--key $(KEY)) $(if $(OLD_ADVISORIES),--old-advisories)

published: $(DEV) ## count the published cases anew, in docs/reference/published-cases.md
	$(BIN)/python scripts/published_cases.py --write

statements: $(DEV) ## count what is read of each sample statement, in docs/reference/statements.md
	$(BIN)/python scripts/statements_reference.py --write

mutate: $(DEV) ## break code on purpose and see whether a test notices (slow; MODULES="domain.lot" SAMPLE=40)
	$(BIN)/python scripts/mutate.py $(MODULES) $(if $(SAMPLE),--sample $(SAMPLE))

clean: ## remove .venv and everything that was made
	rm -rf $(VENV) .venv-peers build dist mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python=$$(sh scripts/find-python) && echo "Making $(VENV) with $$($$python --version)" && \
		$$python -m venv $(VENV)

$(BASE): requirements/base.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Steelyard runs on (once)"
	@$(PIP_INSTALL) --require-hashes -r requirements/base.txt -r requirements/build.txt
	@$(PIP_INSTALL) --quiet --no-build-isolation --no-deps --editable .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Steelyard runs on and its tools (once)"
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@$(PIP_INSTALL) --quiet --no-build-isolation --no-deps --editable .
	@touch $@
