"""From what a user names to a run: a recipe, a run folder, or a bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.errors import InputError, RecipeError, RunError
from edgefit.recipe import make_recipe
from edgefit.run import RunFolder
from edgefit.stages.opening import is_bundle, open_run, reopen_run
from tests.tiny_models import ORT_FP32, write_tiny_bundle


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: parts\ntrain: {epochs: 2}\n", encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.start(make_recipe({"name": "parts", "train": {"epochs": 2}}))
    return folder


def test_a_recipe_opens_a_run_under_its_own_name(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened = open_run(recipe, overrides=["train.epochs=3"])
    assert opened.root == Path("runs/parts")
    assert opened.recipe().train.epochs == 3
    assert open_run(recipe, out=tmp_path / "there").root == tmp_path / "there"
    assert not (tmp_path / "there").exists(), "nothing is written before a stage begins"


def test_a_run_folder_is_gone_on_with(run: RunFolder, tmp_path: Path) -> None:
    before = run.recipe_path.read_bytes()
    opened = open_run(run.root, overrides=["train.epochs=5"], data=tmp_path)
    assert opened.root == run.root
    assert opened.recipe().train.epochs == 5
    assert opened.recipe().data.root == tmp_path.resolve()
    assert run.recipe_path.read_bytes() == before
    assert open_run(run.root, out=run.root).recipe() == run.recipe()


def test_a_run_has_no_other_output(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its own output") as caught:
        open_run(run.root, out=tmp_path / "elsewhere")
    assert caught.value.path == str(run.root)


def test_nothing_there_is_told_with_a_recipe_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a recipe nor a run") as caught:
        open_run(tmp_path / "absent.yaml")
    assert "models/" in (caught.value.remedy or "")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    for attempt in (open_run, reopen_run):
        with pytest.raises(RunError, match="holds no run"):
            attempt(tmp_path)


def test_a_wrong_override_is_told_before_anything_is_written(run: RunFolder) -> None:
    before = run.recipe_path.read_bytes()
    with pytest.raises(RecipeError, match="--set"):
        reopen_run(run.root, ["train.epochs=0"])
    assert run.recipe_path.read_bytes() == before


def test_bundles_and_runs_are_told_apart(run: RunFolder, tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle", [ORT_FP32])
    assert is_bundle(bundle)
    assert not is_bundle(run.root)
    with pytest.raises(InputError, match="neither a run nor a bundle") as caught:
        is_bundle(tmp_path)
    assert caught.value.path == str(tmp_path)


def test_a_recipe_object_opens_a_run(tmp_path: Path) -> None:
    opened = open_run(make_recipe({"name": "parts"}), out=str(tmp_path / "there"))
    assert (opened.root, opened.recipe().name) == (tmp_path / "there", "parts")


def test_a_run_folder_may_be_given_as_text(run: RunFolder) -> None:
    assert open_run(str(run.root)).recipe() == run.recipe()
