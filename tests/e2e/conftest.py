"""One small build for all end-to-end tests; who needs to damage it works on a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgefit.data.synthetic import generate
from tests.e2e.program import Built, edgefit

RECIPE = r"""
name: tiny
data: {group: 'part_\d+'}
input: {width: 64, height: 64}
model: {backbone: squeezenet1_1, weights: none}
train:
  epochs: 2
  batch_size: 8
  learning_rate: 0.0005
  early_stopping: {patience: 0}
evaluate: {resamples: 100}
export: {calibration_images: 16, golden_frames: 4}
verify: {max_drop: 100, required: any}
benchmark: {seconds: 0.2, rounds: 1}
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """``edgefit build`` on drawn pictures, started once for all tests; not to be changed."""
    folder = tmp_path_factory.mktemp("built")
    pictures = generate(folder / "images", images=96, size=64, classes=("good", "hole", "stain"))
    (pictures / "hole" / "part_90001_view_1.jpg").write_text("this is no picture\n")
    (pictures / "stain" / "part_90002_view_1.jpg").touch()
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    run = folder / "run"
    arguments = ("build", recipe, "--data", pictures, "--out", run, "--json")
    result = edgefit(*arguments, cwd=folder)
    assert result.returncode == 0, result.stderr
    return Built(recipe, pictures, run, result)


@pytest.fixture
def run_copy(built: Built, tmp_path: Path) -> Path:
    """A copy of the run folder."""
    return Path(shutil.copytree(built.run, tmp_path / "run"))


@pytest.fixture
def bundle_copy(built: Built, tmp_path: Path) -> Path:
    """A copy of the bundle alone."""
    return Path(shutil.copytree(built.bundle, tmp_path / "bundle"))
