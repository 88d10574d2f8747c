"""A command that refuses its input leaves the recipes of runs as they were before it."""

from __future__ import annotations

from pathlib import Path

_before: dict[Path, bytes] = {}


def forget() -> None:
    """A command begins."""
    _before.clear()


def remember(recipe: Path) -> None:
    """Keep what a run's recipe holds, if there is one, before overrides are written into it."""
    if recipe.is_file():
        _before.setdefault(recipe, recipe.read_bytes())


def take_back() -> None:
    """Put every recipe back that the command has changed."""
    for recipe, text in _before.items():
        if recipe.read_bytes() != text:
            temporary = recipe.with_suffix(".yaml.part")
            temporary.write_bytes(text)
            temporary.replace(recipe)
