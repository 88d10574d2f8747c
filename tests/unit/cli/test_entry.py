"""A program that cannot be imported says so in one message."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgefit


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A copy of the package with one half-written module."""
    package = Path(edgefit.__file__).parent
    shutil.copytree(package, tmp_path / "edgefit", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "edgefit" / "cli" / "predict.py").write_text("def predict(")
    return tmp_path


def start(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(place)}
    environment.pop("EDGEFIT_DEBUG", None)
    return subprocess.run(
        [sys.executable, "-m", "edgefit", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=place,
    )


def test_a_damaged_installation_is_one_message(damaged: Path) -> None:
    ended = start(damaged, "watch", "a", "b")
    assert ended.returncode == 70
    assert "SyntaxError" in ended.stderr and "install edgefit again" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_debug_shows_where_it_fails(damaged: Path) -> None:
    ended = start(damaged, "--debug", "doctor")
    assert "Traceback" in ended.stderr and "predict.py" in ended.stderr
