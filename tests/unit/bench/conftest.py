"""A bundle small enough to be measured in a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgefit.bundle import (
    FORMAT_VERSION,
    BundleWriter,
    Manifest,
    Variant,
    describe_files,
)
from edgefit.runtime.golden import write_golden
from edgefit.spec import CLASSIFICATION, Engine, InputSpec, LabelMap, Precision, VariantKey

LABELS = LabelMap(("good", "scratch", "dent"))
SIZE = 16
DAMAGED = VariantKey(Engine.ONNXRUNTIME, Precision.INT8)


def _tiny_onnx() -> bytes:
    """Mean colour, one dense layer, softmax."""
    from onnx import TensorProto, helper, numpy_helper

    weight = np.random.default_rng(0).normal(size=(3, len(LABELS))).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["colour"], keepdims=0),
        helper.make_node("MatMul", ["colour", "weight"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(LABELS)])],
        [
            numpy_helper.from_array(weight / 255, "weight"),
            numpy_helper.from_array(np.array([1, 2]), "axes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture
def bundle_dir(tmp_path: Path) -> Path:
    """A draft: onnxruntime at fp32, and at int8 a file that is no graph, listed with its hash."""
    whole = VariantKey(Engine.ONNXRUNTIME, Precision.FP32)
    spec = InputSpec(width=SIZE, height=SIZE)
    generator = np.random.default_rng(0)
    frames = [generator.integers(0, 256, (40, 30, 3), dtype=np.uint8) for _ in range(2)]
    rows = np.full((2, len(LABELS)), 1 / len(LABELS), dtype=np.float32)
    answers = {"probabilities": rows}
    with BundleWriter(tmp_path / "bundle") as writer:
        root = writer.folder
        (root / "whole.onnx").write_bytes(_tiny_onnx())
        (root / "damaged.onnx").write_bytes(b"no graph")
        golden = write_golden(
            root / "golden", frames, ["a", "b"], {whole: answers, DAMAGED: answers}
        )
        writer.finish(
            Manifest(
                format_version=FORMAT_VERSION,
                status="draft",
                name="tiny",
                task=CLASSIFICATION,
                labels=list(LABELS.names),
                labels_sha256=LABELS.sha256,
                input=spec.to_dict(),
                variants=[
                    Variant(
                        engine=key.engine,
                        precision=key.precision,
                        files=describe_files(root, [name]),
                    )
                    for key, name in ((whole, "whole.onnx"), (DAMAGED, "damaged.onnx"))
                ],
                files=describe_files(root, [str(p.relative_to(root)) for p in golden]),
            )
        )
    return tmp_path / "bundle"
