"""Every metric against scikit-learn (or plain arithmetic), weighted and unweighted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.metrics import METRICS
from edgefit.metrics.classification import (
    checked,
    class_counts,
    confusion_matrix,
    expected_calibration_error,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def _random_set(
    classes: int, images: int = 300, seed: int = 0, ties: bool = False
) -> tuple[Floats, Integers]:
    generator = np.random.default_rng(seed)
    scores = generator.dirichlet(np.ones(classes), images)
    if ties:
        first = np.round(scores[:, :1], 1)
        scores = np.hstack([first, 1 - first]) if classes == 2 else np.round(scores, 1)
    return scores, generator.integers(0, classes, images)


def _ones(targets: Integers) -> Floats:
    return np.ones((1, targets.size))


@pytest.mark.parametrize("classes", [2, 3, 43])
@pytest.mark.parametrize("ties", [False, True])
def test_hard_label_metrics_equal_sklearn(classes: int, ties: bool) -> None:
    from sklearn import metrics as sk

    scores, truth = _random_set(classes, ties=ties)
    answers, counts = scores.argmax(axis=1), class_counts(scores, truth, _ones(truth))
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        truth, answers, labels=range(classes), zero_division=np.nan
    )
    assert counts.accuracy()[0] == pytest.approx(sk.accuracy_score(truth, answers))
    assert counts.balanced_accuracy()[0] == pytest.approx(
        sk.balanced_accuracy_score(truth, answers)
    )
    assert counts.macro_f1()[0] == pytest.approx(sk.f1_score(truth, answers, average="macro"))
    np.testing.assert_allclose(counts.precision()[0], precision)
    np.testing.assert_allclose(counts.recall()[0], recall)
    np.testing.assert_allclose(counts.f1()[0], f1)
    np.testing.assert_array_equal(
        confusion_matrix(scores, truth), sk.confusion_matrix(truth, answers, labels=range(classes))
    )


def test_class_absent_from_truth_has_no_recall_but_counts_in_macro_f1_when_answered() -> None:
    from sklearn import metrics as sk

    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.7, 0.2, 0.1]])
    truth = np.array([0, 1, 1, 0])
    counts = class_counts(scores, truth, _ones(truth))
    assert np.isnan(counts.recall()[0, 2])
    assert counts.f1()[0, 2] == 0.0
    assert counts.balanced_accuracy()[0] == pytest.approx(0.75)
    assert counts.macro_f1()[0] == pytest.approx(
        sk.f1_score(truth, scores.argmax(axis=1), average="macro")
    )


def test_class_neither_present_nor_answered_is_left_out() -> None:
    scores, truth = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]]), np.array([0, 1])
    counts = class_counts(scores, truth, _ones(truth))
    assert np.isnan(counts.f1()[0, 2])
    assert counts.macro_f1()[0] == 1.0


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_two_class_curves_equal_sklearn(ties: bool, seed: int) -> None:
    from sklearn import metrics as sk

    scores, truth = _random_set(2, seed=seed, ties=ties)
    area = METRICS["roc_auc"](scores, truth, _ones(truth))[0]
    precision = METRICS["average_precision"](scores, truth, _ones(truth))[0]
    assert area == pytest.approx(sk.roc_auc_score(truth, scores[:, 1]))
    assert precision == pytest.approx(sk.average_precision_score(truth, scores[:, 1]))


@pytest.mark.parametrize("name", list(METRICS))
def test_weights_mean_repeated_images(name: str) -> None:
    scores, truth = _random_set(2, images=60, ties=True)
    times = np.random.default_rng(1).integers(0, 4, size=(5, 60))
    weighted = METRICS[name](scores, truth, times.astype(float))
    for row, value in zip(times, weighted, strict=True):
        picked = np.repeat(np.arange(60), row)
        repeated = METRICS[name](scores[picked], truth[picked], np.ones((1, picked.size)))
        assert value == pytest.approx(repeated[0])


@pytest.mark.parametrize("name", list(METRICS))
def test_without_weights_every_image_counts_once(name: str) -> None:
    scores, truth = _random_set(2)
    value = METRICS[name](scores, truth)
    assert float(value) == METRICS[name](scores, truth, _ones(truth))[0]


def test_single_class_slice_leaves_curves_undefined() -> None:
    scores, truth = _random_set(2)[0], np.zeros(300, dtype=np.int64)
    assert np.isnan(METRICS["roc_auc"](scores, truth, _ones(truth))[0])
    assert np.isnan(METRICS["average_precision"](scores, truth, _ones(truth))[0])


def test_calibration_error_equals_bin_by_bin_arithmetic() -> None:
    scores, truth = _random_set(3, images=500)
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    expected = 0.0
    for index in range(15):
        inside = (confidence > index / 15) & (confidence <= (index + 1) / 15)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            expected += gap * inside.sum() / 500
    found = expected_calibration_error(scores, truth, _ones(truth))[0]
    assert found == pytest.approx(expected)


def test_calibration_error_of_sure_and_right_is_zero_and_of_sure_and_wrong_is_one() -> None:
    scores = np.array([[1.0, 0.0], [1.0, 0.0]])
    for truth, expected in ((np.array([0, 0]), 0.0), (np.array([1, 1]), 1.0)):
        assert expected_calibration_error(scores, truth, _ones(truth))[0] == expected


def test_curves_of_more_than_two_classes_are_refused() -> None:
    scores, truth = _random_set(3)
    with pytest.raises(InputError, match="two classes") as caught:
        METRICS["roc_auc"](scores, truth, _ones(truth))
    assert caught.value.found == "3 classes"


@pytest.mark.parametrize(
    ("scores", "targets", "message"),
    [
        (np.zeros((0, 2)), np.zeros(0, dtype=int), "at least one image"),
        (np.ones((3, 1)), np.zeros(3, dtype=int), "at least one image"),
        (np.ones(3), np.zeros(3, dtype=int), "at least one image"),
        (np.ones((3, 2)), np.zeros(2, dtype=int), "do not fit"),
        (np.ones((3, 2)), np.zeros(3), "do not fit"),
        (np.array([[0.5, np.nan]]), np.zeros(1, dtype=int), "NaN or infinite"),
        (np.ones((1, 2)), np.array([2]), "not a class"),
        (np.ones((1, 2)), np.array([-1]), "not a class"),
    ],
)
def test_unfit_input_is_refused(scores: Floats, targets: Integers, message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked(scores, targets)
