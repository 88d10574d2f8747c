from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from edgefit.errors import InputError
from edgefit.runtime.stopping import Stop
from edgefit.runtime.watch import batch as batches
from edgefit.runtime.watch.batch import Batches
from edgefit.runtime.watch.identifying import InboxAway, inbox_id
from edgefit.runtime.watch.journal import Batch, Entry, Journal
from edgefit.runtime.watch.results import Results
from edgefit.spec import Frame
from tests.unit.runtime.watch.line import Line, clip, png, read_label, tree


def test_every_file_is_answered_and_moved_or_fails_with_its_reason(line: Line) -> None:
    line.put("a.png", png(40))
    line.put("sub/b.jfif", png(50))
    line.put("bad.png", b"x")
    clip(line.places.inbox / "v.avi", [0, 60])
    tally = line.watch()
    assert (tally.answered, tally.failed, tally.lines, tally.frames) == (3, 1, 5, 4)
    assert sorted(line.names()) == ["a.png", "bad.png", "sub/b.jfif", "v.avi#0", "v.avi#1"]
    assert sorted(tree(line.places.done)) == ["a.png", "sub/b.jfif", "v.avi"]
    assert sorted(tree(line.places.failed)) == ["bad.png", "bad.png.reason.txt"]
    assert tree(line.places.inbox) == {}
    assert not line.journal().exists()
    assert any("failed: bad.png" in said for said in line.voice.said)


def test_many_files_make_several_batches_and_a_video_one_of_its_own(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    real = Journal.write

    def note(self: Journal, batch: Batch) -> None:
        if batch.moves is None:
            sizes.append(len(batch.files))
        real(self, batch)

    monkeypatch.setattr(Journal, "write", note)
    for number in range(40):
        os.utime(line.put(f"{number:02}.png", png(40)), (number, number))
    os.utime(clip(line.places.inbox / "v.avi", [0]), (4, 4))
    line.watch()
    assert sizes == [5, 1, 32, 3]
    assert len(line.names()) == 41


def test_a_file_moves_only_when_its_line_is_on_the_disk(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Results) -> None:
        raise InputError("The results cannot be written.")

    line.put("a.png", png(40))
    with monkeypatch.context() as patch:
        patch.setattr(Results, "sync", refuse)
        with pytest.raises(InputError):
            line.watch()
    assert list(tree(line.places.inbox)) == ["a.png"]
    line.watch()
    assert line.names() == ["a.png"]
    assert list(tree(line.places.done)) == ["a.png"]


def test_an_image_that_changes_while_it_is_read_is_left_without_a_line(line: Line) -> None:
    path = line.put("a.png", png(40))

    def change(frame: Frame) -> Any:
        with path.open("ab") as file:
            file.write(b"more")
        return 0

    line.predictor = change
    assert line.watch().lines == 0
    assert line.names() == [] and list(tree(line.places.inbox)) == ["a.png"]
    line.predictor = read_label
    line.watch()
    assert line.names() == ["a.png"]


def test_a_damaged_image_that_still_grows_has_not_failed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = line.put("a.png", png(40)[:30])
    real = batches.identity_of
    calls = []

    def late(found: Path) -> Any:
        calls.append(found)
        if len(calls) == 2:  # after it was read
            path.write_bytes(png(40))
        return real(found)

    monkeypatch.setattr(batches, "identity_of", late)
    line.watch()
    assert tree(line.places.failed) == {} and line.names() == []
    line.watch()
    assert [f["label"] for f in line.facts()] == [40]


def test_asked_to_stop_it_finishes_the_image_and_moves_what_has_its_line(line: Line) -> None:
    def stop(frame: Frame) -> Any:
        assert line.stop is not None
        line.stop.ask(signal.SIGTERM)
        return 1

    for name in ("a.png", "b.png"):
        line.put(name, png(40))
    line.predictor = stop
    line.watch()
    assert line.names() == ["a.png"]
    assert list(tree(line.places.done)) == ["a.png"]
    assert list(tree(line.places.inbox)) == ["b.png"]
    assert not line.journal().exists()


def test_asked_to_stop_inside_a_video_it_goes_on_there_at_the_next_start(line: Line) -> None:
    def stop(frame: Frame) -> Any:
        if frame.mean() > 100:
            assert line.stop is not None
            line.stop.ask(signal.SIGTERM)
        return 1

    clip(line.places.inbox / "v.avi", [0, 0, 120, 0, 0])
    line.predictor = stop
    line.watch()
    assert [f["index"] for f in line.facts()] == [0, 1, 2]
    assert line.journal().exists() and list(tree(line.places.inbox)) == ["v.avi"]
    line.predictor = read_label
    line.watch()
    assert [f["index"] for f in line.facts()] == [0, 1, 2, 3, 4]
    assert list(tree(line.places.done)) == ["v.avi"]


def test_asked_to_stop_before_it_goes_on_with_a_video_it_forgets_nothing(line: Line) -> None:
    def stop(frame: Frame) -> Any:
        assert line.stop is not None
        line.stop.ask(signal.SIGTERM)
        return 1

    clip(line.places.inbox / "v.avi", [0, 60, 120])
    line.predictor = stop
    line.watch()
    with Stop() as asked:
        asked.ask(signal.SIGTERM)
        Batches(
            line.places,
            line.answerer(),
            Results(line.places.results, print),
            asked,
            line.voice,
        ).resume()
    line.predictor = read_label
    line.watch()
    assert [f["index"] for f in line.facts()] == [0, 1, 2]
    assert list(tree(line.places.done)) == ["v.avi"]


def test_a_file_that_ends_the_program_again_and_again_fails_at_last(line: Line) -> None:
    class Crash(BaseException):
        pass

    def crash(frame: Frame) -> Any:
        if frame.mean() > 200:
            raise Crash
        return read_label(frame)

    for number, (name, level) in enumerate((("a.png", 10), ("b.png", 255), ("c.png", 20))):
        os.utime(line.put(name, png(level)), (number, number))
    line.predictor = crash
    for _ in range(batches.PATIENCE):
        with pytest.raises(Crash):
            line.watch()
    line.watch()
    assert line.names() == ["a.png", "b.png", "c.png"]
    assert "ended 4 times" in line.facts()[1]["error"]
    assert sorted(tree(line.places.failed)) == ["b.png", "b.png.reason.txt"]
    assert sorted(tree(line.places.done)) == ["a.png", "c.png"]


def test_a_full_disk_is_no_fault_of_the_file_that_was_answered(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Results, text: bytes) -> None:
        raise InputError("The results cannot be written.")

    line.put("a.png", png(40))
    with monkeypatch.context() as patch:
        patch.setattr(Results, "append", full)
        for _ in range(2 * batches.PATIENCE):
            with pytest.raises(InputError):
                line.watch()
    line.watch()
    assert [(f["label"], f["error"]) for f in line.facts()] == [(40, None)]


def cut_off(line: Line, inbox: Path, name: str) -> None:
    mark = Results(line.places.results, print).begin()
    entry = Entry(path="a.png", size=1, mtime_ns=1)
    batch = Batch(inbox=str(inbox), inbox_id=name, mark=mark, files=(entry,))
    Journal(line.places.results).write(batch)


def test_the_batch_of_another_inbox_is_not_taken_over(line: Line, tmp_path: Path) -> None:
    cut_off(line, tmp_path / "other inbox", "1")
    with pytest.raises(InputError, match="another inbox") as caught:
        line.watch()
    assert f"'{tmp_path / 'other inbox'}'" in str(caught.value.remedy)
    assert line.journal().exists()


def test_a_batch_waits_for_the_folder_that_it_came_from(line: Line) -> None:
    """An unmounted share leaves an empty folder: its files have not gone for good."""
    cut_off(line, line.places.inbox, "1")
    with pytest.raises(InboxAway):
        line.watch()
    assert line.journal().exists()
    cut_off(line, line.root / "renamed since", inbox_id(line.places.inbox))
    line.watch()
    assert not line.journal().exists()


def test_a_file_that_was_replaced_after_its_line_is_answered_anew(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = line.put("a.png", png(40))
    with monkeypatch.context() as patch:
        patch.setattr(batches.Mover, "carry_out", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            line.watch()
    path.write_bytes(png(50) + b"longer")
    line.watch()
    assert [f["label"] for f in line.facts()] == [40, 50]
    assert list(tree(line.places.done)) == ["a.png"]
