"""The worker process: its exit code tells an error of edgefit from a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from edgefit.bench import worker
from edgefit.errors import IntegrityError

def fail(job):
    raise {error}

worker.measure, worker.Job = fail, dict
sys.exit(worker.main())
"""


@pytest.mark.parametrize(
    ("error", "code", "first"),
    [
        ("ZeroDivisionError('ours')", 70, "Traceback"),
        ("IntegrityError('The bytes differ.')", 1, "The bytes differ."),
    ],
)
def test_a_traceback_has_a_code_of_its_own(error: str, code: int, first: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(error=error)],
        input="{}",
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith(first)
