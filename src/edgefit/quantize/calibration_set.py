"""The calibration set: preprocessed training images that cover every kind of image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit.data.frame_store import FrameStore
from edgefit.data.selection import choose_over_strata
from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.spec import InputSpec, Task


def calibration_frames(
    table: SampleTable,
    task: Task,
    count: int,
    spec: InputSpec,
    *,
    seed: int,
    reporter: Reporter = QUIET,
) -> NDArray[np.uint8]:
    """Training images to calibrate int8 on, preprocessed, ``uint8`` (N, H, W, 3).

    Args:
        table: The frozen table; only its training split is used.
        task: Defines the kinds of images that the choice covers.
        count: How many images to take; all where there are fewer.
        spec: The input contract.
        seed: Makes the choice repeatable.
        reporter: Where progress goes.

    Raises:
        DataError: A file cannot be read.
    """
    training = table.of("train")
    samples = choose_over_strata(training, task, count, seed=seed)
    store = FrameStore(samples, training.root, spec, reporter=reporter)
    return np.stack([store.frame(i) for i in range(len(store))])
