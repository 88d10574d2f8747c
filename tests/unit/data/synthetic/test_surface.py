"""Sound parts: metal with bores, on a canvas that holds them whole."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.data.synthetic.surface import centred_grid, draw_part, smooth_noise


def test_a_part_is_metal_in_the_middle_of_an_empty_canvas() -> None:
    for seed in range(12):
        part = draw_part(np.random.default_rng(seed), 128)
        assert part.albedo_HWC.shape == (128, 128, 3)
        assert part.height_HW.shape == part.cover_HW.shape == (128, 128)
        arrays = (part.albedo_HWC, part.height_HW, part.cover_HW)
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
        assert all(np.isfinite(array).all() for array in arrays)
        assert part.cover_HW.min() == 0
        assert part.cover_HW.max() == 1
        assert 0 <= part.albedo_HWC.min() <= part.albedo_HWC.max() <= 1.2
        border = np.concatenate([part.cover_HW[[0, -1]].ravel(), part.cover_HW[:, [0, -1]].ravel()])
        assert not border.any(), "the part is whole"
        assert 0.1 < (part.cover_HW > 0.5).mean() < 0.7


def test_parts_depend_on_the_seed_alone() -> None:
    first, again, other = (draw_part(np.random.default_rng(seed), 96) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.albedo_HWC, again.albedo_HWC)
    np.testing.assert_array_equal(first.height_HW, again.height_HW)
    assert not np.array_equal(first.cover_HW, other.cover_HW)


def test_both_turned_and_ground_parts_are_drawn() -> None:
    kinds = {draw_part(np.random.default_rng(seed), 64).turned for seed in range(20)}
    assert kinds == {True, False}


@pytest.mark.parametrize("side", [64, 65])
def test_the_grid_is_centred_and_cannot_be_changed(side: int) -> None:
    x, y = centred_grid(side)
    assert x.sum() == pytest.approx(0)
    np.testing.assert_array_equal(x, y.T)
    assert x[0, 0] == -x[0, -1] == -(side - 1) / 2
    with pytest.raises(ValueError, match="read-only"):
        x[0, 0] = 1


def test_noise_is_smooth_over_its_cells() -> None:
    noise = smooth_noise(np.random.default_rng(0), 256, 8)
    assert noise.shape == (256, 256)
    assert 0.3 < noise.std() < 1.5
    assert np.abs(np.diff(noise, axis=1)).max() < noise.std() / 2
