"""Recipes from and to YAML: renamed keys, suggestions, letters; see test_recipe for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from edgefit.errors import RecipeError
from edgefit.recipe import Recipe, dump_recipe, load_recipe, make_recipe
from edgefit.recipe import files as recipe_files
from edgefit.recipe.files import RENAMED_KEYS


def _has(dotted: str) -> bool:
    model: type[BaseModel] | None = Recipe
    for name in dotted.split("."):
        if model is None or name not in model.model_fields:
            return False
        inner = model.model_fields[name].annotation
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    return True


@pytest.mark.parametrize(("old", "new"), RENAMED_KEYS.items())
def test_a_key_of_the_last_release_leads_to_the_new_one(old: str, new: str) -> None:
    with pytest.raises(RecipeError) as caught:
        make_recipe({"name": "x"}, [f"{old}=1"])
    assert caught.value.problems == [f"{old}: unknown key; {new} replaces it"]


@pytest.mark.parametrize(("old", "new"), RENAMED_KEYS.items())
def test_the_table_leads_from_keys_that_are_gone_to_keys_that_exist(old: str, new: str) -> None:
    assert not _has(old)
    assert _has(new)


def test_a_renamed_section_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RENAMED_KEYS, "learning", "train")
    with pytest.raises(RecipeError) as caught:
        make_recipe({"name": "x", "learning": {"epochs": 3}})
    assert caught.value.problems == ["learning: unknown key; train replaces it"]


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\ntrain:\n  epochs: 1\n  epochs: 2\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="not valid YAML") as caught:
        load_recipe(path)
    assert "'epochs'" in str(caught.value)
    assert caught.value.path == str(path)


def test_an_override_goes_into_a_section_only() -> None:
    with pytest.raises(RecipeError, match="not a section") as caught:
        make_recipe({"name": "x"}, ["name.first=1"])
    assert caught.value.key == "name.first"


def test_what_is_written_reads_back_equal_also_beyond_latin_letters(tmp_path: Path) -> None:
    facts = {"name": "x", "data": {"classes": ["gut", "Kratzer ä", "傷"]}}
    recipe = make_recipe(facts, ["train.teacher={run: runs/big}", "train.mix.mixup=0.2"])
    dump_recipe(recipe, tmp_path / "recipe.yaml")
    assert "傷" in (tmp_path / "recipe.yaml").read_text(encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.yaml") == recipe


def test_every_key_can_be_suggested() -> None:
    keys = set(recipe_files._all_keys(Recipe))
    assert {"name", "train", "train.epochs", "train.keep.l2_sp", "data.split.test"} <= keys
    assert all(_has(key) for key in keys)
