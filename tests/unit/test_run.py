"""The run folder: where its recipe is kept, and which folders it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.errors import RunError
from edgefit.recipe import make_recipe
from edgefit.run import RunFolder

RECIPE = make_recipe({"name": "x", "train": {"epochs": 3}})


def test_a_recipe_is_kept_only_when_it_is_asked_for(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "deep" / "run", RECIPE)
    assert run.recipe() == RECIPE
    assert not run.root.exists()
    run.keep_recipe()
    assert RunFolder(run.root).recipe() == RECIPE
    assert sorted(p.name for p in run.root.iterdir()) == ["recipe.yaml", "stamps"]


def test_a_folder_without_a_recipe_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        RunFolder(tmp_path).recipe()


def test_a_recipe_that_is_there_is_left_untouched(tmp_path: Path) -> None:
    RunFolder(tmp_path, RECIPE).keep_recipe()
    before = (tmp_path / "recipe.yaml").stat().st_mtime_ns
    RunFolder(tmp_path, RECIPE).keep_recipe()
    assert (tmp_path / "recipe.yaml").stat().st_mtime_ns == before


def test_a_folder_with_a_recipe_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "recipe.yaml"
    own.write_text("name: mine  # a comment\n")
    with pytest.raises(RunError, match="holds a recipe but is not a run"):
        RunFolder(tmp_path, RECIPE)
    assert own.read_text() == "name: mine  # a comment\n"


def test_a_finished_run_on_a_read_only_disk_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    RunFolder(tmp_path, RECIPE).keep_recipe()
    monkeypatch.setattr("os.access", lambda *_: False)
    RunFolder(tmp_path, RECIPE).keep_recipe()
    with pytest.raises(RunError, match="cannot be created"):
        RunFolder(tmp_path, make_recipe({"name": "y"}))


def test_a_place_where_no_folder_can_be_made_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="cannot be created") as caught:
        RunFolder(tmp_path / "file" / "run", RECIPE)
    assert str(tmp_path / "file") in str(caught.value.found)
