"""The program as a user starts it: a process of its own, at work outside the checkout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent.parent
TIMEOUT_S = 400

Result = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Built:
    """A build that ended.

    Attributes:
        recipe: The recipe file.
        pictures: The data set it names: 96 pictures, and one text and one empty file named .jpg.
        run: The run folder.
        result: How the command ended, with what it printed.
    """

    recipe: Path
    pictures: Path
    run: Path
    result: Result

    @property
    def bundle(self) -> Path:
        """The bundle in the run folder."""
        return self.run / "bundle"


def environment() -> dict[str, str]:
    """The tests' own environment, with edgefit importable from anywhere."""
    paths = [str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")]
    found = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    # One thread: two that wait for each other after every layer crawl on a machine that is busy.
    return found | {"OMP_NUM_THREADS": "1"}


def edgefit(*arguments: str | Path, cwd: Path) -> Result:
    """Run ``edgefit ARGUMENTS`` to its end."""
    return subprocess.run(
        _command(arguments),
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def start_edgefit(*arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
    """Start ``edgefit ARGUMENTS``; use it as a context manager."""
    # A process that ignores Ctrl-C, such as one in a script's background, hands that down.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            _command(arguments),
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, former)


def stop(process: subprocess.Popen[str], sign: signal.Signals) -> Result:
    """Send a signal and wait for the end."""
    process.send_signal(sign)
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    return Result(process.args, process.returncode, stdout, stderr)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for a moment in the life of a process; fails if it ends or takes too long."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"the program ended first: {process.communicate()}")
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"waited in vain: {process.communicate()}")
        time.sleep(0.0005)


def document(result: Result) -> dict[str, Any]:
    """The one JSON document on standard output; anything beside it fails."""
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


def lines(text: str) -> list[dict[str, Any]]:
    """JSON lines, each of which must be an object."""
    assert text == "" or text.endswith("\n")
    found = [json.loads(line) for line in text.splitlines()]
    assert all(isinstance(facts, dict) for facts in found)
    return found


def _command(arguments: tuple[str | Path, ...]) -> list[str]:
    return [sys.executable, "-m", "edgefit", *map(str, arguments)]
