"""Errors that edgefit does not expect: one short message, and a log that can be sent.

The exit code is 70, ``EX_SOFTWARE`` of sysexits(3). It is never the code of a failed gate or of
wrong input, which Python's own code for a traceback, 1, would be.

The log goes where programs keep their state (https://specifications.freedesktop.org/basedir-spec/):
``$XDG_STATE_HOME/edgefit``, which is ``~/.local/state/edgefit`` by default. A user without a home
that can be written to, such as a service's, finds it in the system's folder for temporary files.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import edgefit
from edgefit.cli.output import print_error
from edgefit.errors import UNEXPECTED
from edgefit.packages import required_packages, version_of
from edgefit.shell import shell_line

DEBUG = "--debug"
DEBUG_VARIABLE = "EDGEFIT_DEBUG"
_KEPT_LOGS = 20
_LONGEST = 300
_IN_URL = re.compile(r"(\w+://)[^/\s'\"]+@")
_SECRETS = "password|passwd|token|secret|api[_-]?key|signature|credential"
_NAMED = re.compile(rf"(?i)([\w.-]*(?:{_SECRETS})[\w.-]*=)[^\s&'\"]+")
_WITHIN_WORKER = "Traceback (most recent call last)"


def without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """The arguments without ``--debug``, wherever it is, and whether tracebacks are wanted."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [word for word in arguments[:end] if word != DEBUG]
    wanted = len(options) < end or os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")
    return [*options, *arguments[end:]], wanted


@contextmanager
def thread_errors_raised() -> Iterator[None]:
    """Raise at the end what ended a thread, which Python would print and forget."""
    errors: list[BaseException] = []

    def keep(ended: threading.ExceptHookArgs) -> None:
        # sys.exit() in a thread ends that thread, as Python's own hook has it
        if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
            errors.append(ended.exc_value)

    before, threading.excepthook = threading.excepthook, keep
    try:
        yield
    finally:
        threading.excepthook = before
    if errors:
        raise errors[0]


def report_unexpected(
    error: BaseException, arguments: list[str], *, as_json: bool, debug: bool
) -> int:
    """Write the log, tell the user in a few lines, and return the exit code 70."""
    text = _log_text(error, arguments)
    log = write_log(text)
    found = in_one_line(error)
    message = "edgefit failed in a way it does not expect."
    if as_json:
        facts = {
            "error": "InternalError",
            "message": message,
            "found": found,
            "log": None if log is None else str(log),
            "remedy": _remedy(error),
        }
        print_error(facts)
    else:
        where = "could not be written" if log is None else _printable(str(log))
        lines = [f"error: {message}", f"  found: {found}", f"  log: {where}"]
        sys.stderr.write("\n".join([*lines, f"  what to do: {_remedy(error)}"]) + "\n")
    if debug or log is None:  # without a log this is the only trace
        sys.stderr.write(text)
    return UNEXPECTED


def in_one_line(error: BaseException) -> str:
    """Type and message without line breaks, control characters and credentials, cut if long.

    An error from a worker process carries that process's traceback: its last line is the cause.
    """
    text = "".join(traceback.format_exception_only(error)).strip()
    if _WITHIN_WORKER in text:
        text = text.splitlines()[-1]
    line = _printable(masked(" ".join(text.split())))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def masked(text: str) -> str:
    """The text without the credentials in URLs and in options named like one."""
    return _NAMED.sub(r"\1***", _IN_URL.sub(r"\1***@", text))


def write_log(text: str) -> Path | None:
    """Write a log that only this user may read; None where no folder takes it. Never fails."""
    for folder in (_state_folder, _temporary_folder):
        with suppress(OSError, RuntimeError):  # RuntimeError: this user has no home
            return _write(folder(), text)
    return None


def _state_folder() -> Path:
    named = Path(os.environ.get("XDG_STATE_HOME", ""))
    # the specification: a relative path is invalid and ignored
    state = named if named.is_absolute() else Path.home() / ".local" / "state"
    folder = state / "edgefit"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in sorted(folder.glob("error-*.log"))[: -_KEPT_LOGS + 1]:
        old.unlink(missing_ok=True)
    return folder


def _temporary_folder() -> Path:
    return Path(tempfile.gettempdir())


def _write(folder: Path, text: str) -> Path:
    prefix = time.strftime("error-%Y%m%d-%H%M%S-")
    if folder == _temporary_folder():
        prefix = f"edgefit-{prefix}"
    handle, name = tempfile.mkstemp(".log", prefix, folder)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return Path(name)


def _log_text(error: BaseException, arguments: list[str]) -> str:
    packages = ["pip", *(required_packages() or ()), *(required_packages("workshop") or ())]
    versions = {name: version_of(name) for name in dict.fromkeys(packages)}
    lines = [
        f"edgefit {edgefit.__version__}",
        f"command: {shell_line('edgefit', *arguments)}",
        f"time: {time.strftime('%Y-%m-%dT%H:%M:%S%z')}",
        f"python: {sys.version.split()[0]} on {platform.platform()}",
        f"packages: {', '.join(f'{name} {found}' for name, found in versions.items() if found)}",
        "",
        *traceback.format_exception(error),
    ]
    return masked("\n".join(line.rstrip("\n") for line in lines)) + "\n"


def _remedy(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return (
            "end other programs, or ask for less at a time, e.g. a smaller batch or fewer workers"
        )
    return "report it and attach the log; look through the log first, it names your files"


def _printable(text: str) -> str:
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
