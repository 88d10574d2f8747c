"""Split-conformal prediction: a set of classes that holds the true one at a stated coverage.

Angelopoulos & Bates 2021, A Gentle Introduction to Conformal Prediction
(https://arxiv.org/abs/2107.07511), sec. 1: the score of an image is 1 minus the probability of its
true class (Sadinle, Lei & Wasserman 2019), and a class is in the set where its own score is at most
the corrected quantile of the scores of images that training has not seen.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import GateError
from edgefit.metrics import intervals
from edgefit.metrics.classification import checked
from edgefit.wording import counted

Booleans = NDArray[np.bool_]


def groups_needed(coverage: float) -> int:
    """Smallest number of independent groups that can guarantee this coverage."""
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def conformal_quantile(
    probabilities_NC: NDArray[np.floating],
    targets_N: NDArray[np.integer],
    coverage: float,
    *,
    groups_N: NDArray[np.generic] | None = None,
) -> float:
    """The largest score (1 minus a class's probability) that keeps a class in the set.

    The finite-sample correction, ceil((n + 1) * coverage) / n, counts groups and not images: the
    views of one part are one draw. With every image its own group it is the paper's.

    Args:
        probabilities_NC: Calibrated probabilities of images that were not trained on, (N, C).
        targets_N: True classes, integer (N,).
        coverage: Share of images whose set should hold the true class, 0 to 1.
        groups_N: Group of each image, (N,).

    Returns:
        The quantile, 0 to 1.

    Raises:
        GateError: There are too few groups to guarantee this coverage.
        InputError: Shapes do not fit.
    """
    scores, truth = checked(probabilities_NC, targets_N)
    groups = int(intervals.group_index(groups_N, truth.size).max()) + 1
    level = math.ceil((groups + 1) * coverage - 1e-9) / groups
    if level > 1:
        raise GateError(
            "Validation is too small for this coverage.",
            key="operating.coverage",
            expected=f"at least {counted(groups_needed(coverage), 'independent group')} of images",
            found=counted(groups, "group"),
            remedy="label more validation images (data.split.validation), "
            f"ask for at most {groups / (groups + 1):.3f}, or switch it off "
            "(--set operating.coverage=null)",
        )
    misfit_N = 1 - scores[np.arange(truth.size), truth]
    rank = math.ceil(level * truth.size - 1e-9)
    return float(np.sort(misfit_N)[rank - 1].clip(0, 1))


def prediction_sets(probabilities_NC: NDArray[np.floating], quantile: float) -> Booleans:
    """Which classes are in each image's set, bool (N, C); a set may be empty."""
    # 1 - p <= q, in a form that keeps a probability equal to the bound inside in any precision
    bound = np.float32(1 - quantile) - np.float32(1e-6)
    inside: Booleans = np.asarray(probabilities_NC, dtype=np.float32) >= bound
    return inside
