"""How honest a network's confidence is: expected calibration error and negative log likelihood.

Guo, Pleiss, Sun & Weinberger 2017, On Calibration of Modern Neural Networks
(https://arxiv.org/abs/1706.04599): one scalar divides the logits; the answers stay the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit.metrics import intervals
from edgefit.metrics.classification import (
    Floats,
    Integers,
    checked,
    expected_calibration_error,
)
from edgefit.metrics.evaluation import calibration_error_bounds, or_none
from edgefit.records.evaluate import Reliability
from edgefit.records.figures import Figure

_SMALLEST = 1e-12


def calibration(
    probabilities_NC: NDArray[np.floating],
    targets_N: NDArray[np.integer],
    *,
    groups_N: NDArray[np.generic] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Reliability:
    """How honest confidence is: expected calibration error and negative log likelihood.

    Args:
        probabilities_NC: Class probabilities, float (N, C).
        targets_N: True classes, integer (N,).
        groups_N: Group of each image; None makes each image its own group.
        resamples: Bootstrap resamples, drawn over groups.
        confidence: Confidence of the intervals, 0 to 1.
        seed: Seed of the resamples.

    Returns:
        Both figures with their intervals.

    Raises:
        InputError: Shapes or options do not fit.
    """
    scores, truth = checked(probabilities_NC, targets_N)
    intervals.check_options(resamples, confidence)
    group_N = intervals.group_index(groups_N, truth.size)
    found: dict[str, Figure] = {}
    point = _statistics(scores, truth, np.ones((1, truth.size)))
    blocks = [
        _statistics(scores, truth, weights_RN)
        for weights_RN in intervals.resampled_weights(group_N, resamples, seed)
    ]
    for name, values in point.items():
        drawn_R = np.concatenate([block[name] for block in blocks])
        low, high = intervals.percentile_interval(drawn_R, confidence)
        value = float(values[0])
        least = value, value
        if name == "expected_calibration_error":
            least = calibration_error_bounds(scores, truth, group_N, confidence, value)
        found[name] = Figure(
            value=or_none(value),
            low=or_none(float(np.fmin(low, least[0]))),
            high=or_none(float(np.fmax(high, least[1]))),
        )
    return Reliability(**found)


def _statistics(scores: Floats, truth: Integers, weights_RN: Floats) -> dict[str, Floats]:
    loss_N = -np.log(scores[np.arange(truth.size), truth].clip(_SMALLEST))
    return {
        "expected_calibration_error": expected_calibration_error(scores, truth, weights_RN),
        "negative_log_likelihood": (weights_RN @ loss_N) / weights_RN.sum(axis=1),
    }
