"""The report of one set of outputs: metrics with intervals, per class, confusion, worst class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.metrics import classification as metrics
from edgefit.metrics import intervals
from edgefit.metrics.classification import Floats, Integers
from edgefit.records.evaluate import ClassFigures, Evaluation
from edgefit.records.figures import Figure

_PER_CLASS = ("precision", "recall", "f1")


def evaluate(
    probabilities_NC: NDArray[np.floating],
    targets_N: NDArray[np.integer],
    labels: Sequence[str],
    *,
    groups_N: NDArray[np.generic] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Measure one set of outputs; every figure has a confidence interval.

    Intervals are explained in :mod:`edgefit.metrics.intervals`.

    Args:
        probabilities_NC: Class probabilities, float (N, C), 0 to 1.
        targets_N: True class positions, integer (N,), 0 to C-1.
        labels: The C class names in output order.
        groups_N: Group of each image, (N,) of str or int; None makes each image its own group.
        resamples: Number of bootstrap resamples.
        confidence: Confidence of the intervals, 0 to 1.
        seed: Seed of the resamples.

    Returns:
        All metrics (``roc_auc`` and ``average_precision`` only with two classes), the results of
        each class, the confusion matrix and the worst class. Undefined figures, such as the recall
        of an absent class, are None.

    Raises:
        InputError: Shapes, labels or options do not fit each other.
    """
    scores, truth = metrics.checked(probabilities_NC, targets_N)
    intervals.check_options(resamples, confidence)
    if len(labels) != scores.shape[1]:
        raise InputError(
            "The class names do not fit the probabilities.",
            expected=f"{scores.shape[1]} names",
            found=f"{len(labels)} names",
        )
    group_N = intervals.group_index(groups_N, truth.size)
    figures = _figures(
        scores, truth, group_N, resamples=resamples, confidence=confidence, seed=seed
    )
    confusion = metrics.confusion_matrix(scores, truth)
    per_class = tuple(
        ClassFigures(
            label=label,
            support=int(confusion[index].sum()),
            **{name: figures[name].entry(index) for name in _PER_CLASS},
        )
        for index, label in enumerate(labels)
    )
    return Evaluation(
        images=truth.size,
        groups=int(group_N.max()) + 1,
        confidence=confidence,
        resamples=resamples,
        metrics={name: f.entry() for name, f in figures.items() if name not in _PER_CLASS},
        per_class=per_class,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        worst_class=min(per_class, key=_recall_of_present),
    )


def _recall_of_present(entry: ClassFigures) -> float:
    """Sort key of the worst class; a class without images is never the worst."""
    return np.inf if entry.recall.value is None else entry.recall.value


@dataclass(frozen=True)
class _Figures:
    """A metric's value and interval: scalars, or arrays (C,) for per-class ones."""

    value: Floats
    low: Floats
    high: Floats

    def entry(self, index: int | None = None) -> Figure:
        cell = () if index is None else index
        return Figure(
            value=or_none(float(self.value[cell])),
            low=or_none(float(self.low[cell])),
            high=or_none(float(self.high[cell])),
        )

    def widened(self, bounds: tuple[Floats | float, Floats | float]) -> _Figures:
        """The wider of two intervals on each side; a number takes precedence over NaN."""
        low, high = bounds
        return _Figures(self.value, np.fmin(self.low, low), np.fmax(self.high, high))


def calibration_error_bounds(
    scores: Floats, truth: Integers, group_N: Integers, level: float, value: float
) -> tuple[float, float]:
    """The smallest interval that an expected calibration error may have.

    The error is at least ``|mean confidence - accuracy|``, so an accuracy that is only known within
    an interval allows an error as large as the far end of it. Resamples overstate the error, so its
    own value may be below all of them; the interval starts at that value or below.
    """
    accuracy = np.array(float((scores.argmax(axis=1) == truth).mean()))
    ends = intervals.wilson_interval(accuracy, float(group_N.max() + 1), level)
    room = float(np.abs(scores.max(axis=1).mean() - np.asarray(ends)).max())
    return value, max(value, room)


def or_none(value: float) -> float | None:
    """A plain float for JSON, None for NaN."""
    return None if np.isnan(value) else float(value)


def _figures(
    scores: Floats,
    truth: Integers,
    group_N: Integers,
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, _Figures]:
    point = _statistics(scores, truth, np.ones((1, truth.size)))
    blocks = [
        _statistics(scores, truth, weights)
        for weights in intervals.resampled_weights(group_N, resamples, seed)
    ]
    figures = {}
    for name, values in point.items():
        drawn = np.concatenate([block[name] for block in blocks])
        figures[name] = _Figures(values[0], *intervals.percentile_interval(drawn, confidence))
    return _widen(figures, scores, truth, group_N, confidence)


def _statistics(scores: Floats, truth: Integers, weights_RN: Floats) -> dict[str, Floats]:
    counts = metrics.class_counts(scores, truth, weights_RN)
    found = {
        "accuracy": counts.accuracy(),
        "balanced_accuracy": counts.balanced_accuracy(),
        "macro_f1": counts.macro_f1(),
        "expected_calibration_error": metrics.expected_calibration_error(scores, truth, weights_RN),
        "precision": counts.precision(),
        "recall": counts.recall(),
        "f1": counts.f1(),
    }
    if scores.shape[1] == 2:
        for name, metric in metrics.METRICS.items():
            if metric.two_classes:
                found[name] = metric(scores, truth, weights_RN)
    return found


def _widen(
    figures: dict[str, _Figures], scores: Floats, truth: Integers, group_N: Integers, level: float
) -> dict[str, _Figures]:
    """Widen each interval where the bootstrap alone would claim certainty."""
    classes = scores.shape[1]
    answers = scores.argmax(axis=1)
    with_truth = intervals.groups_with(group_N, truth, count=classes)
    with_answer = intervals.groups_with(group_N, answers, count=classes)
    with_either = intervals.groups_with(group_N, truth, answers, count=classes)
    wilson, value = intervals.wilson_interval, {n: f.value for n, f in figures.items()}
    recall = wilson(value["recall"], with_truth, level)
    f1 = intervals.dice_interval(value["f1"], with_either, level)
    accuracy = wilson(value["accuracy"], float(group_N.max() + 1), level)
    bounds: dict[str, tuple[Floats | float, Floats | float]] = {
        "accuracy": accuracy,
        "recall": recall,
        "precision": wilson(value["precision"], with_answer, level),
        "f1": f1,
        "balanced_accuracy": intervals.mean_interval(value["recall"], *recall),
        "macro_f1": intervals.mean_interval(value["f1"], *f1),
    }
    bounds["expected_calibration_error"] = calibration_error_bounds(
        scores, truth, group_N, level, float(value["expected_calibration_error"])
    )
    if classes == 2:
        negatives, positives = (int(n) for n in with_truth)
        bounds["roc_auc"] = intervals.auc_interval(
            float(value["roc_auc"]), positives, negatives, level
        )
        bounds["average_precision"] = wilson(value["average_precision"], positives, level)
    return {name: figure.widened(bounds[name]) for name, figure in figures.items()}
