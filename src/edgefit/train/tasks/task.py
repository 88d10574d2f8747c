"""What training needs from a task."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefit.data.table import SampleTable
from edgefit.recipe import ModelConfig, Recipe
from edgefit.spec import LabelMap
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.phases.phase import Phase


class TrainTask(Protocol):
    """One file in ``train/tasks/`` per task, found through :data:`edgefit.train.tasks.TASKS`."""

    def taps(self, card: BackboneCard) -> tuple[str, ...]:
        """Modules of the backbone whose feature maps the head takes in addition to the features."""
        ...

    def phases(self, recipe: Recipe) -> tuple[Phase, ...]:
        """The phases of a training, in order; a phase may have no epochs, such as the probe."""
        ...

    def build_head(self, card: BackboneCard, labels: LabelMap, config: ModelConfig) -> nn.Module:
        """The head: takes features (N, F), with ``taps`` the maps too; returns the loss's input."""
        ...

    def build_loss(self, recipe: Recipe, table: SampleTable) -> nn.Module:
        """The loss of a batch: ``(head's result, targets) -> scalar``.

        Args:
            recipe: ``train`` is read.
            table: The training images.
        """
        ...

    def readout(self, logits: Tensor, temperature: Tensor) -> dict[str, Tensor]:
        """Turn the head's result into outputs by name, in the order of the task's outputs."""
        ...

    def validation(
        self, logits: NDArray[np.float32], targets: NDArray[np.int64]
    ) -> dict[str, float]:
        """Point values of the metrics that a recipe may set as ``train.metric``, and ``loss``.

        Args:
            logits: The head's results for the validation images.
            targets: Their targets, from :class:`edgefit.data.tasks.DataTask`.
        """
        ...
