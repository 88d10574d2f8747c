"""Which epoch's weights are kept, and when training stops early."""

from __future__ import annotations

import math
from typing import TypedDict

from edgefit.recipe import TrainConfig
from edgefit.records.train import EpochRow


class JudgeState(TypedDict):
    """What a checkpoint keeps of an :class:`EpochJudge`, in plain values."""

    row: object
    epochs_without_gain: int
    highest: tuple[float, float] | None
    risen_to: float | None


class EpochJudge:
    """Judges epochs as they end, by the metric on validation: which to keep, and when to stop.

    A few hundred validation images cannot tell epochs apart that differ by an image or two, and
    the falling learning rate settles the weights towards the end. So ``within-error`` keeps the
    latest epoch that is at most one standard error below the highest. The bound is that of the
    one-standard-error rule (Breiman, Friedman, Olshen and Stone 1984, "Classification and
    Regression Trees", section 3.4.3); that rule takes the simplest model within it, this one the
    latest. The kept epoch may be worse by that error: 0.04 at 0.8 on 96 images. Where a long
    training slowly over-fits within the error, use ``best`` or early stopping.

    Args:
        config: ``metric``, ``keep_epoch`` and ``early_stopping`` are read.

    Attributes:
        kept: The row of the epoch to keep so far; None before the first.
        epochs_without_gain: Epochs since the metric last rose by more than ``min_delta``.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.kept: EpochRow | None = None
        self.epochs_without_gain = 0
        self._highest: tuple[float, float] | None = None
        self._risen_to: float | None = None

    def judge(self, row: EpochRow, images: int) -> None:
        """Judge an epoch that ended.

        Args:
            row: What was measured in it; its validation holds the metric and ``loss``.
            images: Validation images it was measured on.
        """
        value = row.validation[self.config.metric]
        # among epochs with the same metric, the one with the lower loss is the best
        rank = (value, -row.validation["loss"])
        is_highest = self._highest is None or rank > self._highest
        if is_highest:
            self._highest = rank
        assert self._highest is not None
        match self.config.keep_epoch:
            case "best":
                keep = is_highest
            case "last":
                keep = True
            case "within-error":
                highest = self._highest[0]
                keep = value >= highest - standard_error(highest, images)
        if keep:
            self.kept = row
        # patience waits for a rise of min_delta; an epoch with a smaller one may still be kept
        delta = self.config.early_stopping.min_delta
        if self._risen_to is None or value > self._risen_to + delta:
            self._risen_to, self.epochs_without_gain = value, 0
        else:
            self.epochs_without_gain += 1

    @property
    def patience_is_over(self) -> bool:
        """Whether validation has not gained for ``early_stopping.patience`` epochs."""
        patience = self.config.early_stopping.patience
        return patience > 0 and self.epochs_without_gain >= patience

    def state(self) -> JudgeState:
        """What a checkpoint keeps."""
        return {
            "row": self.kept.to_json() if self.kept else None,
            "epochs_without_gain": self.epochs_without_gain,
            "highest": self._highest,
            "risen_to": self._risen_to,
        }

    def load(self, state: JudgeState) -> None:
        """Restore a state that :meth:`state` returned."""
        row = state["row"]
        self.kept = None if row is None else EpochRow.model_validate(row)
        self.epochs_without_gain = state["epochs_without_gain"]
        self._highest = state["highest"]
        self._risen_to = state["risen_to"]


def standard_error(value: float, images: int) -> float:
    """Standard error of a share ``value`` of ``images``; above 0 even for a share of 1.

    Agresti and Coull 1998 (two more of each outcome). It is approximate for a mean over classes, in
    which a rare class weighs more, and too small for images that belong together.
    """
    share = (value * images + 2) / (images + 4)
    return math.sqrt(share * (1 - share) / (images + 4))
