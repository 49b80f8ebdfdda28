# Each target works from nothing but python3 with venv and pip; a second call finds what the first one made.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test bench bench-guard bench-baseline lint table docs docs-check
.DEFAULT_GOAL := test

demo: .venv/demo
	$(BIN)/jaxinv rank --output report

# The tests of the kernels, which must work in x64 too.
KERNELS := $(addprefix tests/,test_duties.py group_convolutions graphs harmonics lie_groups numerics permutations \
  representations simulators symmetrization tensor_products transferability)

test: .venv/dev
	JAX_ENABLE_X64=0 $(BIN)/python -m pytest -q -n 2 --dist loadgroup
	JAX_ENABLE_X64=1 $(BIN)/python -m pytest -q -n 2 --dist loadgroup $(KERNELS)
	$(BIN)/python -m tests.proofs --check

table: .venv/dev
	$(BIN)/python -m tests.proofs

# All, or `make bench FAMILY=transferability CASE=logme`.
CHOICE := $(if $(FAMILY),--family $(FAMILY)) $(if $(CASE),--case $(CASE))

# The site, into site/; executes the notebooks. `.venv/bin/mkdocs serve` shows it, and what is changed meanwhile.
docs: .venv/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

# Every page of it in a headless browser; needs Chromium.
docs-check: docs
	$(BIN)/python -m tests.site.browser site

bench: .venv/dev
	$(BIN)/jaxinv bench $(CHOICE) --output bench/results

bench-guard: .venv/dev
	$(BIN)/jaxinv bench $(CHOICE) --baseline bench/baseline.json

bench-baseline: .venv/dev
	$(BIN)/jaxinv bench $(CHOICE) --output bench/results --baseline bench/baseline.json --update-baseline

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

.venv/demo: pyproject.toml setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[images,plots]'
	touch $@

.venv/dev: pyproject.toml setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[dev]'
	touch $@ .venv/demo
