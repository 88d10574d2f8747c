"""Results on standard output, hints on standard error; figures as people read them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from edgefit.cli.output import percent, points, print_json, print_table, reporter, say_next
from edgefit.records.comparison import Gain

Capture = pytest.CaptureFixture[str]


def test_json_keeps_letters_and_order(capsys: Capture) -> None:
    print_json({"b": "傷", "a": [1, None]})
    stdout, stderr = capsys.readouterr()
    assert "傷" in stdout
    assert list(json.loads(stdout)) == ["b", "a"]
    assert stderr == ""


def test_json_that_others_cannot_read_is_not_printed(capsys: Capture) -> None:
    with pytest.raises(ValueError, match="JSON"):
        print_json({"loss": float("nan")})
    assert capsys.readouterr().out == ""


def test_a_table_in_a_pipe_is_not_cut_off_and_takes_no_markup(capsys: Capture) -> None:
    long = "a" * 300
    print_table("sizes", ["class", "images"], [[long, "1"], ["[red]x[/]", "22"]])
    stdout, stderr = capsys.readouterr()
    title, *lines = [line.strip() for line in stdout.splitlines() if line.strip()]
    assert title == "sizes"
    assert any(line.split() == [long, "1"] for line in lines)
    assert any(line.split() == ["[red]x[/]", "22"] for line in lines)
    assert stderr == ""


def test_what_to_type_next_is_not_part_of_the_result(capsys: Capture) -> None:
    say_next("edgefit train runs/[a]", "b" * 300)
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.splitlines() == ["next:", "  edgefit train runs/[a]", f"  {'b' * 300}"]


def test_a_command_to_type_next_is_quoted(capsys: Capture) -> None:
    say_next(["edgefit", "verify", Path("my bundle's $HOME"), "--self-test"])
    line = capsys.readouterr().err.splitlines()[1]
    assert shlex.split(line) == ["edgefit", "verify", "my bundle's $HOME", "--self-test"]
    say_next(["edgefit", "train", Path("-run :smile:")])
    assert capsys.readouterr().err.splitlines()[1] == "  edgefit train './-run :smile:'"


def test_quiet_says_nothing(capsys: Capture) -> None:
    reporter(quiet=True).say("working")
    assert capsys.readouterr() == ("", "")
    reporter(quiet=False).say("working")
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "working" in stderr


def figure(value: float | None, low: float | None, high: float | None) -> Any:
    return {"value": value, "low": low, "high": high}


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (figure(0.98412, 0.975, 0.99), "98.41 % (97.5-99.0)"),
        (figure(0.98412, None, None), "98.41 %"),
        (figure(None, None, None), "-"),
        (None, "-"),
    ],
)
def test_a_share_is_shown_in_percent_with_its_interval(entry: Any, shown: str) -> None:
    assert percent(entry) == shown


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (Gain(gain=0.012, low=-0.005, high=0.0204), "+1.20 (-0.5..+2.0)"),
        (Gain(gain=None, low=None, high=None), "-"),
        (None, "-"),
    ],
)
def test_a_gain_is_shown_in_points_with_its_sign(entry: Gain | None, shown: str) -> None:
    assert points(entry) == shown
