"""Feature maps from inside a backbone, for heads that need positions, not the pooled vector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn


def feature_maps(
    backbone: nn.Module, taps: Sequence[str], images_NCHW: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a backbone once and record the outputs of some of its modules.

    Args:
        backbone: Takes ``float32`` (N, 3, H, W); does not change.
        taps: Dotted names of modules, such as those of a card's taps.
        images_NCHW: Normalised images.

    Returns:
        The features (N, F), and the map (N, c, h, w) of each tap in the order of ``taps``.

    Raises:
        AttributeError: The backbone has no such module.
    """
    found: dict[str, Tensor] = {}

    def note(name: str, module: nn.Module, inputs: object, output: Tensor) -> None:
        found[name] = output

    hooks = [
        backbone.get_submodule(name).register_forward_hook(partial(note, name)) for name in taps
    ]
    try:
        features_NF: Tensor = backbone(images_NCHW)
    finally:
        for hook in hooks:
            hook.remove()
    return features_NF, tuple(found[name] for name in taps)
