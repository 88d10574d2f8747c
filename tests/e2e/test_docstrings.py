"""The examples in the docstrings of the public names, run where a build has ended."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import edgefit
from tests.e2e.program import Built

DOCUMENTED = [name for name in edgefit.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_example_of_a_public_name_runs(
    name: str, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built.run.parent)
    assert {path.name for path in Path.cwd().iterdir()} >= {"recipe.yaml", "images", "run"}
    found = doctest.DocTestFinder(recurse=False).find(getattr(edgefit, name), name, globs={})
    examples = [example for test in found for example in test.examples]
    assert examples, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in found:
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
