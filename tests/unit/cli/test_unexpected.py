"""The log of an unexpected error: what it holds, what it hides, and where it goes."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import edgefit
from edgefit.cli import unexpected
from edgefit.cli.unexpected import (
    in_one_line,
    masked,
    report_unexpected,
    thread_errors_raised,
    without_debug,
    write_log,
)

URL = "rtsp://admin:p@ss,word@10.0.0.5/line?token=abc123&fps=5"


def caught() -> ZeroDivisionError:
    try:
        1 // 0  # noqa: B018
    except ZeroDivisionError as error:
        return error
    raise AssertionError


def report(arguments: list[str]) -> str:
    assert report_unexpected(caught(), arguments, as_json=False, debug=False) == 70
    (log,) = Path(os.environ["XDG_STATE_HOME"], "edgefit").iterdir()
    return log.read_text(encoding="utf-8")


def test_the_log_holds_what_a_maintainer_asks_for() -> None:
    text = report(["predict", "my bundle", "a.jpg"])
    assert text.startswith(f"edgefit {edgefit.__version__}\ncommand: edgefit predict 'my bundle'")
    for fact in (
        "python: 3.",
        "numpy ",
        "onnxruntime ",
        "Traceback",
        "ZeroDivisionError",
        "1 // 0",
    ):
        assert fact in text


def test_credentials_are_in_neither_the_log_nor_the_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = ValueError(f"cannot open {URL}")
    report_unexpected(error, ["predict", "b", URL], as_json=False, debug=True)
    (log,) = Path(os.environ["XDG_STATE_HOME"], "edgefit").iterdir()
    for text in (log.read_text(), capsys.readouterr().err):
        assert "10.0.0.5/line" in text
        assert "rtsp://***@" in text
        for secret in ("admin", "p@ss", "word", "abc123"):
            assert secret not in text.replace("passwd", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a/b.pth", "https://a/b.pth"),
        ("https://user@host/x", "https://***@host/x"),
        ("--set mqtt.password=hunter2 done", "--set mqtt.password=*** done"),
        ("?X-Amz-Signature=ff&size=3", "?X-Amz-Signature=***&size=3"),
        ("api_key=1 epochs=3", "api_key=*** epochs=3"),
        ("mail to me@example.org", "mail to me@example.org"),
    ],
)
def test_only_what_is_secret_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_message_is_one_short_line_whatever_the_data_hold() -> None:
    line = in_one_line(ValueError("a\nb\x1b[31m\udce9 " + "x" * 5000))
    assert line.startswith("ValueError: a b\\x1b[31m\\udce9 xxx")
    assert line.isprintable()
    assert len(line) < 320


def test_an_error_of_a_worker_process_is_told_by_its_cause() -> None:
    text = "Caught ZeroDivisionError in DataLoader worker process 0.\nOriginal Traceback (most "
    text += "recent call last):\n  File a.py\nZeroDivisionError: by zero\n"
    assert in_one_line(ZeroDivisionError(text)) == "ZeroDivisionError: by zero"


def test_a_message_that_cannot_be_made_is_no_second_error() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "Broken" in in_one_line(Broken())


@pytest.mark.parametrize("state", ["relative/folder", "", None])
def test_without_a_valid_state_folder_the_log_is_below_the_home(
    state: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if state is None:
        monkeypatch.delenv("XDG_STATE_HOME")
    else:
        monkeypatch.setenv("XDG_STATE_HOME", state)
    log = write_log("x")
    assert log is not None
    assert log.parent == tmp_path / ".local" / "state" / "edgefit"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_state_folder_that_refuses_gives_way_to_the_temporary_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    log = write_log("x")
    assert log is not None
    assert (log.parent, log.name[:14]) == (tmp_path, "edgefit-error-")


def test_with_nowhere_to_write_the_traceback_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    assert report_unexpected(caught(), ["doctor"], as_json=False, debug=False) == 70
    stderr = capsys.readouterr().err
    assert "log: could not be written" in stderr
    assert "Traceback" in stderr


def test_only_the_newest_logs_are_kept() -> None:
    for _ in range(unexpected._KEPT_LOGS + 3):
        assert write_log("x") is not None
    folder = Path(os.environ["XDG_STATE_HOME"], "edgefit")
    assert len(list(folder.iterdir())) == unexpected._KEPT_LOGS


@pytest.mark.parametrize(
    ("arguments", "kept", "wanted"),
    [
        (["check", "a"], ["check", "a"], False),
        (["--debug", "check"], ["check"], True),
        (["check", "--debug", "--json"], ["check", "--json"], True),
        (["predict", "--", "--debug"], ["predict", "--", "--debug"], False),
    ],
)
def test_debug_is_found_wherever_an_option_may_be(
    arguments: list[str], kept: list[str], wanted: bool
) -> None:
    assert without_debug(arguments) == (kept, wanted)


@pytest.mark.parametrize(
    ("value", "wanted"), [("1", True), ("yes", True), ("0", False), ("", False)]
)
def test_debug_may_come_from_the_environment(
    value: str, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEFIT_DEBUG", value)
    assert without_debug(["check"]) == (["check"], wanted)


@pytest.mark.parametrize("target", [int, sys.exit])
def test_threads_that_end_well_change_nothing(target: Callable[[], object]) -> None:
    before = threading.excepthook
    with thread_errors_raised():
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    assert threading.excepthook is before
