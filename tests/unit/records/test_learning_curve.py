"""The learning curve: points, steps, and what follows from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.records.learning_curve import LearningCurveRecord
from tests.unit.records.written import (
    CLASS,
    FIGURE,
    GAIN,
    SAME_IMAGES,
    Facts,
    written_again,
)

CURVE = {
    "metric": "accuracy",
    **SAME_IMAGES,
    "rule": "The rule.",
    "epochs_scale": 0.5,
    "seed": 0,
    "points": [
        {
            "arm": "finetune",
            "percent": 5.0,
            "images": 3,
            "groups": 2,
            "epochs": 0,
            "training_seconds": 1.5,
            "metrics": {"accuracy": FIGURE},
            "worst_class": CLASS,
        }
    ],
    "step": {"from": 5.0, "to": 10.0, **GAIN},
    "advantage": [{"percent": 5.0, **GAIN}],
    "conclusion": "It is still rising.",
    "drawings": ["learning-curve.svg"],
}


@pytest.mark.parametrize("changes", [{}, {"step": None, "advantage": []}])
def test_a_file_is_written_again_as_it_was_read(tmp_path: Path, changes: Facts) -> None:
    record = written_again(tmp_path, LearningCurveRecord, CURVE | changes)
    assert isinstance(record, LearningCurveRecord)
    assert record.points[0].metrics["accuracy"].value == 0.9
    assert (record.step is None) == bool(changes)
