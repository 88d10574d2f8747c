"""Sources: order, names, times; a bad frame takes its place and the rest goes on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import open_source
from edgefit.spec import Frame, InputSpec, JpegDecode


def flat(level: int, height: int = 32, width: int = 48) -> Frame:
    frame = np.full((height, width, 3), level, np.uint8)
    frame[..., 2] = 255 - level
    return frame


def write_image(path: Path, frame: Frame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(path.suffix, bgr)[1].tobytes())
    return path


def write_video(path: Path, count: int, codec: str = "FFV1") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (48, 32))
    assert writer.isOpened()
    for index in range(count):
        writer.write(cv2.cvtColor(flat(index * 10), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    write_image(root / "b.png", flat(20))
    write_image(root / "a" / "deep" / "2.png", flat(10))
    write_image(root / "a" / "1.JPG", flat(30))
    (root / "c.jpg").write_text("not a picture")
    (root / "d.png").touch()
    (root / "notes.txt").write_text("passed over")
    return root


def test_one_image(folder: Path) -> None:
    source = open_source(str(folder / "b.png"))
    assert source.len_hint == 1
    (shot,) = source
    assert (shot.index, shot.name, shot.time_s, shot.error) == (0, "b.png", None, None)
    assert shot.path == folder / "b.png"
    np.testing.assert_array_equal(shot.frame, flat(20))


def test_a_folder_comes_sorted_with_its_bad_files_in_place(folder: Path) -> None:
    source = open_source(folder)
    assert source.len_hint == 5
    shots = list(source)
    assert [s.name for s in shots] == ["a/1.JPG", "a/deep/2.png", "b.png", "c.jpg", "d.png"]
    assert [s.index for s in shots] == [0, 1, 2, 3, 4]
    assert [s.error is None for s in shots] == [True, True, True, False, False]
    assert [s.frame is None for s in shots] == [False, False, False, True, True]
    assert "empty" in str(shots[4].error)
    assert [s.name for s in source] == [s.name for s in shots]


def test_a_glob(folder: Path) -> None:
    names = [s.name for s in open_source(f"{folder}/**/*.png")]
    expected = [(folder / name).as_posix() for name in ("a/deep/2.png", "b.png", "d.png")]
    assert names == expected


def test_a_file_name_with_brackets_is_no_glob(tmp_path: Path) -> None:
    path = write_image(tmp_path / "part[1].png", flat(5))
    assert [s.name for s in open_source(str(path))] == ["part[1].png"]


def test_images_are_decoded_as_the_input_contract_says(tmp_path: Path) -> None:
    path = write_image(tmp_path / "large.jpg", flat(80, 256, 256))
    (shot,) = open_source(path, InputSpec(32, 32, jpeg_decode=JpegDecode.SCALED))
    assert shot.frame is not None
    assert shot.frame.shape == (32, 32, 3)


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


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    for source, message in [
        (tmp_path / "absent.jpg", "does not exist"),
        (tmp_path / "empty", "No image"),
        (f"{tmp_path}/*.png", "No image"),
        (tmp_path / "notes.txt", "neither an image nor a video"),
    ]:
        with pytest.raises(InputError, match=message) as caught:
            open_source(source)
        assert caught.value.path == str(source)


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
