from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgefit.runtime.walking import Reason
from edgefit.runtime.watch.inbox import WATCHED_SUFFIXES, Inbox, identity_of, is_video
from edgefit.runtime.watch.locking import INBOX_LOCK


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ready(inbox: Inbox) -> list[str]:
    return [arrival.path for arrival in inbox.look().ready]


def test_a_file_is_ready_once_two_looks_saw_the_same(tmp_path: Path) -> None:
    clock = Clock()
    inbox = Inbox(tmp_path, 0.5, clock)
    (tmp_path / "a.png").write_bytes(b"half")
    os.utime(tmp_path / "a.png", (0, 0))  # whatever its time says
    look = inbox.look()
    assert look.ready == () and [a.path for a in look.settling] == ["a.png"]
    assert look.ready_in_s == pytest.approx(0.5)
    clock.now += 0.4
    assert ready(inbox) == []
    (tmp_path / "a.png").write_bytes(b"half and more")
    clock.now += 0.4
    assert ready(inbox) == []
    clock.now += 0.5
    assert ready(inbox) == ["a.png"]


def test_a_file_of_the_same_size_and_time_but_another_inode_starts_anew(tmp_path: Path) -> None:
    clock = Clock()
    inbox = Inbox(tmp_path, 0.5, clock)
    for name in ("a.png", "new"):
        (tmp_path / name).write_bytes(b"same")
        os.utime(tmp_path / name, (5, 5))
    inbox.look()
    (tmp_path / "new").rename(tmp_path / "a.png")
    clock.now += 0.6
    assert ready(inbox) == []


def test_without_settling_a_file_is_ready_at_once_the_oldest_first(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, 0)
    for name, time in (("b.png", 2), ("a.png", 3), ("c.png", 1)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time, time))
    assert ready(inbox) == ["c.png", "b.png", "a.png"]


def test_everything_that_predict_reads_is_taken() -> None:
    assert {".jfif", ".jpe", ".pgm", ".ppm", ".dib", ".gif", ".avi", ".h264"} <= WATCHED_SUFFIXES
    assert is_video("a.mp4") and not is_video("a.gif") and not is_video("a/b.MP4/c.PNG")


def test_what_is_not_taken_is_told_but_not_the_lock(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in (INBOX_LOCK, ".half.png", "notes.txt", f"sub/{INBOX_LOCK}", "a.png.part"):
        (tmp_path / name).touch()
    (tmp_path / "link.png").symlink_to("/etc/hostname")
    look = Inbox(tmp_path, 0).look()
    assert {(entry.path, entry.reason) for entry in look.passed_over} == {
        (".half.png", Reason.HIDDEN),
        ("notes.txt", Reason.OTHER),
        ("a.png.part", Reason.UNFINISHED),
        ("link.png", Reason.LINK),
    }
    assert look.locks == (f"sub/{INBOX_LOCK}",)
    assert look.ready == ()


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Inbox(tmp_path / "gone", 0).look()
    assert identity_of(tmp_path / "gone") is None
