"""When a file is complete, with a clock of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgefit.runtime.sources.arrivals import Arrivals


class Folder:
    """A folder and the files that came to it."""

    def __init__(self, root: Path) -> None:
        self.root, self.now = root, 100.0
        self.arrivals = Arrivals(root, 1.0, lambda: self.now)

    def write(self, name: str, content: str, mtime: float = 5.0) -> None:
        (self.root / name).write_text(content, encoding="utf-8")
        os.utime(self.root / name, (mtime, mtime))

    def start(self, *answered: str) -> None:
        self.arrivals.start(self.names(), lambda name: name in answered)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir())

    def after(self, seconds: float) -> list[str]:
        self.now += seconds
        return self.arrivals.ready()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_is_there_comes_sorted_once_it_rested(folder: Folder) -> None:
    for name in "cab":
        folder.write(name, name)
    folder.start()
    assert folder.arrivals.next_s() == 1.0
    assert folder.after(0.9) == []
    assert folder.after(0.1) == ["a", "b", "c"]
    assert folder.after(9) == []
    assert folder.arrivals.next_s() is None


def test_what_is_answered_does_not_come_until_it_is_written_again(folder: Folder) -> None:
    folder.write("a", "a")
    folder.write("b", "b")
    folder.start("a")
    assert folder.after(1) == ["b"]
    folder.write("a", "another")
    folder.arrivals.list_again(folder.names())
    assert folder.after(1) == ["a"]


def test_a_file_that_grows_waits(folder: Folder) -> None:
    folder.start()
    folder.write("a", "1")
    folder.arrivals.list_again(folder.names())
    for content in ("12", "123", "1234"):
        folder.write("a", content)
        assert folder.after(1) == []
    assert folder.after(0.5) == []
    assert folder.after(0.5) == ["a"]


def test_the_same_size_written_at_another_time_waits_too(folder: Folder) -> None:
    folder.start()
    folder.write("a", "1", mtime=5)
    folder.arrivals.list_again(folder.names())
    folder.write("a", "2", mtime=6)
    assert folder.after(1) == []
    assert folder.after(1) == ["a"]


def test_a_closed_file_comes_soon_but_after_what_was_there(folder: Folder) -> None:
    folder.write("z", "z")
    folder.start()
    folder.write("a", "a")
    folder.arrivals.closed("a")
    assert folder.after(0.2) == []
    assert folder.after(0.8) == ["z", "a"]
    folder.write("b", "b")
    folder.arrivals.closed("b")
    assert folder.after(0.2) == ["b"]


def test_a_time_that_is_set_after_closing_gives_no_second_answer(folder: Folder) -> None:
    folder.start()
    folder.now += 1
    folder.write("a", "a", mtime=50)
    folder.arrivals.closed("a")
    os.utime(folder.root / "a", (7, 7))
    assert folder.after(0.2) == []
    assert folder.after(1) == ["a"]
    folder.arrivals.list_again(folder.names())
    assert folder.after(20) == []


@pytest.mark.parametrize("content", ["", "begun"])
def test_a_file_that_is_open_or_empty_may_rest_longer(folder: Folder, content: str) -> None:
    folder.start()
    folder.now += 1
    folder.write("a", content)
    if content:
        folder.arrivals.begun("a")
    else:
        folder.arrivals.closed("a")
    assert folder.after(5) == []
    folder.write("a", "whole")
    folder.arrivals.closed("a")
    assert folder.after(0.2) == ["a"]


def test_a_file_that_stays_empty_comes_at_last(folder: Folder) -> None:
    folder.start()
    folder.write("a", "")
    folder.arrivals.list_again(folder.names())
    assert folder.after(10) == ["a"]


def test_a_file_that_is_renamed_before_it_rested_does_not_come(folder: Folder) -> None:
    folder.start()
    folder.now += 1
    folder.write("a.new", "a")
    folder.arrivals.closed("a.new")
    (folder.root / "a.new").rename(folder.root / "a")
    folder.arrivals.closed("a")
    assert folder.after(0.2) == ["a"]


def test_what_is_gone_is_forgotten(folder: Folder) -> None:
    folder.write("a", "a")
    folder.start()
    assert folder.after(1) == ["a"]
    assert folder.arrivals.knows("a")
    (folder.root / "a").unlink()
    folder.arrivals.list_again([])
    assert not folder.arrivals.knows("a")
    folder.arrivals.closed("a")
    assert folder.arrivals.next_s() is None
