"""The report: its form, its honesty at the bounds, and slices."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.metrics import evaluate
from edgefit.records.evaluate import Evaluation
from edgefit.records.figures import Figure


def _set(classes: int, images: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, images)
    logits = generator.normal(size=(images, classes))
    logits[np.arange(images), truth] += 2.5
    scores = np.exp(logits)
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32), truth


def _names(count: int) -> list[str]:
    return [f"class {i}" for i in range(count)]


def test_report_is_json_without_nan_and_complete() -> None:
    scores, truth = _set(2, 200)
    report = evaluate(scores, truth, ["good", "defect"], resamples=50)
    assert Evaluation.model_validate_json(json.dumps(report.to_json(), allow_nan=False)) == report
    assert (report.images, report.groups) == (200, 200)
    assert set(report.metrics) == {
        "accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "average_precision",
        "expected_calibration_error",
    }  # fmt: skip
    for figure in report.metrics.values():
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert [entry.support for entry in report.per_class] == np.bincount(truth).tolist()
    assert np.trace(report.confusion) / 200 == report.metrics["accuracy"].value


def test_curves_are_absent_with_more_classes() -> None:
    report = evaluate(*_set(3, 50), _names(3), resamples=20)
    assert "roc_auc" not in report.metrics
    assert "average_precision" not in report.metrics


def test_absent_class_is_none_and_is_not_the_worst() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0]])
    report = evaluate(scores, np.array([0, 1, 1]), _names(3), resamples=50)
    nothing = Figure(value=None, low=None, high=None)
    absent = report.per_class[2]
    assert absent.support == 0
    assert absent.recall == absent.precision == absent.f1 == nothing
    assert report.worst_class and report.worst_class.label == "class 1"
    json.dumps(report.to_json(), allow_nan=False)


def test_single_class_slice_has_no_auc_and_no_nan() -> None:
    scores, _ = _set(2, 30)
    report = evaluate(scores, np.zeros(30, dtype=int), ["good", "defect"], resamples=50)
    assert report.metrics["roc_auc"] == Figure(value=None, low=None, high=None)
    json.dumps(report.to_json(), allow_nan=False)


def test_one_image_is_enough() -> None:
    report = evaluate(np.array([[0.7, 0.3]]), np.array([0]), ["a", "b"], resamples=10)
    accuracy = report.metrics["accuracy"]
    assert accuracy.value == 1.0 and accuracy.low < 0.25


def test_no_error_is_not_certainty() -> None:
    truth = np.arange(60) % 3
    report = evaluate(np.eye(3)[truth], truth, _names(3), resamples=100)
    figures = report.metrics
    # 60 of 60: Wilson's lower bound is n / (n + z^2).
    assert figures["accuracy"].low == pytest.approx(60 / (60 + 1.959964**2), rel=1e-5)
    assert figures["balanced_accuracy"].low < 0.98
    assert figures["macro_f1"].low < 0.98
    assert figures["expected_calibration_error"].high > 0.05
    for entry in report.per_class:
        assert entry.recall.low == pytest.approx(20 / (20 + 1.959964**2), rel=1e-5)
        assert entry.f1.low < 0.95 and entry.f1.high == 1.0


def test_perfect_ranking_is_not_certainty() -> None:
    truth = np.arange(40) % 2
    scores = np.stack([1 - truth, truth], axis=1).astype(float)
    figures = evaluate(scores, truth, ["a", "b"], resamples=100).metrics
    assert figures["roc_auc"].value == figures["average_precision"].value == 1.0
    assert 0.8 < figures["roc_auc"].low < 0.97
    assert 0.8 < figures["average_precision"].low < 0.97


def test_groups_not_images_decide_the_width() -> None:
    truth = np.arange(600) % 2
    scores = np.eye(2)[truth]
    by_image = evaluate(scores, truth, ["a", "b"], resamples=50).metrics["accuracy"]
    by_group = evaluate(
        scores, truth, ["a", "b"], groups_N=np.repeat([f"t{i}" for i in range(20)], 30),
        resamples=50,
    )  # fmt: skip
    assert by_group.groups == 20
    assert by_group.metrics["accuracy"].low == pytest.approx(20 / (20 + 1.959964**2))
    assert by_image.low > 0.99


def test_seed_decides_and_group_names_do_not() -> None:
    scores, truth = _set(4, 120)
    numbers = np.repeat(np.arange(30), 4)
    first = evaluate(scores, truth, _names(4), groups_N=numbers, resamples=80, seed=1)
    again = evaluate(
        scores, truth, _names(4), groups_N=np.char.add("g", np.char.zfill(numbers.astype(str), 3)),
        resamples=80, seed=1,
    )  # fmt: skip
    other = evaluate(scores, truth, _names(4), groups_N=numbers, resamples=80, seed=2)
    assert first == again
    assert first.metrics != other.metrics


def test_unfit_names_are_refused() -> None:
    scores, truth = _set(3, 10)
    with pytest.raises(InputError, match="class names"):
        evaluate(scores, truth, ["a", "b"])


def test_a_thousand_resamples_of_road_signs_are_quick() -> None:
    scores, truth = _set(43, 1500)
    start = time.process_time()
    evaluate(scores, truth, _names(43), resamples=1000)
    assert time.process_time() - start < 4.0
