"""The strip of text below a frame."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.runtime.images.caption import NEUTRAL, with_caption


@pytest.mark.parametrize("shape", [(4, 4), (30, 500), (480, 640), (1, 1)])
@pytest.mark.parametrize("text", ["", "good 98%", "a label that is far too long " * 9, "Größe"])
def test_the_frame_stays_whole_above_a_strip_of_one_height(
    shape: tuple[int, int], text: str
) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    drawn = with_caption(frame, text)
    np.testing.assert_array_equal(drawn[: shape[0]], frame)
    assert drawn.shape == with_caption(frame, "another").shape
    assert drawn.dtype == np.uint8


def test_a_long_text_is_shrunk_and_not_cut() -> None:
    frame = np.zeros((100, 300, 3), np.uint8)
    strip = with_caption(frame, "x" * 80)[100:]
    written = np.flatnonzero((strip != NEUTRAL).any(axis=(0, 2)))
    assert written.size and written.max() < 300 - 3
