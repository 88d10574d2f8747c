"""Class folders in which no image is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.formats import read_samples
from edgefit.data.formats.reading import Reading
from edgefit.errors import DataError
from edgefit.recipe import DataConfig


def put(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")
    return root


def read(root: Path, **config: object) -> Reading:
    return read_samples(root, DataConfig.model_validate(config))


@pytest.mark.parametrize("content", [None, ".DS_Store", "Thumbs.db", "notes.txt", "deep/list.json"])
def test_a_folder_without_images_is_no_class_and_is_told(
    tmp_path: Path, content: str | None
) -> None:
    put(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "empty").mkdir()
    if content:
        put(tmp_path / "empty", content)
    reading = read(tmp_path)
    assert reading.table.labels.names == ("a", "b")
    (told,) = reading.findings
    assert (told.level, told.code) == ("info", "empty-folders")
    assert "empty" in told.message


def test_an_empty_folder_that_the_class_list_names_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match="A class has no images") as caught:
        read(tmp_path, classes=["a", "b", "c"])
    assert (caught.value.key, caught.value.found) == ("data.classes", "c")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["c/1.JXL", "c/2.jxl", "c/x/3.cr2"], "2 .jxl, 1 .cr2"),
        (["c/clip.mp4"], "1 .mp4"),
        (["c/1.jpg.part"], "1 .part"),
    ],
)
def test_a_class_of_files_that_are_not_read_is_not_lost(
    tmp_path: Path, files: list[str], words: str
) -> None:
    put(tmp_path, "a/1.png", "b/2.png", *files)
    with pytest.raises(DataError, match="the class would be lost") as caught:
        read(tmp_path)
    assert words in str(caught.value.found)
    assert "data.exclude" in str(caught.value.remedy)
    assert read(tmp_path, exclude=["c/*"]).table.labels.names == ("a", "b")
    assert read(tmp_path, classes=["a", "b"]).table.labels.names == ("a", "b")


def test_a_class_is_not_lost_from_one_of_the_splits(tmp_path: Path) -> None:
    put(tmp_path, *(f"{s}/{c}/1.png" for s in ("train", "test") for c in "ab"), "train/a/2.png")
    (tmp_path / "train/b/1.png").rename(tmp_path / "train/b/1.psd")
    with pytest.raises(DataError, match="the class would be lost") as caught:
        read(tmp_path)
    assert "train/b" in str(caught.value.found)


def test_an_empty_folder_of_a_split_is_told(tmp_path: Path) -> None:
    put(tmp_path, "train/a/1.png", "train/b/2.png")
    (tmp_path / "test").mkdir()
    (told,) = read(tmp_path).findings
    assert (told.level, told.code) == ("warning", "empty-splits")
    put(tmp_path, "test/a/1.jxl", "test/b/2.jxl")
    with pytest.raises(DataError, match="no image that is read"):
        read(tmp_path)


def test_an_excluded_class_of_other_files_needs_no_word(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "b/2.png", "c/1.jxl", "c/clip.mp4")
    reading = read(tmp_path, exclude=["c/*"])
    assert (len(reading.passed_over), reading.findings) == (2, ())


def test_an_excluded_folder_is_no_class_and_needs_no_word(tmp_path: Path) -> None:
    reading = read(put(tmp_path, "a/1.png", "b/2.png", "c/3.png"), exclude=["c/*"])
    assert reading.table.labels.names == ("a", "b")
    assert reading.findings == ()


def test_a_folder_without_images_beside_splits_is_no_class(tmp_path: Path) -> None:
    put(tmp_path, *(f"{s}/{c}/1.png" for s in ("train", "test") for c in "ab"), "docs/x/readme.txt")
    reading = read(tmp_path)
    assert reading.table.labels.names == ("a", "b")
    assert reading.findings == ()
