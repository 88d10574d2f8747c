"""Frames from a video."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import VIDEO_SUFFIXES, open_source
from tests.unit.runtime.sources.clips import (
    cut,
    damage_frames,
    errors_in,
    index_first,
    packets,
    write_clip,
    write_gif,
)
from tests.unit.runtime.sources.written import flat


def write_video(path: Path, count: int, codec: str = "FFV1") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (48, 32))
    assert writer.isOpened()
    for index in range(count):
        writer.write(cv2.cvtColor(flat(index * 10), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_a_video_gives_rgb_frames_with_times(suffix: str, tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / f"clip{suffix}", 12))
    assert source.len_hint == 12
    shots = list(source)
    assert [s.name for s in shots] == [f"clip{suffix}#{i}" for i in range(12)]
    assert [s.time_s for s in shots] == pytest.approx([i / 10 for i in range(12)], abs=2e-3)
    for index, shot in enumerate(shots):
        np.testing.assert_array_equal(shot.frame, flat(index * 10))
    assert len(list(source)) == 12


def test_a_cut_off_video_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (48, 32))
    random = np.random.default_rng(0)
    for _ in range(12):
        writer.write(random.integers(0, 256, (32, 48, 3), dtype=np.uint8))
    writer.release()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    *shots, last = open_source(path)
    assert 0 < len(shots) < 12
    assert all(s.error is None for s in shots)
    assert last.frame is None
    assert last.index == len(shots)
    assert last.error == f"{12 - len(shots)} of 12 frames are damaged or cut off."


def test_a_text_file_named_as_a_video_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_text("no video")
    with pytest.raises(InputError, match="cannot be opened") as caught:
        open_source(path)
    assert caught.value.path == str(path)


# -- damaged frames --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.avi", "MJPG"),
        ("a.mkv", "MJPG"),
        ("a.mov", "MJPG"),
        ("a.mp4", "mp4v"),
        ("a.avi", "XVID"),
        ("a.webm", "VP80"),
        ("a.flv", "FLV1"),
    ],
)
def test_a_damaged_frame_is_one_error_in_its_place(name: str, codec: str, tmp_path: Path) -> None:
    shots = list(open_source(damage_frames(write_clip(tmp_path / name, codec), 5)))
    assert errors_in(shots) == [(5, "The frame is damaged.")]
    assert [s.index for s in shots] == list(range(12))
    assert shots[5].frame is None and shots[5].name == f"{name}#5"
    times = [s.time_s for s in shots if s.time_s is not None]
    expected = [index / 10 for index in range(12) if index != 5]
    assert times == pytest.approx(expected, abs=2e-3)


def test_frames_behind_the_damage_are_those_of_the_whole_clip(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.avi", "MJPG")
    whole = list(open_source(clip))
    for before, after in zip(whole, open_source(damage_frames(clip, 5)), strict=True):
        if after.index != 5:
            np.testing.assert_array_equal(before.frame, after.frame)


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
def test_a_damaged_first_frame_is_in_its_place(name: str, tmp_path: Path) -> None:
    shots = list(open_source(damage_frames(write_clip(tmp_path / name, "MJPG"), 0)))
    assert errors_in(shots) == [(0, "The frame is damaged.")]
    assert len(shots) == 12


@pytest.mark.parametrize("name", ["a.avi", "a.mkv", "a.mov"])
def test_damaged_last_frames_are_one_line(name: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / name, "MJPG")
    shots = list(open_source(damage_frames(clip, 11)))
    assert errors_in(shots) == [(11, "1 of 12 frames is damaged or cut off.")]
    shots = list(open_source(damage_frames(clip, 9, 2)))
    assert errors_in(shots) == [(9, "3 of 12 frames are damaged or cut off.")]


def test_a_long_run_of_damaged_frames_shares_one_line(tmp_path: Path) -> None:
    clip = damage_frames(write_clip(tmp_path / "a.avi", "MJPG", 420), 20, 390)
    shots = list(open_source(clip))
    assert errors_in(shots) == [(20, "390 frames in a row cannot be decoded.")]
    assert sum(s.frame is not None for s in shots) == 30


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
def test_a_clip_of_rubbish_is_one_line(name: str, tmp_path: Path) -> None:
    clip = damage_frames(write_clip(tmp_path / name, "MJPG", 300), 0, 300)
    assert errors_in(list(open_source(clip))) == [(0, "300 of 300 frames are damaged or cut off.")]


# -- healthy clips that state too much -------------------------------------------------------


def test_a_trimmed_mp4_is_whole(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", "mp4v")
    data = bytearray(clip.read_bytes())
    at = data.index(b"elst") + 12
    data[at : at + 4] = (int.from_bytes(data[at : at + 4]) // 2).to_bytes(4)
    clip.write_bytes(data)
    shots = list(open_source(clip))
    assert 5 <= len(shots) <= 7
    assert errors_in(shots) == []


def test_an_avi_that_counts_empty_chunks_is_whole(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.avi", "MJPG")
    data = bytearray(clip.read_bytes())
    at = data.index(b"strh") + 8 + 32
    assert data[at] == 12
    data[at] = 24
    clip.write_bytes(data)
    source = open_source(clip)
    assert source.len_hint == 24
    assert len(list(source)) == 12
    assert errors_in(list(source)) == []


def test_a_mkv_whose_sound_is_longer_is_whole(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", "MJPG")
    data = clip.read_bytes()
    at = data.index(b"\x44\x89\x88") + 3
    (lasting,) = struct.unpack(">d", data[at : at + 8])
    clip.write_bytes(data[:at] + struct.pack(">d", 2 * lasting) + data[at + 8 :])
    source = open_source(clip)
    assert source.len_hint == 24
    assert errors_in(list(source)) == []


def test_a_clip_of_uneven_times_is_whole(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", "MJPG")
    data = clip.read_bytes()
    for packet in packets(clip)[6:]:  # the second half comes two seconds later
        at = data.index(packet) - 3
        later = (int.from_bytes(data[at : at + 2]) + 2000).to_bytes(2)
        data = data[:at] + later + data[at + 2 :]
    clip.write_bytes(data)
    shots = list(open_source(clip))
    assert errors_in(shots) == []
    assert [s.time_s for s in shots][5:7] == pytest.approx([0.5, 2.6], abs=2e-3)


def test_joined_recordings_are_whole_and_their_times_go_on(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.ts", "MPG2")
    clip.write_bytes(clip.read_bytes() * 2)
    shots = list(open_source(clip))
    times = [s.time_s for s in shots if s.time_s is not None]
    assert errors_in(shots) == []
    assert len(times) == len(shots) >= 20
    assert times == sorted(times)


# -- cut files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.avi", "MJPG"), ("a.mp4", "mp4v"), ("a.mov", "MJPG"), ("a.mkv", "MJPG"), ("a.ts", "MPG2")],
)
def test_a_cut_file_says_so_after_its_last_frame(name: str, codec: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / name, codec, 24)
    if codec == "mp4v" or name.endswith(".mov"):
        index_first(clip)
    *shots, last = list(open_source(cut(clip)))
    assert 0 < sum(s.frame is not None for s in shots) < 24
    assert last.frame is None and last.index == len(shots)
    assert last.error is not None and "cut off" in last.error


def test_a_cut_gif_says_so(tmp_path: Path) -> None:
    clip = write_gif(tmp_path / "a.gif")
    assert errors_in(list(open_source(clip))) == []
    *_, last = list(open_source(cut(clip)))
    assert last.error is not None and "cut off" in last.error


# -- names -----------------------------------------------------------------------------------


def test_containers_and_bare_streams_are_known_by_their_names() -> None:
    containers = {".mp4", ".m4v", ".mov", ".3gp", ".avi", ".mkv", ".webm", ".gif", ".ts", ".mts"}
    containers |= {".m2ts", ".mpg", ".mpeg", ".vob", ".wmv", ".flv", ".ogv"}
    streams = {".h264", ".264", ".hevc", ".h265", ".265", ".mjpeg", ".mjpg", ".m2v"}
    assert containers | streams <= VIDEO_SUFFIXES


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.ts", "MPG2"), ("a.mpg", "MPG2"), ("a.m4v", "mp4v"), ("a.wmv", "WMV2"), ("a.flv", "FLV1")],
)
def test_other_containers_are_read_whole(name: str, codec: str, tmp_path: Path) -> None:
    shots = list(open_source(write_clip(tmp_path / name, codec)))
    assert errors_in(shots) == []
    assert len(shots) == 12


def test_a_bare_stream_has_times_from_its_rate(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.avi", "MJPG")
    bare = tmp_path / "a.mjpeg"
    bare.write_bytes(b"".join(packets(clip)))
    shots = list(open_source(bare))
    assert errors_in(shots) == []
    assert [s.time_s for s in shots] == pytest.approx([index / 25 for index in range(12)])


# -- real clips ------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count", "size"),
    [
        ("road-sign-drive.mp4", 56, (720, 1280, 3)),
        ("bolts-on-conveyor.gif", 37, (270, 480, 3)),
    ],
)
def test_real_clips_are_read_whole(
    name: str, count: int, size: tuple[int, int, int], shared: Path
) -> None:
    source = open_source(shared / "data" / "videos" / name)
    assert source.len_hint == count
    shots = list(source)
    assert len(shots) == count
    assert all(s.frame is not None and s.frame.shape == size for s in shots)
    times = [s.time_s for s in shots if s.time_s is not None]
    assert len(times) == count
    assert times == sorted(times)
