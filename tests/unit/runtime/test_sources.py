"""Which source an argument opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import open_source
from tests.unit.runtime.sources.written import flat, mixed_folder, write_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return mixed_folder(tmp_path / "in")


def test_a_glob(folder: Path) -> None:
    names = [s.name for s in open_source(f"{folder}/**/*.png")]
    expected = [(folder / name).as_posix() for name in ("a/deep/2.png", "b.png", "d.png")]
    assert names == expected


def test_a_file_name_with_brackets_is_no_glob(tmp_path: Path) -> None:
    path = write_image(tmp_path / "part[1].png", flat(5))
    assert [s.name for s in open_source(str(path))] == ["part[1].png"]


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    for source, message in [
        (tmp_path / "absent.jpg", "does not exist"),
        (tmp_path / "empty", "No image"),
        (f"{tmp_path}/*.png", "No image"),
        (tmp_path / "notes.txt", "extension of an image or a video"),
    ]:
        with pytest.raises(InputError, match=message) as caught:
            open_source(source)
        assert caught.value.path == str(source)
