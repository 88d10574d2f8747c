"""Operating points that differ from task to task, in one table."""

from __future__ import annotations

from edgefit.operating.tasks.classification import ClassificationOperating
from edgefit.operating.tasks.task import Choice, OperatingTask
from edgefit.spec import CLASSIFICATION, Task

__all__ = ["TASKS", "Choice", "OperatingTask"]

TASKS: dict[Task, OperatingTask] = {CLASSIFICATION: ClassificationOperating()}
"""Task -> how its rule is chosen, applied and measured."""
