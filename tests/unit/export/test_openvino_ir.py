"""OpenVINO files: free batch, facts inside, and other OpenVINO programs read them rightly."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgefit.export.openvino_ir import save_ir, to_openvino
from edgefit.runtime.engines import open_session
from edgefit.runtime.images.preprocess import preprocess
from edgefit.spec import Aspect, InputSpec, VariantKey
from edgefit.telemetry import block_telemetry
from tests.tiny_network import LABELS, METADATA, SPEC
from tests.unit.conftest import Exported

FP32 = VariantKey.parse("openvino/fp32")


def read(path: Path) -> Any:
    import openvino as ov

    return ov.Core().read_model(str(path))


@pytest.mark.parametrize(("name", "tolerance"), [("fp32", 1e-5), ("fp16", 5e-3)])
def test_it_answers_as_the_network(exported: Exported, name: str, tolerance: float) -> None:
    found = exported.infer(f"openvino/{name}")
    np.testing.assert_allclose(found, exported.reference_NC, atol=tolerance)


@pytest.mark.parametrize("batch", [1, 3])
def test_the_batch_is_free_and_can_be_fixed(exported: Exported, batch: int) -> None:
    for fixed in (None, batch):
        session = open_session(exported.paths["openvino/fp32"], FP32, batch=fixed)
        found = session.infer(exported.frames_NHWC[:batch])["probabilities"]
        np.testing.assert_allclose(found, exported.reference_NC[:batch], atol=1e-5)


def test_names_types_and_shapes(exported: Exported) -> None:
    model = read(exported.paths["openvino/fp32"])
    assert model.input().get_any_name() == "frames"
    assert model.output().get_any_name() == "probabilities"
    assert str(model.input().partial_shape) == "[?,32,32,3]"
    assert model.input().element_type.get_type_name() == "u8"
    model.reshape([1, 32, 32, 3])
    assert str(model.output().partial_shape) == "[1,4]"


def test_fp16_weights_are_half_as_large(exported: Exported) -> None:
    sizes = {
        p: exported.paths[f"openvino/{p}"].with_suffix(".bin").stat().st_size
        for p in ("fp32", "fp16")
    }
    assert 0.45 < sizes["fp16"] / sizes["fp32"] < 0.55


@pytest.mark.parametrize("name", ["openvino/fp32", "openvino/fp16"])
def test_the_facts_are_inside(exported: Exported, name: str) -> None:
    model = read(exported.paths[name])
    facts = {k: model.get_rt_info(["model_info", k]).astype(str) for k in METADATA.for_openvino()}
    assert facts["model_type"] == "Classification"
    assert facts["labels"] == "red green blue light_grey"
    assert facts["reverse_input_channels"] == "True"
    assert facts["mean_values"] == "0 0 0"
    assert facts["resize_type"] == "standard"
    assert json.loads(facts["edgefit_labels"]) == list(LABELS.names)
    assert InputSpec.from_dict(json.loads(facts["edgefit_input"])) == SPEC
    assert float(facts["edgefit_temperature"]) == 1.5


@pytest.mark.parametrize("aspect", list(Aspect))
@pytest.mark.slow
def test_model_api_gives_the_same_classes(
    exported: Exported, tmp_path: Path, aspect: Aspect
) -> None:
    block_telemetry()
    from model_api.models import ClassificationModel

    spec = dataclasses.replace(SPEC, aspect=aspect)
    metadata = dataclasses.replace(METADATA, spec=spec)
    path = tmp_path / "model.xml"
    save_ir(to_openvino(exported.program, metadata), path, metadata)
    session = open_session(path, FP32)
    wrapped = ClassificationModel.create_model(str(path))
    for size in ((32, 32), (90, 160)):
        for small in exported.frames_NHWC[:8]:
            frame = cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)
            ours_C = session.infer(preprocess(frame, spec)[np.newaxis])["probabilities"][0]
            theirs = wrapped(np.ascontiguousarray(frame[..., ::-1]))  # OpenCV's BGR
            # model-api shrinks without antialiasing and lets the CPU compute in bfloat16
            np.testing.assert_allclose(theirs.raw_scores, ours_C, atol=0.05)
            best = LABELS.names[int(ours_C.argmax())].replace(" ", "_")
            assert theirs.top_labels[0].name == best


def test_benchmark_app_runs_it(exported: Exported) -> None:
    code = (
        "from edgefit.telemetry import block_telemetry\n"
        "block_telemetry()\n"
        "from openvino.tools.benchmark.main import main\n"
        "main()\n"
    )
    options = ["-m", str(exported.paths["openvino/fp32"]), "-d", "CPU", "-niter", "4"]
    done = subprocess.run(
        [sys.executable, "-c", code, *options, "-data_shape", "[1,32,32,3]"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Throughput" in done.stdout
