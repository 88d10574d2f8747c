"""What a person or a plant gets."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.spec import (
    ClassPrediction,
    LabelMap,
)


def test_prediction_and_top_k() -> None:
    labels = LabelMap(("x", "y", "z"))
    answer = ClassPrediction.from_probabilities(np.array([0.2, 0.6, 0.2], np.float32), labels)
    assert (answer.label, answer.index) == ("y", 1)
    assert answer.confidence == pytest.approx(0.6)
    assert [name for name, _ in answer.top(9, labels)] == ["y", "x", "z"]
    assert len(answer.top(1, labels)) == 1
