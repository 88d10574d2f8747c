"""What containers that OpenCV writes state about themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgefit.runtime.sources.containers import Extent, read_extent
from tests.unit.runtime.sources.clips import cut, index_first, write_clip, write_gif


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.avi", "MJPG"),
        ("a.mkv", "MJPG"),
        ("a.mov", "MJPG"),
        ("a.mp4", "mp4v"),
        ("a.webm", "VP80"),
    ],
)
def test_frames_and_end_of_a_whole_clip(name: str, codec: str, tmp_path: Path) -> None:
    extent = read_extent(write_clip(tmp_path / name, codec))
    assert extent.frames == 12
    assert extent.end_s == (None if codec == "MJPG" and name == "a.avi" else pytest.approx(1.2))
    assert (extent.is_cut, extent.cut_bytes, extent.broken_at) == (False, 0, None)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.avi", "MJPG"), ("a.mkv", "MJPG"), ("a.mp4", "mp4v"), ("a.flv", "FLV1"), ("a.wmv", "WMV2")],
)
def test_a_cut_clip_is_told_from_a_whole_one(name: str, codec: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / name, codec)
    if name.endswith(".mp4"):
        index_first(clip)
    assert not read_extent(clip).is_cut
    assert read_extent(cut(clip)).is_cut


def test_files_that_are_no_video_state_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    for content in (b"", b"no video", bytes(2000)):
        path.write_bytes(content)
        assert read_extent(path) == Extent()
    assert read_extent(tmp_path / "absent.mp4") == Extent()


def test_damage_never_raises(tmp_path: Path) -> None:
    clips = [
        write_clip(tmp_path / "a.avi", "MJPG", 3),
        index_first(write_clip(tmp_path / "a.mp4", "mp4v", 3)),
        write_clip(tmp_path / "a.mkv", "MJPG", 3),
        write_gif(tmp_path / "a.gif", 3),
    ]
    chance = np.random.default_rng(0)
    for clip in clips:
        whole = np.frombuffer(clip.read_bytes(), np.uint8)
        for _ in range(60):
            data = whole[: chance.integers(1, len(whole) + 1)].copy()
            places = chance.integers(0, min(len(data), 3000), 20)
            data[places] = chance.integers(0, 256, 20)
            clip.write_bytes(data.tobytes())
            assert isinstance(read_extent(clip), Extent)
