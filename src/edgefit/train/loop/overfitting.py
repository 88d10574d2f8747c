"""Says in words when training and validation part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgefit.recipe import TrainConfig
from edgefit.train.loop.history import Row, is_same_size


def gap_in_words(history: Sequence[Row], config: TrainConfig) -> str | None:
    """The warning of the first epoch in which the gap opened, or None.

    The gap is open where the metric on training images exceeds that on validation by more than
    ``train.gap_warning`` and is the highest so far, while validation did not rise above its best of
    the epochs before; all at the same image size. Both are measured with the same weights on plain
    images; see :mod:`edgefit.train.loop.module`.

    Args:
        history: Rows of the training, first epoch first; missing values are None.
        config: Gives the metric and the bound.
    """
    on_validation, on_training = f"val_{config.metric}", f"train_{config.metric}"
    best = learned = None
    for number, row in enumerate(history):
        if number and not is_same_size(row, history[number - 1]):
            best = learned = None
        has_risen = best is None or row[on_validation] > best
        learns = row[on_training] is not None and row[on_training] >= (learned or 0)
        if learns:
            learned = row[on_training]
        if learns and not has_risen and row["gap"] is not None and row["gap"] > config.gap_warning:
            later = (
                r for r in history[number:] if is_same_size(r, row) and r[on_validation] > best
            )
            return (
                f"In epoch {row['epoch']} the network seems to learn its training images by heart: "
                f"{config.metric} is {row[on_training]:.3f} on training images and "
                f"{row[on_validation]:.3f} on validation, not above its {best:.3f} of before "
                f"(train.gap_warning is {config.gap_warning:g}).{_risen(later, on_validation)} "
                "More images or a stronger train.augment help most; then train.freeze_stages, or "
                "fewer train.epochs."
            )
        best = row[on_validation] if best is None else max(best, row[on_validation])
    return None


def _risen(later: Iterator[Row], name: str) -> str:
    row = next(later, None)
    return f" It rose above that in epoch {row['epoch']}, to {row[name]:.3f}." if row else ""
