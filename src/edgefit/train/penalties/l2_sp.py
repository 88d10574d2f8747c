"""L2-SP: weight decay towards the pretrained weights instead of towards zero.

Li, Grandvalet and Davoine 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional
Networks" (https://arxiv.org/abs/1802.01483), equation 3. Their second term, plain weight decay of
the new layers, is left to the optimiser, which applies it to the head only.

The paper's sum runs over all parameters that the network shares with its source, so it includes
scales and shifts of batch norms. Decaying these to zero would switch channels off; holding them
where they were does not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgefit.train.penalties.penalty import TrainingStep


class StartingPointPenalty:
    """``strength / 2 * sum((w - w0)^2)`` over the backbone's parameters that learn.

    Args:
        backbone: Holds the starting weights ``w0``, which are copied; frozen parameters (no
            ``requires_grad``) cannot move and are left out.
        strength: Alpha of the paper. Adam divides a gradient by its own size. Beyond about 10, this
            term dominates the gradient, and more strength holds the weights no better.
    """

    name = "l2_sp"
    main_share = 1.0
    replaces_weight_decay = True

    def __init__(self, backbone: nn.Module, strength: float) -> None:
        self.strength = strength
        self.learns: list[nn.Parameter] = []
        self._start = {
            name: parameter.detach().clone()
            for name, parameter in backbone.named_parameters()
            if parameter.requires_grad
        }

    def __call__(self, step: TrainingStep) -> Tensor:
        """The penalty, a scalar ``float32``."""
        device = step.images_NCHW.device
        squares = [torch.zeros((), device=device)]
        for name, parameter in step.network.backbone.named_parameters():
            if name in self._start:
                start = self._start[name] = self._start[name].to(device)
                squares.append((parameter.float() - start).square().sum())
        return 0.5 * self.strength * torch.stack(squares).sum()
