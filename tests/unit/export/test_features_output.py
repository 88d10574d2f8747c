"""Graphs with a second output, the features: right in every variant, and nobody is disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from edgefit.errors import BundleError
from edgefit.export.onnx_file import halve_weights, save_onnx, write_onnx
from edgefit.export.openvino_ir import save_ir, to_openvino
from edgefit.export.program import capture, output_names
from edgefit.quantize.onnxruntime import quantize_onnxruntime
from edgefit.quantize.openvino import quantize_openvino
from edgefit.runtime.engines import EngineSession, open_session
from edgefit.spec import Precision, VariantKey
from edgefit.telemetry import block_telemetry
from tests.tiny_network import METADATA, SPEC, colour_frames
from tests.unit.conftest import Exported

pytestmark = pytest.mark.slow
VARIANTS = [f"{e}/{p}" for e in ("onnxruntime", "openvino") for p in Precision]
TOLERANCES = {"fp32": 1e-4, "fp16": 2e-2, "int8": 0.4}


@pytest.fixture(scope="module")
def files(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("features")
    program = capture(exported.network, SPEC, features=True)
    assert output_names(program, METADATA.task) == ["probabilities", "feature_vector"]
    paths = {
        name: folder / f"{name.replace('/', '-')}{'.onnx' if 'onnx' in name else '.xml'}"
        for name in VARIANTS
    }
    calibration_NHWC, _ = colour_frames(32, seed=4)
    write_onnx(program, paths["onnxruntime/fp32"], METADATA, opset=18)
    halve_weights(paths["onnxruntime/fp32"], paths["onnxruntime/fp16"], METADATA)
    model, _ = quantize_onnxruntime(paths["onnxruntime/fp32"], calibration_NHWC)
    save_onnx(model, paths["onnxruntime/int8"], METADATA)
    openvino = to_openvino(program, METADATA)
    quantized, _ = quantize_openvino(openvino, calibration_NHWC)
    save_ir(quantized, paths["openvino/int8"], METADATA)
    save_ir(openvino, paths["openvino/fp16"], METADATA, half=True)
    save_ir(openvino, paths["openvino/fp32"], METADATA)
    return paths


@pytest.fixture(params=VARIANTS)
def session(
    request: pytest.FixtureRequest, files: dict[str, Path]
) -> Iterator[tuple[str, EngineSession]]:
    yield request.param, open_session(files[request.param], VariantKey.parse(request.param))


def test_both_outputs_are_those_of_the_network(
    exported: Exported, session: tuple[str, EngineSession]
) -> None:
    name, opened = session
    tolerance = TOLERANCES[name.partition("/")[2]]
    with torch.inference_mode():
        expected = exported.network.features(torch.from_numpy(exported.frames_NHWC)).numpy()
    found = opened.infer(exported.frames_NHWC)
    assert list(found) == ["probabilities", "feature_vector"]
    found_NC, features_NF = found.values()
    assert features_NF.dtype == found_NC.dtype == np.float32
    np.testing.assert_allclose(features_NF, expected, atol=tolerance * np.abs(expected).max())
    alone = dict(opened.infer(exported.frames_NHWC, ["probabilities"]))
    np.testing.assert_array_equal(alone.pop("probabilities"), found_NC)
    assert not alone
    np.testing.assert_allclose(found_NC, exported.reference_NC, atol=tolerance)


def test_the_features_survive_the_next_call(
    exported: Exported, session: tuple[str, EngineSession]
) -> None:
    _, opened = session
    first_NF = opened.infer(exported.frames_NHWC[:1], ["feature_vector"])["feature_vector"]
    kept_NF = first_NF.copy()
    opened.infer(exported.frames_NHWC[1:2], ["feature_vector"])
    np.testing.assert_array_equal(first_NF, kept_NF)


@pytest.mark.parametrize("name", ["onnxruntime/fp32", "openvino/fp32"])
def test_a_graph_without_features_says_so(exported: Exported, name: str) -> None:
    opened = open_session(exported.paths[name], VariantKey.parse(name))
    with pytest.raises(BundleError, match="does not output the features") as caught:
        opened.infer(exported.frames_NHWC[:1], ["probabilities", "feature_vector"])
    assert caught.value.path == str(exported.paths[name])
    assert "probabilities" in str(caught.value.found)


def test_model_api_reads_both_outputs(exported: Exported, files: dict[str, Path]) -> None:
    block_telemetry()
    from model_api.models import ClassificationModel

    wrapped = ClassificationModel.create_model(str(files["openvino/fp32"]))
    opened = open_session(files["openvino/fp32"], VariantKey.parse("openvino/fp32"))
    for frame in exported.frames_NHWC[:4]:
        ours_NC, features_NF = opened.infer(frame[np.newaxis]).values()
        theirs = wrapped(np.ascontiguousarray(frame[..., ::-1]))
        np.testing.assert_allclose(theirs.raw_scores, ours_NC[0], atol=0.05)
        np.testing.assert_allclose(
            np.ravel(theirs.feature_vector), features_NF[0], atol=0.05 * np.abs(features_NF).max()
        )
