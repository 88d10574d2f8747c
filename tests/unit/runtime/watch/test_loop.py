from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.stopping import Stop
from edgefit.runtime.watch.identifying import inbox_id
from edgefit.runtime.watch.journal import Batch, Journal
from edgefit.runtime.watch.loop import Pace, Watcher
from edgefit.runtime.watch.results import Results
from tests.unit.runtime.watch.line import Line, clip, png, tree


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def running(line: Line) -> Callable[[], Stop]:
    """Starts the line in a thread; it is asked to stop at the end of a test."""
    threads = []

    def start() -> Stop:
        thread = threading.Thread(target=line.watch, kwargs={"once": False}, daemon=True)
        threads.append(thread)
        thread.start()
        wait_until(lambda: line.stop is not None)
        assert line.stop is not None
        return line.stop

    def end() -> None:
        for thread in threads:
            if thread.is_alive() and line.stop is not None:
                line.stop.ask(signal.SIGTERM)
            thread.join(30)
            assert not thread.is_alive()

    start.end = end  # type: ignore[attr-defined]
    return start


def finish(running: Callable[[], Stop]) -> None:
    running.end()  # type: ignore[attr-defined]


def test_files_are_answered_as_they_arrive(line: Line, running: Callable[[], Stop]) -> None:
    running()
    for number in range(3):
        line.put(f"{number}.png", png(40))
        wait_until(lambda n=number: (line.places.done / f"{n}.png").exists())  # type: ignore[misc]
    finish(running)
    assert line.names() == ["0.png", "1.png", "2.png"]


def test_an_inbox_that_vanishes_is_told_once_and_waited_for(
    line: Line, running: Callable[[], Stop]
) -> None:
    running()
    aside = line.root / "aside"
    line.places.inbox.rename(aside)
    wait_until(lambda: line.voice.warned != [])
    time.sleep(0.2)
    aside.rename(line.places.inbox)
    line.put("a.png", png(40))
    wait_until((line.places.done / "a.png").exists)
    finish(running)
    assert len(line.voice.warned) == 1
    assert any("is back" in said for said in line.voice.said)


def test_an_inbox_that_vanishes_inside_a_batch_is_not_answered_again(
    line: Line, running: Callable[[], Stop]
) -> None:
    """The share is unmounted after an image was read; the empty mount point stays."""
    aside = line.root / "aside"
    gone: list[bool] = []

    def unmount(frame: object) -> int:
        if not gone:
            gone.append(True)
            line.places.inbox.rename(aside)
            line.places.inbox.mkdir()
        return 1

    clip(line.places.inbox / "a.avi", [10, 20])
    line.put("b.png", png(9))
    line.predictor = unmount
    running()
    wait_until(lambda: line.voice.warned != [])
    assert line.journal().exists()
    time.sleep(0.2)
    shutil.rmtree(line.places.inbox)
    aside.rename(line.places.inbox)
    wait_until(lambda: len(tree(line.places.done)) == 2)
    finish(running)
    assert sorted(line.names()) == ["a.avi#0", "a.avi#1", "b.png"]
    assert len(line.voice.warned) == 1
    assert "What to do: mount it" in line.voice.warned[0]


def test_a_new_inbox_at_the_same_place_is_locked_anew(
    line: Line, running: Callable[[], Stop]
) -> None:
    running()
    shutil.rmtree(line.places.inbox)
    line.put("a.png", png(40))
    wait_until((line.places.done / "a.png").exists)
    with pytest.raises(InputError, match="Another `edgefit watch`"):
        Line.watch(line)
    finish(running)


def test_once_leaves_a_file_that_is_still_written_and_one_that_comes_later(line: Line) -> None:
    line.put("a.png", png(40))
    growing = line.put("growing.png", b"")

    def more(frame: object) -> int:
        line.put("later.png", png(40))
        return 1

    line.predictor = more
    ended = threading.Event()

    def grow() -> None:
        while not ended.is_set():
            with growing.open("ab") as file:
                file.write(b"x")
            time.sleep(0.01)

    thread = threading.Thread(target=grow)
    thread.start()
    line.watch(settle_s=0.3)
    ended.set()
    thread.join()
    assert line.names() == ["a.png"]
    assert sorted(tree(line.places.inbox)) == ["growing.png", "later.png"]


@pytest.mark.parametrize("same", ["inbox", "results"])
def test_two_instances_are_one_too_many(line: Line, tmp_path: Path, same: str) -> None:
    other = Line(tmp_path / "other")
    kept = {same: getattr(line.places, same)}
    other.places = type(line.places)(**(vars(other.places) | kept))
    with (
        Stop() as stop,
        Watcher(line.places, line.answerer(), Pace(), stop, line.voice),
    ):
        with pytest.raises(InputError, match="Another") as caught:
            other.watch()
        assert str(os.getpid()) in str(caught.value.found)
    other.watch()


def test_an_inbox_inside_or_around_a_watched_one_is_refused(line: Line, tmp_path: Path) -> None:
    inner = Line(tmp_path / "inner")
    (line.places.inbox / "sub").mkdir()
    inner.places = type(line.places)(**(vars(inner.places) | {"inbox": line.places.inbox / "sub"}))
    for holder, comes, fragment in (
        (line, inner, "around this inbox"),
        (inner, line, "inside this inbox"),
    ):
        with (
            Stop() as stop,
            Watcher(holder.places, holder.answerer(), Pace(), stop, holder.voice),
            pytest.raises(InputError, match=fragment),
        ):
            comes.watch()


def test_other_results_wait_for_the_unfinished_batch_of_the_old_ones(line: Line) -> None:
    line.watch()
    mark = Results(line.places.results, print).begin()
    where = str(line.places.inbox)
    cut = Batch(inbox=where, inbox_id=inbox_id(line.places.inbox), mark=mark, files=())
    Journal(line.places.results).write(cut)
    old = line.places
    line.places = type(old)(**(vars(old) | {"results": line.root / "new.jsonl"}))
    for _ in range(2):  # the refusal must not forget the old results
        with pytest.raises(InputError, match="unfinished batch in another results file"):
            line.watch()
    line.places = old
    line.watch()
    line.places = type(old)(**(vars(old) | {"results": line.root / "new.jsonl"}))
    line.watch()


def test_an_inbox_that_is_gone_ends_a_single_run(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.put("a.png", png(40))
    real = os.scandir
    calls = []

    def scandir(path: object) -> object:
        calls.append(path)
        if len(calls) > 2:
            raise OSError(errno.ESTALE, "Stale file handle")
        return real(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match="cannot be opened any more"):
        line.watch(settle_s=0.1)
    assert line.names() == []


def test_what_is_in_the_inbox_is_counted(line: Line) -> None:
    line.put("a.png", png(40))
    line.put("notes.txt", b"")
    with Stop() as stop, Watcher(line.places, line.answerer(), Pace(), stop, line.voice) as watcher:
        found = watcher.inventory()
    assert found is not None
    assert (found.files, len(found.passed_over)) == (1, 1)


def test_the_loop_says_that_it_is_alive_at_each_look_and_each_line(line: Line) -> None:
    beats: list[int] = []
    for number in range(3):
        line.put(f"{number}.png", png(number))

    def beat() -> None:
        beats.append(1)
        if len(beats) == 20:
            stop.ask(signal.SIGTERM)

    pace = Pace(interval_s=0.01, settle_s=0)
    with (
        Stop() as stop,
        Watcher(line.places, line.answerer(), pace, stop, line.voice, beat) as watcher,
    ):
        watcher.run(once=True)
        assert len(beats) == 3, "one for each line"
        watcher.run()
    assert len(beats) == 20, "one for each look while nothing arrives"
