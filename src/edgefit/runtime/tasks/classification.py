"""Reading a classifier's output."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import StageError
from edgefit.operating.threshold import UNDECIDED, decide
from edgefit.spec import UNSURE, ClassificationRule, ClassPrediction, LabelMap


def decode_classification(
    probabilities_C: NDArray[np.float32],
    labels: LabelMap,
    point: ClassificationRule | None = None,
    novelty: float | None = None,
) -> ClassPrediction:
    """The most probable class of one frame, and what the operating point makes of it.

    Args:
        probabilities_C: ``float32`` (C,), one row of a session's answer.
        labels: Class names in output order.
        point: The bundle's operating point; None is arg-max.
        novelty: The frame's novelty score, where the bundle has a rule for it.

    Raises:
        StageError: The graph gives another number of classes than the bundle names.
    """
    if probabilities_C.shape != (len(labels),):
        raise StageError(
            "The graph and the bundle's class list do not fit together.",
            expected=f"{len(labels)} probabilities",
            found=probabilities_C.shape,
        )
    prediction = ClassPrediction.from_probabilities(probabilities_C, labels)
    if point is None:
        return prediction
    (decision,) = decide(probabilities_C[np.newaxis], point, labels)
    rule = point.novelty
    return replace(
        prediction,
        decision=UNSURE if decision == UNDECIDED else labels.names[decision],
        novelty=novelty,
        is_novel=None if rule is None or novelty is None else novelty > rule.threshold,
    )
