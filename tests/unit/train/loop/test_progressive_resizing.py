"""Progressive resizing: which epochs, which size, and how pixels are averaged."""

from __future__ import annotations

import pytest
import torch

from edgefit.recipe import ResizingConfig
from edgefit.train.loop.progressive_resizing import Resizer


def resizer(share: float = 0.5, scale: float = 0.5, epochs: int = 8, smallest: int = 32) -> Resizer:
    return Resizer(ResizingConfig(share=share, scale=scale), epochs, smallest)


@pytest.mark.parametrize(
    ("share", "epochs", "small"), [(0, 8, 0), (0.5, 8, 4), (0.9, 2, 1), (0.99, 1, 0), (0.3, 10, 3)]
)
def test_the_first_epochs_are_small_and_the_last_never_is(
    share: float, epochs: int, small: int
) -> None:
    sized = resizer(share, epochs=epochs)
    sizes = [sized.size_at(epoch, 128, 128) for epoch in range(epochs)]
    assert sizes == [(64, 64)] * small + [(128, 128)] * (epochs - small)


@pytest.mark.parametrize(
    ("side", "scale", "smallest", "found"),
    [
        (224, 0.67, 32, 144),  # 150.08
        (96, 0.67, 32, 64),  # 64.32
        (96, 0.5, 75, 75),  # the backbone's smallest
        (64, 0.99, 32, 64),
        (44, 0.95, 32, 44),  # 48 would be larger than the input
        (40, 0.25, 8, 16),
    ],
)
def test_sides_are_multiples_of_16_within_bounds(
    side: int, scale: float, smallest: int, found: int
) -> None:
    assert resizer(scale=scale, smallest=smallest).size_at(0, side, 128)[0] == found


def test_height_and_width_shrink_alike() -> None:
    assert resizer().size_at(0, 192, 96) == (96, 48)


def test_images_are_averaged_and_stay_channels_last() -> None:
    images_NCHW = torch.zeros(2, 3, 64, 64)
    images_NCHW[..., ::2] = 1.0  # the finest stripes there are
    images_NCHW = images_NCHW.contiguous(memory_format=torch.channels_last)
    small_NCHW = resizer()(images_NCHW, 0)
    assert small_NCHW.shape == (2, 3, 32, 32)
    assert small_NCHW.is_contiguous(memory_format=torch.channels_last)
    assert small_NCHW[..., 2:-2].sub(0.5).abs().max() < 0.05, "no aliasing"
    assert resizer()(images_NCHW, 7) is images_NCHW
