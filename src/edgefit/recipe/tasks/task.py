"""What a recipe asks of a task: the metrics that it may name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RecipeTask:
    """The metrics of a task.

    Attributes:
        train_metrics: What ``train.metric`` may name; the first is the default.
        verify_metrics: What ``verify.metric`` may name; the first is the default.
    """

    train_metrics: tuple[str, ...]
    verify_metrics: tuple[str, ...]
