"""Stages marked as begun or done without running them, and asked whether they are done."""

from __future__ import annotations

from typing import Any

from edgefit.run import RunFolder
from edgefit.stages.build import STAGES
from edgefit.stages.runner import Runner
from edgefit.stages.stage import Stage

BY_NAME: dict[str, type[Stage[Any]]] = {stage.NAME: stage for stage in STAGES}


def begin(run: RunFolder, stage: str) -> bool:
    """Note that a stage starts; whether an interrupted start can be taken up."""
    return Runner(run)._begin(BY_NAME[stage])


def mark_done(run: RunFolder, stage: str, outputs: str) -> None:
    """Stamp a stage as one that ended with the inputs of now."""
    run.stage_dir(stage)
    Runner(run)._end(BY_NAME[stage], outputs)


def is_done(run: RunFolder, stage: str) -> bool:
    """Whether a new command would find the stage done."""
    return Runner(run).is_done(BY_NAME[stage])
