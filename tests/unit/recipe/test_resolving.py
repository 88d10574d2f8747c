"""Paths of a recipe and of the command line become absolute, each from its own place."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.errors import InputError, RecipeError
from edgefit.recipe import Recipe, dump_recipe, load_recipe, make_recipe
from edgefit.recipe.resolving import resolve
from edgefit.stages.lineage import versions


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, next to a folder ``recipes``."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def write(here: Path, text: str) -> Path:
    path = here.parent / "recipes" / "recipe.yaml"
    path.write_text(f"name: x\n{text}", encoding="utf-8")
    return path


def test_paths_in_a_recipe_file_are_relative_to_it(here: Path) -> None:
    path = write(here, "data: {root: images}\nmodel: {weights: ../w.pth}\n")
    resolved = resolve(path)
    assert resolved.data.root == here.parent / "recipes" / "images"
    assert resolved.model.weights == str(here.parent / "w.pth")


def test_paths_of_the_command_line_are_relative_to_the_working_folder(here: Path) -> None:
    path = write(here, "data: {root: images}\nmodel: {weights: ../w.pth}\n")
    resolved = resolve(path, data="pictures", weights="mine.safetensors")
    assert resolved.data.root == here / "pictures"
    assert resolved.model.weights == str(here / "mine.safetensors")


def test_absolute_paths_stay(here: Path) -> None:
    path = write(here, "data: {root: /a/b}\nmodel: {weights: /c/w.pth}\n")
    resolved = resolve(path)
    assert (str(resolved.data.root), resolved.model.weights) == ("/a/b", "/c/w.pth")


@pytest.mark.parametrize("word", ["imagenet", "none"])
def test_words_for_weights_are_no_paths(here: Path, word: str) -> None:
    assert resolve(write(here, ""), weights=word).model.weights == word
    assert resolve(write(here, f"model: {{weights: {word}}}")).model.weights == word


@pytest.mark.parametrize("key", ["data.root", "retention.general"])
def test_a_folder_whose_name_is_not_utf8_is_one_clear_error(here: Path, key: str) -> None:
    section, _, name = key.partition(".")
    recipe = make_recipe({"name": "x", section: {name: "/sets/gr\udcfcn"}})
    with pytest.raises(InputError, match="not UTF-8") as caught:
        resolve(recipe)
    assert (caught.value.key, caught.value.path) == (key, "/sets/gr\\xfcn")


def test_a_recipe_in_a_folder_whose_name_is_not_utf8(here: Path) -> None:
    """It can be read, but what it names beside itself cannot be kept in a run."""
    folder = here / "rez\udce8pte"
    folder.mkdir()
    (folder / "recipe.yaml").write_text("name: x\ndata: {root: images}\n", encoding="utf-8")
    with pytest.raises(InputError, match="not UTF-8"):
        resolve(folder / "recipe.yaml")
    assert resolve(folder / "recipe.yaml", data="/sets/a").data.root == Path("/sets/a")


def test_no_data_stays_none(here: Path) -> None:
    assert resolve(write(here, "")).data.root is None


def test_overrides_are_applied_to_files_and_to_recipes(here: Path) -> None:
    path = write(here, "train: {epochs: 9}\n")
    assert resolve(path, overrides=["train.epochs=3"]).train.epochs == 3
    recipe = make_recipe({"name": "x", "data": {"root": "images"}})
    changed = resolve(recipe, overrides=["train.epochs=3", "data.root=others"])
    assert changed.train.epochs == 3
    assert changed.data.root == here / "others"
    with pytest.raises(RecipeError):
        resolve(recipe, overrides=["train.epohcs=3"])


def test_an_augmentation_file_lies_beside_the_recipe(here: Path) -> None:
    path = write(here, "train: {augment: soft.yaml}\n")
    with pytest.raises(InputError, match="augmentation file does not exist") as caught:
        resolve(path)
    assert caught.value.path == str(path.with_name("soft.yaml"))
    path.with_name("soft.yaml").touch()
    assert resolve(path).train.augment == str(path.with_name("soft.yaml"))
    assert resolve(write(here, "train: {augment: conveyor}\n")).train.augment == "conveyor"


def test_a_resolved_recipe_resolves_to_itself_from_anywhere(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(here, "data: {root: i}\nmodel: {weights: w.pth}\ntrain: {augment: a.yml}\n")
    path.with_name("a.yml").touch()
    resolved = resolve(path)
    dump_recipe(resolved, here / "run.yaml")
    monkeypatch.chdir(here.parent)
    again: Recipe = load_recipe(here / "run.yaml")
    assert again == resolved
    assert resolve(again) == resolved


def test_versions_name_python_and_what_is_installed() -> None:
    found = versions()
    assert found["python"].startswith("3.")
    assert {"numpy", "onnxruntime"} <= set(found)
