# Each target works from nothing but python3 with venv and pip; a second call finds what the first one made.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test bench bench-guard bench-baseline lint table
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
