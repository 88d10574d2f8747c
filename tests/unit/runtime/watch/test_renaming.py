from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edgefit.runtime.watch import renaming
from edgefit.runtime.watch.renaming import rename_to_free


@pytest.fixture(params=["renameat2", "link", "reserve"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way in turn is the best that the file system offers."""
    if request.param != "renameat2":
        monkeypatch.setattr(renaming, "_renameat2", lambda: None)
    if request.param == "reserve":

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EPERM, "not permitted")

        monkeypatch.setattr(os, "link", refuse)
    return str(request.param)


def test_a_free_name_is_taken(tmp_path: Path, way: str) -> None:
    source, target = tmp_path / os.fsdecode(b"\xfc"), tmp_path / "b"
    source.write_bytes(b"one")
    rename_to_free(source, target)
    assert target.read_bytes() == b"one"
    assert not source.exists()


def test_what_has_the_name_stays(tmp_path: Path, way: str) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")
    target.write_bytes(b"two")
    with pytest.raises(FileExistsError):
        rename_to_free(source, target)
    assert (source.read_bytes(), target.read_bytes()) == (b"one", b"two")


def test_two_names_of_one_file_are_two_files(tmp_path: Path, way: str) -> None:
    """Plain rename(2) does nothing then, and says that it worked."""
    source, target = tmp_path / "a", tmp_path / "b"
    target.write_bytes(b"one")
    Path(tmp_path / "a").hardlink_to(target) if way != "reserve" else source.write_bytes(b"one")
    with pytest.raises(FileExistsError):
        rename_to_free(source, target)
    assert source.exists()


def test_a_source_that_is_gone_leaves_no_trace(tmp_path: Path, way: str) -> None:
    with pytest.raises(FileNotFoundError):
        rename_to_free(tmp_path / "gone", tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL])
def test_a_file_system_without_the_call_is_asked_in_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(renaming, "_renameat2", lambda: lambda *_: -1)
    monkeypatch.setattr(renaming.ctypes, "get_errno", lambda: number)
    (tmp_path / "a").write_bytes(b"one")
    rename_to_free(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"one"


def test_another_file_system_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renaming, "_renameat2", lambda: lambda *_: -1)
    monkeypatch.setattr(renaming.ctypes, "get_errno", lambda: errno.EXDEV)
    with pytest.raises(OSError) as caught:
        rename_to_free(tmp_path / "a", tmp_path / "b")
    assert caught.value.errno == errno.EXDEV
