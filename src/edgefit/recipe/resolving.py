"""Apply the command line's values to a recipe, and make its relative paths absolute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgefit.errors import InputError
from edgefit.names import is_utf8, printable
from edgefit.recipe import Recipe, load_recipe, make_recipe
from edgefit.spec.weights import WeightsSource


def resolve(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | None = None,
    weights: str | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """A recipe with the command line's values applied and every path absolute.

    Paths in a recipe file are relative to it; ``data`` and ``weights`` given here, and the paths
    of a :class:`Recipe` object, are relative to the working folder.

    Raises:
        RecipeError: The recipe or an override is not valid.
        InputError: The augmentation file does not exist.
    """
    if isinstance(recipe, Recipe):
        base = make_recipe(recipe.model_dump(mode="json"), overrides)
    else:
        base = load_recipe(recipe, overrides)
    facts = base.model_dump(mode="json")
    if data is not None:
        facts["data"]["root"] = str(Path(data).resolve())
    elif facts["data"]["root"] is not None:
        facts["data"]["root"] = str(_beside(recipe, facts["data"]["root"]))
    if weights is not None:
        file = WeightsSource(weights).file
        facts["model"]["weights"] = str(file.resolve()) if file else weights
    elif base.model.start.file is not None:
        facts["model"]["weights"] = str(_beside(recipe, facts["model"]["weights"]))
    if facts["retention"]["general"] is not None:
        facts["retention"]["general"] = str(_beside(recipe, facts["retention"]["general"]))
    if facts["train"]["teacher"] is not None:
        facts["train"]["teacher"]["run"] = str(_beside(recipe, facts["train"]["teacher"]["run"]))
    _require_utf8(facts)
    return _find_augmentation(make_recipe(facts), recipe)


def _require_utf8(facts: Mapping[str, Any]) -> None:
    """Check the paths that a run's recipe.yaml must hold; names below them may be any bytes."""
    teacher = facts["train"]["teacher"]
    paths = {
        "data.root": facts["data"]["root"],
        "model.weights": facts["model"]["weights"],
        "retention.general": facts["retention"]["general"],
        "train.teacher.run": teacher and teacher["run"],
        "train.augment": facts["train"]["augment"],
    }
    for key, path in paths.items():
        if path is not None and not is_utf8(path):
            raise InputError(
                "The name of a file or folder that the recipe names is not UTF-8.",
                path=printable(path),
                key=key,
                remedy="rename it, or one of the folders above it; the names inside may stay",
            )


def _beside(recipe: str | Path | Recipe, path: str) -> Path:
    """The absolute form of a path, which is relative to the recipe file."""
    folder = Path(recipe).parent if isinstance(recipe, str | Path) else Path()
    return (folder / path).resolve()


def _find_augmentation(recipe: Recipe, source: str | Path | Recipe) -> Recipe:
    name = recipe.train.augment
    if not name.lower().endswith((".yaml", ".yml", ".json")):
        return recipe
    path = _beside(source, name)
    if not path.is_file():
        raise InputError(
            "The augmentation file does not exist.",
            path=path,
            key="train.augment",
            remedy="give a preset (conveyor, road-signs, none) or a file beside the recipe",
        )
    facts = recipe.model_dump(mode="json")
    facts["train"]["augment"] = str(path)
    return make_recipe(facts)
