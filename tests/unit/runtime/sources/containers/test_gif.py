"""GIF: its images are counted, and its trailer is looked for."""

from __future__ import annotations

import io
from pathlib import Path

from edgefit.runtime.sources.containers import gif
from edgefit.runtime.sources.containers.extent import Extent
from tests.unit.runtime.sources.clips import write_gif


def read(data: bytes) -> Extent:
    return gif.read(io.BytesIO(data), len(data))


def test_images_are_counted(tmp_path: Path) -> None:
    assert read(write_gif(tmp_path / "a.gif", 5).read_bytes()) == Extent(frames=5)


def test_a_gif_without_its_trailer_is_cut(tmp_path: Path) -> None:
    data = write_gif(tmp_path / "a.gif", 5).read_bytes()
    for length in (len(data) - 1, len(data) // 2):
        assert read(data[:length]) == Extent(is_cut=True)


def test_a_block_of_no_known_kind_is_damage(tmp_path: Path) -> None:
    data = bytearray(write_gif(tmp_path / "a.gif", 5).read_bytes())
    data[-1] = 0x77
    assert read(bytes(data)).broken_at == len(data) - 1
