"""Reading a classifier's output."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import StageError
from edgefit.spec import LabelMap, Prediction


def decode_classification(probabilities_C: NDArray[np.float32], labels: LabelMap) -> Prediction:
    """The most probable class of one frame.

    Args:
        probabilities_C: ``float32`` (C,), one row of a session's answer.
        labels: Class names in output order.

    Raises:
        StageError: The graph gives another number of classes than the bundle names.
    """
    if probabilities_C.shape != (len(labels),):
        raise StageError(
            "The graph and the bundle's class list do not fit together.",
            expected=f"{len(labels)} probabilities",
            found=probabilities_C.shape,
        )
    return Prediction.from_probabilities(probabilities_C, labels)
