"""From the text in a row to the file on disk."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest

from edgefit.data.formats import csv_paths
from edgefit.data.formats.csv_paths import CsvPaths
from edgefit.errors import DataError

COMPOSED = "sch\u00f6n"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


def put(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


@pytest.mark.parametrize("text", [r"good\one\a.png", "good/one/a.png", r".\good\one\a.png"])
def test_slashes_of_either_kind(tmp_path: Path, text: str) -> None:
    paths = CsvPaths(put(tmp_path, "good/one/a.png"))
    assert paths.find(text) == "good/one/a.png"
    assert [f.code for f in paths.findings()] == ["backslashes"] * ("\\" in text)


def test_a_file_with_a_backslash_in_its_name_wins(tmp_path: Path) -> None:
    paths = CsvPaths(put(tmp_path, r"good\a.png", "good/a.png"))
    assert paths.find(r"good\a.png") == r"good\a.png"
    assert list(paths.findings()) == []


@pytest.mark.parametrize("text", [r"good\one\a.png", "good/one/a.png", r".\good\one\a.png"])
def test_windows_paths_are_kept_with_slashes(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = CsvPaths(tmp_path)
    monkeypatch.setattr(csv_paths, "Path", PureWindowsPath)
    assert paths._relative(text) == "good/one/a.png"


@pytest.mark.parametrize(("on_disk", "text"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_names_in_another_unicode_form_are_found(tmp_path: Path, on_disk: str, text: str) -> None:
    paths = CsvPaths(put(tmp_path, f"{on_disk}/x/{on_disk}.png"))
    assert paths.find(rf"{text}\x\{text}.png") == f"{on_disk}/x/{on_disk}.png"
    assert {f.code for f in paths.findings()} == {"backslashes", "unicode-forms"}


def test_the_exact_name_wins_over_the_other_form(tmp_path: Path) -> None:
    paths = CsvPaths(put(tmp_path, f"{COMPOSED}.png", f"{DECOMPOSED}.png"))
    for name in (COMPOSED, DECOMPOSED):
        assert paths.find(f"{name}.png") == f"{name}.png"


def test_a_name_that_fits_two_files_is_an_error(tmp_path: Path) -> None:
    mixed = "o\u0302\u0323.png"  # the two marks in the order that neither form has
    forms = {unicodedata.normalize(form, mixed) for form in ("NFC", "NFD")}
    with pytest.raises(DataError, match="fits several files") as caught:
        CsvPaths(put(tmp_path, *forms)).find(mixed)
    assert caught.value.remedy


def test_a_file_that_does_not_exist_keeps_its_path(tmp_path: Path) -> None:
    assert CsvPaths(tmp_path).find(r"good\\a.png") == "good/a.png"
    assert CsvPaths(tmp_path).find(f"{COMPOSED}.png") == f"{COMPOSED}.png"


@pytest.mark.parametrize("text", [r"C:\data\a.png", "d:/a.png", r"\\server\share\a.png"])
@pytest.mark.skipif(os.name == "nt", reason="drives exist there")
def test_a_drive_of_another_computer_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="a drive of another computer") as caught:
        CsvPaths(tmp_path).find(text)
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["../a.png", "x/../../a.png", "/etc/passwd", r"..\a.png"])
@pytest.mark.parametrize("follow", [False, True])
def test_paths_that_lead_out_are_refused(tmp_path: Path, text: str, follow: bool) -> None:
    put(tmp_path, "a.png", "set/b.png")
    with pytest.raises(DataError, match="leads out"):
        CsvPaths(tmp_path / "set", follow_links=follow).find(text)


@pytest.mark.parametrize("follow", [False, True])
def test_absolute_paths_into_the_folder_are_made_relative(tmp_path: Path, follow: bool) -> None:
    put(tmp_path, "good/a.png")
    paths = CsvPaths(tmp_path, follow_links=follow)
    assert paths.find(str(tmp_path / "good" / "a.png")) == "good/a.png"


def test_links_out_are_followed_only_where_allowed(tmp_path: Path) -> None:
    put(tmp_path, "real/a.png", "set/b.png")
    (tmp_path / "set" / "link").symlink_to(tmp_path / "real")
    with pytest.raises(DataError, match="leads out"):
        CsvPaths(tmp_path / "set").find("link/a.png")
    paths = CsvPaths(tmp_path / "set", follow_links=True)
    assert paths.find("link/a.png") == "link/a.png"
    assert paths.find(str(tmp_path / "set" / "link" / "a.png")) == "link/a.png"


@pytest.mark.parametrize("text", ["a\0b.png", "x" * 5000, "x/" * 3000 + "a.png"])
def test_texts_that_are_no_paths_raise_nothing_else(tmp_path: Path, text: str) -> None:
    try:
        assert CsvPaths(tmp_path).find(text)
    except DataError as error:
        assert error.remedy


def test_the_text_that_stands_for_a_name_that_is_not_utf8_keeps_its_backslash(
    tmp_path: Path,
) -> None:
    try:
        (tmp_path / "gr\udcfcn.png").write_bytes(b"")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    assert CsvPaths(tmp_path).find(r"gr\xfcn.png") == r"gr\xfcn.png"
    assert CsvPaths(tmp_path).find(r"other\xfcn.png") == "other/xfcn.png"
