"""Runs as the stages leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.report.finished_run import write_run

EVERYTHING = [
    "operating.good=good",
    "operating.max_escape=0.02",
    "operating.coverage=0.9",
    "evaluate.by=[group]",
]


@pytest.fixture(scope="module", params=["plain", "everything"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a run that asks for nothing, and of one that asks for all."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "plain":
        return write_run(folder, overrides=["operating.novelty=false"]).run.root
    overrides = [*EVERYTHING, f"retention.general={folder}"]
    return write_run(folder, ("good", "dent"), per_class=40, overrides=overrides).run.root
