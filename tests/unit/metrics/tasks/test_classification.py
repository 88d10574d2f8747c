"""The metrics of a classifier, as the gate and the evaluation ask for them."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.metrics import evaluate
from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.metrics.tasks import TASKS
from edgefit.metrics.tasks.classification import class_targets
from edgefit.recipe.tasks import TASKS as RECIPE_TASKS
from edgefit.records.verify import Agreement
from edgefit.report.words import METRICS as TITLES
from edgefit.spec import CLASSIFICATION, ClassTruth, GoodTruth, LabelMap

METRICS = TASKS[CLASSIFICATION]
LABELS = LabelMap(("a", "b", "c"))
FEW = Bootstrap(resamples=50)
GROUPS_N = np.repeat([f"g{i}" for i in range(15)], 4)
TARGETS_N = np.arange(60) % 3


def found() -> LabelledOutputs:
    logits = np.random.default_rng(0).normal(size=(60, 3)) + 2 * np.eye(3)[TARGETS_N]
    powers = np.exp(logits)
    rows = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    truth = [ClassTruth(int(target)) for target in TARGETS_N]
    return LabelledOutputs({"probabilities": rows}, truth, LABELS, GROUPS_N)


def test_a_recipe_may_name_just_these_and_the_report_has_a_title_for_each() -> None:
    recipe = RECIPE_TASKS[CLASSIFICATION]
    assert recipe.verify_metrics == METRICS.names
    assert set(recipe.train_metrics) < set(METRICS.names)
    assert set(METRICS.names) < set(TITLES)


def test_it_measures_what_the_functions_measure() -> None:
    one = found()
    rows = one.outputs["probabilities"]
    options = {"groups_N": GROUPS_N, "resamples": 50}
    assert METRICS.evaluate(one, FEW) == evaluate(rows, TARGETS_N, LABELS.names, **options)
    column_N = np.array(["left", "right"])[np.arange(60) // 30]
    parts = {value: METRICS.evaluate(part, FEW) for value, part in one.by(column_N).items()}
    assert list(parts) == ["left", "right"]
    for value, part in parts.items():
        chosen_N = column_N == value
        options = {"groups_N": GROUPS_N[chosen_N], "resamples": 50}
        assert part == evaluate(rows[chosen_N], TARGETS_N[chosen_N], LABELS.names, **options)


def test_outputs_that_are_not_finite_are_not_compared() -> None:
    one = found()
    broken = one.outputs["probabilities"].copy()
    broken[3, 0] = np.nan
    agreement = METRICS.agreement(one.outputs, {"probabilities": broken})
    assert agreement.to_json() == {"finite": False, "max_abs_difference": None, "margins": []}


def test_a_change_of_class_departs_only_where_the_network_was_decided() -> None:
    near = Agreement(finite=True, max_abs_difference=0.0, margins=(0.001,))
    far = near.model_copy(update={"margins": (0.001, 0.3), "max_abs_difference": 0.2})
    assert METRICS.departures(near, 1e-3) == []
    assert [reason.split()[0] for reason in METRICS.departures(far, 1e-3)] == ["probabilities", "1"]


def test_a_drop_is_positive_where_the_candidate_is_worse() -> None:
    one = found()
    worse = {"probabilities": np.full((60, 3), [0.8, 0.1, 0.1], np.float32)}
    drop = METRICS.paired_drop("accuracy", one, worse, FEW)
    assert drop.value is not None and drop.value > 0.3
    with pytest.raises(InputError, match="No such metric"):
        METRICS.paired_drop("map", one, worse, FEW)


def test_a_truth_of_another_task_is_refused() -> None:
    with pytest.raises(InputError, match="not a class") as caught:
        class_targets([ClassTruth(1), GoodTruth(is_good=True)])
    assert "GoodTruth at position 1" in str(caught.value.found)
