"""The input contract: shapes, antialiasing against a reference, aspect policies, determinism."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgefit.runtime.images.preprocess import preprocess
from edgefit.spec import Aspect, Enlarge, Frame, InputSpec


def scene(width: int, height: int, seed: int = 0) -> Frame:
    """Something like a photograph: smooth areas, edges and fine texture."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (9, 16, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    texture = random.normal(0, 8, picture.shape)
    texture[:, width // 3 :: 7] -= 40
    return np.clip(picture + texture, 0, 255).astype(np.uint8)


def antialiased(frame: Frame, width: int, height: int) -> Frame:
    """Pillow's resize, whose filter grows with the shrinking."""
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))


def difference(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(one.astype(np.float64) - other).mean())


@pytest.fixture
def restore_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize("aspect", list(Aspect))
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 500), (300, 2), (37, 53), (64, 96), (65, 97), (720, 1280)]
)
def test_gives_the_input_shape_for_any_frame(aspect: Aspect, shape: tuple[int, int]) -> None:
    spec = InputSpec(96, 64, aspect=aspect)
    image = preprocess(np.full((*shape, 3), 200, np.uint8), spec)
    assert image.shape == (64, 96, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    inside = image[image != spec.pad_value] if aspect == Aspect.LETTERBOX else image
    assert np.all(inside == 200)


@pytest.mark.parametrize(
    ("width", "height"),
    [(1280, 720), (1920, 1080), (640, 480), (300, 300), (1279, 719), (449, 447), (250, 1000)],
)
@pytest.mark.parametrize("side", [96, 224])
def test_shrinking_is_antialiased(width: int, height: int, side: int) -> None:
    frame = scene(width, height)
    image = preprocess(frame, InputSpec(side, side))
    reference = antialiased(frame, side, side)
    plain = cv2.resize(frame, (side, side), interpolation=cv2.INTER_LINEAR)
    assert difference(image, reference) < 2.5
    assert difference(image, reference) < 0.75 * difference(plain, reference)


def test_a_pattern_at_the_pixel_limit_becomes_grey_not_stripes() -> None:
    stripes = np.zeros((720, 1280, 3), np.uint8)
    stripes[:, ::2] = 255
    image = preprocess(stripes, InputSpec(224, 224)).astype(int)
    assert abs(image.mean() - 127.5) < 1.5
    # Blocks five pixels wide hold two or three bright columns: 102 to 153, never 0 to 255.
    assert image.min() > 95
    assert image.max() < 160


@pytest.mark.parametrize(("width", "height"), [(1000, 50), (50, 1000)])
def test_an_axis_that_shrinks_is_antialiased_while_the_other_grows(width: int, height: int) -> None:
    frame = scene(width, height, seed=1)
    image = preprocess(frame, InputSpec(224, 224))
    reference = antialiased(frame, 224, 224)
    direct = cv2.resize(frame, (224, 224), interpolation=cv2.INTER_AREA)
    assert difference(image, reference) < 2.5
    assert difference(image, reference) < 0.75 * difference(direct, reference)


def test_shrinking_does_not_move_the_picture() -> None:
    # 720 is no multiple of seven blocks: a rest that is cut off would move the far edge.
    column = np.arange(1280, dtype=np.float64)
    ramp = np.broadcast_to(column[None, :, None] / 1279 * 255, (720, 1280, 3))
    image = preprocess(np.round(ramp).astype(np.uint8), InputSpec(96, 96)).astype(float)
    expected = ((np.arange(96) + 0.5) * 1280 / 96 - 0.5) / 1279 * 255
    assert np.abs(image[:, :, 0] - expected).max() < 1.5


def test_enlarging_is_bilinear() -> None:
    frame = scene(40, 30)
    image = preprocess(frame, InputSpec(224, 224))
    assert difference(image, antialiased(frame, 224, 224)) < 1


def test_enlarging_with_lanczos_keeps_edges_sharper() -> None:
    frame = scene(40, 30)
    image = preprocess(frame, InputSpec(224, 224, enlarge=Enlarge.LANCZOS))
    exact = np.asarray(Image.fromarray(frame).resize((224, 224), Image.Resampling.LANCZOS))
    soft = preprocess(frame, InputSpec(224, 224))
    assert difference(image, exact) < 1 < difference(soft, exact)

    def steepest(picture: Frame) -> int:
        return int(np.abs(np.diff(picture.astype(int), axis=1)).max())

    assert steepest(image) > steepest(soft)


@pytest.mark.parametrize("enlarge", list(Enlarge))
def test_enlarging_decides_nothing_where_a_picture_shrinks(enlarge: Enlarge) -> None:
    frame = scene(300, 500)
    image = preprocess(frame, InputSpec(96, 96, enlarge=enlarge))
    np.testing.assert_array_equal(image, preprocess(frame, InputSpec(96, 96)))


def test_an_axis_that_shrinks_does_so_before_the_other_is_enlarged() -> None:
    spec = InputSpec(96, 96, enlarge=Enlarge.LANCZOS)
    frame = scene(40, 192)
    image = preprocess(frame, spec)
    shrunk = preprocess(frame, InputSpec(40, 96))
    np.testing.assert_array_equal(image, preprocess(shrunk, spec))


def test_letterbox_keeps_proportions_centres_and_pads() -> None:
    frame = np.full((720, 1280, 3), 255, np.uint8)
    spec = InputSpec(224, 224, aspect=Aspect.LETTERBOX, pad_value=7)
    image = preprocess(frame, spec)
    rows = np.flatnonzero((image == 255).all(axis=(1, 2)))
    assert (rows[0], rows[-1]) == (49, 174)
    assert np.all(image[:49] == 7)
    assert np.all(image[175:] == 7)


def test_crop_takes_the_centre() -> None:
    frame = np.zeros((100, 300, 3), np.uint8)
    frame[:, 100:200] = (10, 20, 30)
    image = preprocess(frame, InputSpec(50, 50, aspect=Aspect.CROP))
    assert np.all(image == (10, 20, 30))


@pytest.mark.parametrize("aspect", list(Aspect))
def test_a_frame_of_the_input_size_is_not_copied(aspect: Aspect) -> None:
    frame = scene(96, 64)
    assert preprocess(frame, InputSpec(96, 64, aspect=aspect)) is frame


@pytest.mark.parametrize("aspect", list(Aspect))
@pytest.mark.parametrize("enlarge", list(Enlarge))
@pytest.mark.parametrize("size", [(1280, 720), (64, 64), (501, 333), (40, 30)])
def test_does_not_depend_on_memory_order(
    aspect: Aspect, size: tuple[int, int], enlarge: Enlarge
) -> None:
    frame = scene(*size)
    spec = InputSpec(64, 64, aspect=aspect, enlarge=enlarge)
    expected = preprocess(frame, spec)
    mirrored = np.ascontiguousarray(frame[:, ::-1, ::-1])
    wide = np.repeat(frame, 2, axis=1)
    for same in (np.asfortranarray(frame), mirrored[:, ::-1, ::-1], wide[:, ::2]):
        assert not same.flags.c_contiguous
        np.testing.assert_array_equal(preprocess(same, spec), expected)


@pytest.mark.usefixtures("restore_threads")
@pytest.mark.parametrize("enlarge", list(Enlarge))
@pytest.mark.parametrize("size", [(1280, 720), (641, 479), (40, 30), (1000, 50)])
def test_does_not_depend_on_the_number_of_threads(size: tuple[int, int], enlarge: Enlarge) -> None:
    frame, spec = scene(*size), InputSpec(224, 224, enlarge=enlarge)
    cv2.setNumThreads(1)
    alone = preprocess(frame, spec)
    cv2.setNumThreads(4)
    np.testing.assert_array_equal(preprocess(frame, spec), alone)


@pytest.fixture
def restore_optimizations() -> Iterator[None]:
    yield
    cv2.setUseOptimized(True)
    cv2.ipp.setUseIPP(True)


@pytest.mark.usefixtures("restore_optimizations")
@pytest.mark.parametrize("enlarge", list(Enlarge))
@pytest.mark.parametrize("size", [(40, 40), (31, 27), (90, 50), (70, 300)])
def test_enlarging_does_not_depend_on_the_processor(
    size: tuple[int, int], enlarge: Enlarge
) -> None:
    frame, spec = scene(*size), InputSpec(96, 96, enlarge=enlarge)
    expected = preprocess(frame, spec)
    cv2.ipp.setUseIPP(False)
    np.testing.assert_array_equal(preprocess(frame, spec), expected)
    cv2.setUseOptimized(False)
    np.testing.assert_array_equal(preprocess(frame, spec), expected)
