"""Every verb, given what it cannot use: one error, exit code 2, nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgefit.cli.main import run
from edgefit.recipe import make_recipe
from edgefit.run import RunFolder

Capture = pytest.CaptureFixture[str]
OF_A_RUN = ("calibrate", "evaluate", "retention", "learning-curve", "export", "bundle")
OF_EITHER = ("verify", "benchmark")
OF_A_RECIPE = ("build", "check", "train")


@pytest.mark.parametrize("verb", [*OF_A_RUN, *OF_EITHER, *OF_A_RECIPE])
def test_what_is_not_there_is_named(verb: str, tmp_path: Path, capsys: Capture) -> None:
    absent = tmp_path / "absent"
    assert run([verb, str(absent), "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert facts["path"].startswith(str(absent))
    assert facts["remedy"]
    assert not absent.exists()


@pytest.mark.parametrize(
    "verb",
    ["calibrate", "evaluate", "export", "verify", "benchmark", "bundle", "learning-curve"],
)
def test_a_run_without_the_stages_before_is_told_which_comes_first(
    verb: str, tmp_path: Path, capsys: Capture
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start(make_recipe({"name": "x"}))
    before = folder.recipe_path.read_bytes()
    assert run([verb, str(folder.root), "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert facts["error"] == "RunError"
    assert f"edgefit check {folder.root}" in facts["remedy"]
    assert folder.recipe_path.read_bytes() == before


def test_fractions_that_are_no_numbers(tmp_path: Path, capsys: Capture) -> None:
    command = ["learning-curve", str(tmp_path), "--fractions", "5,ten", "--json"]
    assert run(command) == 2
    facts = json.loads(capsys.readouterr().out)
    assert (facts["key"], facts["found"]) == ("--fractions", "5,ten")


@pytest.mark.parametrize("verb", OF_A_RECIPE)
def test_several_processes_or_a_second_output_are_refused(
    verb: str, tmp_path: Path, capsys: Capture
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start(make_recipe({"name": "x"}))
    assert run([verb, str(folder.root), "--out", str(tmp_path / "b"), "--json"]) == 2
    assert "--out" in json.loads(capsys.readouterr().out)["message"]
    assert not (tmp_path / "b").exists()
