"""Training steps as the loop makes them, and networks that moved away from their start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.penalty import TrainingStep
from tests.tiny_network import colour_frames


def step_of(network: EdgeNetwork, *, count: int = 8, **other: Any) -> TrainingStep:
    """One training step on colour frames, as the loop makes it."""
    frames, targets = (torch.from_numpy(x) for x in colour_frames(count, seed=1))
    images_NCHW = network.normalise(frames)
    features_NF = network.backbone(images_NCHW)
    logits_NC = network.head(features_NF)
    step = TrainingStep(
        network, frames, images_NCHW, features_NF, logits_NC, targets, epoch=0, index=0, seed=0
    )
    return replace(step, **other)


def moved(network: EdgeNetwork, by: float) -> None:
    """Push every weight of the backbone."""
    with torch.no_grad():
        for parameter in network.backbone.parameters():
            parameter.add_(by)
