"""Build a backbone from its card: the torchvision network without its last layer."""

from __future__ import annotations

import torchvision
from torch import nn

from edgefit.errors import InputError
from edgefit.train.backbones.card import BackboneCard

BATCH_NORM_MOMENTUM = 0.1
"""Share of each batch in the running statistics. torchvision builds some networks with 0.01 (and
MNASNet with 0.0003), which suits hundreds of thousands of steps. In the few hundred steps of a
fine-tuning, such statistics would hardly leave those of the start."""


def build_backbone(card: BackboneCard) -> nn.Module:
    """The network of a card without its head: images (N, 3, H, W) to features (N, F).

    The weights are random until :func:`edgefit.train.backbones.weights.load_weights` is called.
    """
    builder = getattr(torchvision.models, card.builder)
    network: nn.Module = builder(weights=None, **card.builder_args)
    parent, _, leaf = card.head.rpartition(".")
    without_head = nn.AdaptiveAvgPool2d(1) if card.pool else nn.Identity()
    setattr(network.get_submodule(parent), leaf, without_head)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = BATCH_NORM_MOMENTUM
    return network


def check_input_size(card: BackboneCard, width: int, height: int) -> None:
    """Refuse an input that the network cannot process.

    Raises:
        InputError: A side is smaller than the card's ``min_input_size``.
    """
    if min(width, height) < card.min_input_size:
        raise InputError(
            f"The input is too small for {card.id}.",
            key="input.width / input.height",
            expected=f"at least {card.min_input_size} pixels a side",
            found=f"{width}x{height}",
            remedy="raise the input size or choose another backbone",
        )


def freeze_stages(backbone: nn.Module, card: BackboneCard, count: int) -> None:
    """Stop the first ``count`` stages from learning; their batch norms also keep their statistics.

    Raises:
        InputError: The card has fewer stages.
    """
    if count > len(card.stages):
        raise InputError(
            "The recipe freezes more stages than the backbone has.",
            key="train.freeze_stages",
            expected=f"0 to {len(card.stages)} for {card.id}",
            found=count,
        )
    for name, parameter in backbone.named_parameters():
        if card.stage_of(name) < count:
            parameter.requires_grad_(False)


def hold_statistics(backbone: nn.Module, *, all_of_them: bool) -> None:
    """Put batch norms into eval mode: they use their running statistics and do not change them.

    The statistics of a few hundred new images are worse than those of the pretraining, and batches
    of a few images make them noisy. Scale and shift still learn if they are not frozen.

    Args:
        backbone: In training mode.
        all_of_them: Whether every batch norm is meant, or only those with frozen parameters.
    """
    for module in backbone.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            parameters = list(module.parameters(recurse=False))
            if all_of_them or (parameters and not any(p.requires_grad for p in parameters)):
                module.eval()
