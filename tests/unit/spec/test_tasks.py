"""Tasks: their names, outputs, rules and what belongs to each."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.spec import (
    CLASSIFICATION,
    FEATURE_VECTOR,
    OUTPUTS,
    ClassPrediction,
    LabelMap,
    Prediction,
    known_task,
)

LABELS = LabelMap(("good", "hole"))


def test_a_task_is_known_by_its_name() -> None:
    assert known_task("classification") == CLASSIFICATION
    with pytest.raises(ValueError, match="expected classification"):
        known_task("segmentation")


def test_outputs_of_a_task_have_names_of_their_own() -> None:
    for outputs in OUTPUTS.values():
        names = [output.name for output in (*outputs, FEATURE_VECTOR)]
        assert len(set(names)) == len(names)
        assert all(output.dims[0] == "N" and output.unit for output in outputs)


def test_the_decision_of_a_class_prediction_is_its_label_unless_a_rule_decides() -> None:
    row = np.array([0.3, 0.7], np.float32)
    plain = ClassPrediction.from_probabilities(row, LABELS)
    assert isinstance(plain, Prediction)
    assert (plain.label, plain.decision, plain.unsure) == ("hole", "hole", False)
    open_case = ClassPrediction("hole", 1, 0.7, row, decision="unsure", novelty=0.4, is_novel=True)
    assert (open_case.decision, open_case.unsure, open_case.is_novel) == ("unsure", True, True)
