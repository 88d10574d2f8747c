"""Why a file is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.missing_files import MissingFiles


def test_each_reason(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "IMG_1.JPG").write_bytes(b"")
    (tmp_path / "good" / "broken.png").symlink_to("nowhere.png")
    reason = MissingFiles().reason
    assert reason(tmp_path / "good" / "other.png") == "no such file"
    case = "no such file, but one whose name differs by letter case"
    assert reason(tmp_path / "good" / "img_1.jpg") == case
    folder = "no such file, but one in a folder whose name differs by letter case"
    assert reason(tmp_path / "Good" / "img_1.jpg") == folder
    assert reason(tmp_path / "Good" / "2.jpg") == "no such file, and no such folder"
    assert reason(tmp_path / "bad" / "1.png") == "no such file, and no such folder"
    assert reason(tmp_path / "good" / "broken.png") == "a link that leads nowhere"
    assert reason(tmp_path / "good") == "a folder, not a file"


def test_a_name_that_is_not_utf8_is_told_of_the_text_that_stands_for_it(tmp_path: Path) -> None:
    try:
        (tmp_path / "gr\udcfcn.png").write_bytes(b"")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    assert "not UTF-8" in MissingFiles().reason(tmp_path / "gr\\xfcn.png")
