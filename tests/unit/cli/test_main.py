"""Exit codes, and what is said where: results on standard output, all else on standard error."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import edgefit
from edgefit.cli import main
from edgefit.cli.main import run
from edgefit.errors import EdgefitError, GateError, InputError

Capture = pytest.CaptureFixture[str]


def raise_inside(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: list[str]) -> int:
        raise error

    monkeypatch.setattr(main, "_invoke", fail)


def test_the_version_is_a_line_on_standard_output(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"edgefit {edgefit.__version__}\n"


def test_help_lists_every_verb(capsys: Capture) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    verbs = (
        *("build", "check", "train", "calibrate", "evaluate", "retention", "learning-curve"),
        *("export", "verify", "benchmark", "bundle", "predict", "doctor", "demo"),
    )
    assert [verb for verb in verbs if verb not in shown] == []


@pytest.mark.parametrize(
    "arguments", [["trian"], ["train"], ["train", "x", "--epochs", "3"], ["doctor", "more"]]
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: Capture) -> None:
    assert run(arguments) == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "Usage: edgefit" in stderr

    assert run([*arguments, "--json"]) == 2
    stdout, stderr = capsys.readouterr()
    facts = json.loads(stdout)
    assert facts["error"] == "UsageError"
    assert facts["message"]
    assert stderr == ""


@pytest.mark.parametrize(("kind", "code"), [(InputError, 2), (GateError, 1)])
def test_an_error_of_ours_is_told_once_with_its_exit_code(
    kind: type[EdgefitError], code: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    raise_inside(monkeypatch, kind("It is [bold]wrong[/].", path=Path("a"), remedy="mend it"))
    assert run(["check"]) == code
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.startswith("error: It is [bold]wrong[/]."), "what a user named is no markup"
    assert "mend it" in stderr

    assert run(["check", "--json"]) == code
    stdout, stderr = capsys.readouterr()
    assert json.loads(stdout)["error"] == kind.__name__
    assert json.loads(stdout)["remedy"] == "mend it"
    assert stderr == ""


def test_a_file_that_the_system_refuses_is_wrong_input(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    raise_inside(monkeypatch, PermissionError(13, "Permission denied", "secret.csv"))
    assert run(["check", "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert (facts["error"], facts["path"]) == ("InputError", "secret.csv")
    assert facts["found"] == "Permission denied"


def test_a_missing_package_of_the_workshop_is_told_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    raise_inside(monkeypatch, ModuleNotFoundError("No module named 'torch'", name="torch.nn"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert run(["train", "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert facts["error"] == "MissingDependencyError"
    assert facts["remedy"] == 'pip install "edgefit[workshop]"'


def test_where_the_workshop_is_unknown_any_absent_module_counts_as_part_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(main, "required_packages", lambda role: None)
    raise_inside(monkeypatch, ModuleNotFoundError("No module named 'absent'", name="absent.part"))
    assert run(["train", "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert facts["message"] == "The package 'absent' is not installed."
    assert facts["remedy"] == 'pip install "edgefit[workshop]"'


@pytest.mark.parametrize("name", ["edgefit.nothing", "", None, "json.nothing"])
def test_where_the_workshop_is_unknown_other_errors_are_unexpected(
    name: str | None, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(main, "required_packages", lambda role: None)
    raise_inside(monkeypatch, ModuleNotFoundError("No module", name=name))
    assert run(["train"]) == 70
    assert "found: ModuleNotFoundError: No module\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("a defect of ours"),
        ModuleNotFoundError("No module named 'mine'", name="mine"),
        ModuleNotFoundError("No module named 'torch.nothing'", name="torch.nothing"),
        MemoryError(),
        RecursionError("maximum recursion depth exceeded"),
        UnicodeEncodeError("ascii", "\udce9", 0, 1, "ordinal not in range(128)"),
        AssertionError(),
    ],
    ids=lambda error: f"{type(error).__name__} {error}"[:40],
)
def test_what_the_program_does_not_expect_is_exit_code_70_and_a_log(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    raise_inside(monkeypatch, error)
    assert run(["train"]) == 70
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "Traceback" not in stderr
    assert stderr.count("error:") == 1
    assert f"found: {type(error).__name__}" in stderr
    assert "what to do:" in stderr

    assert run(["train", "--json"]) == 70
    stdout, stderr = capsys.readouterr()
    facts = json.loads(stdout)
    assert (facts["error"], stderr) == ("InternalError", "")
    assert facts["found"].startswith(type(error).__name__)
    assert "Traceback" in Path(facts["log"]).read_text()


@pytest.mark.parametrize("arguments", [["--debug", "train"], ["train", "--debug"], ["train"]])
def test_debug_shows_the_traceback_wherever_it_is_given(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    raise_inside(monkeypatch, ZeroDivisionError("a defect of ours"))
    if "--debug" not in arguments:
        monkeypatch.setenv("EDGEFIT_DEBUG", "1")
    assert run([*arguments, "--json"]) == 70
    stdout, stderr = capsys.readouterr()
    assert json.loads(stdout)["error"] == "InternalError"
    assert "Traceback" in stderr


def test_debug_is_an_option_of_every_verb_and_of_the_program(capsys: Capture) -> None:
    assert run(["doctor", "--json", "--debug"]) == 0
    assert run(["--debug", "--version"]) == 0
    capsys.readouterr()
    assert run(["--help"]) == 0
    assert "--debug" in capsys.readouterr().out


def test_an_error_in_a_thread_is_not_lost(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def start_a_thread(_: list[str]) -> int:
        thread = threading.Thread(target=lambda: 1 // 0)
        thread.start()
        thread.join()
        return 0

    monkeypatch.setattr(main, "_invoke", start_a_thread)
    assert run(["predict"]) == 70
    assert "found: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "found", "advice"),
    [
        (OSError(28, "No space left on device"), "No space left", "free some space"),
        (OSError("cannot read image"), "OSError: cannot read image", "check that"),
        (OSError(), "OSError", "check that"),
        (PermissionError(13, "Permission denied", b"a\xe9"), "Permission denied", "permissions"),
        (OSError(9, "Bad file descriptor", 7), "Bad file descriptor", "check that"),
    ],
)
def test_what_the_system_refuses_always_says_what_to_do(
    error: OSError, found: str, advice: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    raise_inside(monkeypatch, error)
    assert run(["check", "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert found in facts["found"]
    assert advice in facts["remedy"]


def test_interrupted_is_130_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    raise_inside(monkeypatch, KeyboardInterrupt())
    assert run(["train"]) == 130
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "run the same command again" in stderr
    assert run(["train", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"] == "Interrupted"


def test_a_broken_pipe_to_another_process_is_not_taken_for_a_gone_reader(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    raise_inside(monkeypatch, BrokenPipeError(32, "Broken pipe"))
    assert run(["train"]) == 70
    assert "found: BrokenPipeError" in capsys.readouterr().err


def test_a_reader_that_has_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = f"import sys; from edgefit.cli.main import run; sys.stdout = open({writing}, 'w', "
    program += "buffering=1); code = run(['--version']); sys.stdout.close(); sys.exit(code)"
    result = subprocess.run(
        [sys.executable, "-c", program], pass_fds=[writing], capture_output=True, text=True
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("buffering", ["", "1"])
@pytest.mark.parametrize("arguments", [["--version"], ["nothing", "--json"]])
def test_a_full_disk_behind_standard_output_is_one_clear_error(
    arguments: list[str], buffering: str
) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "edgefit", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": buffering},
        )
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) <= 3
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr


def test_what_no_encoding_holds_is_escaped_as_in_json() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii", errors="strict")
    main._write_utf8(stream)
    stream.write('"caf\udce9 傷"')
    stream.flush()
    assert json.loads(written.getvalue()) == "caf\udce9 傷"


def test_a_pipe_gets_utf_8_whatever_the_system_prefers(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="cp1252", errors="backslashreplace")
    main._write_utf8(stream)
    stream.write("傷")
    stream.flush()
    assert written.getvalue() == "傷".encode()
    assert stream.errors == "backslashreplace"


def test_the_exit_code_reaches_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "run", len)
    with pytest.raises(SystemExit) as caught:
        main.main(["a", "b", "c"])
    assert caught.value.code == 3
