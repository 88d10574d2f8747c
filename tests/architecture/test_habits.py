"""CI, the Makefile and pre-commit run the same commands."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]


def _read(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def _recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, without the folder of the environment."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", _read("Makefile"), re.MULTILINE)
    assert found is not None, target
    return [line.strip().removeprefix("$(RUN)/") for line in found[1].splitlines()]


def test_ci_lints_and_then_tests() -> None:
    commands = [line for line in _read(".ci/run").splitlines() if line.startswith("make ")]
    assert commands == ["make lint", "make test"]
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)


def test_lint_is_four_tools_and_pre_commit_runs_the_same() -> None:
    tools = ["ruff check .", "ruff format --check .", "mypy", "lint-imports --no-cache"]
    assert _recipe("lint") == tools
    (local,) = yaml.safe_load(_read(".pre-commit-config.yaml"))["repos"]
    assert local["repo"] == "local"
    assert [hook["entry"] for hook in local["hooks"]] == tools
    assert {hook["language"] for hook in local["hooks"]} == {"system"}


def test_the_fast_tests_leave_out_what_is_slow_and_what_is_end_to_end() -> None:
    (whole,), (fast,) = _recipe("test"), _recipe("fast")
    assert fast == f'{whole} -m "not slow" --ignore tests/e2e'


def test_every_package_that_is_asked_for_has_a_pinned_version() -> None:
    pinned = {
        _normal(line.partition("==")[0])
        for line in _read("constraints.txt").splitlines()
        if "==" in line
    }
    project = tomllib.loads(_read("pyproject.toml"))["project"]
    roles = [project["dependencies"], *project["optional-dependencies"].values()]
    asked = {_normal(re.split(r"[<>=\[;! ]", text)[0]) for role in roles for text in role}
    assert asked - pinned == set()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
