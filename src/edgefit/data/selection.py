"""Choose images evenly over the kinds of images that a task distinguishes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit.data.table import Sample, SampleTable
from edgefit.data.tasks import TASKS
from edgefit.spec import Task


def choose_over_strata(table: SampleTable, task: Task, count: int, *, seed: int) -> list[Sample]:
    """Images spread evenly over the task's strata: for calibration sets and golden frames.

    Args:
        table: The images to choose from.
        task: Says which kinds of images there are; for a classifier these are the classes.
        count: How many to choose; all if there are fewer.
        seed: Makes the choice repeatable.

    Returns:
        The chosen images, in the order of the table.
    """
    own = TASKS[task]
    position = {stratum: number for number, stratum in enumerate(own.strata(table))}
    strata_N = np.array([position[own.stratum(s)] for s in table.samples], dtype=np.int64)
    return [table.samples[i] for i in choose_evenly(strata_N, count, seed=seed)]


def choose_evenly(strata_N: NDArray[np.int64], count: int, *, seed: int) -> NDArray[np.int64]:
    """Indices spread evenly over strata.

    Takes one image of each stratum in turn, in seeded random order. So rare strata are included,
    and calibration sees the ranges that only they reach.

    Args:
        strata_N: Stratum of each image.
        count: How many to choose; all if there are fewer.
        seed: Makes the choice repeatable.

    Returns:
        Sorted indices, ``int64``.
    """
    rng = np.random.default_rng(seed)
    queues = [rng.permutation(np.flatnonzero(strata_N == s)) for s in np.unique(strata_N)]
    rank_in_stratum = np.concatenate([np.arange(len(q)) for q in queues])
    candidates = np.concatenate(queues)
    order = np.lexsort((rng.random(len(candidates)), rank_in_stratum))
    return np.sort(candidates[order[:count]])
