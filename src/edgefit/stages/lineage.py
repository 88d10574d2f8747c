"""Where a bundle comes from: enough to build it again, nothing that names a person or a machine."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from edgefit.recipe import Recipe
from edgefit.run import RunFolder
from edgefit.stages.stage import read_facts

_PACKAGES = (
    "edgefit",
    "torch",
    "torchvision",
    "lightning",
    "albumentations",
    "onnx",
    "onnxruntime",
    "openvino",
    "nncf",
    "numpy",
    "opencv-python-headless",
)


def lineage(run: RunFolder, recipe: Recipe) -> dict[str, Any]:
    """Recipe, data fingerprint, base weights' hash, versions and seed."""
    facts = recipe.model_dump(mode="json")
    facts["data"]["root"] = None  # a path of the workstation; the fingerprint says which data
    if recipe.model.start.file is not None:
        facts["model"]["weights"] = recipe.model.start.file.name
    facts["train"]["augment"] = Path(recipe.train.augment).name  # a preset, or a file's path
    if recipe.retention.general is not None:
        facts["retention"]["general"] = recipe.retention.general.name
    if recipe.train.teacher is not None:
        facts["train"]["teacher"]["run"] = recipe.train.teacher.run.name
    training = read_facts(run, "train", "train.json")
    checked = read_facts(run, "check", "check.json")
    return {
        "recipe": facts,
        "data_fingerprint": checked["fingerprint"],
        "images": checked["images"],
        "weights": {k: training["weights"][k] for k in ("source", "sha256")},
        "seed": recipe.train.seed,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result; absent ones are left out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
