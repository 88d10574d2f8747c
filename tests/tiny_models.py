"""Graphs small enough to build in a test, with edgefit's signature and answers one can foretell.

The network looks at the mean colour only: a red frame is ``red``, and so on. It has the parts of
a real one (cast, normalise, transpose, convolution, pooling, linear, softmax).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefit.bundle import FORMAT_VERSION, BundleWriter, Manifest, Variant, describe_files
from edgefit.runtime.engines import open_session
from edgefit.runtime.engines.openvino import shared_core
from edgefit.runtime.golden import write_golden
from edgefit.runtime.images.preprocess import preprocess
from edgefit.spec import CLASSIFICATION, Engine, Frame, InputSpec, LabelMap, Precision, VariantKey

LABELS = LabelMap(("red", "green", "blue"))
ORT_FP32 = VariantKey(Engine.ONNXRUNTIME, Precision.FP32)
OV_FP32 = VariantKey(Engine.OPENVINO, Precision.FP32)

_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
_STD = np.array([0.229, 0.224, 0.225], np.float32) * 255


def colour_frame(colour: str, height: int = 24, width: int = 40) -> Frame:
    """A frame that the tiny network calls ``colour``, with some texture: uint8 (H, W, 3)."""
    channel = LABELS.index(colour)
    frame = np.random.default_rng(channel).integers(0, 60, (height, width, 3), dtype=np.uint8)
    frame[..., channel] += 140
    return frame


def write_onnx(path: Path, *, size: int = 16, gain: float = 1.0) -> Path:
    """The tiny network as an ONNX file: uint8 (N, size, size, 3) -> float32 (N, 3)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants: dict[str, NDArray[np.float32]] = {
        "mean": _MEAN,
        "std": _STD,
        "kernel": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1),
        "weight": (np.eye(3, dtype=np.float32) * 3 - 1) * np.float32(gain),
        "bias": np.array([0.1, 0.0, -0.1], np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["frames"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["float", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["normal"]),
        helper.make_node("Transpose", ["normal"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "kernel"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", size, size, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def write_openvino(path: Path, onnx_path: Path) -> Path:
    """The same network as an OpenVINO IR (``.xml`` with its ``.bin``)."""
    import openvino as ov

    path.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(shared_core().read_model(str(onnx_path)), str(path), compress_to_fp16=False)
    return path


def write_tiny_bundle(
    folder: Path,
    keys: Sequence[VariantKey] = (ORT_FP32, OV_FP32),
    *,
    recommended: VariantKey | None = None,
    spec: InputSpec | None = None,
) -> Path:
    """A verified bundle of the tiny network with three golden frames."""
    spec = spec or InputSpec(16, 16)
    frames = [colour_frame(name) for name in LABELS.names]
    images_NHWC = np.stack([preprocess(frame, spec) for frame in frames])
    variants, outputs = [], {}
    with BundleWriter(folder) as writer:
        onnx_path = write_onnx(writer.folder / "onnxruntime" / "model.fp32.onnx", size=spec.width)
        for key in keys:
            files = [f"onnxruntime/{onnx_path.name}"]
            if key.engine == Engine.OPENVINO:
                write_openvino(writer.folder / "openvino" / "model.fp32.xml", onnx_path)
                files = ["openvino/model.fp32.xml", "openvino/model.fp32.bin"]
            session = open_session(writer.folder / files[0], key)
            outputs[key] = session.infer(images_NHWC)
            entries = describe_files(writer.folder, files)
            variants.append(Variant(engine=key.engine, precision=key.precision, files=entries))
        golden = write_golden(writer.folder / "golden", frames, LABELS.names, outputs, [0, 1, 2])
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            status="verified",
            name="tiny",
            task=CLASSIFICATION,
            labels=list(LABELS.names),
            labels_sha256=LABELS.sha256,
            input=spec.to_dict(),
            variants=variants,
            recommended={"default": str(recommended)} if recommended else {},
            files=describe_files(writer.folder, [f"golden/{path.name}" for path in golden]),
        )
        return writer.finish(manifest)
