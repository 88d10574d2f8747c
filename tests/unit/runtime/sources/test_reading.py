"""The account of a video: what is a lost frame, and what only looks like one."""

from __future__ import annotations

from edgefit.runtime.sources.containers import Extent
from edgefit.runtime.sources.frame_times import FrameTimes
from edgefit.runtime.sources.reading import Reading

WHOLE = Extent()


def read(times: list[float], *, codec: str = "MJPG") -> Reading:
    reading = Reading(FrameTimes(10), codec)
    for time_s in times:
        reading.times.advance(time_s, reading.damaged_before(time_s))
    return reading


def test_a_whole_clip_is_not_looked_at_twice() -> None:
    reading = read([0, 0.1, 0.2])
    assert not reading.is_suspicious(3, WHOLE)
    assert reading.is_suspicious(4, WHOLE)
    assert reading.is_suspicious(-1, WHOLE)


def test_a_failure_waits_for_the_gap_that_it_left() -> None:
    reading = read([0, 0.1, 0.2])
    reading.pending = 1  # a decoder that reorders fails some frames early
    assert reading.damaged_before(0.3) == 0
    reading.times.advance(0.3, 0)
    assert reading.damaged_before(0.5) == 1
    assert (reading.pending, reading.reported) == (0, 1)


def test_a_failure_without_a_gap_was_none() -> None:
    """OpenCV gives up after 512 packets of sound in a row."""
    reading = read([0, 15, 30, 45])
    reading.pending = 1
    assert reading.damaged_before(60) == 0
    reading.times.advance(60, 0)
    assert reading.lost(5, 5, WHOLE) == 0


def test_without_times_a_failure_is_placed_where_it_happened() -> None:
    reading = read([0, 0, 0])
    reading.pending = 2
    assert reading.damaged_before(0) == 2


def test_frames_left_out_in_silence_are_lost_where_the_file_holds_them() -> None:
    reading = read([0, 0.1, 0.4, 0.5])
    assert reading.lost(6, 6, WHOLE) == 2
    assert reading.lost(4, 6, WHOLE) == 0  # of uneven times


def test_frames_that_nobody_would_see_are_not_lost() -> None:
    assert read([0, 0.1, 0.2]).lost(9, 3, WHOLE) == 0


def test_two_fields_are_one_frame() -> None:
    assert read([0, 0.1, 0.2, 0.4], codec="H264").lost(8, 5, WHOLE) == 0


def test_a_cut_file_lacks_what_its_header_states() -> None:
    cut = Extent(frames=9, end_s=0.9, cut_bytes=5, is_cut=True)
    assert read([0, 0.1, 0.2]).lost(9, 9, cut) == 6
