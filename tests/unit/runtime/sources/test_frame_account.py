"""The account of a video: what is a lost frame, and what only looks like one."""

from __future__ import annotations

from edgefit.runtime.sources.containers import Extent
from edgefit.runtime.sources.frame_account import FrameAccount
from edgefit.runtime.sources.frame_times import FrameTimes

WHOLE = Extent()


def read(times: list[float], *, codec: str = "MJPG") -> FrameAccount:
    account = FrameAccount(FrameTimes(10), codec)
    for time_s in times:
        account.times.advance(time_s, account.damaged_before(time_s))
    return account


def test_a_whole_clip_is_not_looked_at_twice() -> None:
    account = read([0, 0.1, 0.2])
    assert not account.is_suspicious(3, WHOLE)
    assert account.is_suspicious(4, WHOLE)
    assert account.is_suspicious(-1, WHOLE)


def test_a_failure_waits_for_the_gap_that_it_left() -> None:
    account = read([0, 0.1, 0.2])
    account.pending = 1  # a decoder that reorders fails some frames early
    assert account.damaged_before(0.3) == 0
    account.times.advance(0.3, 0)
    assert account.damaged_before(0.5) == 1
    assert (account.pending, account.reported) == (0, 1)


def test_a_failure_without_a_gap_was_none() -> None:
    """OpenCV gives up after 512 packets of sound in a row."""
    account = read([0, 15, 30, 45])
    account.pending = 1
    assert account.damaged_before(60) == 0
    account.times.advance(60, 0)
    assert account.lost(5, 5, WHOLE) == 0


def test_without_times_a_failure_is_placed_where_it_happened() -> None:
    account = read([0, 0, 0])
    account.pending = 2
    assert account.damaged_before(0) == 2


def test_frames_left_out_in_silence_are_lost_where_the_file_holds_them() -> None:
    account = read([0, 0.1, 0.4, 0.5])
    assert account.lost(6, 6, WHOLE) == 2
    assert account.lost(4, 6, WHOLE) == 0  # of uneven times


def test_frames_that_nobody_would_see_are_not_lost() -> None:
    assert read([0, 0.1, 0.2]).lost(9, 3, WHOLE) == 0


def test_two_fields_are_one_frame() -> None:
    assert read([0, 0.1, 0.2, 0.4], codec="H264").lost(8, 5, WHOLE) == 0


def test_a_cut_file_lacks_what_its_header_states() -> None:
    cut = Extent(frames=9, end_s=0.9, cut_bytes=5, is_cut=True)
    assert read([0, 0.1, 0.2]).lost(9, 9, cut) == 6
