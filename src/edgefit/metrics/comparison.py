"""Two sets of outputs for the same images: how much a metric drops, how far the outputs differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.metrics import intervals
from edgefit.metrics.classification import METRICS, Floats, Integers, checked
from edgefit.metrics.evaluation import or_none


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
) -> dict[str, float | None]:
    """How much a metric drops from the reference to the candidate, with a paired interval.

    Both are measured on the same resamples of groups, so what images have in common cancels. The
    interval is the bootstrap's own: without a single difference between the answers it is 0 to 0,
    which speaks of these images only.

    Args:
        metric_name: A name in ``METRICS``.
        reference_NC: Probabilities before (say, of the trained network), float (N, C), 0 to 1.
        candidate_NC: Probabilities after (say, of an int8 variant), float (N, C), 0 to 1.
        targets_N: True class positions, integer (N,), 0 to C-1.
        groups_N: Group of each image, (N,) of str or int; without it each image is its own.
        resamples: Number of bootstrap resamples.
        confidence: Confidence of the interval, 0 to 1.
        seed: Seed of the resamples.

    Returns:
        ``drop`` (positive: the candidate is worse), ``low`` and ``high``, on the metric's scale of
        0 to 1; None where the metric is not defined.

    Raises:
        InputError: No such metric, or shapes or options do not fit.
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
    return {"drop": or_none(float(point)), "low": or_none(float(low)), "high": or_none(float(high))}


def disagreement(
    reference_NC: NDArray[np.floating], candidate_NC: NDArray[np.floating]
) -> dict[str, Any]:
    """How far two sets of outputs for the same images differ; needs no truth.

    Args:
        reference_NC: Probabilities, float (N, C), 0 to 1.
        candidate_NC: Probabilities, float (N, C), 0 to 1.

    Returns:
        JSON-ready: ``max_abs_difference`` and ``mean_abs_difference`` over all N x C values,
        ``top1_flips`` (number of images whose most probable class differs), ``flip_indices``
        (their positions) and ``margins`` (for each, the reference's best minus second probability:
        a flip at a small margin is a near tie, at a large one a fault).

    Raises:
        InputError: Shapes differ, or a value is NaN or infinite.
    """
    count = np.asarray(reference_NC).shape[:1]
    reference, no_truth = checked(reference_NC, np.zeros(count, dtype=np.int64))
    candidate = _paired(reference, candidate_NC, no_truth)
    difference = np.abs(reference - candidate)
    flips = np.flatnonzero(reference.argmax(axis=1) != candidate.argmax(axis=1))
    ranked = np.sort(reference[flips], axis=1)
    return {
        "max_abs_difference": float(difference.max()),
        "mean_abs_difference": float(difference.mean()),
        "top1_flips": int(flips.size),
        "flip_indices": flips.tolist(),
        "margins": (ranked[:, -1] - ranked[:, -2]).tolist(),
    }


def _paired(reference: Floats, candidate_NC: NDArray[np.floating], truth: Integers) -> Floats:
    candidate, _ = checked(candidate_NC, truth)
    if candidate.shape != reference.shape:
        raise InputError(
            "The two sets of outputs do not fit each other.",
            expected=reference.shape,
            found=candidate.shape,
        )
    return candidate
