"""Contents of a model file that differ from task to task: one file per task, in one table."""

from __future__ import annotations

from edgefit.export.tasks.classification import ClassificationExport
from edgefit.export.tasks.task import ExportTask
from edgefit.spec import CLASSIFICATION, Task

__all__ = ["TASKS", "ExportTask"]

TASKS: dict[Task, ExportTask] = {CLASSIFICATION: ClassificationExport()}
"""Task -> what its model files state."""
