"""int8 by ONNX Runtime."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from onnx import TensorProto

from edgefit.export.onnx_file import save_onnx
from edgefit.quantize.onnxruntime import quantize_onnxruntime
from tests.tiny_network import METADATA
from tests.unit.conftest import Exported
from tests.unit.quantize.closeness import CALIBRATION_NHWC, assert_close


def test_onnxruntime(exported: Exported, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = exported.paths["onnxruntime/fp32"]
    before = source.read_bytes()
    model, how = quantize_onnxruntime(source, CALIBRATION_NHWC)
    save_onnx(model, tmp_path / "int8.onnx", METADATA)
    assert capfd.readouterr().out == ""
    assert source.read_bytes() == before
    operators = Counter(node.op_type for node in model.graph.node)
    assert operators["QuantizeLinear"] >= 3
    weights = [t for t in model.graph.initializer if t.data_type == TensorProto.INT8]
    assert {tuple(t.dims) for t in weights} >= {(8, 3, 3, 3), (16, 8, 3, 3), (16, 16, 3, 3)}
    scales = {t.name: t for t in model.graph.initializer if t.name.endswith("_scale")}
    assert any(list(t.dims) == [16] for t in scales.values()), "one scale a channel"
    assert how["calibration_images"] == 20
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert_close(exported, tmp_path / "int8.onnx", "onnxruntime/int8")
