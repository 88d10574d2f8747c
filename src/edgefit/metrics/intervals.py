"""Confidence intervals: a bootstrap over groups, widened where it would claim certainty.

Images of one group (a track, a tile, a part) resemble each other, so whole groups are drawn with
replacement (the cluster bootstrap: Davison & Hinkley 1997, Bootstrap Methods, sec. 3.8). The
interval runs between percentiles of the resampled metric.

A percentile interval collapses to a point where the metric is at its bound: with no error among
60 images, every resample gives 1.0. Intervals that invert a test do not collapse. So each metric
also gets such an interval, with the number of groups (not images) as its sample size, and the wider
bound counts on each side:

- shares (accuracy, recall, precision): Wilson 1927, JASA 22:209-212; F1 through the share
  ``TP / (TP + FP + FN)``, of which it is a rising function;
- means of shares over classes: MOVER, Zou & Donner 2008, Statistics in Medicine 27:1693-1702;
- ROC-AUC: method 5 of Newcombe 2006, Statistics in Medicine 25:559-573;
- average precision: binomial in the positives, Boyd, Eng & Page 2013, ECML PKDD, with
  Wilson's form of the binomial interval.

With many images in few groups the widened interval errs on the cautious side.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.metrics.classification import Floats, Integers

_VALUES_AT_ONCE = 2_000_000
_BISECTIONS = 60


def group_index(groups_N: NDArray[np.generic] | None, images: int) -> Integers:
    """Number the groups 0 to G-1, ``int64`` (N,); without groups each image is its own group.

    Raises:
        InputError: The number of groups differs from the number of images.
    """
    if groups_N is None:
        return np.arange(images)
    groups = np.asarray(groups_N)
    if groups.shape != (images,):
        raise InputError(
            "The groups do not fit the images.", expected=f"({images},)", found=groups.shape
        )
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def check_options(resamples: int, confidence: float) -> None:
    """Check what the user may set.

    Raises:
        InputError: Fewer than one resample, or a confidence outside (0, 1).
    """
    if resamples < 1:
        raise InputError("A bootstrap needs resamples.", expected=">= 1", found=resamples)
    if not 0 < confidence < 1:
        raise InputError(
            "The confidence is out of range.", expected="between 0 and 1", found=confidence
        )


def resampled_weights(group_N: Integers, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw groups with replacement; yield blocks of image weights, ``float64`` (r, N).

    The blocks add up to ``resamples`` rows and are kept small, so that memory stays bounded.
    """
    groups = int(group_N.max()) + 1
    rows = max(1, _VALUES_AT_ONCE // max(group_N.size, groups))
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        drawn = generator.integers(0, groups, size=(count, groups))
        cells = (drawn + groups * np.arange(count)[:, None]).ravel()
        times_drawn = np.bincount(cells, minlength=count * groups).reshape(count, groups)
        yield times_drawn[:, group_N].astype(np.float64)


def percentile_interval(values_R: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Percentile interval along the first axis; resamples without a value are left out.

    Args:
        values_R: Resampled values, ``float64`` (R,) or (R, C).
        confidence: Share of resamples inside the interval, 0 to 1.

    Returns:
        Lower and upper bound; NaN where no resample has a value.
    """
    tail = (1 - confidence) / 2
    columns = values_R.reshape(values_R.shape[0], -1)
    bounds = np.full((2, columns.shape[1]), np.nan)
    known = ~np.isnan(columns).all(axis=0)
    if known.any():
        bounds[:, known] = np.nanquantile(columns[:, known], [tail, 1 - tail], axis=0)
    bounds = bounds.reshape(2, *values_R.shape[1:])
    return bounds[0], bounds[1]


def wilson_interval(
    share: Floats, size: Floats | float, confidence: float
) -> tuple[Floats, Floats]:
    """Wilson's score interval of a share observed on ``size`` independent groups, elementwise.

    A size of 0 gives NaN.
    """
    z = _normal_quantile(confidence)
    groups = np.where(np.asarray(size) > 0, size, np.nan)
    centre = (share + z**2 / (2 * groups)) / (1 + z**2 / groups)
    half = z / (1 + z**2 / groups) * np.sqrt(share * (1 - share) / groups + z**2 / (4 * groups**2))
    # Rounding may leave a bound a hair inside a share of 0 or 1.
    return np.minimum(centre - half, share).clip(0, 1), np.maximum(centre + half, share).clip(0, 1)


def dice_interval(f1: Floats, size: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Interval of F1 through the share J = TP / (TP + FP + FN): F1 = 2 J / (1 + J)."""
    low, high = wilson_interval(f1 / (2 - f1), size, confidence)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def mean_interval(values_C: Floats, lows_C: Floats, highs_C: Floats) -> tuple[float, float]:
    """Interval of the mean of independent estimates from their own intervals (MOVER)."""
    known = ~np.isnan(values_C)
    if not known.any():
        return float("nan"), float("nan")
    values, lows, highs = values_C[known], lows_C[known], highs_C[known]
    mean = float(values.mean())
    below = float(np.sqrt(((values - lows) ** 2).sum()) / values.size)
    above = float(np.sqrt(((highs - values) ** 2).sum()) / values.size)
    return max(0.0, mean - below), min(1.0, mean + above)


def auc_interval(
    auc: float, positives: int, negatives: int, confidence: float
) -> tuple[float, float]:
    """Newcombe's score-like interval of ROC-AUC, from the numbers of positive and negative groups.

    Each bound is the value whose own standard error just reaches ``auc``; the variance is Hanley &
    McNeil's for exponential scores.
    """
    if np.isnan(auc) or positives == 0 or negatives == 0:
        return float("nan"), float("nan")
    z = _normal_quantile(confidence)
    others = (positives + negatives) / 2 - 1

    def reach(theta: float) -> float:
        spread = 1 + others * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return z * float(np.sqrt(theta * (1 - theta) * spread / (positives * negatives)))

    def bound(outer: float) -> float:
        far, near = outer, auc
        for _ in range(_BISECTIONS):
            middle = (far + near) / 2
            if abs(auc - middle) > reach(middle):
                far = middle
            else:
                near = middle
        return far

    return bound(0.0), bound(1.0)


def groups_with(group_N: Integers, *classes_N: Integers, count: int) -> Floats:
    """Number of groups in which each class occurs in any of the given columns, (count,)."""
    pairs = np.concatenate([group_N * count + classes for classes in classes_N])
    return np.bincount(np.unique(pairs) % count, minlength=count).astype(np.float64)


def _normal_quantile(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)
