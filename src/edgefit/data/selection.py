"""Choose images evenly over the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def choose_over_classes(
    targets_N: NDArray[np.int64], count: int, *, seed: int
) -> NDArray[np.int64]:
    """Indices of images spread evenly over the classes: for calibration sets and golden frames.

    Takes one image of each class in turn, in seeded random order, so that rare classes are there
    and ranges that only they reach are seen.

    Args:
        targets_N: Class of each image.
        count: How many to choose; all where there are fewer.
        seed: Makes the choice repeatable.

    Returns:
        Sorted indices, ``int64``.
    """
    rng = np.random.default_rng(seed)
    queues = [rng.permutation(np.flatnonzero(targets_N == c)) for c in np.unique(targets_N)]
    rank_in_class = np.concatenate([np.arange(len(q)) for q in queues])
    candidates = np.concatenate(queues)
    order = np.lexsort((rng.random(len(candidates)), rank_in_class))
    return np.sort(candidates[order[:count]])
