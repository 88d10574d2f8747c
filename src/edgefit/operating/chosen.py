"""The rule that the stage `calibrate` wrote into a run, and what it compares features with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgefit.operating.tasks import TASKS
from edgefit.records.calibrate import CalibrateRecord
from edgefit.run import RunFolder
from edgefit.spec import References, Rule


def chosen_rule(run: RunFolder) -> Rule:
    """The rule that ``calibrate`` chose.

    Raises:
        RunError: ``calibrate`` has not finished in this run.
    """
    return TASKS[run.recipe().task].rule(CalibrateRecord.read(run.root))


def reference_path(root: Path, name: str) -> Path:
    """Path of a reference in a run folder."""
    return root / CalibrateRecord.STAGE / f"{name}.npy"


def read_references(run: RunFolder) -> References:
    """The references that ``calibrate`` wrote, by name; empty where the rule uses none."""
    names = TASKS[run.recipe().task].reference_names
    paths = {name: reference_path(run.root, name) for name in names}
    return {
        name: np.load(path, allow_pickle=False) for name, path in paths.items() if path.is_file()
    }
