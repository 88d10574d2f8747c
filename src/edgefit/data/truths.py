"""From the table of samples to what the data set says of each image, by task."""

from __future__ import annotations

from collections.abc import Callable

from edgefit.data.table import SampleTable
from edgefit.spec import CLASSIFICATION, ClassTruth, Task, Truth


def class_truths(table: SampleTable) -> tuple[ClassTruth, ...]:
    """The class of each image, in table order."""
    return tuple(ClassTruth(int(target)) for target in table.targets_N())


TRUTHS: dict[Task, Callable[[SampleTable], tuple[Truth, ...]]] = {CLASSIFICATION: class_truths}
"""Task -> the truth of each image of a table, in its order."""
