"""What a task provides to the export."""

from __future__ import annotations

from typing import Protocol

from edgefit.spec import LabelMap


class ExportTask(Protocol):
    """What a model file states for a task."""

    def model_api_facts(self, labels: LabelMap) -> dict[str, str]:
        """Key -> text that openvino-model-api reads for this task.

        Args:
            labels: Class names in output order.
        """
        ...
