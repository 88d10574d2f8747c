"""The metrics that a recipe of a classifier may name."""

from edgefit.recipe.tasks.task import RecipeTask

CLASSIFICATION_RECIPE = RecipeTask(
    train_metrics=("balanced_accuracy", "accuracy", "macro_f1"),
    verify_metrics=("accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "average_precision"),
)
