"""What is looked at to recognise other formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.formats.foreign_signs import Seen, ends_of, is_coco, is_yolo_beside


def test_only_the_ends_of_a_file_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("START" + "x" * 100_000 + "END", encoding="utf-8")
    text = ends_of(file)
    assert text.startswith("START") and text.endswith("END")
    assert len(text) < 10_000


def test_a_short_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("short", encoding="utf-8")
    assert ends_of(tmp_path / "a.txt") == "short"


def test_links_folders_and_absent_files_are_empty(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    for name in ("link.txt", "absent.txt", "."):
        assert ends_of(tmp_path / name) == ""


def test_keys_at_the_end_of_a_large_file_count(tmp_path: Path) -> None:
    text = '{"images": [' + "0, " * 50_000 + '0], "categories": []}'
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    assert is_coco(Seen(tmp_path, (), ("a.json",)))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("0 0.5 0.5 0.1 0.1\n", True),
        ("12 .5 0.5 1 0.1 0.2 0.3", True),
        ("0 5e-1 0.5 1 0.1", True),
        ("a scratch on the left", False),
        ("0 0.5", False),
        ("", False),
    ],
)
def test_boxes_are_a_class_and_four_or_more_numbers(tmp_path: Path, text: str, fits: bool) -> None:
    (tmp_path / "1.txt").write_text(text, encoding="utf-8")
    assert is_yolo_beside(Seen(tmp_path, ("1.jpg",), ("1.txt",))) is fits
