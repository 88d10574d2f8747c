"""The parts of page and card that differ from task to task, found through one table."""

from __future__ import annotations

from edgefit.report.tasks.classification import ClassificationReport
from edgefit.report.tasks.task import ReportTask
from edgefit.spec import CLASSIFICATION, Task

__all__ = ["TASKS", "ReportTask"]

TASKS: dict[Task, ReportTask] = {CLASSIFICATION: ClassificationReport()}
"""Task -> its part of the report."""
