"""Metrics that differ from task to task, in one table."""

from __future__ import annotations

from edgefit.metrics.tasks.classification import ClassificationMetrics
from edgefit.metrics.tasks.task import MetricsTask
from edgefit.spec import CLASSIFICATION, Task

__all__ = ["TASKS", "MetricsTask"]

TASKS: dict[Task, MetricsTask] = {CLASSIFICATION: ClassificationMetrics()}
"""Task -> its metrics."""
