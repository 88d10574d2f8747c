"""What training does for classification: phases, head, loss, and metrics of validation."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgefit import metrics
from edgefit.data.table import SampleTable
from edgefit.recipe import ModelConfig, Recipe, TrainConfig
from edgefit.spec import LabelMap
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.network import softmax_readout
from edgefit.train.phases.full import FullPhase
from edgefit.train.phases.interpolation import InterpolationPhase
from edgefit.train.phases.phase import Phase
from edgefit.train.phases.probe import ProbePhase

EFFECTIVE_BETA = 0.999
"""b of the effective number of images; the paper's middle value: beyond about a thousand images of
a class, more of them hardly count."""


class ClassificationTask:
    """One class for each image; see :class:`edgefit.train.tasks.task.TrainTask`."""

    def taps(self, card: BackboneCard) -> tuple[str, ...]:
        """None: the pooled features are enough."""
        return ()

    def phases(self, recipe: Recipe) -> tuple[Phase, ...]:
        """A probe, all layers, or both; then the line between them if the recipe asks for it."""
        config = recipe.train
        phases: list[Phase] = []
        if config.mode != "full":
            phases.append(ProbePhase())
        if config.mode != "probe":
            phases.append(FullPhase())
        if config.interpolation.points:
            phases.append(InterpolationPhase())
        return tuple(phases)

    def build_head(self, card: BackboneCard, labels: LabelMap, config: ModelConfig) -> nn.Module:
        """Dropout and a linear layer: (N, F) to logits (N, C)."""
        return linear_head(card.feature_dim, len(labels), config.dropout)

    def build_loss(self, recipe: Recipe, table: SampleTable) -> nn.Module:
        """Cross entropy, smoothed and balanced as the recipe says."""
        return ClassificationLoss(recipe.train, table.targets_N(), len(table.labels))

    def readout(self, logits: Tensor, temperature: Tensor) -> dict[str, Tensor]:
        """``probabilities`` (N, C)."""
        return softmax_readout(logits, temperature)

    def validation(
        self, logits: NDArray[np.float32], targets: NDArray[np.int64]
    ) -> dict[str, float]:
        """Accuracy, balanced accuracy, macro F1 and the plain loss."""
        return validation_metrics(logits, targets)


def linear_head(features: int, classes: int, dropout: float) -> nn.Sequential:
    """A linear layer on the feature vector: (N, F) to logits (N, C)."""
    linear = nn.Linear(features, classes)
    nn.init.zeros_(linear.bias)
    nn.init.normal_(linear.weight, std=0.01)
    return nn.Sequential(nn.Dropout(dropout), linear)


class ClassificationLoss(nn.Module):
    """Cross entropy with label smoothing, for plain and mixed targets, balanced if asked.

    ``class-weights`` and ``effective-number`` multiply the loss of an image by the weight of its
    class (of its classes by their shares, if mixed); the weights average 1 over the training
    images, so that the mean over a batch is unbiased, however a batch is divided. Effective number:
    (1 - b) / (1 - b^n) for n images (Cui et al. 2019, https://arxiv.org/abs/1901.05555).
    ``logit-adjustment`` adds the log frequency of each class to the logits in training only (Menon
    et al. 2021, https://arxiv.org/abs/2007.07314), so that plain logits are balanced.

    Args:
        config: ``label_smoothing`` and ``balance`` are read.
        train_targets_N: Targets of the training images; their frequencies give the weights.
        classes: Number of classes C.
    """

    weight: Tensor | None
    log_prior: Tensor | None

    def __init__(
        self, config: TrainConfig, train_targets_N: NDArray[np.int64], classes: int
    ) -> None:
        super().__init__()
        self.label_smoothing = config.label_smoothing
        images_C = np.bincount(train_targets_N, minlength=classes).clip(1)
        weight = log_prior = None
        if config.balance in ("class-weights", "effective-number"):
            effective_C = images_C.astype(np.float64)
            if config.balance == "effective-number":
                effective_C = (1 - EFFECTIVE_BETA**effective_C) / (1 - EFFECTIVE_BETA)
            weight_C = images_C.sum() / (images_C / effective_C).sum() / effective_C
            weight = torch.tensor(weight_C, dtype=torch.float32)
        elif config.balance == "logit-adjustment":
            log_prior = torch.tensor(np.log(images_C / images_C.sum()), dtype=torch.float32)
        self.register_buffer("weight", weight)
        self.register_buffer("log_prior", log_prior)

    def forward(self, logits_NC: Tensor, targets: Tensor) -> Tensor:
        """Mean loss, a scalar.

        Args:
            logits_NC: (N, C), any precision.
            targets: Classes ``int64`` (N,), or their shares ``float32`` (N, C); each row sums to 1.
        """
        logits_NC = logits_NC.float()
        if self.log_prior is not None:
            logits_NC = logits_NC + self.log_prior
        loss_N = functional.cross_entropy(
            logits_NC, targets, label_smoothing=self.label_smoothing, reduction="none"
        )
        if self.weight is not None:
            is_mixed = targets.is_floating_point()
            loss_N = loss_N * (targets @ self.weight if is_mixed else self.weight[targets])
        return loss_N.mean()


def validation_metrics(
    logits_NC: NDArray[np.float32], targets_N: NDArray[np.int64]
) -> dict[str, float]:
    """Point values of the metrics that a recipe may set as ``train.metric``, and the plain loss."""
    shifted = logits_NC - logits_NC.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -float(log_probabilities[np.arange(len(targets_N)), targets_N].mean())
    values = {
        name: float(metrics.METRICS[name](np.exp(log_probabilities), targets_N, None))
        for name in ("accuracy", "balanced_accuracy", "macro_f1")
    }
    return values | {"loss": loss}
