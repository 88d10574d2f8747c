"""What a task provides to recipes: the metrics that they may name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RecipeTask:
    """The metrics of a task.

    Attributes:
        train_metrics: Values of ``train.metric``; the first is the default.
        verify_metrics: Values of ``verify.metric``; the first is the default.
    """

    train_metrics: tuple[str, ...]
    verify_metrics: tuple[str, ...]
