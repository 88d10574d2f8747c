"""Frames from a video."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import open_source
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
