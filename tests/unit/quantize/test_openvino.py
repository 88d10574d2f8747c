"""int8 by NNCF for OpenVINO."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from edgefit.export.openvino_ir import save_ir, to_openvino
from edgefit.quantize.openvino import quantize_openvino
from tests.tiny_network import METADATA
from tests.unit.conftest import Exported
from tests.unit.quantize.closeness import CALIBRATION_NHWC, assert_close


@pytest.mark.slow
def test_openvino(exported: Exported, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = to_openvino(exported.program, METADATA)
    operators = len(model.get_ops())
    quantized, how = quantize_openvino(model, CALIBRATION_NHWC)
    save_ir(quantized, tmp_path / "int8.xml", METADATA)
    assert capfd.readouterr().out == ""
    assert len(model.get_ops()) == operators, "the given model is left as it is"
    kinds = Counter(op.get_type_name() for op in quantized.get_ops())
    assert kinds["FakeQuantize"] >= 3
    types = Counter(op.get_output_element_type(0).get_type_name() for op in quantized.get_ops())
    assert types["i8"] >= 3
    assert how["calibration_images"] == 20
    assert_close(exported, tmp_path / "int8.xml", "openvino/int8")
    size = (tmp_path / "int8.bin").stat().st_size
    assert size < 0.4 * exported.paths["openvino/fp32"].with_suffix(".bin").stat().st_size
