"""Reading, writing, drawing and comparing the answers of a classifier."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgefit.errors import InputError, StageError
from edgefit.runtime.images.caption import ALARM, NEUTRAL, WARNING
from edgefit.runtime.images.geometry import place
from edgefit.runtime.tasks import TASKS
from edgefit.spec import (
    CLASSIFICATION,
    UNSURE,
    ClassificationRule,
    ClassPrediction,
    ConformalRule,
    DefectThreshold,
    Engine,
    InputSpec,
    LabelMap,
    NoveltyRule,
    Precision,
    Prediction,
    References,
    VariantKey,
)

LABELS = LabelMap(("red", "green", "blue"))
TASK = TASKS[CLASSIFICATION]
INT8 = VariantKey(Engine.OPENVINO, Precision.INT8)
FP32 = VariantKey(Engine.OPENVINO, Precision.FP32)
NOVELTY = ClassificationRule(novelty=NoveltyRule(0.5, "p.npy"))


def decode(
    row: list[float],
    rule: ClassificationRule | None = None,
    labels: LabelMap = LABELS,
    features: list[float] | None = None,
    references: References | None = None,
) -> Prediction:
    outputs = {"probabilities": np.array([row], np.float32)}
    if features is not None:
        outputs["feature_vector"] = np.array([features], np.float32)
    placement = place(8, 6, InputSpec(16, 16))
    chosen = rule or ClassificationRule()
    return TASK.decode(outputs, placement, (8, 6), labels, chosen, references or {})


def test_features_are_wanted_only_where_novelty_is_scored() -> None:
    assert TASK.wanted(ClassificationRule()) == ("probabilities",)
    assert TASK.wanted(NOVELTY) == ("probabilities", "feature_vector")


def test_another_number_of_classes_is_an_error() -> None:
    with pytest.raises(StageError, match="does not match the bundle"):
        decode([0.25] * 4)


@pytest.mark.parametrize(
    ("hole", "decision"), [(0.1, "good"), (0.25, UNSURE), (0.35, UNSURE), (0.95, "hole")]
)
def test_two_classes_are_decided_by_the_threshold_and_doubt_is_left_open(
    hole: float, decision: str
) -> None:
    labels = LabelMap(("hole", "good"))
    rule = ClassificationRule(DefectThreshold("good", "hole", 0.3), ConformalRule(0.9, 0.2))
    found = decode([hole, 1 - hole], rule, labels)
    assert found.decision == decision
    assert found.unsure == (decision == UNSURE)
    alone = decode([hole, 1 - hole], ClassificationRule(rule.threshold), labels)
    assert isinstance(alone, ClassPrediction)
    assert alone.decision == ("hole" if hole >= 0.3 else "good")
    assert alone.label == ("hole" if hole > 0.5 else "good")


@pytest.mark.parametrize(("features", "novel"), [([0.0, 1.0], False), ([1.0, -1.0], True)])
def test_novelty_is_above_the_threshold_or_not(features: list[float], novel: bool) -> None:
    references = {"prototypes": np.array([[0, 1], [0, 1], [0, 1]], np.float32)}
    found = decode([0.2, 0.7, 0.1], NOVELTY, features=features, references=references)
    assert (found.is_novel, found.decision) == (novel, "green")
    assert found.novelty is not None and (found.novelty > 0.5) == novel


def test_cells_and_facts_hold_the_same() -> None:
    rule = ClassificationRule(conformal=ConformalRule(0.9, 0.2))
    columns = TASK.columns(LABELS, rule, top=2)
    prediction = decode([0.2, 0.7, 0.1], rule)
    cells = dict(zip(columns.names, columns.cells(prediction), strict=True))
    facts = columns.facts(prediction)
    assert cells["label"] == facts["label"] == cells["top1"] == "green"
    assert facts["top"] == [["green", 0.7], ["red", 0.2]]
    assert cells["top2_p"] == pytest.approx(0.2)
    assert cells["decision"] == facts["decision"] == UNSURE
    assert set(columns.cells(None)) == {None}
    with pytest.raises(InputError, match="top"):
        TASK.columns(LABELS, rule, top=0)


def test_the_strip_shows_by_its_colour_what_needs_a_person() -> None:
    frame = np.full((100, 400, 3), 77, np.uint8)
    plain = ClassPrediction.from_probabilities(np.array([0.2, 0.7, 0.1], np.float32), LABELS)
    unsure = dataclasses.replace(plain, decision=UNSURE)
    novel = dataclasses.replace(plain, novelty=0.9, is_novel=True)
    for prediction, colour in ((plain, NEUTRAL), (unsure, WARNING), (novel, ALARM)):
        drawn = TASK.draw(frame, prediction)
        assert tuple(drawn[-1, -1].tolist()) == colour
        np.testing.assert_array_equal(drawn[:100], frame)
    assert not np.array_equal(TASK.draw(frame, plain), TASK.draw(frame, unsure))


def test_a_prediction_of_another_task_is_refused() -> None:
    with pytest.raises(TypeError, match="classifier"):
        TASK.draw(np.zeros((9, 9, 3), np.uint8), Prediction(decision="good"))


def test_a_change_is_allowed_where_the_expected_lead_was_small() -> None:
    expected = {"probabilities": np.array([[0.5, 0.46, 0.04], [0.9, 0.1, 0]], np.float32)}
    found = {"probabilities": np.array([[0.46, 0.5, 0.04], [0.9, 0.1, 0]], np.float32)}
    compared = TASK.compare(expected, found, LABELS, INT8)
    assert compared.passed and compared.tolerance == 0.1
    assert compared.max_abs_difference == pytest.approx(0.04, abs=1e-6)
    (change,) = compared.changes
    assert (change.row, change.expected, change.found, change.allowed) == (0, "red", "green", True)
    assert not TASK.compare(expected, found, LABELS, FP32).passed
    broken = {"probabilities": np.full((2, 3), np.nan, np.float32)}
    assert not TASK.compare(expected, broken, LABELS, INT8).passed
