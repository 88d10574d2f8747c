"""Mixup and CutMix: what is mixed, how much, and that the draw repeats."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edgefit.recipe import MixingConfig
from edgefit.train.loop.mixing import Mixer

TARGETS_N = torch.tensor([0, 1, 2, 0, 1, 2])


def flat_images() -> Tensor:
    """Images (6, 3, 20, 30); every pixel is the number of its image."""
    return torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 3, 20, 30).clone()


def mixer(**config: float) -> Mixer:
    return Mixer(MixingConfig(**config), classes=3, seed=1)


def test_off_gives_back_what_came() -> None:
    for off in (mixer(), mixer(mixup=1.0, probability=0.0)):
        assert not off.is_on
        images_NCHW, targets_N = off(flat_images(), TARGETS_N, 0, 0)
        assert torch.equal(images_NCHW, flat_images())
        assert targets_N is TARGETS_N


def test_one_image_has_no_partner() -> None:
    _, targets_N = mixer(mixup=1.0)(flat_images()[:1], TARGETS_N[:1], 0, 0)
    assert targets_N.dtype == torch.int64


def test_mixup_mixes_pixels_and_targets_in_one_ratio() -> None:
    images_NCHW, shares_NC = mixer(mixup=1.0)(flat_images(), TARGETS_N, 3, 5)
    torch.testing.assert_close(shares_NC.sum(dim=1), torch.ones(6))
    assert torch.equal(images_NCHW.amin(dim=(1, 2, 3)), images_NCHW.amax(dim=(1, 2, 3)))
    moved = [n for n in range(6) if images_NCHW[n, 0, 0, 0] != n]
    assert moved
    # image n became (1 - t) n + t m, so its class kept the share 1 - t
    kept = {round(float(shares_NC[n, TARGETS_N[n]]), 5) for n in moved} - {1.0}
    assert len(kept) == 1
    (share,) = kept
    for n in moved:
        partner = (float(images_NCHW[n, 0, 0, 0]) - share * n) / (1 - share)
        assert partner == pytest.approx(round(partner), abs=1e-3)


def test_cutmix_pastes_a_box_and_counts_its_pixels() -> None:
    images_NCHW, shares_NC = mixer(cutmix=1.0)(flat_images(), TARGETS_N, 0, 1)
    seen = 0
    for n in range(6):
        pasted_HW = images_NCHW[n, 0] != n
        if pasted_HW.any():
            partner = int(images_NCHW[n, 0][pasted_HW][0])
            share = float(pasted_HW.float().mean())
            rows, columns = pasted_HW.any(1).sum(), pasted_HW.any(0).sum()
            assert rows * columns == pasted_HW.sum(), "one box"
            if TARGETS_N[partner] != TARGETS_N[n]:
                assert float(shares_NC[n, TARGETS_N[partner]]) == pytest.approx(share, abs=1e-6)
                seen += 1
    assert seen


def test_the_draw_depends_on_seed_epoch_and_step_alone() -> None:
    both = mixer(mixup=0.4, cutmix=1.0)
    first = both(flat_images(), TARGETS_N, 1, 2)
    torch.manual_seed(99)
    again = both(flat_images(), TARGETS_N, 1, 2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for epoch, step in ((1, 3), (2, 2)):
        assert not torch.equal(both(flat_images(), TARGETS_N, epoch, step)[0], first[0])


def test_probability_and_both_kinds() -> None:
    often = mixer(mixup=0.4, cutmix=1.0, probability=0.25)
    answers = [often(flat_images(), TARGETS_N, 0, step) for step in range(200)]
    mixed = [images for images, targets in answers if targets.is_floating_point()]
    assert 30 < len(mixed) < 70
    flat = [torch.equal(x.amin(dim=(1, 2, 3)), x.amax(dim=(1, 2, 3))) for x in mixed]
    assert 0.3 < sum(flat) / len(flat) < 0.7


def test_the_images_given_are_not_changed() -> None:
    images_NCHW = flat_images()
    for step in range(4):
        mixer(mixup=0.4, cutmix=1.0)(images_NCHW, TARGETS_N, 0, step)
    assert torch.equal(images_NCHW, flat_images())
