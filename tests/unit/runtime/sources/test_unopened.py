"""A video that cannot be opened: the error says why."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources.unopened import require_readable
from edgefit.runtime.sources.video_file import VideoSource
from tests.unit.runtime.sources.clips import cut, write_clip


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError, match="The video cannot be opened: ") as caught:
        VideoSource(path)
    assert caught.value.path == str(path)
    assert caught.value.remedy
    return caught.value


def changed(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.touch()
    assert "the file is empty" in refusal(path).message


@pytest.mark.parametrize("content", [b"no video", bytes(5000), b"%PDF-1.7\n" * 90])
def test_a_file_that_is_no_video(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(content)
    error = refusal(path)
    assert "not a video" in error.message
    assert repr(content[:8]) in str(error.found)


def test_an_unfinished_recording_has_no_index_and_no_conversion_is_advised(tmp_path: Path) -> None:
    error = refusal(cut(write_clip(tmp_path / "a.mp4", "mp4v")))
    assert "has no index" in error.message
    assert "recording was not finished" in str(error.found)
    assert "ffmpeg" not in str(error.remedy)


@pytest.mark.parametrize(
    ("name", "codec", "old", "new"),
    [("a.avi", "MJPG", b"MJPG", b"QQQQ"), ("a.mov", "MJPG", b"jpeg", b"QQQQ")],
)
def test_an_unknown_codec_is_named(
    name: str, codec: str, old: bytes, new: bytes, tmp_path: Path
) -> None:
    error = refusal(changed(write_clip(tmp_path / name, codec), old, new))
    assert "codec is unknown" in error.message
    assert error.found == "codec QQQQ"


def test_an_unknown_codec_in_matroska_is_named(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.webm", "VP80")
    assert refusal(changed(clip, b"V_VP8", b"V_QQQ")).found == "codec V_QQQ"


@pytest.mark.parametrize(
    ("name", "codec", "old", "new"),
    [
        ("a.avi", "MJPG", b"strh8\0\0\0vids", b"strh8\0\0\0auds"),
        ("a.mp4", "mp4v", b"vide", b"soun"),
    ],
)
def test_a_file_of_sound_only(
    name: str, codec: str, old: bytes, new: bytes, tmp_path: Path
) -> None:
    clip = changed(write_clip(tmp_path / name, codec), old, new)
    assert "holds no video stream" in refusal(clip).message


def test_sound_under_the_name_of_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(800))
    assert "holds no video stream" in refusal(path).message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_nobody_may_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"data")
    path.chmod(0)
    assert "cannot be read" in refusal(path).message


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        require_readable(tmp_path / "absent.mp4")
    assert caught.value.found == "No such file or directory"
