"""Learning rates: over time in closed form, so that a resumed run needs no schedule state, and over
depth by stages.

Linear warm-up, then a cosine decay (Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983).
Stages nearer to the input learn slower (layer-wise decay: Howard & Ruder 2018,
https://arxiv.org/abs/1801.06146; Bao et al. 2022, https://arxiv.org/abs/2106.08254).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from edgefit.recipe import TrainConfig
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.penalty import Penalty

SHORTEST_WARMUP = 0.05
"""A warm-up takes at least this share of all steps."""


@dataclass(frozen=True)
class Schedule:
    """The head's rate at each optimiser step; a stage's is a fixed share of it.

    Attributes:
        config: Peak rate, epochs and warm-up.
        steps_per_epoch: Optimiser steps in one epoch.
    """

    config: TrainConfig
    steps_per_epoch: int

    def rate(self, step: int) -> float:
        """Absolute learning rate at ``step``, from 0."""
        total = max(1, self.config.epochs * self.steps_per_epoch)
        warmup = min(total - 1, self._warmup(total))
        if step < warmup:
            return self.config.learning_rate * (step + 1) / (warmup + 1)
        progress = min(1.0, (step - warmup) / max(1, total - warmup))
        floor = self.config.final_rate
        share = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))
        return self.config.learning_rate * share

    def _warmup(self, total: int) -> int:
        """Steps of the warm-up, with a minimum: with few images, half an epoch is a single step."""
        if not self.config.warmup_epochs:
            return 0
        asked = round(self.config.warmup_epochs * self.steps_per_epoch)
        return max(asked, round(SHORTEST_WARMUP * total))


def parameter_groups(
    network: EdgeNetwork, card: BackboneCard, config: TrainConfig, penalties: Sequence[Penalty] = ()
) -> list[dict[str, Any]]:
    """Groups for an optimiser: ``params``, ``weight_decay`` and ``share`` of the rate.

    The last stage, the head and the penalties' own parameters have share 1, each earlier stage
    ``layer_decay`` times the share of the next one. Biases and norms are not decayed (He et al.
    2019, https://arxiv.org/abs/1812.01187), nor is the backbone if a penalty replaces its decay.
    """
    backbone_decay = config.weight_decay
    if any(penalty.replaces_weight_decay for penalty in penalties):
        backbone_decay = 0.0
    last = len(card.stages) - 1
    parts: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.backbone.named_parameters():
        share = config.layer_decay ** (last - card.stage_of(name))
        decay = backbone_decay if parameter.ndim > 1 else 0.0
        parts.setdefault((share, decay), []).append(parameter)
    own = [p for penalty in penalties for p in penalty.learns]
    for parameter in [*network.head.parameters(), *own]:
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        parts.setdefault((1.0, decay), []).append(parameter)
    groups = [
        {"params": [p for p in params if p.requires_grad], "weight_decay": decay, "share": share}
        for (share, decay), params in parts.items()
    ]
    return [group for group in groups if group["params"]]
