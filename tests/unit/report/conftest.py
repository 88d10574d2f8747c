"""A finished run for the tests of the report room."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.unit.report.finished_run import MakeRun, write_run


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes a finished run into the test's own folder."""
    return partial(write_run, tmp_path)
