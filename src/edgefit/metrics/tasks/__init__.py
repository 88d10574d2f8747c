"""What differs from task to task where outputs are measured, found through one table."""

from __future__ import annotations

from edgefit.metrics.tasks.classification import ClassificationMetrics
from edgefit.metrics.tasks.task import MetricsTask
from edgefit.spec import CLASSIFICATION, Task

__all__ = ["TASKS", "MetricsTask"]

TASKS: dict[Task, MetricsTask] = {CLASSIFICATION: ClassificationMetrics()}
"""Task -> its metrics; also the source of the names that a recipe may give."""
