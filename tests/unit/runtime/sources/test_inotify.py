"""What inotify tells, on Linux."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgefit.runtime.sources import inotify
from edgefit.runtime.sources.inotify import Inotify, Told

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is of Linux")


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Inotify]:
    watching = Inotify(tmp_path)
    assert watching.watch([""])
    yield watching
    watching.close()


def test_closing_and_renaming_in_complete_a_file(watching: Inotify, tmp_path: Path) -> None:
    with (tmp_path / "a.jpg").open("w") as file:
        assert watching.told() == Told(begun=["a.jpg"])
        file.write("a")
        file.flush()
        assert watching.told() == Told()
    assert watching.told() == Told(complete=["a.jpg"])
    (tmp_path / "a.jpg").rename(tmp_path / "b.jpg")
    assert watching.told() == Told(complete=["b.jpg"])


def test_a_name_may_hold_any_bytes(watching: Inotify, tmp_path: Path) -> None:
    (tmp_path / "\udcff ü.jpg").write_text("a", encoding="utf-8")
    assert watching.told().complete == ["\udcff ü.jpg"]


def test_a_new_folder_asks_for_a_look_and_is_watched_then(
    watching: Inotify, tmp_path: Path
) -> None:
    (tmp_path / "day").mkdir()
    assert watching.told() == Told(look=True)
    assert watching.watch(["", "day", "gone"])
    (tmp_path / "day/a.jpg").touch()
    assert watching.told().complete == ["day/a.jpg"]
    (tmp_path / "day").rename(tmp_path / "night")
    assert watching.told().look
    assert watching.watch(["", "night"])
    (tmp_path / "night/b.jpg").touch()
    assert watching.told().complete == ["night/b.jpg"]


def test_lost_events_ask_for_a_look(watching: Inotify) -> None:
    told = Told()
    watching._sort(told, -1, inotify._QUEUE_OVERFLOW, "")
    assert told == Told(look=True)


def test_waiting_ends_by_a_file_by_the_time_and_by_waking(
    watching: Inotify, tmp_path: Path
) -> None:
    assert watching.wait(0.01) == Told()
    for end in (watching.wake, (tmp_path / "a.jpg").touch):
        began = time.monotonic()
        timer = threading.Timer(0.05, end)
        timer.start()
        watching.wait(20)
        timer.join()
        assert time.monotonic() - began < 10


def test_a_system_without_it_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OSError, match="Linux"):
        Inotify(tmp_path)


def test_folders_that_cannot_be_watched_are_told(
    watching: Inotify, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(result: int) -> int:
        raise OSError(28, "no watches are left")

    monkeypatch.setattr(watching, "_checked", refuse)
    assert not watching.watch([""])
