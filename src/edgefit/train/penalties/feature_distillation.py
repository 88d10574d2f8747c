"""Keep the features of the starting network on the training images.

Learning without Forgetting (Li and Hoiem 2016, https://arxiv.org/abs/1606.09282) holds the answers
of the old head. A backbone that is fine-tuned here has lost its old head, so its features are held
instead, as in FitNets' hints (Romero 2015, https://arxiv.org/abs/1412.6550).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgefit.train.penalties.frozen import Frozen
from edgefit.train.penalties.penalty import TrainingStep

_TINY = 1e-12


class FeatureDistillation:
    """``weight * mean |f - f0|^2 / mean |f0|^2``, with f0 the features of the start.

    The division makes the weight independent of the backbone: at weight 1.0, features as far from
    the start's as those are from zero cost 1.

    Args:
        backbone: Its present weights are the start; they are copied.
        weight: Weight of the penalty.
    """

    name = "distill"
    main_share = 1.0
    replaces_weight_decay = False

    def __init__(self, backbone: nn.Module, weight: float) -> None:
        self.weight = weight
        self.learns: list[nn.Parameter] = []
        self._start = Frozen(backbone)

    def __call__(self, step: TrainingStep) -> Tensor:
        """The penalty, a scalar ``float32``; the start gets the same input as the backbone."""
        with torch.no_grad():
            start_NF = self._start.on(step.images_NCHW.device)(step.images_NCHW).float()
        moved = (step.features_NF.float() - start_NF).square().sum(dim=1).mean()
        norm = start_NF.square().sum(dim=1).mean().clamp_min(_TINY)
        penalty: Tensor = self.weight * moved / norm
        return penalty
