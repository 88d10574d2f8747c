"""A packed file that is read forward, with bounded memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import unpacked
from edgefit.runtime.sources.unpacked import Unpacked

CONTENT = bytes(range(256)) * 999
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "two streams of xz": lambda data: (
        lzma.compress(data[:1000]) + bytes(8) + lzma.compress(data[1000:]) + bytes(4)
    ),
}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS.keys())
def test_it_reads_and_skips_forward(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "a").write_bytes(pack(CONTENT))
    with Unpacked(tmp_path / "a") as file:
        assert file.read(300) == CONTENT[:300]
        assert file.seek(2000) == file.tell() == 2000
        assert file.read(5) == file.last == CONTENT[2000:2005]
        assert file.seek(2005) == 2005
        with pytest.raises(tarfile.ReadError, match="backwards"):
            file.seek(2004)
        assert file.read(10**6) == CONTENT[2005:]
        assert file.read(1) == b""
        with pytest.raises(tarfile.ReadError, match="states"):
            file.read(2**30)
        with pytest.raises(tarfile.ReadError, match="states"):
            file.read()


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_a_cut_off_file_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(PACKERS[name](CONTENT)[:-20])
    with Unpacked(tmp_path / "a") as file, pytest.raises((EOFError, OSError)):
        while file.read(2**16):
            pass


def test_it_unpacks_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "_RATIO_FROM", 2**20)
    (tmp_path / "a").write_bytes(gzip.compress(bytes(2**23)))
    with Unpacked(tmp_path / "a") as file, pytest.raises(tarfile.ReadError, match="200 times"):
        file.seek(2**23)
    assert file.closed


def test_xz_may_not_ask_for_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "_XZ_MEMORY", 2**20)
    (tmp_path / "a").write_bytes(lzma.compress(CONTENT, preset=6))
    with Unpacked(tmp_path / "a") as file, pytest.raises(lzma.LZMAError):
        file.read(1)


def test_nothing_is_read_once_it_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(CONTENT))
    with Unpacked(tmp_path / "a") as file:
        file.stopped = True
        assert file.read(5) == b""
        assert file.seek(100) == 0


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python unpacks zstd")
def test_zstd_is_refused_with_the_command_that_unpacks_it(tmp_path: Path) -> None:
    (tmp_path / "a.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd rest")
    with pytest.raises(InputError, match="zstd") as caught:
        Unpacked(tmp_path / "a.tar.zst")
    assert caught.value.remedy == f"zstd -d {tmp_path / 'a.tar.zst'}"
