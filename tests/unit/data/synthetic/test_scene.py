"""The belt, the light and the camera, each by what it does to an image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgefit.data.synthetic.scene import (
    Camera,
    Light,
    Pose,
    draw_belt,
    draw_camera,
    draw_light,
    photograph,
    place_part,
)
from edgefit.data.synthetic.surface import Array, draw_part

PERFECT = Camera(exposure=1, falloff=0, falloff_angle=0, motion=0, defocus=0, noise=0)
LAMP = Light(angle=-2.2, relief=0.8, gloss=0.3, tint=(1, 1, 1))


def flat(level: float, side: int = 32) -> Array:
    return np.full((side, side, 3), level, np.float32)


def taken(light: Array, camera: Camera, seed: int = 0) -> np.ndarray:
    return photograph(light, camera, np.random.default_rng(seed), (32, 32)).astype(int)


def test_a_perfect_camera_gives_the_root_of_the_light() -> None:
    assert (taken(flat(0.25), PERFECT) == 128).all()
    assert (taken(flat(9), PERFECT) == 255).all(), "too much light is white, not black"


def test_exposure_falloff_and_noise_do_what_they_say() -> None:
    level = taken(flat(0.25), PERFECT).mean()
    assert taken(flat(0.25), replace(PERFECT, exposure=2)).mean() > 1.3 * level
    fallen = taken(flat(0.25), replace(PERFECT, falloff=0.4))
    assert fallen[:, 0].mean() > fallen[:, 16].mean() > fallen[:, -1].mean()
    noisy = taken(flat(0.25), replace(PERFECT, noise=4))
    assert 2 < noisy.std() < 6
    assert not np.array_equal(noisy, taken(flat(0.25), replace(PERFECT, noise=4), seed=1))


def test_motion_smears_along_the_belt_and_defocus_in_all_directions() -> None:
    point = flat(0.0)
    point[16, 16] = 1
    moved = taken(point, replace(PERFECT, motion=4)).max(axis=2)
    assert np.count_nonzero(moved.max(axis=0)) == 5
    assert np.count_nonzero(moved.max(axis=1)) == 1
    blurred = taken(point, replace(PERFECT, defocus=1.5)).max(axis=2)
    np.testing.assert_array_equal(blurred, blurred.T)
    assert np.count_nonzero(blurred.max(axis=1)) > 3


def test_a_part_changes_the_belt_where_it_lies_and_nowhere_far_from_it() -> None:
    part = draw_part(np.random.default_rng(1), 64)
    belt = flat(0.1, side=200)
    scene = belt.copy()
    place_part(scene, part, Pose(x=60, y=60, angle=0.4, scale=1), LAMP)
    changed = np.abs(scene - belt).max(axis=2) > 1e-4
    assert changed[30:90, 30:90].mean() > 0.2
    assert not changed[:, 120:].any()
    assert not changed[120:].any()


@pytest.mark.parametrize(("x", "y"), [(-200, 50), (50, -200), (400, 50), (50, 400)])
def test_a_part_outside_the_image_changes_nothing(x: float, y: float) -> None:
    part = draw_part(np.random.default_rng(1), 64)
    scene = flat(0.1, side=100)
    place_part(scene, part, Pose(x=x, y=y, angle=0, scale=1), LAMP)
    np.testing.assert_array_equal(scene, flat(0.1, side=100))


def test_a_part_may_stick_out() -> None:
    part = draw_part(np.random.default_rng(1), 64)
    scene = flat(0.1, side=100)
    place_part(scene, part, Pose(x=0, y=50, angle=0, scale=1), LAMP)
    assert np.abs(scene - 0.1)[40:60, :20].max() > 0.05
    assert np.isfinite(scene).all()


def test_belts_lights_and_cameras_are_repeatable_and_varied() -> None:
    belts = [draw_belt(np.random.default_rng(seed), 40, 60, 1.0) for seed in (0, 0, 1)]
    assert belts[0].shape == (40, 60, 3)
    assert belts[0].dtype == np.float32
    assert belts[0].min() > 0
    np.testing.assert_array_equal(belts[0], belts[1])
    assert not np.array_equal(belts[0], belts[2])
    lights = {draw_light(np.random.default_rng(seed)) for seed in range(5)}
    cameras = {draw_camera(np.random.default_rng(seed), 128) for seed in range(5)}
    assert len(lights) == len(cameras) == 5
    assert draw_light(np.random.default_rng(3)) in lights
