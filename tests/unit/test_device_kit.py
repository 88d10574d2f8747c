"""The device kit's scripts and its service."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

import edgefit
from edgefit.resources import resource
from tests.tiny_models import ORT_FP32, colour_frame, write_tiny_bundle

KIT = resource("export", "device-kit")
SCRIPTS = sorted(p.name for p in KIT.glob("*.sh"))
SOURCE = Path(edgefit.__file__).parents[1]


def run(line: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start predict-folder.sh with a program in edgefit's place, a line of shell."""
    edgefit_here = line / "edgefit"
    edgefit_here.write_text(f"#!/usr/bin/env bash\n{program}\n")
    edgefit_here.chmod(0o755)
    environment = os.environ | {"EDGEFIT": str(edgefit_here), "PYTHONPATH": str(SOURCE)}
    command = [KIT / "predict-folder.sh", *arguments]
    return subprocess.run(
        command, cwd=line, env=environment, capture_output=True, text=True, timeout=120
    )


def names_in(folder: Path) -> list[bytes]:
    return sorted(os.fsencode(path.name) for path in folder.iterdir())


FOUR = ("bundle", "my inbox", "done", "results.jsonl")


def test_kit_is_complete_and_its_scripts_can_be_run() -> None:
    assert SCRIPTS == ["install-offline.sh", "predict-folder.sh"]
    assert {p.suffix for p in KIT.iterdir()} == {".sh", ".md", ".service"}
    for name in SCRIPTS:
        assert os.access(KIT / name, os.X_OK)
        assert subprocess.run(["bash", "-n", KIT / name], timeout=60).returncode == 0
        assert "set -euo pipefail" in (KIT / name).read_text()


def test_the_script_calls_watch_with_its_four_arguments(tmp_path: Path) -> None:
    done = run(tmp_path, "printf '%s\\n' \"$@\"", *FOUR)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *("watch", "bundle", "my inbox", "--done", "done", "--out", "results.jsonl"),
        *("--once", "--quiet"),
    ]


@pytest.mark.parametrize("given", [0, 3, 5])
def test_the_script_says_which_arguments_it_takes(tmp_path: Path, given: int) -> None:
    done = run(tmp_path, "touch started", *(FOUR * 2)[:given])
    assert done.returncode == 2
    assert "predict-folder.sh BUNDLE INBOX DONE RESULTS.jsonl" in done.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("code", [0, 1, 2, 70])
def test_the_script_ends_as_watch_does(tmp_path: Path, code: int) -> None:
    assert run(tmp_path, f"exit {code}", *FOUR).returncode == code


@pytest.mark.slow
def test_a_name_that_is_not_utf_8_stops_nothing(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "bundle", [ORT_FP32])
    encoded, image = cv2.imencode(".png", colour_frame("red"))
    assert encoded
    (tmp_path / "my inbox").mkdir()
    names = [b"a.jpg", b"b_\xfcber.jpg", b"c.jpg", b"d.jfif", b"e.pgm", b"f.jpe", b"g.dib"]
    for name in names:
        (tmp_path / "my inbox" / os.fsdecode(name)).write_bytes(image.tobytes())
    (tmp_path / "my inbox" / "h.jpg").write_bytes(b"no image")
    done = run(tmp_path, f'exec {shlex.quote(sys.executable)} -m edgefit "$@"', *FOUR)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(row) for row in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert len(rows) == 8
    assert {row["name"] for row in rows if row["error"] is None} == {
        *("a.jpg", "b_\\xfcber.jpg", "c.jpg", "d.jfif", "e.pgm", "f.jpe", "g.dib")
    }
    assert names_in(tmp_path / "done") == names
    assert names_in(tmp_path / "failed") == [b"h.jpg", b"h.jpg.reason.txt"]
    assert names_in(tmp_path / "my inbox") == [b".edgefit-watch.id", b".edgefit-watch.lock"]


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
def test_the_unit_is_valid(tmp_path: Path) -> None:
    (unit,) = KIT.glob("edgefit-predict.*")
    # Only the program's place on the device is swapped for one that exists here.
    text = unit.read_text().replace("/opt/edgefit/venv/bin/edgefit", "/bin/true")
    (tmp_path / unit.name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit.name],
        capture_output=True,
        text=True,
        timeout=60,
    )
    ours = [row for row in checked.stderr.splitlines() if "edgefit-predict" in row]
    assert ours == []


def test_the_unit_starts_watch_with_folders_that_it_may_write_to() -> None:
    text = (KIT / "edgefit-predict.service").read_text()
    settings = dict(row.split("=", 1) for row in text.splitlines() if "=" in row and row[0] != "#")
    program, verb, _, *options = settings["ExecStart"].split()
    assert (program, verb) == ("/opt/edgefit/venv/bin/edgefit", "watch")
    folders = {f"/var/lib/{name}" for name in settings["StateDirectory"].split()}
    inbox, done, failed, results = options[0], options[2], options[4], options[6]
    assert options[1::2] == ["--done", "--failed", "--out"]
    assert {inbox, done, failed, str(Path(results).parent)} == folders
    assert settings["Restart"] == "on-failure"


def test_the_unit_waits_for_the_model_and_starts_a_loop_again_that_hangs() -> None:
    text = (KIT / "edgefit-predict.service").read_text()
    settings = dict(row.split("=", 1) for row in text.splitlines() if "=" in row and row[0] != "#")
    assert (settings["Type"], settings["NotifyAccess"]) == ("notify", "main")
    assert settings["WatchdogSec"] == "2min"
    assert settings["RestrictAddressFamilies"] == "AF_UNIX", "systemd's socket is of this family"
    assert settings["PrivateNetwork"] == "true"
