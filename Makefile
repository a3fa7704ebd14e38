VENV ?= .venv
PORT ?= 8000
DATA ?= data
PYTHON ?= python3

BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check -q
LOCK := --allow-unsafe --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --universal

# A worker takes what is left of another's tests when it has done its own. One more than two
# processors: some tests wait for processes and for time to pass.
WORKERS := -n 3 --dist worksteal
# The suite starts some hundred processes, each of which would compile all of app/ without these.
test suite processor quick soak: export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help run install dev test suite processor quick check openapi tools census format wheel weight wheels notebook lock sbom audit soak bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed ## install what is locked and serve: PORT=8000 DATA=data
	@mkdir -p "$(DATA)"
	@ENTENTE_DATABASE_URL="$${ENTENTE_DATABASE_URL:-sqlite:///$(DATA)/entente.db}" $(BIN)/entente serve --port $(PORT) --first-start

install: $(VENV)/installed ## create the virtual environment with what running needs

dev: $(VENV)/dev ## add what testing needs

# Types are checked by one process in half a minute, while the suite collects its tests.
test: $(VENV)/dev ## every check, the whole test suite, and what shows numbers once more
	$(MAKE) --no-print-directory -j2 check suite
	$(MAKE) --no-print-directory processor

suite: $(VENV)/dev ## the whole test suite, without the checks
	$(BIN)/python -m pytest $(WORKERS) -rs

processor: $(VENV)/dev ## the tests that show numbers, computed as on another kind of processor
	NPY_DISABLE_CPU_FEATURES="$$(grep -qs avx512f /proc/cpuinfo && echo X86_V4)" ENTENTE_OTHER_PROCESSOR=1 \
		$(BIN)/python -m pytest $(WORKERS) -k "not postgresql" tests/test_readme.py tests/test_openapi.py tests/test_docs_commands.py tests/shifts/materialized/test_months.py

# None of these waits for anything, so that a worker more than processors would only collect them.
quick: $(VENV)/dev ## the tests that are not slow, on SQLite: under a minute
	$(BIN)/python -m pytest -n logical --dist worksteal -m "not slow"

check: $(VENV)/dev ## lint, format, types, layers, dead code, Dockerfile, compose.yaml, CITATION.cff
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/dead_code.py
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

openapi: $(VENV)/dev ## ask Spectral, Redocly and TypeScript about the OpenAPI document; needs Node
	PYTHONPATH=.:tests $(BIN)/python tests/lint_openapi.py

tools: $(VENV)/dev ## try other people's programs on the service; needs registries of Python and Node packages
	PYTHONPATH=.:tests $(BIN)/python tests/try_tools.py

census: ## measure how plainly the code speaks: names, docstrings, sizes of files
	$(PYTHON) tests/census.py

format: $(VENV)/dev ## rewrite the code the way check wants it
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel: $(VENV)/installed ## build the wheel into dist/, without network
	rm -rf build
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

lock: $(VENV)/locker ## resolve pyproject.toml into the two lock files
	$(BIN)/uv pip compile $(LOCK) -q --extra build --extra all pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile $(LOCK) -q --extra build --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

weight: $(VENV)/installed ## install the core alone into a folder, and say what it weighs, in MiB: at most 230
	rm -rf build/weight
	$(PIP) install --target build/weight .
	@du -sm build/weight

wheels: $(VENV)/installed ## resolve wheels of everything for Python 3.12, 3.13 and 3.14, without a compiler
	for version in 3.12 3.13 3.14; do \
		$(PIP) download -q --no-cache-dir --dest build/wheels/$$version --only-binary=:all: --python-version $$version \
			--implementation cp --require-hashes -r requirements.lock && \
		echo "Python $$version: $$(ls build/wheels/$$version | wc -l) wheels" || exit 1; \
	done

sbom: ## print a bill of materials of what the lock installs (CycloneDX)
	@$(PYTHON) tests/sbom.py

audit: $(VENV)/installed ## ask the package index for known vulnerabilities of what the locks install
	@$(BIN)/python tests/audit.py

notebook: $(VENV)/dev ## run every cell of the notebook of the client for Python
	ENTENTE_SOAK=1 $(BIN)/python -m pytest tests/clients/test_notebook.py

soak: $(VENV)/dev ## what takes long by nature, in full: kills, writers, memory, thousands of cases
	ENTENTE_SOAK=1 $(BIN)/python -m pytest $(WORKERS) -m soak

bench: $(VENV)/dev ## measure (bench/; what readers ask: python -m bench.usage)
	$(BIN)/python -m bench

clean: ## remove the virtual environment and what tools leave behind; never data
	rm -rf "$(VENV)" build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find app tests migrations -name __pycache__ -type d -prune -exec rm -rf {} +

# The files below are stamps: what they stand for is redone only when a lock or pyproject.toml
# changes, so a second `make run` needs neither time nor network.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "entente needs Python 3.11 or newer; choose one with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "This Python cannot create virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv "$(VENV)"

$(VENV)/installed: requirements.lock pyproject.toml setup.py | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/installed
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/locker: | $(BIN)/python
	$(PIP) install uv
	@touch $@
