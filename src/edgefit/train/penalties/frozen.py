"""A network that predicts and never learns."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

T = TypeVar("T", bound=nn.Module)


class Frozen(Generic[T]):
    """A copy of a network in eval mode, without gradients, that follows the data's device.

    It is not an ``nn.Module``: as part of one it would be switched to train mode, saved in each
    checkpoint, and averaged with the weights that learn.

    Args:
        network: The network to copy.
    """

    def __init__(self, network: T) -> None:
        self._network: T = copy.deepcopy(network).eval().requires_grad_(False)
        self._network.to(memory_format=torch.channels_last)

    def on(self, device: torch.device) -> T:
        """The network on a device."""
        return self._network.to(device)
