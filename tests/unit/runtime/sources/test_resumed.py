"""A source without the frames that are answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgefit.runtime.images import decode
from edgefit.runtime.sources import IterableSource, VideoSource, open_source
from edgefit.runtime.sources.input_format import Format
from edgefit.runtime.sources.resumed import Resumed
from edgefit.runtime.sources.standard_input import StandardInput
from tests.unit.runtime.sources.clips import damage_frames, write_clip
from tests.unit.runtime.sources.given import Ticking
from tests.unit.runtime.sources.packed import PNG, write_tar, write_zip
from tests.unit.runtime.sources.written import mixed_folder


def shown(source: Resumed) -> list[tuple[int, str]]:
    return [(shot.index, shot.name) for shot in source]


def test_images_keep_their_place_and_answered_ones_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    monkeypatch.setattr(
        "edgefit.runtime.sources.image_files.read_image",
        lambda image, spec: read.append(image) or decode.read_image(image, spec),
    )
    whole = open_source(mixed_folder(tmp_path))
    source = Resumed(whole, {"a/1.JPG", "b.png"}.__contains__, 2)
    assert shown(source) == [(1, "a/deep/2.png"), (3, "c.jpg"), (4, "d.png")]
    assert [path.name for path in read] == ["2.png", "c.jpg", "d.png"]
    assert (source.len_hint, source.passed_over) == (3, whole.passed_over)


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_members_are_left_out(write: object, tmp_path: Path) -> None:
    path = tmp_path / ("x.zip" if write is write_zip else "x.tar")
    write(path, [(name, PNG) for name in ("a.png", "b.png", "c.png")])  # type: ignore[operator]
    assert shown(Resumed(open_source(path), {"b.png"}.__contains__)) == [(0, "a.png"), (2, "c.png")]


def test_frames_of_a_video_are_left_out_by_their_place(tmp_path: Path) -> None:
    clip = damage_frames(write_clip(tmp_path / "clip.avi", "MJPG", 5), 2)
    whole = list(VideoSource(clip))
    answered = {"clip.avi#0", "clip.avi#1", "clip.avi#3"}
    left = list(Resumed(VideoSource(clip), answered.__contains__, 3))
    assert [shot.index for shot in left] == [2, 4]
    for shot in left:
        same = whole[shot.index]
        assert replace(shot, frame=None, arrived_monotonic_s=0) == replace(
            same, frame=None, arrived_monotonic_s=0
        )
        assert np.array_equal(shot.frame, same.frame)  # type: ignore[arg-type]


def test_frames_that_come_only_once_are_all_new() -> None:
    live = Resumed(Ticking(3, 0.001), lambda name: True, 3)
    assert live.live and live.name == "camera" and live.len_hint is None
    assert len(shown(live)) == 3
    given = Resumed(IterableSource([np.zeros((2, 2, 3), np.uint8)]), lambda name: True, 1)
    assert (given.len_hint, len(shown(given))) == (1, 1)


@pytest.mark.parametrize("stated", [Format.AUTO, Format.NAMES])
def test_names_from_standard_input_are_left_out(tmp_path: Path, stated: Format) -> None:
    mixed_folder(tmp_path)
    (tmp_path / "names").write_text(f"{tmp_path / 'b.png'}\n{tmp_path / 'a/1.JPG'}\n")
    with (tmp_path / "names").open("rb") as file:
        source = Resumed(StandardInput(file, stated), str(tmp_path / "b.png").__eq__)
        assert shown(source) == [(1, str(tmp_path / "a/1.JPG"))]


def test_images_from_standard_input_are_all_new(tmp_path: Path) -> None:
    from tests.unit.runtime.sources.packed import JPEG

    (tmp_path / "mjpeg").write_bytes(JPEG * 2)
    with (tmp_path / "mjpeg").open("rb") as file:
        assert len(shown(Resumed(StandardInput(file, Format.MJPEG), lambda name: True))) == 2


def test_it_stops_also_while_frames_are_left_out(tmp_path: Path) -> None:
    asked = []

    def stop(name: str) -> bool:
        asked.append(name)
        source.stop()
        return True

    source = Resumed(open_source(mixed_folder(tmp_path)), stop)
    assert shown(source) == [] and len(asked) == 1
