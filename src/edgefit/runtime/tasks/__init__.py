"""Device code that differs from task to task: one file per task, in one table."""

from __future__ import annotations

from edgefit.runtime.tasks.classification import ClassificationTask
from edgefit.runtime.tasks.task import (
    Cell,
    Change,
    Columns,
    Comparison,
    RuntimeTask,
)
from edgefit.spec import CLASSIFICATION, Task

__all__ = [
    "TASKS",
    "Cell",
    "Change",
    "Columns",
    "Comparison",
    "RuntimeTask",
]

TASKS: dict[Task, RuntimeTask] = {CLASSIFICATION: ClassificationTask()}
"""Task -> how the device reads, writes, draws and compares its answers."""
