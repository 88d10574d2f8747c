"""Mixed images with mixed targets: mixup and CutMix.

Zhang et al. 2018 (https://arxiv.org/abs/1710.09412), Yun et al. 2019
(https://arxiv.org/abs/1905.04899). Both mix a batch with a permutation of itself, on normalised
images, after augmentation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edgefit.recipe import MixingConfig

_STREAM = 0x6D6978
"""Keeps the draws apart from others that start from the same (seed, epoch, step)."""


@dataclass(frozen=True)
class Mixer:
    """Mixes batches; the draw depends on (seed, epoch, step) only.

    Attributes:
        config: Which kinds of mixing, how strong and how often.
        classes: Number of classes C.
        seed: The training's seed.
    """

    config: MixingConfig
    classes: int
    seed: int

    @property
    def is_on(self) -> bool:
        """Whether any batch is mixed."""
        return (self.config.mixup > 0 or self.config.cutmix > 0) and self.config.probability > 0

    def __call__(
        self, images_NCHW: Tensor, targets_N: Tensor, epoch: int, step: int
    ) -> tuple[Tensor, Tensor]:
        """Images (N, 3, H, W), and targets: the given ``int64`` (N,), or shares (N, C) if mixed.

        The given images do not change.
        """
        if not self.is_on or len(images_NCHW) < 2:
            return images_NCHW, targets_N
        rng = np.random.default_rng([self.seed, epoch, step, _STREAM])
        if rng.random() >= self.config.probability:
            return images_NCHW, targets_N
        kinds = [k for k in ("mixup", "cutmix") if getattr(self.config, k) > 0]
        kind = kinds[int(rng.integers(len(kinds)))]
        alpha = getattr(self.config, kind)
        share = float(rng.beta(alpha, alpha))
        order_N = torch.from_numpy(rng.permutation(len(images_NCHW))).to(images_NCHW.device)
        if kind == "mixup":
            images_NCHW = images_NCHW.lerp(images_NCHW[order_N], 1 - share)
        else:
            images_NCHW, share = _cut(images_NCHW, order_N, share, rng)
        one_hot_NC = functional.one_hot(targets_N, self.classes).to(torch.float32)
        return images_NCHW, one_hot_NC.lerp(one_hot_NC[order_N], 1 - share)


def _cut(
    images_NCHW: Tensor, order_N: Tensor, share: float, rng: np.random.Generator
) -> tuple[Tensor, float]:
    """Paste one box of the other images; returns the share of pixels that stayed.

    The box may be centred anywhere and is clipped at the border, so its clipped area counts (paper,
    A).
    """
    height, width = images_NCHW.shape[-2:]
    side = math.sqrt(1 - share)
    y, x = int(rng.integers(height)), int(rng.integers(width))
    half_height, half_width = round(height * side) // 2, round(width * side) // 2
    top, bottom = max(0, y - half_height), min(height, y + half_height)
    left, right = max(0, x - half_width), min(width, x + half_width)
    mixed_NCHW = images_NCHW.clone()
    others = images_NCHW[order_N][..., top:bottom, left:right]
    mixed_NCHW[..., top:bottom, left:right] = others
    return mixed_NCHW, 1 - (bottom - top) * (right - left) / (height * width)
