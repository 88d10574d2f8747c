"""Tar archives: order, names, what is passed over, damage and bombs."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import members, open_source, tar_archive
from edgefit.runtime.walking import Reason
from tests.unit.runtime.sources.packed import JPEG, PNG, TARS, answers, write_tar
from tests.unit.runtime.sources.written import flat

KINDS = {"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT, "ustar": tarfile.USTAR_FORMAT}


def damaged(*errors: str | None) -> list[bool]:
    return [error is not None for error in errors]


@pytest.mark.parametrize("suffix", TARS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_images_come_as_they_are_stored(tmp_path: Path, suffix: str, kind: int) -> None:
    path = write_tar(
        tmp_path / f"a{suffix}", [("b.png", PNG), ("./a/c.png", PNG), ("a.JPG", JPEG)], kind
    )
    source = open_source(path)
    assert source.len_hint is None
    shots = list(source)
    assert [(shot.name, shot.error) for shot in shots] == [
        ("b.png", None),
        ("a/c.png", None),
        ("a.JPG", None),
    ]
    np.testing.assert_array_equal(shots[1].frame, flat(9))
    assert len(list(source)) == 3
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_names_may_be_anything(tmp_path: Path, kind: int) -> None:
    names = ["../x.png", "/x.png", "\udcff\udcfe.png", "ü" * 90 + ".png", "a.png", "a.png"]
    path = write_tar(tmp_path / "a.tar", [(name, PNG) for name in names], kind)
    # the library strips a leading slash on reading, in some versions only
    assert [name.lstrip("/") for name, error in answers(path)] == [n.lstrip("/") for n in names]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tar"]


def test_what_is_passed_over_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in {
            "folder.png": tarfile.DIRTYPE,
            "soft.png": tarfile.SYMTYPE,
            "hard.png": tarfile.LNKTYPE,
            "pipe.png": tarfile.FIFOTYPE,
            "disk.png": tarfile.BLKTYPE,
        }.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("a.png", ".a.png", "__MACOSX/a.png", "a.txt", "a.mov", "a.zip"):
            info = tarfile.TarInfo(name)
            info.size = len(PNG)
            archive.addfile(info, io.BytesIO(PNG))
    source = open_source(path)
    assert [shot.name for shot in source] == ["a.png"]
    assert {entry.path: entry.reason for entry in source.passed_over} == {
        "soft.png": Reason.LINK,
        "hard.png": Reason.LINK,
        "pipe.png": Reason.NOT_A_FILE,
        "disk.png": Reason.NOT_A_FILE,
        ".a.png": Reason.HIDDEN,
        "__MACOSX/a.png": Reason.SYSTEM,
        "a.txt": Reason.OTHER,
        "a.mov": Reason.VIDEO,
        "a.zip": Reason.NESTED,
    }


def noise(count: int) -> list[tuple[str, bytes]]:
    """Images that no packer makes smaller."""
    random = np.random.default_rng(0)
    return [(f"{n}.pgm", b"P5 200 200 255\n" + random.bytes(40_000)) for n in range(count)]


@pytest.mark.parametrize(
    "suffix",
    [
        ".tar",
        ".tar.gz",
        pytest.param(".tar.bz2", marks=pytest.mark.slow),
        pytest.param(".tar.xz", marks=pytest.mark.slow),
    ],
)
def test_of_a_cut_off_archive_what_is_whole_is_read_and_then_one_error(
    tmp_path: Path, suffix: str
) -> None:
    path = write_tar(tmp_path / f"a{suffix}", noise(60))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    *whole, last = answers(path)
    assert len(whole) >= 20
    assert {error for _, error in whole} == {None}
    assert "damaged or cut off here" in str(last[1])


@pytest.mark.parametrize("end", [0, 512, 512 + 100, -200], ids=str)
def test_an_archive_that_is_cut_between_two_images_says_so(tmp_path: Path, end: int) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.png", PNG), ("b.png", PNG)])
    member = 512 + -(-len(PNG) // 512) * 512
    path.write_bytes(path.read_bytes()[: member + end])
    found = answers(path)
    if end == -200 and len(PNG) % 512 > 312:
        assert "cut off" in str(found[0][1])
    else:
        assert found[0] == ("a.png", None)
    assert "cut off" in str(found[-1][1])
    assert len(found) <= 2


def test_a_damaged_header_in_the_middle_is_not_taken_for_the_end(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.png", PNG), ("b.png", PNG)])
    data = bytearray(path.read_bytes())
    data[data.index(b"b.png") + 150] ^= 0xFF
    path.write_bytes(data)
    assert damaged(*(error for _, error in answers(path))) == [False, True]


def test_a_damaged_image_in_the_middle_is_one_error(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [(f"{n}.png", PNG) for n in range(3)])
    data = bytearray(path.read_bytes())
    data[data.index(PNG, data.index(b"1.png")) + 60] ^= 0xFF
    path.write_bytes(data)
    assert damaged(*(error for _, error in answers(path))) == [False, True, False]


def test_a_wrong_checksum_of_the_packer_is_told(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz", [("a.png", PNG)])
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)
    found = answers(path)
    assert damaged(*(error for _, error in found)) == [False, True]
    assert found[1][0] == "a.tar.gz"
    path.write_bytes(write_tar(path, [("a.png", PNG)]).read_bytes() + b"a signature")
    assert answers(path) == [("a.png", None)]


def test_a_second_archive_behind_the_first_is_told(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.png", PNG)])
    path.write_bytes(path.read_bytes() * 2)
    found = answers(path)
    assert damaged(*(error for _, error in found)) == [False, True]
    assert "more data follows" in str(found[1][1])


def claiming(size: int, name: str = "b.png") -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("size", [2**33, 2**62, 2**20])
def test_a_header_that_claims_what_is_not_there_is_an_error(tmp_path: Path, size: int) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.png", PNG)])
    whole = path.read_bytes()[: 512 + -(-len(PNG) // 512) * 512]
    path.write_bytes(whole + claiming(size) + PNG + bytes(2048))
    first, second, *rest = answers(path)
    assert first == ("a.png", None)
    assert second[0] == "b.png" and second[1] is not None
    assert len(rest) <= 1


def test_headers_that_claim_gigabytes_of_name_are_refused(tmp_path: Path) -> None:
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
        info = tarfile.TarInfo("x")
        info.size, info.type = 2**32, kind
        path = write_tar(tmp_path / "a.tar", [("a.png", PNG)])
        whole = path.read_bytes()[: 512 + -(-len(PNG) // 512) * 512]
        path.write_bytes(whole + info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
        assert damaged(*(error for _, error in answers(path))) == [False, True]


def test_a_header_that_points_backwards_ends_the_archive(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.png", PNG)])
    whole = path.read_bytes()[: 512 + -(-len(PNG) // 512) * 512]
    header = bytearray(claiming(0, "b.txt"))
    header[124:136] = b"\xff" * 9 + (0x10000 - 2048).to_bytes(3, "big")  # minus 2048 or so
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path.write_bytes(whole + header + bytes(1024))
    assert damaged(*(error for _, error in answers(path))) == [False, True]


def test_a_bomb_is_one_error_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tar(tmp_path / "a.tgz", [("a.png", PNG), ("b.png", bytes(10**7)), ("c.png", PNG)])
    assert damaged(*(error for _, error in answers(path))) == [False, True, False]
    monkeypatch.setattr(members, "MAX_BYTES", 10**6)
    found = answers(path)
    assert damaged(*(error for _, error in found)) == [False, True, False]
    assert "too large" in str(found[1][1])


def test_too_many_members_end_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_archive, "MAX_MEMBERS", 2)
    path = write_tar(tmp_path / "a.tar", [(f"{n}.png", PNG) for n in range(4)])
    found = answers(path)
    assert damaged(*(error for _, error in found)) == [False, False, True]
    assert "more than 2 members" in str(found[-1][1])


def test_stopping_ends_the_reading(tmp_path: Path) -> None:
    source = open_source(write_tar(tmp_path / "a.tar", [(f"{n}.png", PNG) for n in range(9)]))
    names = []
    for decode in source.pending():
        names.append(decode().name)
        source.stop()
    assert names == ["0.png"]


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    source = open_source(write_tar(tmp_path / "a.tar", [("a.txt", b"x")]))
    with pytest.raises(InputError, match="holds no image") as caught:
        list(source)
    assert caught.value.found == "not an image: 1 .txt"
    with pytest.raises(InputError, match="holds no image"):
        list(open_source(write_tar(tmp_path / "b.tar", [])))


@pytest.mark.parametrize("content", [b"", b"no archive" * 99, b"\x1f\x8bnone", b"BZh9none"])
def test_what_is_no_archive_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match="not a tar archive"):
        open_source(tmp_path / "a.tar.gz")
