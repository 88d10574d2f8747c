"""A line of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.runtime.watch.line import Line


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path / "line")
