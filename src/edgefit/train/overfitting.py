"""Says in words when training and validation part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgefit.recipe import TrainConfig


def gap_in_words(history: Sequence[dict[str, Any]], config: TrainConfig) -> str | None:
    """The warning of the first epoch in which the gap opened, or None.

    The gap is open where the metric on training images exceeds that on validation by more than
    ``train.gap_warning`` while validation did not rise above its best of the epochs before. Both
    are measured with the same weights on plain images; see :mod:`edgefit.train.module`.

    Args:
        history: Rows of the training, first epoch first; missing values are None.
        config: Gives the metric and the bound.
    """
    on_validation, on_training = f"val_{config.metric}", f"train_{config.metric}"
    best, size = None, None
    for row in history:
        if size != (size := (row.get("height"), row.get("width"))):
            best = None  # images of another size
        has_risen = best is None or row[on_validation] > best
        if not has_risen and row["gap"] is not None and row["gap"] > config.gap_warning:
            return (
                f"In epoch {row['epoch']} the network seems to learn its training images by heart: "
                f"{config.metric} is {row[on_training]:.3f} on training images and "
                f"{row[on_validation]:.3f} on validation, not above its {best:.3f} of before "
                f"(train.gap_warning is {config.gap_warning:g}). If validation does not rise "
                "again, more images or a stronger train.augment help most; then "
                "train.freeze_stages, or fewer train.epochs."
            )
        best = row[on_validation] if best is None else max(best, row[on_validation])
    return None
