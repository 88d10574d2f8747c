"""What differs from task to task in a model file: one file a task, found through one table."""

from __future__ import annotations

from typing import Protocol

from edgefit.export.tasks.classification import ClassificationExport
from edgefit.spec import CLASSIFICATION, LabelMap, Task

__all__ = ["TASKS", "ExportTask"]


class ExportTask(Protocol):
    """What a model file says for a task."""

    def model_api_facts(self, labels: LabelMap) -> dict[str, str]:
        """Key -> text that openvino-model-api reads for this task.

        Args:
            labels: Class names in output order.
        """
        ...


TASKS: dict[Task, ExportTask] = {CLASSIFICATION: ClassificationExport()}
"""Task -> what its model files say."""
