"""What differs from task to task where outputs become decisions, found through one table."""

from __future__ import annotations

from edgefit.operating.tasks.classification import ClassificationOperating
from edgefit.operating.tasks.task import Choice, OperatingTask
from edgefit.spec import CLASSIFICATION, Task

__all__ = ["TASKS", "Choice", "OperatingTask"]

TASKS: dict[Task, OperatingTask] = {CLASSIFICATION: ClassificationOperating()}
"""Task -> how its rule is chosen, applied and measured."""
