"""Two sets of outputs for the same images: how much a metric drops, how far the outputs differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.metrics import intervals
from edgefit.metrics.classification import METRICS, Floats, Integers, checked
from edgefit.metrics.evaluation import or_none
from edgefit.records.figures import Figure


@dataclass(frozen=True)
class Disagreement:
    """How far two sets of outputs for the same images differ.

    Attributes:
        max_abs_difference: Largest difference of a probability, 0 to 1.
        mean_abs_difference: Mean over all N x C probabilities.
        flip_indices: Positions of the images whose most probable class differs.
        margins: For each of them, the reference's best minus its second probability. A flip at a
            small margin is a near tie; a flip at a large margin is a fault.
    """

    max_abs_difference: float
    mean_abs_difference: float
    flip_indices: tuple[int, ...]
    margins: tuple[float, ...]

    @property
    def top1_flips(self) -> int:
        """Number of images whose most probable class differs."""
        return len(self.flip_indices)


def paired_drop(
    metric_name: str,
    reference_NC: NDArray[np.floating],
    candidate_NC: NDArray[np.floating],
    targets_N: NDArray[np.integer],
    groups_N: NDArray[np.generic] | None = None,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Figure:
    """How much a metric drops from the reference to the candidate, with a paired interval.

    Both are measured on the same resamples of groups, so the variation that they share cancels.
    The interval is the plain bootstrap interval: where no answer differs it is 0 to 0, which holds
    for these images only.

    Args:
        metric_name: A name in ``METRICS``.
        reference_NC: Probabilities before (say, of the trained network), float (N, C), 0 to 1.
        candidate_NC: Probabilities after (say, of an int8 variant), float (N, C), 0 to 1.
        targets_N: True class positions, integer (N,), 0 to C-1.
        groups_N: Group of each image, (N,) of str or int; None makes each image its own group.
        resamples: Number of bootstrap resamples.
        confidence: Confidence of the interval, 0 to 1.
        seed: Seed of the resamples.

    Returns:
        The drop, positive where the candidate is worse, with its interval, on the metric's scale
        of 0 to 1; None where the metric is undefined.

    Raises:
        InputError: There is no such metric, or shapes or options do not fit.
    """
    if metric_name not in METRICS:
        raise InputError("No such metric.", expected=", ".join(METRICS), found=metric_name)
    reference, truth = checked(reference_NC, targets_N)
    candidate = _paired(reference, candidate_NC, truth)
    intervals.check_options(resamples, confidence)
    metric = METRICS[metric_name]

    def drop(weights_RN: Floats) -> Floats:
        return metric(reference, truth, weights_RN) - metric(candidate, truth, weights_RN)

    group_N = intervals.group_index(groups_N, truth.size)
    blocks = [drop(w) for w in intervals.resampled_weights(group_N, resamples, seed)]
    low, high = intervals.percentile_interval(np.concatenate(blocks), confidence)
    point = drop(np.ones((1, truth.size)))[0]
    return Figure(value=or_none(float(point)), low=or_none(float(low)), high=or_none(float(high)))


def disagreement(
    reference_NC: NDArray[np.floating], candidate_NC: NDArray[np.floating]
) -> Disagreement:
    """How far two sets of outputs for the same images differ; needs no truth.

    Args:
        reference_NC: Probabilities, float (N, C), 0 to 1.
        candidate_NC: Probabilities, float (N, C), 0 to 1.

    Raises:
        InputError: Shapes differ, or a value is NaN or infinite.
    """
    count = np.asarray(reference_NC).shape[:1]
    reference, no_truth = checked(reference_NC, np.zeros(count, dtype=np.int64))
    candidate = _paired(reference, candidate_NC, no_truth)
    difference = np.abs(reference - candidate)
    flips = np.flatnonzero(reference.argmax(axis=1) != candidate.argmax(axis=1))
    ranked = np.sort(reference[flips], axis=1)
    return Disagreement(
        max_abs_difference=float(difference.max()),
        mean_abs_difference=float(difference.mean()),
        flip_indices=tuple(flips.tolist()),
        margins=tuple((ranked[:, -1] - ranked[:, -2]).tolist()),
    )


def _paired(reference: Floats, candidate_NC: NDArray[np.floating], truth: Integers) -> Floats:
    candidate, _ = checked(candidate_NC, truth)
    if candidate.shape != reference.shape:
        raise InputError(
            "The two sets of outputs do not fit each other.",
            expected=reference.shape,
            found=candidate.shape,
        )
    return candidate
