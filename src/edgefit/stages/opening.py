"""Open the run that a user names by a recipe or by a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgefit.bundle import MANIFEST
from edgefit.errors import InputError
from edgefit.recipe import Recipe
from edgefit.recipe.resolving import resolve
from edgefit.run import RunFolder


def open_run(
    source: str | Path | Recipe,
    *,
    data: str | Path | None = None,
    weights: str | None = None,
    out: str | Path | None = None,
    overrides: Sequence[str] | None = None,
) -> RunFolder:
    """Start a run from a recipe, or continue a run folder with its own recipe.

    Overrides apply to the run from now on. They are written into its recipe when the first stage
    begins, and stages whose inputs they change run again. A command that refuses its input writes
    nothing.

    Raises:
        InputError: ``source`` is neither a recipe nor a run.
        RecipeError: The recipe or an override is not valid.
    """
    if isinstance(source, str):
        source = Path(source)
    if isinstance(source, Path) and source.is_dir():
        if out is not None and Path(out).resolve() != source.resolve():
            raise InputError(
                "--out applies to a recipe; a run folder is its own output.", path=source
            )
        return reopen_run(source, overrides, data=data, weights=weights)
    if isinstance(source, Path) and not source.exists():
        raise InputError(
            "This path holds neither a recipe nor a run.",
            path=source,
            expected="a recipe (a YAML file), or the folder of a run",
            found="nothing",
            remedy="start from a recipe of this project, e.g. models/conveyor-quality/recipe.yaml",
        )
    recipe = resolve(source, data=data, weights=weights, overrides=overrides or ())
    return RunFolder(out if out is not None else Path("runs") / recipe.name, recipe)


def reopen_run(
    folder: Path,
    overrides: Sequence[str] | None = None,
    *,
    data: str | Path | None = None,
    weights: str | None = None,
) -> RunFolder:
    """Open an existing run folder with its own recipe and some overrides.

    Raises:
        RunError: The folder holds no run.
        RecipeError: An override is not valid.
    """
    run = RunFolder(folder)
    recipe = run.recipe()
    if data is None and weights is None and not overrides:
        return run
    changed = resolve(recipe, data=data, weights=weights, overrides=overrides or ())
    return RunFolder(folder, changed)


def is_bundle(target: Path) -> bool:
    """Whether a folder is a bundle; otherwise it must be a run.

    Raises:
        InputError: The folder is neither.
    """
    if (target / MANIFEST).is_file():
        return True
    if not RunFolder(target).recipe_path.is_file():
        raise InputError(
            "This path holds neither a run nor a bundle.",
            path=target,
            expected=f"a folder with recipe.yaml (a run) or {MANIFEST} (a bundle)",
            remedy="give a folder that `edgefit build` wrote",
        )
    return False
