"""The operating point that the stage `calibrate` left in a run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit.records.calibrate import CalibrateRecord
from edgefit.run import RunFolder
from edgefit.spec import ConformalRule, DefectThreshold, NoveltyRule, OperatingPoint

PROTOTYPES = "prototypes.npy"
PROTOTYPES_IN_BUNDLE = "operating/prototypes.npy"


def operating_point(run: RunFolder) -> OperatingPoint:
    """The rules that ``calibrate`` chose.

    Raises:
        RunError: ``calibrate`` has not ended here.
    """
    chosen = CalibrateRecord.read(run.root)
    threshold = conformal = novelty = None
    if (rule := chosen.threshold) is not None:
        threshold = DefectThreshold(rule.good, rule.defect, rule.value)
    if (option := chosen.conformal) is not None:
        conformal = ConformalRule(option.coverage, option.quantile)
    if chosen.novelty is not None:
        novelty = NoveltyRule(chosen.novelty.threshold, PROTOTYPES_IN_BUNDLE)
    return OperatingPoint(threshold, conformal, novelty)


def read_prototypes(run: RunFolder) -> NDArray[np.float32] | None:
    """The class prototypes ``float32`` (C, F), or None where novelty is not scored."""
    path = run.root / "calibrate" / PROTOTYPES
    return np.load(path, allow_pickle=False) if path.is_file() else None
