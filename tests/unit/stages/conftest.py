"""A run up to the stage ``train``, in a second, and one up to ``export``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgefit.run import RunFolder
from edgefit.stages.calibrate import calibrate
from edgefit.stages.evaluate import evaluate
from edgefit.stages.export import export
from tests.trained_run import again, solved_run, write_discs

QUALITY = ("operating.good=good", "operating.max_escape=0.1", "operating.coverage=0.95")


@pytest.fixture(scope="session")
def solved(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Two classes that overlap, and a network that is solved for; read only."""
    folder = tmp_path_factory.mktemp("solved")
    pictures = write_discs(folder / "pictures", {"good": 120, "hole": 120})
    return solved_run(folder / "run", pictures, *QUALITY, sharpness=12.0)


@pytest.fixture
def run(solved: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of it to work on."""
    return RunFolder(shutil.copytree(solved.root, tmp_path / "run"))


@pytest.fixture(scope="session")
def drafted(solved: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The same run after ``export``, in fp32 for both engines; read only."""
    run = RunFolder(shutil.copytree(solved.root, tmp_path_factory.mktemp("drafted") / "run"))
    again(run, ["export.precisions=[fp32]", "export.golden_frames=4"])
    calibrate(run)
    evaluate(run)
    export(run)
    return run


@pytest.fixture
def draft(drafted: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of it to work on."""
    return RunFolder(shutil.copytree(drafted.root, tmp_path / "run"))
