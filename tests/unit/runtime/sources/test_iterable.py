"""Arrays as a source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources.iterable import IterableSource
from edgefit.runtime.stream import Stream
from edgefit.spec import Frame, Prediction
from tests.unit.runtime.sources.written import flat


def test_a_list_of_arrays_and_pairs() -> None:
    frames = [flat(1), ("left.png", flat(2)), (Path("a/right.png"), flat(3))]
    source = IterableSource(frames)  # type: ignore[arg-type]
    assert source.len_hint == 3
    assert not source.live
    shots = list(source)
    assert [shot.name for shot in shots] == ["frame#0", "left.png", "a/right.png"]
    assert [shot.index for shot in shots] == [0, 1, 2]
    assert shots[0].frame is frames[0]
    assert len(list(source)) == 3


def test_a_batch_is_its_frames_and_one_frame_is_refused() -> None:
    assert IterableSource(np.stack([flat(1), flat(2)])).len_hint == 2
    for one in (flat(1), flat(1)[..., 0]):
        with pytest.raises(InputError, match="not one frame"):
            IterableSource(one)


def test_an_array_that_is_no_frame_is_that_frames_error() -> None:
    wrong = [np.zeros((3, 4, 5, 6), np.uint8), np.zeros((4, 4, 3)), "a", None, [1], np.zeros(0)]
    shots = list(IterableSource([flat(1), *wrong, flat(2)]))  # type: ignore[list-item]
    assert [shot.error is None for shot in shots] == [True, *[False] * len(wrong), True]
    assert "Expected uint8 (0 to 255) or uint16" in str(shots[2].error)
    assert "found float64" in str(shots[2].error)


def test_an_iterator_may_fill_one_array_again() -> None:
    def camera() -> Iterator[Frame]:
        buffer = flat(0)
        for level in range(20):
            buffer[:] = level
            yield buffer

    def predict(frame: Frame) -> Prediction:
        return Prediction(decision=str(frame[0, 0, 0]))

    source = IterableSource(camera(), live=False)
    assert source.len_hint is None
    answers = list(Stream(predict, [source], workers=3))
    decisions = [answer.prediction.decision for answer in answers if answer.prediction]
    assert decisions == [str(level) for level in range(20)]
    assert all(answer.frame.arrived_at is not None for answer in answers)


def test_an_error_of_the_iterable_is_raised() -> None:
    def broken() -> Iterator[Frame]:
        yield flat(1)
        raise OSError("the cable is out")

    stream = Stream(lambda frame: Prediction(), [IterableSource(broken())])
    with pytest.raises(OSError, match="cable"):
        list(stream)
