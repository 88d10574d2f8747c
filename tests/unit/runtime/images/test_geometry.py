"""Where a frame lands in the input, in whole pixels."""

from __future__ import annotations

import pytest

from edgefit.runtime.images.geometry import place, shrink_ratio
from edgefit.spec import Aspect, InputSpec


def test_rounding_is_half_up_and_odd_rests_go_right_and_down() -> None:
    letterbox = InputSpec(9, 9, aspect=Aspect.LETTERBOX)
    # 9 * 5 / 6 = 7.5 becomes 8; the border of one pixel lies below.
    assert place(6, 5, letterbox).target == (0, 0, 9, 8)
    # 4 * 9 / 8 = 4.5 becomes 5; 10 - 5 is odd, the right side loses three of five columns.
    crop = InputSpec(9, 8, aspect=Aspect.CROP)
    assert place(10, 4, crop).source == (2, 0, 5, 4)


SIZES = [(1, 1), (1, 500), (300, 2), (53, 37), (96, 64), (1280, 720), (719, 1279)]


@pytest.mark.parametrize("aspect", list(Aspect))
@pytest.mark.parametrize("size", SIZES)
def test_both_boxes_lie_inside_and_are_centred(aspect: Aspect, size: tuple[int, int]) -> None:
    spec = InputSpec(96, 64, aspect=aspect)
    found = place(*size, spec)
    for (x, y, width, height), whole in ((found.source, size), (found.target, (96, 64))):
        assert width >= 1 and height >= 1
        assert 0 <= whole[0] - width - 2 * x <= 1
        assert 0 <= whole[1] - height - 2 * y <= 1


@pytest.mark.parametrize("size", SIZES)
def test_stretch_and_crop_fill_the_input_and_letterbox_shows_the_whole_frame(
    size: tuple[int, int],
) -> None:
    stretch, letterbox, crop = (
        place(*size, InputSpec(96, 64, aspect=aspect))
        for aspect in (Aspect.STRETCH, Aspect.LETTERBOX, Aspect.CROP)
    )
    assert stretch.source == letterbox.source == (0, 0, *size)
    assert stretch.target == crop.target == (0, 0, 96, 64)
    assert 96 in letterbox.target[2:] or 64 in letterbox.target[2:]
    assert size[0] in crop.source[2:] or size[1] in crop.source[2:]


@pytest.mark.parametrize(
    ("aspect", "ratio"),
    [(Aspect.STRETCH, 2.5), (Aspect.LETTERBOX, 5.0), (Aspect.CROP, 2.5)],
)
def test_a_frame_is_too_large_by_the_side_where_it_is_least_so(
    aspect: Aspect, ratio: float
) -> None:
    assert shrink_ratio(500, 250, InputSpec(100, 100, aspect=aspect)) == ratio
    assert shrink_ratio(50, 25, InputSpec(100, 100, aspect=aspect)) == ratio / 10
