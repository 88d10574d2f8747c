"""The operating point that the stage `calibrate` left in a run."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from edgefit.run import RunFolder
from edgefit.spec import ConformalRule, DefectThreshold, NoveltyRule, OperatingPoint

OPERATING = "operating.json"
PROTOTYPES = "prototypes.npy"
PROTOTYPES_IN_BUNDLE = "operating/prototypes.npy"


def operating_point(run: RunFolder) -> OperatingPoint:
    """The rules that ``calibrate`` chose.

    Raises:
        RunError: ``calibrate`` has not ended here.
    """
    facts = json.loads((run.root / "calibrate" / OPERATING).read_text(encoding="utf-8"))
    threshold, conformal, novelty = facts["threshold"], facts["conformal"], facts["novelty"]
    return OperatingPoint(
        threshold and DefectThreshold(threshold["good"], threshold["defect"], threshold["value"]),
        conformal and ConformalRule(conformal["coverage"], conformal["quantile"]),
        novelty and NoveltyRule(novelty["threshold"], PROTOTYPES_IN_BUNDLE),
    )


def read_prototypes(run: RunFolder) -> NDArray[np.float32] | None:
    """The class prototypes ``float32`` (C, F), or None where novelty is not scored."""
    path = run.root / "calibrate" / PROTOTYPES
    return np.load(path, allow_pickle=False) if path.is_file() else None
