"""What the data room asks of a task."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edgefit.data.table import Sample, SampleTable
from edgefit.spec import Truth

Moved = Literal["boxes", "mask"]
"""Annotations that must move with the image when augmentation moves it."""


class DataTask(Protocol):
    """One file in ``data/tasks/`` for each task, found through :data:`edgefit.data.tasks.TASKS`.

    Attributes:
        needs_labels: Whether every image must have a label; the formats refuse one without.
        moves: The annotations that augmentation moves with the image.
    """

    needs_labels: bool
    moves: tuple[Moved, ...]

    def require(self, table: SampleTable) -> None:
        """Check that a table, before its splits are drawn, holds what the task needs.

        Raises:
            DataError: The table lacks something.
        """
        ...

    def strata(self, table: SampleTable) -> tuple[str, ...]:
        """The kinds of images that every split must hold, in similar shares."""
        ...

    def stratum(self, sample: Sample) -> str:
        """Which of :meth:`strata` an image belongs to."""
        ...

    def truths(self, table: SampleTable) -> tuple[Truth, ...]:
        """What the data set says of each image, in table order; results are compared with it."""
        ...

    def targets(self, table: SampleTable) -> NDArray[np.int64]:
        """The target of each image for loss and validation, ``int64`` (N, ...), in table order."""
        ...
