"""The device kit's scripts, run with a stand-in for the program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edgefit.resources import resource

KIT = resource("export", "device-kit")
SCRIPTS = sorted(p.name for p in KIT.glob("*.sh"))

# Answers each picture with its name, fails on bundles called "broken", notes each start.
STAND_IN = """#!/usr/bin/env bash
set -eu
[ "$1" = predict ] && [ "$4" = --out ] && [ "$6" = --quiet ]
echo start >> "$STARTS"
[ "$(basename "$2")" != broken ] || exit 1
for picture in "$3"/*; do printf '{"name": "%s"}\\n' "$(basename "$picture")"; done > "$5"
"""


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """A folder with an inbox, a place for what is done, and the stand-in."""
    for name in ("inbox", "done"):
        (tmp_path / name).mkdir()
    program = tmp_path / "edgefit"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    return tmp_path


def run(line: Path, bundle: str = "bundle") -> subprocess.CompletedProcess[str]:
    command = [KIT / "predict-folder.sh", bundle, "inbox", "done", "results.jsonl"]
    environment = os.environ | {"EDGEFIT": str(line / "edgefit"), "STARTS": str(line / "starts")}
    return subprocess.run(
        command, cwd=line, env=environment, capture_output=True, text=True, timeout=60
    )


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def answered(line: Path) -> list[str]:
    text = (line / "results.jsonl").read_text()
    return [json.loads(row)["name"] for row in text.splitlines()]


def test_kit_is_complete_and_its_scripts_can_be_run() -> None:
    assert SCRIPTS == ["install-offline.sh", "predict-folder.sh"]
    assert {p.suffix for p in KIT.iterdir()} == {".sh", ".md", ".service", ".path", ".timer"}
    for name in SCRIPTS:
        assert os.access(KIT / name, os.X_OK)
        assert subprocess.run(["bash", "-n", KIT / name], timeout=60).returncode == 0
        assert "set -euo pipefail" in (KIT / name).read_text()


def test_pictures_are_answered_then_moved_and_the_rest_is_left(line: Path) -> None:
    for name in ("a.jpg", "two words.PNG", ".half.jpg", "notes.txt"):
        (line / "inbox" / name).write_text(name)
    done = run(line)
    assert done.returncode == 0, done.stderr
    assert answered(line) == ["a.jpg", "two words.PNG"]
    assert names(line / "done") == ["a.jpg", "two words.PNG"]
    assert names(line / "inbox") == [".half.jpg", "notes.txt"]


def test_an_empty_inbox_starts_nothing(line: Path) -> None:
    assert run(line).returncode == 0
    assert not (line / "starts").exists()
    assert not (line / "results.jsonl").exists()


def test_answers_are_appended_and_a_repeated_name_overwrites_no_picture(line: Path) -> None:
    for content in ("first", "second"):
        (line / "inbox" / "a.jpg").write_text(content)
        assert run(line).returncode == 0
    assert answered(line) == ["a.jpg", "a.jpg"]
    assert sorted(p.read_text() for p in (line / "done").iterdir()) == ["first", "second"]


def test_a_failing_program_moves_and_writes_nothing(line: Path) -> None:
    (line / "inbox" / "a.jpg").write_text("")
    assert run(line, bundle="broken").returncode != 0
    assert names(line / "inbox") == ["a.jpg"]
    assert names(line / "done") == []
    assert not (line / "results.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "no edgefit wheel"),
        (["--what"], "unknown option"),
        (["--prefix"], "--prefix needs a folder"),
    ],
)
def test_installer_refuses_before_it_writes(tmp_path: Path, options: list[str], said: str) -> None:
    prefix = tmp_path / "prefix"
    shutil.copy(KIT / "install-offline.sh", tmp_path)
    done = subprocess.run(
        ["bash", tmp_path / "install-offline.sh", "--prefix", prefix, *options],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert said in done.stderr
    assert not prefix.exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_units_are_valid(tmp_path: Path) -> None:
    units = []
    for unit in KIT.glob("edgefit-predict.*"):
        # Only the program's place on the device is swapped for one that exists here.
        text = unit.read_text().replace("/opt/edgefit/device-kit/predict-folder.sh", "/bin/true")
        (tmp_path / unit.name).write_text(text)
        units.append(tmp_path / unit.name)
    assert len(units) == 3
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        timeout=60,
    )
    ours = [row for row in checked.stderr.splitlines() if "edgefit-predict" in row]
    assert ours == []
