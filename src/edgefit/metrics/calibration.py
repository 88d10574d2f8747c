"""Temperature scaling, and how honest a network's confidence is before and after it.

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

LOWEST, HIGHEST = 0.01, 100.0
"""Bounds of the temperature; beyond them a softmax is flat or a step."""

_BISECTIONS = 60
_SMALLEST = 1e-12


def softmax(logits_NC: NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """Probabilities ``float64`` (N, C) of logits at a temperature."""
    scaled = np.asarray(logits_NC, dtype=np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Floats = exponents / exponents.sum(axis=1, keepdims=True)
    return probabilities


def fit_temperature(logits_NC: NDArray[np.floating], targets_N: NDArray[np.integer]) -> float:
    """The temperature of least negative log likelihood, between ``LOWEST`` and ``HIGHEST``.

    Where a network makes no error on these images the likelihood has no optimum: ever smaller
    temperatures are ever better. Then one image more is counted, shared among all, that the network
    gets wrong in favour of its next best class. That leaves a confidence of about 1 - 1 / N, the
    rule of succession; Platt 1999 (Probabilistic Outputs for Support Vector Machines, sec. 2.2)
    softens his targets likewise.

    The derivative by the inverse temperature rises steadily (the loss is convex in it), so it is
    bisected.

    Args:
        logits_NC: Logits before any temperature, float (N, C).
        targets_N: True classes, integer (N,).

    Raises:
        InputError: Shapes do not fit, or a logit is NaN or infinite.
    """
    logits, truth = checked(logits_NC, targets_N)
    rows = np.arange(len(truth))
    others = logits.copy()
    others[rows, truth] = -np.inf
    faultless = bool((logits[rows, truth] > others.max(axis=1)).all())
    wrong_share = 1.0 / (len(truth) + 2) if faultless else 0.0
    wanted_N = (1 - wrong_share) * logits[rows, truth] + wrong_share * others.max(axis=1)

    def slope(inverse: float) -> float:
        expected_N = (softmax(logits, 1 / inverse) * logits).sum(axis=1)
        return float((expected_N - wanted_N).mean())

    low, high = 1 / HIGHEST, 1 / LOWEST
    for _ in range(_BISECTIONS):
        middle = (low * high) ** 0.5
        if slope(middle) < 0:
            low = middle
        else:
            high = middle
    return float(1 / (low * high) ** 0.5)


def calibration(
    probabilities_NC: NDArray[np.floating],
    targets_N: NDArray[np.integer],
    *,
    groups_N: NDArray[np.generic] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, dict[str, float | None]]:
    """How honest confidence is: expected calibration error and negative log likelihood.

    Args:
        probabilities_NC: Class probabilities, float (N, C).
        targets_N: True classes, integer (N,).
        groups_N: Group of each image; without it each is its own.
        resamples: Bootstrap resamples, drawn over groups.
        confidence: Confidence of the intervals, 0 to 1.
        seed: Seed of the resamples.

    Returns:
        Name -> ``value``, ``low``, ``high``. The likelihood's unit is nats an image.

    Raises:
        InputError: Shapes or options do not fit.
    """
    scores, truth = checked(probabilities_NC, targets_N)
    intervals.check_options(resamples, confidence)
    group_N = intervals.group_index(groups_N, truth.size)
    found: dict[str, dict[str, float | None]] = {}
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
        found[name] = {
            "value": or_none(value),
            "low": or_none(float(np.fmin(low, least[0]))),
            "high": or_none(float(np.fmax(high, least[1]))),
        }
    return found


def _statistics(scores: Floats, truth: Integers, weights_RN: Floats) -> dict[str, Floats]:
    loss_N = -np.log(scores[np.arange(truth.size), truth].clip(_SMALLEST))
    return {
        "expected_calibration_error": expected_calibration_error(scores, truth, weights_RN),
        "negative_log_likelihood": (weights_RN @ loss_N) / weights_RN.sum(axis=1),
    }
