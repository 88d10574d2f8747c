"""The origin of a bundle: enough to rebuild it, nothing that names a person or a machine."""

from __future__ import annotations

import platform
from pathlib import Path

from pydantic import JsonValue

from edgefit.packages import required_packages, version_of
from edgefit.recipe import Recipe
from edgefit.records.train import WeightsReport


def lineage(
    recipe: Recipe, *, data_fingerprint: str, images: int, weights: WeightsReport
) -> dict[str, JsonValue]:
    """Recipe, data fingerprint, base weights' hash, versions and seed."""
    facts = recipe.model_dump(mode="json")
    facts["data"]["root"] = None  # a path of the workstation; the fingerprint identifies the data
    if recipe.model.start.file is not None:
        facts["model"]["weights"] = recipe.model.start.file.name
    facts["train"]["augment"] = Path(recipe.train.augment).name  # a preset, or a file's path
    if recipe.retention.general is not None:
        facts["retention"]["general"] = recipe.retention.general.name
    if recipe.train.teacher is not None:
        facts["train"]["teacher"]["run"] = recipe.train.teacher.run.name
    return {
        "recipe": facts,
        "data_fingerprint": data_fingerprint,
        "images": images,
        "weights": {"source": weights.source, "sha256": weights.sha256},
        "seed": recipe.train.seed,
        "versions": dict[str, JsonValue](versions()),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of installed packages that affect a result."""
    names = ["edgefit", *(required_packages() or ()), *(required_packages("workshop") or ())]
    known = {name: version_of(name) for name in names}
    there = {name: version for name, version in known.items() if version is not None}
    return {"python": platform.python_version(), **there}
