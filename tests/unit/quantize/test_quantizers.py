"""int8 by both quantizers: really int8, close to fp32, and standard output left alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from edgefit.export.onnx_file import save_onnx
from edgefit.export.openvino_ir import save_ir, to_openvino
from edgefit.quantize.onnxruntime import quantize_onnxruntime
from edgefit.quantize.openvino import quantize_openvino
from edgefit.runtime.engines import open_session
from edgefit.spec import VariantKey
from tests.tiny_network import METADATA, colour_frames
from tests.unit.conftest import Exported

CALIBRATION_NHWC = colour_frames(20, seed=4)[0]


def assert_close(exported: Exported, path: Path, name: str) -> None:
    for batch in (1, 3):
        session = open_session(path, VariantKey.parse(name))
        found = np.concatenate(
            [
                session.infer(exported.frames_NHWC[i : i + batch])["probabilities"]
                for i in range(0, len(exported.frames_NHWC), batch)
            ]
        )
        assert np.abs(found - exported.reference_NC).max() < 0.15
        decided = np.sort(exported.reference_NC, axis=1)[:, -2] < 0.3
        same = found.argmax(axis=1) == exported.reference_NC.argmax(axis=1)
        assert same[decided].all()


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
