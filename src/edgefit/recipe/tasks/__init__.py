"""Parts of a recipe that differ from task to task, in one table."""

from edgefit.recipe.tasks.classification import CLASSIFICATION_RECIPE
from edgefit.recipe.tasks.task import RecipeTask
from edgefit.spec import CLASSIFICATION, Task

__all__ = ["TASKS", "RecipeTask"]

TASKS: dict[Task, RecipeTask] = {CLASSIFICATION: CLASSIFICATION_RECIPE}
"""Task -> the metrics that its recipes may name."""
