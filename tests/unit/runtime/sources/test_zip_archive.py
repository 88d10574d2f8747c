"""Zip archives: order, names, what is passed over, damage, and several threads at once."""

from __future__ import annotations

import gc
import os
import stat
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import members, open_source, zip_archive
from edgefit.runtime.walking import Reason
from tests.unit.runtime.sources.packed import JPEG, PNG, ZIPS, answers, write_zip
from tests.unit.runtime.sources.written import flat


@pytest.mark.parametrize("method", ZIPS.values(), ids=ZIPS.keys())
def test_images_come_sorted_and_exact(tmp_path: Path, method: int) -> None:
    path = write_zip(
        tmp_path / "a.zip", [("b.png", PNG), ("a/c.png", PNG), ("a.JPG", JPEG)], method
    )
    source = open_source(path)
    assert source.len_hint == 3
    shots = list(source)
    assert [shot.name for shot in shots] == ["a.JPG", "a/c.png", "b.png"]
    np.testing.assert_array_equal(shots[1].frame, flat(9))
    assert [shot.name for shot in source] == ["a.JPG", "a/c.png", "b.png"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zip"]


def test_names_that_lead_outside_are_only_names(tmp_path: Path) -> None:
    names = ["../x.png", "../../etc/x.png", "/x.png", "./x.png"]
    folder = tmp_path / "in"
    folder.mkdir()
    path = write_zip(folder / "a.zip", [(name, PNG) for name in names])
    found = answers(path)
    assert sorted(name for name, _ in found) == ["../../etc/x.png", "../x.png", "/x.png", "x.png"]
    assert {error for _, error in found} == {None}
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_what_is_passed_over_is_counted(tmp_path: Path) -> None:
    others = {
        ".hidden.png": Reason.HIDDEN,
        "x/.git/a.png": Reason.HIDDEN,
        "__MACOSX/._a.png": Reason.SYSTEM,
        "@eaDir/a.png": Reason.SYSTEM,
        "notes.txt": Reason.OTHER,
        "a.png.part": Reason.UNFINISHED,
        "clip.mp4": Reason.VIDEO,
        "inner.zip": Reason.NESTED,
        "inner.tar.gz": Reason.NESTED,
    }
    path = write_zip(tmp_path / "a.zip", [("a.png", PNG), *((name, b"x") for name in others)])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("folder.png/", b"")
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    source = open_source(path)
    assert [shot.name for shot in source] == ["a.png"]
    found = {entry.path: entry.reason for entry in source.passed_over}
    assert found == {**others, "link.png": Reason.LINK}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_are_all_answered(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.png", PNG), ("a.png", JPEG), ("a.png", b"none")])
    found = answers(path)
    assert [name for name, _ in found] == ["a.png"] * 3
    assert [error is None for _, error in found] == [True, True, False]


@pytest.mark.parametrize(
    ("raw", "flag", "expected"),
    [
        (b"gr\x81n.png", 0, "grün.png"),
        ("grün.png".encode(), 0, "grün.png"),
        ("grün.png".encode(), 0x800, "grün.png"),
    ],
    ids=["code page 437", "UTF-8 without its flag", "UTF-8"],
)
def test_names_are_read_as_they_were_meant(
    tmp_path: Path, raw: bytes, flag: int, expected: str
) -> None:
    path = write_zip(tmp_path / "a.zip", [("x" * len(raw), PNG)])
    data = bytearray(path.read_bytes().replace(b"x" * len(raw), raw))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        struct.pack_into("<H", data, data.index(signature) + offset, flag)
    path.write_bytes(data)
    assert answers(path) == [(expected, None)]


def test_backslashes_of_windows_part_folders(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("x")
    info.filename, info.create_system = r"day\.hidden\a.png", 0
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, PNG)
        archive.writestr("b.png", PNG)
    source = open_source(tmp_path / "a.zip")
    assert [shot.name for shot in source] == ["b.png"]
    assert [entry.path for entry in source.passed_over] == ["day/.hidden/a.png"]


def test_an_encrypted_member_is_one_error(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.png", PNG), ("b.png", PNG)])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    assert answers(path) == [("a.png", "The file in the archive is encrypted."), ("b.png", None)]


def test_a_damaged_member_in_the_middle_is_one_error(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [(f"{n}.png", PNG) for n in range(3)], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(PNG, data.index(b"1.png")) + 60] ^= 0xFF
    path.write_bytes(data)
    found = answers(path)
    assert [error is None for _, error in found] == [True, False, True]
    assert "damaged" in str(found[1][1])


@pytest.mark.parametrize("stated", [10, 10**6])
def test_a_header_that_lies_about_the_size_is_one_error(tmp_path: Path, stated: int) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.png", PNG), ("b.png", PNG)])
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\1\2") + 24, stated)
    path.write_bytes(data)
    assert [error is None for _, error in answers(path)] == [False, True]


def test_a_bomb_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members_of = [("a.png", PNG), ("bomb.png", bytes(10**7))]
    path = write_zip(tmp_path / "a.zip", members_of)
    assert [error is None for _, error in answers(path)] == [True, False]
    monkeypatch.setattr(members, "RATIO_FROM", 2**20)
    assert "unpacks from" in str(answers(path)[1][1])
    monkeypatch.setattr(members, "MAX_BYTES", 10**6)
    assert "too large" in str(answers(path)[1][1])


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_archive, "MAX_MEMBERS", 2)
    path = write_zip(tmp_path / "a.zip", [(f"{n}.png", PNG) for n in range(3)])
    with pytest.raises(InputError, match="too many"):
        open_source(path)


def test_a_directory_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_archive, "_LARGEST_READ", 100)
    path = write_zip(tmp_path / "a.zip", [(f"{n}.png", PNG) for n in range(3)])
    with pytest.raises(InputError, match="damaged"):
        open_source(path)


@pytest.mark.parametrize("kept", [0.0, 0.4, 0.95])
def test_a_cut_off_archive_says_what_to_do(tmp_path: Path, kept: float) -> None:
    path = write_zip(tmp_path / "a.zip", [(f"{n}.png", PNG) for n in range(3)])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(InputError, match="damaged or cut off") as caught:
        open_source(path)
    assert "zip -FF" in str(caught.value.remedy)


def test_an_archive_without_images_says_what_it_holds(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.txt", b"x"), ("b.mp4", b"x")])
    with pytest.raises(InputError, match="holds no image") as caught:
        open_source(path)
    assert caught.value.found == "a video in an archive: 1 .mp4; not an image: 1 .txt"


def test_threads_read_at_the_same_time_and_the_file_is_closed_at_the_end(tmp_path: Path) -> None:
    images = [np.random.default_rng(n).integers(0, 256, (99, 99), np.uint8) for n in range(40)]
    contents = [b"P5 99 99 255\n" + image.tobytes() for image in images]
    path = write_zip(tmp_path / "a.zip", [(f"{n:02}.pgm", c) for n, c in enumerate(contents)])
    decoders = list(open_source(path).pending()) * 5
    with ThreadPoolExecutor(8) as pool:
        shots = list(pool.map(lambda decode: decode(), decoders))
    for number, shot in enumerate(shots):
        assert shot.frame is not None
        np.testing.assert_array_equal(shot.frame[..., 0], images[number % 40])
    del decoders
    gc.collect()
    handles = Path("/proc/self/fd")
    if handles.is_dir():
        assert not any(os.path.realpath(handle) == str(path) for handle in handles.iterdir())
