"""What a sub-run would have given, from made-up probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.studies.subruns import Measured, measured


def measured_as(
    probabilities_NC: NDArray[np.float32],
    targets_N: NDArray[np.int64],
    labels: tuple[str, ...],
    *,
    seconds: float,
) -> Measured:
    """The test results of these probabilities."""
    evaluation = metrics.evaluate(probabilities_NC, targets_N, labels, resamples=100)
    return measured(seconds, evaluation, probabilities_NC)
