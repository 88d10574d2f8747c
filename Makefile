# Two commands on a fresh machine: `make demo` and `make test`. Both create and reuse .venv.
VENV ?= .venv
PYTHON ?= python3
RUN := $(VENV)/bin

.PHONY: demo test lint bench clean install

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): about 6 GB, a few minutes"
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[workshop,dev]"
	touch $@

install: $(VENV)/.installed

demo: install
	$(RUN)/edgefit demo --out runs/demo

test: install
	$(RUN)/python -m pytest

lint: install
	$(RUN)/ruff check . && $(RUN)/ruff format --check . && $(RUN)/mypy && $(RUN)/lint-imports

bench: install
	test -d runs/demo/run/bundle || $(RUN)/edgefit demo --out runs/demo
	$(RUN)/python -m benchmarks.preprocess
	$(RUN)/python -m benchmarks.overhead runs/demo/run/bundle

clean:
	rm -rf $(VENV) runs build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
