"""Progress goes to standard error, and results to standard output are left alone."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from edgefit import progress
from edgefit.progress import QUIET, Reporter


def captured() -> tuple[Reporter, io.StringIO]:
    text = io.StringIO()
    return Reporter(console=Console(file=text, width=100)), text


def test_lines_and_warnings() -> None:
    reporter, text = captured()
    reporter.say("one [bold]line[/]")
    reporter.warn("careful")
    assert text.getvalue() == "one line\nwarning: careful\n"


def test_track_yields_every_item_and_draws_no_bar_off_a_terminal() -> None:
    reporter, text = captured()
    assert list(reporter.track(iter("abc"), "reading", total=3)) == ["a", "b", "c"]
    assert list(reporter.track([1, 2], "reading")) == [1, 2]
    assert "%" not in text.getvalue() and "\x1b" not in text.getvalue()


class Clock:
    """Stands for ``time`` in the module; moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_off_a_terminal_long_work_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    reporter, text = captured()
    note = (
        "epoch 3: accuracy 0.9000 at [bold]64x64[/] :smile: C:\\signs\\ and more words, on and on"
    )
    with reporter.bar("training", 200) as advance:
        advance(100)  # what an earlier start has done
        for _ in range(3):
            clock.now += 14
            advance(10, note)
        line = f"training: 65%, about 0:01:38 left, {note}"
        assert text.getvalue() == f"{line}\n"
        clock.now += 29
        advance(10)
        clock.now += 31
        advance(60)  # the end is told by the stage
    assert text.getvalue() == f"{line}\n"


def test_the_time_left_is_not_that_of_the_slowest_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    reporter, text = captured()
    with reporter.bar("training", 1000) as advance:
        advance(0)
        for _ in range(90):
            clock.now += 1
            advance(1)
        clock.now += 30  # a validation, which is no step
        advance(0, "epoch 1")
    *_, last = text.getvalue().splitlines()
    assert last == "training: 9%, about 0:20:13 left, epoch 1"


def test_off_a_terminal_a_total_that_was_too_small_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    reporter, text = captured()
    for _ in reporter.track(range(4), "predicting", total=2):
        clock.now += 31
    assert text.getvalue() == "predicting: 3 done\npredicting: 4 done\n"


def test_off_a_terminal_work_without_a_known_end_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    reporter, text = captured()
    for _ in reporter.track(iter(range(70)), "reading"):
        clock.now += 1
    assert text.getvalue() == "reading: 31 done\nreading: 61 done\n"


def test_quiet_says_nothing_and_still_advances(capsys: pytest.CaptureFixture[str]) -> None:
    QUIET.say("x")
    QUIET.warn("x")
    with QUIET.bar("x", 3) as advance:
        advance(2, "note")
    assert list(QUIET.track([1, 2], "x")) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_the_default_reporter_leaves_standard_output_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reporter = Reporter()
    reporter.say("hello")
    with reporter.bar("work", 2) as advance:
        advance(1, "half")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "hello" in shown.err


def test_telemetry_of_dependencies_is_blocked() -> None:
    code = (
        "from edgefit.telemetry import block_telemetry\n"
        "block_telemetry()\n"
        "try:\n"
        "    import openvino_telemetry\n"
        "except ImportError:\n"
        "    print('blocked')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "blocked\n"
