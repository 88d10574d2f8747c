"""What every phase of a training works on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from edgefit.data import tasks as data_tasks
from edgefit.data.frame_store import frames_in_order
from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.network import EdgeNetwork
from edgefit.train.over_frames import over_frames
from edgefit.train.penalties.penalty import Penalty
from edgefit.train.split_frames import SplitFrames

Validation = Callable[[NDArray[np.float32], NDArray[np.int64]], dict[str, float]]
"""``(head's result, targets) -> metrics and loss``."""


def no_penalties() -> Sequence[Penalty]:
    """The default of :attr:`Training.penalties`."""
    return ()


@dataclass(frozen=True)
class Training:
    """What every phase works on.

    Attributes:
        recipe: The run's recipe.
        table: The checked samples.
        frames: Frames of its train and val splits.
        network: Holds the weights so far; frozen parameters do not require a gradient.
        card: The backbone's card.
        folder: Where a phase writes its files and finds those of an earlier start.
        loss: Builds the task's loss for the training images.
        validation: The task's metrics.
        penalties: Builds the further terms of the loss.
        reporter: Shows the progress.
    """

    recipe: Recipe
    table: SampleTable
    frames: SplitFrames
    network: EdgeNetwork
    card: BackboneCard
    folder: Path
    loss: Callable[[Recipe, SampleTable], nn.Module]
    validation: Validation
    penalties: Callable[[], Sequence[Penalty]] = no_penalties
    reporter: Reporter = QUIET

    def measure(self, network: EdgeNetwork) -> dict[str, float]:
        """Validation metrics and loss of a network on the CPU."""
        network.eval()
        found = over_frames(
            lambda frames_NHWC: {"logits": network.logits(frames_NHWC)},
            frames_in_order(self.frames.val),
        )
        targets = data_tasks.TASKS[self.recipe.task].targets(self.table.of("val"))
        return self.validation(found["logits"], targets)
