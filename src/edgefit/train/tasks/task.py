"""What training asks of a task."""

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
    """One file in ``train/tasks/`` a task, found through :data:`edgefit.train.tasks.TASKS`."""

    def taps(self, card: BackboneCard) -> tuple[str, ...]:
        """Modules of the backbone whose feature maps the head takes beside the features."""
        ...

    def phases(self, recipe: Recipe) -> tuple[Phase, ...]:
        """The phases of a training, in order; one that fits a memory has no epochs."""
        ...

    def build_head(self, card: BackboneCard, labels: LabelMap, config: ModelConfig) -> nn.Module:
        """The head: features (N, F), with ``taps`` the maps too, to what loss and readout take."""
        ...

    def build_loss(self, recipe: Recipe, table: SampleTable) -> nn.Module:
        """The loss of a batch: ``(what the head gives, targets) -> scalar``.

        Args:
            recipe: ``train`` is read.
            table: The training images.
        """
        ...

    def readout(self, logits: Tensor, temperature: Tensor) -> dict[str, Tensor]:
        """From what the head gives to the outputs by name, in the order of the task's outputs."""
        ...

    def validation(
        self, logits: NDArray[np.float32], targets: NDArray[np.int64]
    ) -> dict[str, float]:
        """Point values of what a recipe may name as ``train.metric``, and ``loss``.

        Args:
            logits: What the head gives for the validation images.
            targets: What :class:`edgefit.data.tasks.DataTask` makes of them.
        """
        ...
