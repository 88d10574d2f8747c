"""What training does differently for classification: head, loss, and what validation measures."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgefit import metrics
from edgefit.recipe import TrainConfig


def build_head(features: int, classes: int, dropout: float) -> nn.Module:
    """A linear layer on the feature vector: (N, F) to logits (N, C)."""
    linear = nn.Linear(features, classes)
    nn.init.zeros_(linear.bias)
    nn.init.normal_(linear.weight, std=0.01)
    return nn.Sequential(nn.Dropout(dropout), linear)


class ClassificationLoss(nn.Module):
    """Cross entropy with label smoothing and, if asked, inverse-frequency class weights.

    Args:
        config: ``label_smoothing`` and ``balance`` are read.
        train_targets_N: Targets of the training images; their frequencies give the weights.
        classes: Number of classes C.
    """

    weight: Tensor | None

    def __init__(
        self, config: TrainConfig, train_targets_N: NDArray[np.int64], classes: int
    ) -> None:
        super().__init__()
        self.label_smoothing = config.label_smoothing
        weight = None
        if config.balance == "class-weights":
            counts = np.bincount(train_targets_N, minlength=classes)
            weight = torch.tensor(counts.sum() / (classes * counts), dtype=torch.float32)
        self.register_buffer("weight", weight)

    def forward(self, logits_NC: Tensor, targets_N: Tensor) -> Tensor:
        """Mean loss, a scalar."""
        return functional.cross_entropy(
            logits_NC, targets_N, weight=self.weight, label_smoothing=self.label_smoothing
        )


def validation_metrics(
    logits_NC: NDArray[np.float32], targets_N: NDArray[np.int64]
) -> dict[str, float]:
    """Point values of what a recipe may name as ``train.metric``, and the plain loss."""
    shifted = logits_NC - logits_NC.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -float(log_probabilities[np.arange(len(targets_N)), targets_N].mean())
    values = {
        name: float(metrics.METRICS[name](np.exp(log_probabilities), targets_N, None))
        for name in ("accuracy", "balanced_accuracy", "macro_f1")
    }
    return values | {"loss": loss}
