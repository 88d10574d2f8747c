"""The metrics of classification: how good probabilities are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError, RecipeError
from edgefit.metrics.classification import METRICS
from edgefit.metrics.comparison import disagreement, paired_drop
from edgefit.metrics.evaluation import evaluate
from edgefit.metrics.groups import worst_group
from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.records.evaluate import Evaluation, GroupFigures
from edgefit.records.figures import Figure
from edgefit.records.verify import Agreement
from edgefit.spec import PROBABILITIES, ClassTruth, LabelMap, Outputs, Truth
from edgefit.wording import counted

_OF_TWO_CLASSES = ("roc_auc", "average_precision")


class ClassificationMetrics:
    """A :class:`edgefit.metrics.tasks.MetricsTask`."""

    names = tuple(METRICS)
    headline = "accuracy"

    def check(self, name: str, labels: LabelMap) -> None:
        """Refuse a two-class metric where there are more classes."""
        if name in _OF_TWO_CLASSES and len(labels) != 2:
            raise RecipeError(
                f"{name} is a metric of two classes.",
                key="verify.metric",
                expected=" or ".join(m for m in METRICS if m not in _OF_TWO_CLASSES),
                found=counted(len(labels), "class"),
            )

    def evaluate(self, found: LabelledOutputs, bootstrap: Bootstrap) -> Evaluation:
        """All metrics, the results of each class, the confusion matrix and the worst class."""
        return evaluate(
            found.outputs[PROBABILITIES.name],
            class_targets(found.truth),
            found.labels.names,
            groups_N=found.groups_N,
            resamples=bootstrap.resamples,
            confidence=bootstrap.confidence,
            seed=bootstrap.seed,
        )

    def worst_group(
        self, found: LabelledOutputs, columns: Mapping[str, NDArray[np.str_]], confidence: float
    ) -> GroupFigures | None:
        """The group of lowest accuracy."""
        return worst_group(
            found.outputs[PROBABILITIES.name],
            class_targets(found.truth),
            columns,
            confidence=confidence,
        )

    def agreement(self, reference: Outputs, candidate: Outputs) -> Agreement:
        """Differences of probabilities, and the images whose most probable class differs."""
        candidate_NC = candidate[PROBABILITIES.name]
        if not np.isfinite(candidate_NC).all():
            return Agreement(finite=False, max_abs_difference=None, margins=())
        found = disagreement(reference[PROBABILITIES.name], candidate_NC)
        return Agreement(
            finite=True,
            images=len(candidate_NC),
            max_abs_difference=found.max_abs_difference,
            mean_abs_difference=found.mean_abs_difference,
            top1_flips=found.top1_flips,
            flip_indices=found.flip_indices,
            margins=found.margins,
        )

    def departures(self, found: Agreement, tolerance: float) -> list[str]:
        """Probabilities beyond the tolerance, and confident predictions that change class.

        A change is allowed only where the network itself is undecided: where the probabilities of
        its two best classes differ by at most twice the tolerance.
        """
        reasons = []
        difference = found.max_abs_difference or 0.0
        if difference > tolerance:
            reasons.append(
                f"probabilities differ by up to {difference:.2g}; the limit is {tolerance:g}"
            )
        decided = [margin for margin in found.margins if margin > 2 * tolerance]
        if decided:
            reasons.append(f"{len(decided)} confident predictions change class")
        return reasons

    def paired_drop(
        self, name: str, reference: LabelledOutputs, candidate: Outputs, bootstrap: Bootstrap
    ) -> Figure:
        """The drop of one of :data:`edgefit.metrics.METRICS`."""
        return paired_drop(
            name,
            reference.outputs[PROBABILITIES.name],
            candidate[PROBABILITIES.name],
            class_targets(reference.truth),
            reference.groups_N,
            resamples=bootstrap.resamples,
            confidence=bootstrap.confidence,
            seed=bootstrap.seed,
        )


def class_targets(truth: Sequence[Truth]) -> NDArray[np.int64]:
    """Class positions ``int64`` (N,).

    Raises:
        InputError: The truth of an image is not one class.
    """
    indices = []
    for position, one in enumerate(truth):
        if not isinstance(one, ClassTruth):
            raise InputError(
                "The truth of an image is not a class.",
                expected="ClassTruth",
                found=f"{type(one).__name__} at position {position}",
            )
        indices.append(one.index)
    return np.array(indices, dtype=np.int64)
