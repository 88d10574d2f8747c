"""Times that go on where the decoder's do not, and gaps between frames."""

from __future__ import annotations

import pytest

from edgefit.runtime.sources.frame_times import FrameTimes


def shown(times: FrameTimes, decoder_s: list[float]) -> list[float]:
    return [times.advance(time_s, 0) for time_s in decoder_s]


def test_the_decoders_times_are_kept() -> None:
    times = FrameTimes(10)
    assert shown(times, [0, 0.1, 0.25, 0.3]) == [0, 0.1, 0.25, 0.3]
    assert times.is_timed


def test_a_stream_without_times_gets_them_from_its_rate() -> None:
    times = FrameTimes(50)
    assert shown(times, [0, 0, 0, 0]) == pytest.approx([0, 0.02, 0.04, 0.06])
    assert not times.is_timed


@pytest.mark.parametrize("rate", [0, -1, 90_000, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_25(rate: float) -> None:
    assert FrameTimes(rate).interval_s == 0.04


def test_a_joined_recording_goes_on_where_the_first_ends() -> None:
    times = FrameTimes(10)
    assert shown(times, [0, 0.1, 0.2, 0, 0.1, 0.2]) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert times.skipped == 0


def test_one_frame_without_a_time_does_not_shift_the_others() -> None:
    assert shown(FrameTimes(10), [0, 0.1, 0, 0.3]) == pytest.approx([0, 0.1, 0.2, 0.3])


def test_gaps_are_counted_in_the_usual_interval() -> None:
    times = FrameTimes(1000)  # the container's rate is wrong
    shown(times, [0, 0.1, 0.2, 0.3])
    before = times.skipped
    assert times.gap_before(0.4) == 0
    assert times.gap_before(0.7) == 3
    times.advance(0.7, explained=1)
    assert times.skipped - before == 2


def test_frames_missing_before_the_first_are_a_gap_but_not_skipped() -> None:
    times = FrameTimes(10)
    assert times.gap_before(0.2) == 2
    times.advance(0.2, 0)
    assert times.skipped == 0


def test_frames_missing_at_the_end() -> None:
    times = FrameTimes(10)
    assert times.missing_until(0.3) == 3
    shown(times, [0, 0.1])
    assert times.missing_until(0.2) == 0
    assert times.missing_until(0.5) == 3
