"""A command that refuses its input leaves runs as they were before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgefit.cli.main import run as edgefit
from edgefit.errors import GateError, InputError, MissingDependencyError
from edgefit.recipe import make_recipe
from edgefit.run import RunFolder
from edgefit.stages.build import build
from edgefit.stages.calibrate import Calibrate
from edgefit.stages.check import Check
from tests.stamps import begin, is_done, mark_done


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.start(make_recipe({"name": "x", "data": {"root": str(tmp_path)}}))
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ("calibrate", "--set", "operating.good=nobody"),
        ("retention", "--general", "nowhere"),
        ("train", "--data", "nowhere"),
    ],
)
def test_a_refused_command_takes_its_overrides_back(run: RunFolder, command: list[str]) -> None:
    before = run.recipe_path.read_bytes()
    verb, *options = command
    assert edgefit([verb, str(run.root), *options]) == 2
    assert run.recipe_path.read_bytes() == before
    assert list(run.root.glob("*.part")) == []


def test_what_validation_does_not_support_writes_nothing(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(stage: Calibrate) -> None:
        raise GateError("Validation is too small for this coverage.")

    for stage in ("check", "train"):
        begin(run, stage)
        mark_done(run, stage, stage)
    monkeypatch.setattr(Calibrate, "prepare", refuse)
    before = run.recipe_path.read_bytes()
    command = ["calibrate", str(run.root), "--set", "operating.coverage=0.9"]
    assert edgefit(command) == 1
    assert "too small for this coverage" in capsys.readouterr().err
    assert run.recipe_path.read_bytes() == before


def test_an_interrupted_command_says_so_in_json(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edgefit.stages.calibrate.calibrate", interrupt)
    assert edgefit(["calibrate", str(run.root), "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"] == "Interrupted"


def test_overrides_of_an_earlier_command_stay(run: RunFolder) -> None:
    changed = make_recipe({"name": "x", "train": {"epochs": 3}})
    run.start(changed)
    edgefit(["calibrate", str(run.root), "--set", "train.epochs=5"])
    assert RunFolder(run.root).recipe().train.epochs == 3


def test_what_a_stage_ended_with_stays(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(folder: RunFolder, *_: object) -> None:
        begin(folder, "check")
        mark_done(folder, "check", "found")

    def refuse(*_: object) -> None:
        raise InputError("The weights do not fit.")

    monkeypatch.setattr("edgefit.cli.train._check", check)
    monkeypatch.setattr("edgefit.stages.train.train", refuse)
    assert edgefit(["train", str(run.root), "--set", "train.epochs=5"]) == 2
    assert RunFolder(run.root).recipe().train.epochs == 5


def test_a_refused_check_leaves_the_earlier_one(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(run, "check")
    mark_done(run, "check", "found")
    before = run.recipe_path.read_bytes()

    def refuse(stage: Check) -> None:
        raise InputError("Classes have too few groups.")

    monkeypatch.setattr("edgefit.stages.build.require_trainable_here", lambda runner: None)
    monkeypatch.setattr(Check, "inspect", lambda stage: None)
    monkeypatch.setattr(Check, "prepare", refuse)
    assert edgefit(["train", str(run.root), "--set", "data.group='x'"]) == 2
    assert run.recipe_path.read_bytes() == before
    assert is_done(run, "check")


def test_a_package_that_is_missing_changes_nothing(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run.recipe_path.read_bytes()

    def refuse(*_: object) -> None:
        raise MissingDependencyError("No albumentations.")

    monkeypatch.setattr("edgefit.cli.train._check", refuse)
    assert edgefit(["train", str(run.root), "--set", "train.epochs=7"]) == 2
    assert run.recipe_path.read_bytes() == before


def test_a_build_of_several_processes_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: x\n")
    assert edgefit(["build", str(recipe), "--out", str(tmp_path / "new")]) == 2
    with pytest.raises(InputError, match="one process"):
        build(recipe, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_refused_first_command_leaves_no_folder_at_the_default_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    assert edgefit(["check", "recipe.yaml", "--data", "nowhere"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]


@pytest.mark.parametrize("verb", ["check", "train", "build"])
def test_a_refused_first_command_leaves_no_folder(verb: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: x\n")
    out = tmp_path / "new"
    assert edgefit([verb, str(recipe), "--data", str(tmp_path / "nowhere"), "--out", str(out)]) == 2
    assert not out.exists()


def test_a_folder_with_files_of_the_users_is_left(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: x\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    edgefit(["check", str(recipe), "--data", "nowhere", "--out", str(tmp_path / "mine")])
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("verb", ["check", "train", "build"])
def test_a_name_of_nothing_is_told_as_recipe_or_run(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edgefit([verb, "nosuchrun"]) == 2
    assert "This path holds neither a recipe nor a run." in capsys.readouterr().err


def test_a_build_goes_on_from_a_run_folder(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr("edgefit.stages.build.run_stages", lambda r, _: opened.append(r) or {})
    monkeypatch.setattr("edgefit.cli.build.print_summary", lambda summary: None)
    assert edgefit(["build", str(run.root), "--set", "train.epochs=7"]) == 0
    assert opened[0].recipe().train.epochs == 7


def test_recipe_problems_are_a_list_in_json(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--set", "train.epochs=-1", "--set", "nosuchkey=1"]
    assert edgefit(["check", str(run.root), *options, "--json"]) == 2
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [line.split(":")[0] for line in problems] == ["train.epochs", "nosuchkey"]
