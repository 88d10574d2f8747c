"""Wrong values are told in the words of a recipe, not in those of a library."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.errors import RecipeError
from edgefit.recipe import load_recipe, make_recipe


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train=5", "train: expected a section of keys, e.g. train: {epochs: "),
        ("train=null", "(found null (nothing))"),
        ("data.split=0.2", "data.split: expected a section of keys, e.g. split: {"),
        ("train.teacher=abc", "train.teacher: expected a section of keys, e.g. teacher: {"),
        ("train.epochs=many", "train.epochs: expected a whole number (found 'many')"),
        ("train.epochs=1.5", "train.epochs: expected a whole number (found 1.5)"),
        ("train.epochs=0", "train.epochs: expected at least 1 (found 0)"),
        ("data.split.validation=2", "data.split.validation: expected less than 1 (found 2)"),
        ("train.learning_rate=fast", "train.learning_rate: expected a number (found 'fast')"),
        ("train.learning_rate=.nan", "expected a finite number (found nan)"),
        ("operating.temperature=7", "operating.temperature: expected true or false (found 7)"),
        ("data.classes=good", "data.classes: expected a list, e.g. [a, b] (found 'good')"),
        ("name=5", "name: expected text; YAML reads a number here: put the name in quotes"),
        ("name=true", "name: expected text (found true)"),
        ("data.root=5", "data.root: expected a path (found 5)"),
        ("export.precisions=[fp64]", "expected 'fp32', 'fp16' or 'int8' (found 'fp64')"),
        ("train.balance=fair", "train.balance: expected 'none', "),
        ("verify.required=foo", "expected a list, e.g. [a, b], or 'all' or 'any'"),
    ],
)
def test_a_wrong_value_says_what_is_expected_and_found(override: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        make_recipe({"name": "x"}, [override])
    assert any(said in problem for problem in caught.value.problems), caught.value.problems
    for word in ("Input should", "dictionary", "instance of", "pathlib", "None", "Config"):
        assert word not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message", "found"),
    [
        ("", "The recipe is empty.", "nothing"),
        ("# only a comment\n", "The recipe is empty.", "nothing"),
        ("---\n...\n", "The recipe is empty.", "nothing"),
        ("- a\n", "The recipe is not a mapping.", "a list"),
        ("hello\n", "The recipe is not a mapping.", "plain text"),
        ("7\n", "The recipe is not a mapping.", "a single value"),
    ],
)
def test_a_recipe_that_is_no_mapping_says_what_to_do(
    tmp_path: Path, text: str, message: str, found: str
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert (caught.value.message, caught.value.found) == (message, found)
    assert "models/" in (caught.value.remedy or "")
