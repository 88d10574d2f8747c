"""ONNX files: one file, free batch, facts inside, nothing of the machine that made them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from edgefit.export.onnx_file import halve_weights, save_onnx
from edgefit.runtime.engines import open_session
from edgefit.spec import InputSpec, VariantKey
from tests.conftest import REPOSITORY
from tests.tiny_network import LABELS, METADATA, SPEC
from tests.unit.conftest import Exported

FP32 = VariantKey.parse("onnxruntime/fp32")


def test_it_answers_as_the_network(exported: Exported) -> None:
    np.testing.assert_allclose(exported.infer("onnxruntime/fp32"), exported.reference_NC, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 3])
def test_the_batch_is_free(exported: Exported, batch: int) -> None:
    session = open_session(exported.paths["onnxruntime/fp32"], FP32)
    found = session.infer(exported.frames_NHWC[:batch])["probabilities"]
    np.testing.assert_allclose(found, exported.reference_NC[:batch], atol=1e-5)


def test_names_types_and_shapes(exported: Exported) -> None:
    graph = onnx.load(exported.paths["onnxruntime/fp32"]).graph
    (given,), (result,) = graph.input, graph.output
    assert (given.name, result.name) == ("frames", "probabilities")
    assert given.type.tensor_type.elem_type == TensorProto.UINT8
    assert result.type.tensor_type.elem_type == TensorProto.FLOAT
    dims = given.type.tensor_type.shape.dim
    assert dims[0].dim_param == "batch"
    assert [d.dim_value for d in dims][1:] == [32, 32, 3]


def test_one_file_with_its_weights_inside(exported: Exported) -> None:
    model = onnx.load(exported.paths["onnxruntime/fp32"], load_external_data=False)
    assert all(t.data_location == TensorProto.DEFAULT for t in model.graph.initializer)
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == 18


@pytest.mark.parametrize("name", ["onnxruntime/fp32", "onnxruntime/fp16"])
def test_the_facts_are_inside(exported: Exported, name: str) -> None:
    facts = {p.key: p.value for p in onnx.load(exported.paths[name]).metadata_props}
    assert json.loads(facts["edgefit.labels"]) == list(LABELS.names)
    assert facts["edgefit.labels_sha256"] == LABELS.sha256
    assert InputSpec.from_dict(json.loads(facts["edgefit.input"])) == SPEC
    assert float(facts["edgefit.temperature"]) == 1.5
    assert facts["edgefit.task"] == "classification"


@pytest.mark.parametrize(
    "name", ["onnxruntime/fp32", "onnxruntime/fp16", "openvino/fp32", "openvino/fp16"]
)
def test_nothing_of_this_machine_is_inside(exported: Exported, name: str) -> None:
    content = exported.paths[name].read_bytes()
    for trace in (b"pkg.torch", b"site-packages", b".py", str(REPOSITORY).encode(), b"/tmp"):
        assert trace not in content, trace


def test_fp16_is_smaller_and_close(exported: Exported, tmp_path: Path) -> None:
    np.testing.assert_allclose(exported.infer("onnxruntime/fp16"), exported.reference_NC, atol=5e-3)
    # a file of which the weights are nearly everything
    model = onnx.load(exported.paths["onnxruntime/fp32"])
    ballast = numpy_helper.from_array(np.full(100_000, 1e6, np.float32), "ballast")
    model.graph.initializer.append(ballast)
    save_onnx(model, tmp_path / "big.onnx", METADATA)
    halve_weights(tmp_path / "big.onnx", tmp_path / "half.onnx", METADATA)
    ratio = (tmp_path / "half.onnx").stat().st_size / (tmp_path / "big.onnx").stat().st_size
    assert 0.45 < ratio < 0.55
    halved = {t.name: t for t in onnx.load(tmp_path / "half.onnx").graph.initializer}
    assert numpy_helper.to_array(halved["ballast.fp16"]).max() == np.finfo(np.float16).max


def test_half_weights_are_stored_half_and_small_ones_are_not(exported: Exported) -> None:
    types = {
        t.name: (t.data_type, int(np.prod(t.dims)))
        for t in onnx.load(exported.paths["onnxruntime/fp16"]).graph.initializer
    }
    halved = {name for name, (kind, _) in types.items() if kind == TensorProto.FLOAT16}
    assert halved and all(types[name][1] >= 256 for name in halved)
    assert any(kind == TensorProto.FLOAT for kind, _ in types.values())
