"""No usage data leaves the machine."""

from __future__ import annotations

import importlib
import sys

import pytest

from edgefit.telemetry import block_telemetry


def test_the_package_that_sends_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("openvino_telemetry", "openvino_telemetry.backend"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    block_telemetry()
    for name in ("openvino_telemetry", "openvino_telemetry.backend"):
        with pytest.raises(ImportError):
            importlib.import_module(name)
