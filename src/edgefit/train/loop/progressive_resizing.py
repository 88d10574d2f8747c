"""Progressive resizing: early epochs on fewer pixels, which cost less.

Howard 2018 (fast.ai's DAWNBench entry, https://www.fast.ai/posts/2018-04-30-dawnbench-fastai.html);
Touvron et al. 2019 (https://arxiv.org/abs/1906.06423) explain why a network copes with the change.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edgefit.recipe import ResizingConfig

_MULTIPLE = 16


@dataclass(frozen=True)
class Resizer:
    """Makes a batch smaller in the first epochs.

    Attributes:
        config: The share of the epochs, and the smaller size.
        epochs: Number of all epochs.
        smallest: The backbone's smallest sensible side in pixels.
    """

    config: ResizingConfig
    epochs: int
    smallest: int

    @property
    def small_epochs(self) -> int:
        """How many epochs run at the smaller size; the last one never does."""
        return min(round(self.config.share * self.epochs), self.epochs - 1)

    def size_at(self, epoch: int, height: int, width: int) -> tuple[int, int]:
        """Height and width in pixels in an epoch (from 0) for an input of this size."""
        if epoch >= self.small_epochs:
            return height, width
        return self._side(height), self._side(width)

    def __call__(self, images_NCHW: Tensor, epoch: int) -> Tensor:
        """Images (N, 3, H, W) at the epoch's size; antialiased bilinear."""
        height, width = images_NCHW.shape[-2:]
        size = self.size_at(epoch, height, width)
        if size == (height, width):
            return images_NCHW
        small_NCHW = functional.interpolate(
            images_NCHW, size, mode="bilinear", antialias=True, align_corners=False
        )
        return small_NCHW.contiguous(memory_format=torch.channels_last)

    def _side(self, side: int) -> int:
        scaled = max(_MULTIPLE, round(self.config.scale * side / _MULTIPLE) * _MULTIPLE)
        return min(side, max(scaled, self.smallest))
