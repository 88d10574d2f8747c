"""The worst group: a mean hides a camera, a shift or a part that fails."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edgefit.metrics import intervals
from edgefit.metrics.classification import checked
from edgefit.records.evaluate import GroupFigures
from edgefit.records.figures import Figure

SMALLEST_GROUP = 5
"""A smaller group is never reported as the worst: one error in two images says nothing."""


def worst_group(
    probabilities_NC: NDArray[np.floating],
    targets_N: NDArray[np.integer],
    columns: Mapping[str, NDArray[np.str_]],
    *,
    confidence: float = 0.95,
) -> GroupFigures | None:
    """The group of lowest accuracy; among equals, the largest.

    Args:
        probabilities_NC: Class probabilities, float (N, C).
        targets_N: True classes, integer (N,).
        columns: Name -> each image's value in it, (N,); images that share a value are one group.
        confidence: Confidence of the interval, 0 to 1.

    Returns:
        The group, and its accuracy with Wilson's interval over the group's own images; None where
        no group has ``SMALLEST_GROUP`` images, or all images are one group.

    Raises:
        InputError: Shapes do not fit.
    """
    scores, truth = checked(probabilities_NC, targets_N)
    right_N = (scores.argmax(axis=1) == truth).astype(np.float64)
    found = []
    for column, values_N in columns.items():
        names_G, index_N = np.unique(values_N, return_inverse=True)
        sizes_G = np.bincount(index_N)
        shares_G = np.bincount(index_N, weights=right_N) / sizes_G
        found += [
            (float(shares_G[g]), -int(sizes_G[g]), column, str(name))
            for g, name in enumerate(names_G)
            if SMALLEST_GROUP <= sizes_G[g] < truth.size
        ]
    if not found:
        return None
    share, negative_size, column, value = min(found)
    low, high = intervals.wilson_interval(np.asarray(share), -negative_size, confidence)
    return GroupFigures(
        column=column,
        value=value,
        images=-negative_size,
        accuracy=Figure(value=share, low=float(low), high=float(high)),
    )
