"""HEIC files: read with the extra, named without it, known by content."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import read_image
from edgefit.spec import InputSpec
from tests.unit.runtime.images.made import smooth

START = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


class Stored:
    """An image of a file, with pillow-heif's attributes."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self.size = frame.shape[1::-1]

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.frame


class File(list[Stored]):
    """What ``open_heif`` returns."""

    primary_index = 1


def install(monkeypatch: pytest.MonkeyPatch, opened: Any) -> None:
    def open_heif(data: bytes, *, convert_hdr_to_8bit: bool) -> File:
        if isinstance(opened, Exception):
            raise opened
        return File(opened)

    module = type(sys)("pillow_heif")
    module.open_heif = open_heif  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", module)


@pytest.mark.parametrize("name", ["phone.HEIC", "phone.jpg"])
def test_without_the_extra_the_command_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / name
    path.write_bytes(START + bytes(100))
    with pytest.raises(FrameError) as caught:
        read_image(path)
    assert 'pip install "edgefit[heic]"' in caught.value.message
    assert caught.value.path == str(path)


def test_the_primary_image_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, [Stored(smooth(seed=1)), Stored(smooth())])
    image = read_image(START)
    np.testing.assert_array_equal(image.frame, smooth())
    assert [note.text for note in image.notes] == ["page 1 of 2 read"]


def test_size_and_damage_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, [Stored(smooth()), Stored(smooth())])
    with pytest.raises(FrameError, match=r"64x48 pixels, input\.max_pixels is 1000"):
        read_image(START, InputSpec(8, 8, max_pixels=1000))
    for error in (ValueError("no"), EOFError("no"), RuntimeError("no"), IndexError("no")):
        install(monkeypatch, error)
        with pytest.raises(FrameError, match="HEIC file is damaged"):
            read_image(START)


def test_pillow_heif_itself_decodes_upright() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    stored = pillow_heif.from_pillow(Image.fromarray(smooth()))
    buffer = io.BytesIO()
    stored.save(buffer, quality=95)
    image = read_image(buffer.getvalue())
    assert (
        np.abs(image.frame.astype(int) - smooth()).mean() < 12
    )  # its colours are at half the size
