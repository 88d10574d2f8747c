# Two commands on a fresh machine: `make demo` and `make test`. Both create and reuse .venv.
VENV ?= .venv
PYTHON ?= python3
RUN := $(VENV)/bin
# Two processes, a file at a time, so that the fixtures of a file are made once.
PYTEST := $(RUN)/python -m pytest -n 2 --dist loadfile

.PHONY: demo test fast lint bench clean install

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): about 6 GB, a few minutes"
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[workshop,dev]"
	touch $@

install: $(VENV)/.installed

demo: install
	$(RUN)/edgefit demo --out runs/demo

test: install
	$(PYTEST)

# Under a minute on two cores: no end-to-end test, and no unit test that takes seconds.
fast: install
	$(PYTEST) -m "not slow" --ignore tests/e2e

lint: install
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-cache

bench: install
	test -d runs/demo/run/bundle || $(RUN)/edgefit demo --out runs/demo
	$(RUN)/python -m benchmarks.preprocess
	$(RUN)/python -m benchmarks.overhead runs/demo/run/bundle

clean:
	rm -rf $(VENV) runs build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
