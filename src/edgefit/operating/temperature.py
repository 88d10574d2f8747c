"""Temperature scaling: one scalar makes a network's confidence honest.

Guo, Pleiss, Sun & Weinberger 2017, On Calibration of Modern Neural Networks
(https://arxiv.org/abs/1706.04599): one scalar divides the logits; the predicted classes stay the
same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit.metrics.classification import Floats, checked

LOWEST = 0.01
HIGHEST = 100.0
"""Bounds of the temperature; beyond them a softmax is flat or a step."""

_BISECTIONS = 60


def softmax(logits_NC: NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """Probabilities ``float64`` (N, C) of logits at a temperature."""
    scaled = np.asarray(logits_NC, dtype=np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Floats = exponents / exponents.sum(axis=1, keepdims=True)
    return probabilities


def fit_temperature(logits_NC: NDArray[np.floating], targets_N: NDArray[np.integer]) -> float:
    """The temperature of least negative log likelihood, between ``LOWEST`` and ``HIGHEST``.

    If the network makes no error on these images, the likelihood has no optimum: a smaller
    temperature is always better. The fit then adds one image, shared among all, that the network
    assigns to its second best class. That leaves a confidence of about 1 - 1 / N, the rule of
    succession; Platt 1999 (Probabilistic Outputs for Support Vector Machines, sec. 2.2) softens his
    targets in the same way.

    The loss is convex in the inverse temperature, so its derivative rises steadily and bisection
    finds its zero.

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
