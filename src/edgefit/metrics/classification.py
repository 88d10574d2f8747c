"""Weighted classification metrics, computed for many weightings at once.

A bootstrap resample is a weight for each image, so every metric takes ``weights_RN`` (R weightings
of N images) and returns R values. A value that is undefined for a weighting (the recall of an
absent class, the ROC-AUC of a single class) is NaN here and ``None`` in reports.

Names: ``_NC`` images by classes, ``_RN`` weightings by images, ``_RC`` weightings by classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.wording import counted

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class ClassCounts:
    """Weighted counts per class, ``float64`` (R, C) each; all that hard-label metrics need.

    Attributes:
        correct_RC: Images of the class that were answered with it.
        truth_RC: Images of the class (its support).
        predicted_RC: Images answered with the class.
    """

    correct_RC: Floats
    truth_RC: Floats
    predicted_RC: Floats

    def accuracy(self) -> Floats:
        """Share of right answers, also called top-1; ``float64`` (R,)."""
        return _ratio(self.correct_RC.sum(axis=1), self.truth_RC.sum(axis=1))

    def recall(self) -> Floats:
        """Right answers per image of the class, ``float64`` (R, C)."""
        return _ratio(self.correct_RC, self.truth_RC)

    def precision(self) -> Floats:
        """Right answers per answer of the class, ``float64`` (R, C)."""
        return _ratio(self.correct_RC, self.predicted_RC)

    def f1(self) -> Floats:
        """Harmonic mean of precision and recall, ``float64`` (R, C).

        NaN only where a class is neither present nor answered.
        """
        return _ratio(2 * self.correct_RC, self.truth_RC + self.predicted_RC)

    def balanced_accuracy(self) -> Floats:
        """Mean recall over the classes present, ``float64`` (R,)."""
        return _mean_of_defined(self.recall())

    def macro_f1(self) -> Floats:
        """Mean F1 over the classes present or answered, ``float64`` (R,)."""
        return _mean_of_defined(self.f1())


def checked(
    probabilities_NC: NDArray[np.floating], targets_N: NDArray[np.integer]
) -> tuple[Floats, Integers]:
    """Check outputs and truth and convert them to the types used here.

    Args:
        probabilities_NC: Class probabilities, float (N, C), C >= 2, 0 to 1.
        targets_N: True class positions, integer (N,), 0 to C-1.

    Raises:
        InputError: Shapes do not fit, there are no images, a probability is NaN or infinite, or a
            target is out of range.
    """
    scores = np.asarray(probabilities_NC, dtype=np.float64)
    truth = np.asarray(targets_N)
    if scores.ndim != 2 or scores.shape[0] == 0 or scores.shape[1] < 2:
        raise InputError(
            "Metrics need class probabilities of at least one image.",
            expected="shape (N, C) with N >= 1, C >= 2",
            found=scores.shape,
        )
    if truth.shape != scores.shape[:1] or not np.issubdtype(truth.dtype, np.integer):
        raise InputError(
            "The targets do not fit the probabilities.",
            expected=f"{scores.shape[0]} integers",
            found=f"{truth.dtype} {truth.shape}",
        )
    if not np.isfinite(scores).all():
        broken = np.flatnonzero(~np.isfinite(scores).all(axis=1))
        raise InputError(
            "Probabilities are NaN or infinite.",
            found=f"{counted(broken.size, 'image')}, the first at position {broken[0]}",
        )
    if truth.min() < 0 or truth.max() >= scores.shape[1]:
        raise InputError(
            "A target is not a class position.",
            expected=f"0 to {scores.shape[1] - 1}",
            found=f"{truth.min()} to {truth.max()}",
        )
    return scores, truth.astype(np.int64)


def class_counts(probabilities_NC: Floats, targets_N: Integers, weights_RN: Floats) -> ClassCounts:
    """Count right answers, truths and answers per class under each weighting."""
    classes = probabilities_NC.shape[1]
    answers_N = probabilities_NC.argmax(axis=1)
    right_N = answers_N == targets_N
    return ClassCounts(
        correct_RC=_sum_by_bin(weights_RN[:, right_N], targets_N[right_N], classes),
        truth_RC=_sum_by_bin(weights_RN, targets_N, classes),
        predicted_RC=_sum_by_bin(weights_RN, answers_N, classes),
    )


def confusion_matrix(probabilities_NC: Floats, targets_N: Integers) -> Integers:
    """Number of images by truth (row) and answer (column), ``int64`` (C, C)."""
    classes = probabilities_NC.shape[1]
    cells = targets_N * classes + probabilities_NC.argmax(axis=1)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def roc_auc(probabilities_NC: Floats, targets_N: Integers, weights_RN: Floats) -> Floats:
    """Area under the ROC curve of two classes, ``float64`` (R,); class 1 is positive.

    The weighted Mann-Whitney statistic: the chance that a positive scores above a negative, ties
    counting one half (Hanley & McNeil 1982, Radiology 143:29-36).
    """
    positive_RK, negative_RK = _by_score(probabilities_NC, targets_N, weights_RN)
    below_RK = np.cumsum(negative_RK, axis=1) - negative_RK
    won = (positive_RK * (below_RK + 0.5 * negative_RK)).sum(axis=1)
    return _ratio(won, positive_RK.sum(axis=1) * negative_RK.sum(axis=1))


def average_precision(probabilities_NC: Floats, targets_N: Integers, weights_RN: Floats) -> Floats:
    """Average precision of two classes, ``float64`` (R,); class 1 is positive.

    The step-wise sum of precision over gains in recall, without interpolation. Equal scores form
    one step, so their order does not matter.
    """
    positive_RK, negative_RK = _by_score(probabilities_NC, targets_N, weights_RN)
    gained_RK, false_RK = positive_RK[:, ::-1], negative_RK[:, ::-1]
    hits_RK = np.cumsum(gained_RK, axis=1)
    answered_RK = hits_RK + np.cumsum(false_RK, axis=1)
    steps_RK = gained_RK * np.nan_to_num(_ratio(hits_RK, answered_RK))
    return _ratio(steps_RK.sum(axis=1), positive_RK.sum(axis=1))


def expected_calibration_error(
    probabilities_NC: Floats, targets_N: Integers, weights_RN: Floats
) -> Floats:
    """Mean gap between confidence and accuracy over 15 equal-width bins, ``float64`` (R,).

    Bins are open below and closed above, as in Guo et al. 2017 (On Calibration of Modern Neural
    Networks, eq. 3). The estimate is biased upwards on few images, and more so in resamples.
    """
    confidence_N = probabilities_NC.max(axis=1)
    right_N = probabilities_NC.argmax(axis=1) == targets_N
    bins_N = np.ceil(confidence_N * CALIBRATION_BINS).astype(np.int64) - 1
    bins_N = bins_N.clip(0, CALIBRATION_BINS - 1)
    gap_RB = _sum_by_bin(weights_RN * (right_N - confidence_N), bins_N, CALIBRATION_BINS)
    return _ratio(np.abs(gap_RB).sum(axis=1), weights_RN.sum(axis=1))


def accuracy(probabilities_NC: Floats, targets_N: Integers, weights_RN: Floats) -> Floats:
    """Share of right answers (top-1), ``float64`` (R,)."""
    return class_counts(probabilities_NC, targets_N, weights_RN).accuracy()


def balanced_accuracy(probabilities_NC: Floats, targets_N: Integers, weights_RN: Floats) -> Floats:
    """Mean recall over the classes present, ``float64`` (R,)."""
    return class_counts(probabilities_NC, targets_N, weights_RN).balanced_accuracy()


def macro_f1(probabilities_NC: Floats, targets_N: Integers, weights_RN: Floats) -> Floats:
    """Mean F1 over the classes present or answered, ``float64`` (R,)."""
    return class_counts(probabilities_NC, targets_N, weights_RN).macro_f1()


@dataclass(frozen=True)
class Metric:
    """A metric that a recipe can name; higher is better.

    Attributes:
        weighted: ``weighted(probabilities_NC, targets_N, weights_RN) -> values_R``.
        two_classes: Whether it is defined for two classes only.
    """

    weighted: Callable[[Floats, Integers, Floats], Floats]
    two_classes: bool = False

    def __call__(
        self, probabilities_NC: Floats, targets_N: Integers, weights_RN: Floats | None = None
    ) -> Floats:
        """Values under each weighting, ``float64`` (R,); without weights, one value."""
        if weights_RN is None:
            value: Floats = self.weighted(
                probabilities_NC, targets_N, np.ones((1, targets_N.size))
            )[0]
            return value
        return self.weighted(probabilities_NC, targets_N, weights_RN)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "accuracy": Metric(accuracy),
        "balanced_accuracy": Metric(balanced_accuracy),
        "macro_f1": Metric(macro_f1),
        "roc_auc": Metric(roc_auc, two_classes=True),
        "average_precision": Metric(average_precision, two_classes=True),
    }
)
"""The metrics a recipe can name."""


def _by_score(
    probabilities_NC: Floats, targets_N: Integers, weights_RN: Floats
) -> tuple[Floats, Floats]:
    """Weights of positives and of negatives at each distinct score, in ascending order."""
    if probabilities_NC.shape[1] != 2:
        raise InputError(
            "ROC-AUC and average precision are defined for two classes.",
            expected="2 classes",
            found=counted(probabilities_NC.shape[1], "class"),
            remedy="name accuracy, balanced_accuracy or macro_f1 as the metric",
        )
    levels, level_N = np.unique(probabilities_NC[:, 1], return_inverse=True)
    positive_N = targets_N == 1
    return (
        _sum_by_bin(weights_RN[:, positive_N], level_N[positive_N], levels.size),
        _sum_by_bin(weights_RN[:, ~positive_N], level_N[~positive_N], levels.size),
    )


def _sum_by_bin(values_RN: Floats, bins_N: Integers, bins: int) -> Floats:
    """Sum the columns of each bin; ``float64`` (R, bins)."""
    sums = np.zeros((values_RN.shape[0], bins))
    if bins_N.size:
        order = np.argsort(bins_N, kind="stable")
        present, starts = np.unique(bins_N[order], return_index=True)
        sums[:, present] = np.add.reduceat(values_RN[:, order], starts, axis=1)
    return sums


def _ratio(parts: Floats, wholes: Floats) -> Floats:
    ratio = np.full(parts.shape, np.nan)
    np.divide(parts, wholes, out=ratio, where=wholes > 0)
    return ratio


def _mean_of_defined(values_RC: Floats) -> Floats:
    defined = ~np.isnan(values_RC)
    return _ratio(np.where(defined, values_RC, 0.0).sum(axis=1), defined.sum(axis=1))
