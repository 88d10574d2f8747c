"""The rooms' order and the torch-free device, each checked in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BLOCKED = ("torch", "torchvision", "lightning", "albumentations", "nncf", "onnx", "sklearn")
DEVICE = (
    "edgefit",
    "edgefit.cli.main",
    "edgefit.cli.predict",
    "edgefit.cli.watch",
    "edgefit.cli.benchmark",
    "edgefit.bundle",
    "edgefit.metrics",
    "edgefit.recipe",
    "edgefit.run",
    "edgefit.targets",
    "edgefit.runtime.predictor",
    "edgefit.runtime.selftest",
    "edgefit.runtime.monitor.monitored",
    "edgefit.runtime.stream",
    "edgefit.runtime.watch.loop",
    "edgefit.runtime.tasks",
    "edgefit.runtime.sinks",
    "edgefit.runtime.sources",
    "edgefit.runtime.engines.openvino",
    "edgefit.runtime.engines.onnxruntime",
    "edgefit.bench.suite",
    "edgefit.bench.worker",
    "edgefit.bench.recommend",
)


def test_rooms_import_only_what_lies_below_them() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 kept, 0 broken" in result.stdout


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("blocked", [BLOCKED, (*BLOCKED, "openvino")], ids=["workshop", "openvino"])
def test_the_device_half_imports_with_the_workshop_blocked(blocked: tuple[str, ...]) -> None:
    code = f"""
import importlib, sys
for name in {blocked!r}:
    sys.modules[name] = None
for name in {DEVICE!r}:
    importlib.import_module(name)
print("imported")
"""
    result = _run(code)
    assert result.stdout.strip() == "imported", result.stderr


def test_the_block_blocks() -> None:
    result = _run("import sys; sys.modules['torch'] = None; import edgefit.train.network")
    assert result.returncode != 0
    assert "torch" in result.stderr


def test_a_typo_is_refused_before_torch_is_loaded(tmp_path: Path) -> None:
    code = f"""
import sys
from edgefit.cli.main import run
from edgefit.recipe import make_recipe
from edgefit.run import RunFolder
RunFolder({str(tmp_path / "run")!r}).start(make_recipe({{"name": "x"}}))
verbs = "check train build calibrate evaluate retention learning-curve export verify benchmark"
codes = [run([verb, {str(tmp_path / "run")!r}, "--set", "nosuchkey=1"]) for verb in verbs.split()]
assert codes == [2] * 10, codes
assert "torch" not in sys.modules
print("refused")
"""
    result = _run(code)
    assert result.stdout.strip() == "refused", result.stderr
    assert result.stderr.count("nosuchkey: unknown key") == 10


def test_importing_has_no_side_effects() -> None:
    code = """
import os, threading, sys
import cv2  # sets LD_LIBRARY_PATH by itself
before = dict(os.environ), threading.active_count()
import edgefit, edgefit.cli.main, edgefit.runtime.predictor
assert (dict(os.environ), threading.active_count()) == before
assert "torch" not in sys.modules and "openvino" not in sys.modules
print("clean")
"""
    result = _run(code)
    assert result.stdout.strip() == "clean", result.stderr


@pytest.mark.slow
def test_nothing_sends_usage_data() -> None:
    code = """
import sys
from edgefit.telemetry import block_telemetry
block_telemetry()
import openvino, nncf
from unittest.mock import MagicMock
from nncf.telemetry.wrapper import telemetry
assert isinstance(telemetry, MagicMock) or telemetry is MagicMock, telemetry
assert sys.modules["openvino_telemetry"] is None
print("silent")
"""
    result = _run(code)
    assert result.stdout.strip().endswith("silent"), result.stderr
