"""The rules of a classifier: which images they need, what they read, which limits they keep."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.operating.novelty import class_prototypes
from edgefit.operating.tasks import TASKS
from edgefit.recipe import OperatingConfig, make_recipe
from edgefit.records.calibrate import CalibrateRecord
from edgefit.spec import CLASSIFICATION, ClassTruth, LabelMap

TASK = TASKS[CLASSIFICATION]
LABELS = LabelMap(("good", "hole"))
TRUTH = [ClassTruth(i % 2) for i in range(300)]
QUALITY = ["operating.good=good", "operating.max_escape=0.1", "evaluate.resamples=100"]


def validation() -> LabelledOutputs:
    rng = np.random.default_rng(0)
    targets_N = np.arange(300) % 2
    margin_N = (4 * targets_N - 2 + rng.normal(0, 1.5, 300)).astype(np.float32)
    features_NF = rng.normal(size=(300, 4)).astype(np.float32) + 3 * np.eye(4)[targets_N]
    outputs = {
        "logits": np.stack([-margin_N, margin_N], axis=1),
        "feature_vector": features_NF.astype(np.float32),
    }
    return LabelledOutputs(outputs, TRUTH, LABELS, np.arange(300).astype(str))


def test_reference_images_are_some_of_each_class_where_novelty_is_scored() -> None:
    chosen = TASK.reference_images(TRUTH, make_recipe({"name": "x"}))
    assert (np.diff(chosen) > 0).all()
    assert np.bincount(chosen % 2).tolist() == [64, 64]
    off = make_recipe({"name": "x"}, ["operating.novelty=false"])
    assert TASK.reference_images(TRUTH, off).size == 0


def test_the_rule_is_what_was_chosen() -> None:
    recipe = make_recipe({"name": "x"}, [*QUALITY, "operating.coverage=0.9"])
    choice = TASK.choose(validation(), validation(), recipe)
    assert choice.references["prototypes"].shape == (2, 4)
    rule = TASK.rule(choice.record)
    rule.check(LABELS)
    assert rule.decides
    assert TASK.choose(validation(), None, recipe).record.novelty is None
    assert len(TASK.summary(choice.record)) == 2


def test_features_give_way_to_their_novelty() -> None:
    outputs = validation().outputs
    prototypes_CF = class_prototypes(outputs["feature_vector"], np.arange(300) % 2, 2)
    scored = TASK.scored(outputs, {"prototypes": prototypes_CF})
    assert set(scored) == {"logits", "novelty"}
    assert scored["novelty"].shape == (300,)
    assert set(TASK.scored(outputs, {})) == {"logits"}


def test_a_limit_that_is_broken_is_said() -> None:
    recipe = make_recipe({"name": "x"}, QUALITY)
    rule = TASK.rule(TASK.choose(validation(), None, recipe).record)
    rows = np.tile(np.array([[0.9, 0.1]], np.float32), (300, 1))  # calls every part good
    found = LabelledOutputs({"probabilities": rows}, TRUTH, LABELS, np.arange(300).astype(str))
    measured = TASK.measure(rule, found, None, Bootstrap(resamples=50))
    assert TASK.broken_limits(measured, recipe.operating) == [
        "escape rate 100.00% (150 of 150) is above the limit of 10.00%"
    ]
    assert TASK.broken_limits(measured, OperatingConfig()) == []


def test_a_threshold_needs_two_classes() -> None:
    with pytest.raises(InputError, match="two classes"):
        TASK.check(OperatingConfig(good="a"), LabelMap(("a", "b", "c")))


def test_a_temperature_that_does_not_help_leaves_the_logits_alone() -> None:
    """100 timid answers and two confident mistakes: see ``test_scaling.py``."""
    logits_NC = np.zeros((102, 2), np.float32)
    logits_NC[:100, 0], logits_NC[100:, 0] = np.log(9), 60.0
    truth = [ClassTruth(int(i >= 100 or i % 10 == 0)) for i in range(102)]
    found = LabelledOutputs({"logits": logits_NC}, truth, LABELS, np.arange(102).astype(str))
    recipe = make_recipe({"name": "x"}, ["evaluate.resamples=100"])
    record = TASK.choose(found, None, recipe).record
    assert record.temperature == 1
    assert record.scaling is not None and not record.scaling.applied
    assert record.calibration is not None
    assert record.calibration.before == record.calibration.after
    assert TASK.summary(record) == [record.scaling.reason]
    assert CalibrateRecord.model_validate(record.to_json()) == record

    off = TASK.choose(found, None, make_recipe({"name": "x"}, ["operating.temperature=false"]))
    assert off.record.scaling is None
    assert "scaling" not in off.record.to_json(), "the files of earlier releases had no such key"
