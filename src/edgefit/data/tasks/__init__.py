"""What differs from task to task in the data, found through one table."""

from __future__ import annotations

from edgefit.data.tasks.classification import ClassificationData
from edgefit.data.tasks.task import DataTask
from edgefit.spec import CLASSIFICATION, Task

__all__ = ["TASKS", "DataTask"]

TASKS: dict[Task, DataTask] = {CLASSIFICATION: ClassificationData()}
