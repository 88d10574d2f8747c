"""Warns when the metric on training images and that on validation diverge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgefit.recipe import TrainConfig
from edgefit.records.train import EpochRow


def gap_in_words(history: Sequence[EpochRow], config: TrainConfig) -> str | None:
    """The warning about the first epoch in which the gap opened, or None.

    The gap is open if the metric on training images exceeds that on validation by more than
    ``train.gap_warning`` and is the highest so far, while validation did not rise above its best in
    earlier epochs, all at the same image size. Both are measured with the same weights on images
    without augmentation; see :mod:`edgefit.train.loop.module`.

    Args:
        history: Rows of the training, first epoch first; missing values are None.
        config: Gives the metric and the bound.
    """
    best: float | None = None
    learned: float | None = None
    for number, row in enumerate(history):
        if number and not row.is_same_size(history[number - 1]):
            best = learned = None
        value, on_training = row.validation[config.metric], row.on_training.get(config.metric)
        learns = on_training is not None and on_training >= (learned or 0)
        if learns:
            learned = on_training
        is_open = row.gap is not None and row.gap > config.gap_warning
        if learns and is_open and best is not None and value <= best:
            later = (r for r in history[number:] if r.is_same_size(row))
            return (
                f"In epoch {row.epoch} the network seems to learn its training images by heart: "
                f"{config.metric} is {on_training:.3f} on training images and "
                f"{value:.3f} on validation, not above its earlier best of {best:.3f} "
                f"(train.gap_warning is {config.gap_warning:g})."
                f"{_risen(later, config.metric, best)} "
                "More images or a stronger train.augment help most, then train.freeze_stages or "
                "fewer train.epochs."
            )
        best = value if best is None else max(best, value)
    return None


def _risen(later: Iterator[EpochRow], metric: str, best: float) -> str:
    for row in later:
        if row.validation[metric] > best:
            return f" It rose above that in epoch {row.epoch}, to {row.validation[metric]:.3f}."
    return ""
