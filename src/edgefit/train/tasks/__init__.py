"""What differs from task to task in training, found through one table."""

from __future__ import annotations

from types import ModuleType

from edgefit.spec import CLASSIFICATION, Task
from edgefit.train.tasks import classification

TASKS: dict[Task, ModuleType] = {CLASSIFICATION: classification}
