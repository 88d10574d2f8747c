"""Signals are handled after engines have come and gone; each in a process, which a fault ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgefit.runtime.engines.openvino import shared_core
from tests.tiny_models import write_onnx, write_openvino

FOREIGN = """
import gc, os, signal
import numpy as np
import openvino as ov
from openvino import opset13
from edgefit.quantize.signal_stack import keeping_signal_stack

def compiled():
    parameter = opset13.parameter([1, 3], np.float32)
    model = ov.Model([opset13.relu(parameter)], [parameter], "relu")
    core = ov.Core()
    return core, core.compile_model(model, "CPU")

with keeping_signal_stack():
    first, second = compiled(), compiled()
    del first
    gc.collect()
    del second
    gc.collect()
"""
OWN = """
import gc, os, signal, sys
from pathlib import Path
from edgefit.runtime.engines.openvino import open_model

first, second = open_model(Path(sys.argv[1])), open_model(Path(sys.argv[1]))
del first
gc.collect()
del second
gc.collect()
"""
HANDLE = """
signal.signal(signal.SIGINT, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="OpenVINO sets a signal stack on Linux")
@pytest.mark.parametrize("script", [FOREIGN, OWN], ids=["foreign cores", "sessions"])
def test_a_signal_is_handled_after_engines_have_gone(script: str, tmp_path: Path) -> None:
    model = write_openvino(tmp_path / "model.xml", write_onnx(tmp_path / "model.onnx"))
    done = subprocess.run(
        [sys.executable, "-c", script + HANDLE, model],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr


def test_there_is_one_core() -> None:
    assert shared_core() is shared_core()
