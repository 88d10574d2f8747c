"""A recipe with the command line's values put in, and its relative paths made absolute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgefit.errors import InputError
from edgefit.recipe import Recipe, load_recipe, make_recipe


def resolve(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | None = None,
    weights: str | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """A recipe with the command line's values put in.

    Raises:
        RecipeError: The recipe or an override is not valid.
    """
    base = recipe if isinstance(recipe, Recipe) else load_recipe(recipe, overrides)
    facts = base.model_dump(mode="json")
    if data is not None:
        facts["data"]["root"] = str(Path(data).resolve())
    elif facts["data"]["root"] is not None:
        facts["data"]["root"] = str(_beside(recipe, facts["data"]["root"]))
    if weights is not None:
        facts["model"]["weights"] = weights
    if facts["model"]["weights"] not in ("imagenet", "none"):
        facts["model"]["weights"] = str(Path(facts["model"]["weights"]).resolve())
    resolved = make_recipe(facts, overrides if isinstance(recipe, Recipe) else ())
    if isinstance(recipe, str | Path):
        resolved = _find_augmentation(resolved, Path(recipe))
    return resolved


def _beside(recipe: str | Path | Recipe, path: str) -> Path:
    """A relative path in a recipe file is relative to that file."""
    folder = Path(recipe).parent if isinstance(recipe, str | Path) else Path()
    return (folder / path).resolve()


def _find_augmentation(recipe: Recipe, source: Path) -> Recipe:
    name = recipe.train.augment
    if not name.endswith((".yaml", ".yml", ".json")):
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
