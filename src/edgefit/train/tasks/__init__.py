"""What differs from task to task in training, found through one table."""

from __future__ import annotations

from edgefit.spec import CLASSIFICATION, Task
from edgefit.train.tasks.classification import ClassificationTask
from edgefit.train.tasks.task import TrainTask

__all__ = ["TASKS", "TrainTask"]

TASKS: dict[Task, TrainTask] = {CLASSIFICATION: ClassificationTask()}
