from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edgefit.names import escaped
from edgefit.runtime.watch.journal import Batch, Entry
from edgefit.runtime.watch.recovery import count_lines, is_complete, recount
from edgefit.runtime.watch.results import Results


def entry(path: str, **facts: int) -> Entry:
    return Entry(path=escaped(path), size=1, mtime_ns=1, **facts)


def row(name: str, index: int = 0, error: str | None = None) -> bytes:
    return json.dumps({"index": index, "name": name, "error": error}).encode() + b"\n"


def counts(entries: list[Entry], lines: list[bytes]) -> list[tuple[int, int, str | None]]:
    return [(e.lines, e.answered, e.error) for e in count_lines(entries, lines)]


def test_each_file_has_its_own_lines() -> None:
    entries = [entry("a.png"), entry("sub/b.png"), entry("c.png")]
    lines = [row("a.png"), row("sub/b.png", error="bad")]
    assert counts(entries, lines) == [(1, 1, None), (1, 0, "bad"), (0, 0, None)]


def test_two_names_that_look_the_same_are_told_apart_by_their_order() -> None:
    raw, literal = os.fsdecode(b"b\xfc.png"), "b\\xfc.png"
    entries = [entry(raw), entry(literal)]
    assert counts(entries, [row(literal)]) == [(1, 1, None), (0, 0, None)]
    assert counts(entries, [row(literal), row(literal)]) == [(1, 1, None), (1, 1, None)]


def test_a_video_goes_on_after_the_lines_it_has() -> None:
    lines = [row("v.avi#0"), row("v.avi#1", 1, "bad"), row("v.avi#2", 2)]
    assert counts([entry("v.avi")], lines) == [(3, 2, "bad")]
    assert counts([entry("v.avi", lines=2, answered=2)], [row("v.avi#2", 2)]) == [(3, 3, None)]
    assert counts([entry("v.avi", lines=2, answered=2)], [row("v.avi#0")]) == [(2, 2, None)]
    assert not is_complete(entry("v.avi", lines=3))


def test_lines_of_others_are_passed_over() -> None:
    lines = [b"a note\n", b"[1]\n", b"{}\n", b"\xff\n", row("other.png"), row("a.png", 4)]
    assert counts([entry("a.png")], lines) == [(0, 0, None)]
    assert counts([entry("a.png")], [*lines, row("a.png")]) == [(1, 1, None)]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def batch(results: Path, *entries: Entry) -> Batch:
    mark = Results(results, print).begin()
    return Batch(inbox="/inbox", inbox_id="1", mark=mark, files=entries)


def test_the_file_that_was_being_answered_is_blamed_and_no_other(results: Path) -> None:
    cut = batch(results, entry("a.png"), entry("gone.png"), entry("b.png"), entry("c.png"))
    results.write_bytes(row("a.png") + b'{"index": 0, "na')
    found = recount(cut, results, lambda e: e.path != "gone.png", print)
    assert [e.cut_off for e in found] == [0, 0, 1, 0]
    assert results.read_bytes() == row("a.png")


def test_a_video_that_goes_forward_is_not_blamed(results: Path) -> None:
    cut = batch(results, entry("v.avi", cut_off=2))
    assert [e.cut_off for e in recount(cut, results, lambda e: True, print)] == [3]
    results.write_bytes(row("v.avi#0"))
    assert [e.cut_off for e in recount(cut, results, lambda e: True, print)] == [0]


def test_results_that_are_gone_are_told(results: Path) -> None:
    results.write_bytes(b"old\n")
    cut = batch(results, entry("a.png"))
    results.unlink()
    warned: list[str] = []
    assert [e.lines for e in recount(cut, results, lambda e: True, warned.append)] == [0]
    assert len(warned) == 1 and "answered again" in warned[0]
