"""Classification: every image has one class, and every class is in every split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit.data.table import Sample, SampleTable, examples
from edgefit.data.tasks.task import Moved
from edgefit.errors import DataError
from edgefit.spec import ClassTruth
from edgefit.wording import agreeing


class ClassificationData:
    """See :class:`edgefit.data.tasks.task.DataTask`."""

    needs_labels = True
    moves: tuple[Moved, ...] = ()

    def require(self, table: SampleTable) -> None:
        """Check that there are at least two classes, each with an image.

        Raises:
            DataError: Fewer than two classes, or a class without images.
        """
        if len(table.labels) < 2:
            raise DataError(
                "The data set has a single class.",
                path=table.root,
                expected="two or more classes",
                found=", ".join(table.labels.names),
                remedy="add images of a second class; each folder (or CSV label) is one class",
            )
        held = {s.label for s in table.samples}
        empty = [name for name in table.labels.names if name not in held]
        if empty:
            raise DataError(
                f"{len(empty)} of {len(table.labels)} classes {agreeing(len(empty), 'have')} no "
                "usable images.",
                path=table.root,
                found=examples(empty),
                remedy="add readable images, or leave the class out with data.exclude",
            )

    def strata(self, table: SampleTable) -> tuple[str, ...]:
        """The classes."""
        return table.labels.names

    def stratum(self, sample: Sample) -> str:
        """Its class."""
        return sample.label or ""

    def truths(self, table: SampleTable) -> tuple[ClassTruth, ...]:
        """The class of each image."""
        return tuple(ClassTruth(int(target)) for target in table.targets_N())

    def targets(self, table: SampleTable) -> NDArray[np.int64]:
        """Class positions ``int64`` (N,)."""
        return table.targets_N()
