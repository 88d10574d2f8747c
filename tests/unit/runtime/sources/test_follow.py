"""A folder that is followed: what lies there, what comes, and what may go wrong meanwhile."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import FrameSource, SourceFrame, SourceOptions, follow, open_source
from edgefit.runtime.sources.follow import FollowSource
from edgefit.runtime.sources.inotify import Inotify
from tests.unit.runtime.sources.written import flat, write_image

SETTLE_S = 0.2
LONG_S = 20.0


class Following:
    """Reads a source in a thread, as a feed does."""

    def __init__(self, source: FrameSource) -> None:
        self.source = source
        self.shots: list[SourceFrame] = []
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for decode in self.source.pending():
                self.shots.append(decode())
        except InputError as error:
            self.error = error

    def names(self, count: int) -> list[str]:
        """The names, once there are so many."""
        self.until(lambda: len(self.shots) >= count)
        return [shot.name for shot in self.shots]

    def until(self, is_done: Callable[[], bool]) -> None:
        end = time.monotonic() + LONG_S
        while not is_done():
            assert time.monotonic() < end, [shot.name for shot in self.shots]
            time.sleep(0.01)

    def end(self) -> None:
        self.source.stop()
        self._thread.join(LONG_S)
        assert not self._thread.is_alive()


@pytest.fixture(params=["inotify", "polling"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to learn of a file; a look is so seldom that inotify must tell."""
    monkeypatch.setattr(follow, "_OFTEN_S", 0.05)
    if request.param == "polling":

        def refuse(root: Path) -> Inotify:
            raise OSError("no inotify here")

        monkeypatch.setattr(follow, "Inotify", refuse)
    else:
        monkeypatch.setattr(follow, "_SELDOM_S", 1000.0)
        if not sys.platform.startswith("linux"):
            pytest.skip("inotify is of Linux")
    return str(request.param)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Following]]:
    started: list[Following] = []

    def begin(**options: object) -> Following:
        asked = replace(SourceOptions(follow=True, settle_s=SETTLE_S), **options)  # type: ignore[arg-type]
        started.append(Following(open_source(tmp_path, options=asked)))
        return started[-1]

    yield begin
    for following in started:
        following.end()


Start = Callable[..., Following]


def test_what_lies_there_comes_sorted_and_then_what_is_written(
    way: str, tmp_path: Path, start: Start
) -> None:
    for name in ("c.png", "a.png", "b/x.png", ".hidden.png"):
        write_image(tmp_path / name, flat(9))
    (tmp_path / "notes.txt").touch()
    following = start()
    assert following.names(3) == ["a.png", "b/x.png", "c.png"]
    write_image(tmp_path / "b/late.png", flat(5))
    write_image(tmp_path / ".b.png", flat(5))
    (tmp_path / "c.png").rename(tmp_path / "moved.png")
    assert sorted(following.names(5)[3:]) == ["b/late.png", "moved.png"]
    assert [shot.index for shot in following.shots] == [0, 1, 2, 3, 4]
    assert all(shot.error is None and shot.arrived_at for shot in following.shots)
    assert {entry.path for entry in following.source.passed_over} >= {".hidden.png", "notes.txt"}


def test_new_folders_are_followed(way: str, tmp_path: Path, start: Start) -> None:
    following = start()
    time.sleep(2 * SETTLE_S)
    for day in ("1", "1/2"):
        write_image(tmp_path / day / "first.png", flat(9))
    assert sorted(following.names(2)) == ["1/2/first.png", "1/first.png"]
    time.sleep(2 * SETTLE_S)
    write_image(tmp_path / "1/2/second.png", flat(9))
    assert following.names(3)[2] == "1/2/second.png"
    assert following.source._is_told is (way == "inotify")  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_file_that_is_still_written_comes_once_and_whole(
    way: str, tmp_path: Path, start: Start
) -> None:
    data = write_image(tmp_path / ".hidden.png", flat(9)).read_bytes()
    following = start(settle_s=1.0)
    time.sleep(1.2)
    with (tmp_path / "slow.png").open("wb") as file:
        for byte in range(len(data)):
            file.write(data[byte : byte + 1])
            file.flush()
            time.sleep(1.0 / len(data))
    write_image(tmp_path / "last.png", flat(9))
    assert sorted(following.names(2)) == ["last.png", "slow.png"]
    assert [shot.error for shot in following.shots] == [None, None]


def test_inotify_knows_of_a_writer_that_pauses(tmp_path: Path, start: Start) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("inotify is of Linux")
    data = write_image(tmp_path / ".hidden.png", flat(9)).read_bytes()
    following = start()
    time.sleep(2 * SETTLE_S)
    with (tmp_path / "slow.png").open("wb") as file:
        file.write(data[:40])
        file.flush()
        time.sleep(3 * SETTLE_S)
        file.write(data[40:])
    assert following.names(1) == ["slow.png"]
    assert following.shots[0].error is None


def test_a_damaged_file_and_one_that_is_gone_are_one_error_each(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", flat(9))
    data = write_image(tmp_path / "b.png", flat(9)).read_bytes()
    (tmp_path / "b.png").write_bytes(data[: len(data) // 2])
    write_image(tmp_path / "c.png", flat(9))
    source = open_source(tmp_path, options=SourceOptions(follow=True, settle_s=0.01))
    shots = []
    for decode in source.pending():
        if not shots:
            (tmp_path / "c.png").unlink()
        shots.append(decode())
        if len(shots) == 3:
            source.stop()
    assert [shot.name for shot in shots] == ["a.png", "b.png", "c.png"]
    assert [shot.error is None for shot in shots] == [True, False, False]
    assert "cannot be read" in str(shots[2].error)


def test_what_an_earlier_run_answered_is_skipped(way: str, tmp_path: Path, start: Start) -> None:
    for name in ("a.png", "b.png", "c.png"):
        write_image(tmp_path / name, flat(9))
    following = start(already=lambda name: name != "b.png")
    assert following.names(1) == ["b.png"]
    write_image(tmp_path / "a.png", flat(80, 40, 40))
    assert following.names(2) == ["b.png", "a.png"]


def test_stopping_ends_at_once(way: str, tmp_path: Path, start: Start) -> None:
    following = start()
    time.sleep(2 * SETTLE_S)
    began = time.monotonic()
    following.end()
    assert time.monotonic() - began < 1


def test_a_folder_of_which_inotify_says_nothing_is_looked_through_often(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, start: Start
) -> None:
    monkeypatch.setattr(follow, "_SELDOM_S", 0.3)
    monkeypatch.setattr(follow, "_OFTEN_S", 0.05)
    monkeypatch.setattr(Inotify, "_sort", lambda *_: None)
    following = start()
    time.sleep(2 * SETTLE_S)
    write_image(tmp_path / "a.png", flat(9))
    assert following.names(1) == ["a.png"]
    assert not following.source._is_told  # type: ignore[attr-defined]


def test_a_folder_that_goes_away_and_comes_back_gives_nothing_twice(
    way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(follow, "_SELDOM_S", 0.1)
    share, told = tmp_path / "share", list[str]()
    write_image(share / "a.png", flat(9))
    options = SourceOptions(follow=True, settle_s=SETTLE_S, tell=told.append)
    following = Following(FollowSource(share, options))
    assert following.names(1) == ["a.png"]
    share.rename(tmp_path / "elsewhere")
    share.mkdir()
    following.until(lambda: len(told) == 1)
    share.rmdir()
    (tmp_path / "elsewhere").rename(share)
    write_image(share / "b.png", flat(9))
    assert following.names(2) == ["a.png", "b.png"]
    following.until(lambda: len(told) == 2)
    assert "away" in told[0] and "back" in told[1]
    following.end()


def test_a_folder_that_stays_away_ends_with_an_error(
    way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(follow, "_SELDOM_S", 0.1)
    share = tmp_path / "share"
    share.mkdir()
    options = SourceOptions(follow=True, settle_s=SETTLE_S, give_up_s=0.2)
    following = Following(FollowSource(share, options))
    share.rmdir()
    following.until(lambda: following.error is not None)
    assert "stays away" in str(following.error)
    following.end()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        FollowSource(tmp_path / "absent", SourceOptions(follow=True))
