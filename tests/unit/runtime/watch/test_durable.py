from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edgefit.runtime.watch import durable


def test_a_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "journal"
    durable.replace_saved(target, b"first")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        durable.replace_saved(target, b"second")
    assert target.read_bytes() == b"first"


@pytest.mark.parametrize(
    ("number", "is_told"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)]
)
def test_a_file_system_that_cannot_sync_folders_is_no_error_but_a_broken_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_told: bool
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    if is_told:
        with pytest.raises(OSError):
            durable.sync_folder(tmp_path)
    else:
        durable.sync_folder(tmp_path)


def test_folders_are_made_with_those_above_and_twice_is_no_error(tmp_path: Path) -> None:
    for _ in range(2):
        durable.make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_an_open_file_is_told_from_another_one_at_its_path(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    handle = os.open(path, os.O_RDONLY)
    try:
        assert durable.is_at(handle, path)
        path.rename(tmp_path / "y")
        assert not durable.is_at(handle, path)
        path.touch()
        assert not durable.is_at(handle, path)
    finally:
        os.close(handle)
