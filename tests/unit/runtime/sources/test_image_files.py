"""Frames from image files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from edgefit.runtime.sources import open_source
from edgefit.spec import InputSpec, JpegDecode
from tests.unit.runtime.sources.written import flat, mixed_folder, write_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return mixed_folder(tmp_path / "in")


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


def test_images_are_decoded_as_the_input_contract_says(tmp_path: Path) -> None:
    path = write_image(tmp_path / "large.jpg", flat(80, 256, 256))
    (shot,) = open_source(path, InputSpec(32, 32, jpeg_decode=JpegDecode.SCALED))
    assert shot.frame is not None
    assert shot.frame.shape == (32, 32, 3)


def test_notes_stand_beside_the_frame(tmp_path: Path) -> None:
    pages = [flat(level)[..., 0] for level in (40, 90)]
    cv2.imwritemulti(str(tmp_path / "m.tif"), pages)
    write_image(tmp_path / "n.png", flat(7))
    first, second = open_source(tmp_path)
    assert first.notes == ("page 1 of 2 read",)
    assert first.error is None and first.frame is not None
    assert second.notes == ()


def test_an_animation_is_an_image_in_a_folder_and_a_video_by_name(tmp_path: Path) -> None:
    frames = [Image.fromarray(flat(level)) for level in (40, 90)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    (shot,) = open_source(tmp_path)
    assert (shot.name, shot.notes) == ("x.gif", ("frame 1 of 2 read",))
    assert [s.name for s in open_source(tmp_path / "x.gif")] == ["x.gif#0", "x.gif#1"]
