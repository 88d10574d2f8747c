"""OpenVINO IR: an ``.xml`` graph with its ``.bin`` weights and embedded metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgefit.export.metadata import ModelMetadata
from edgefit.export.program import INPUT_NAME, output_names
from edgefit.telemetry import block_telemetry


def to_openvino(program: Any, metadata: ModelMetadata) -> Any:
    """Convert an exported program; the batch size stays free.

    Args:
        program: From :func:`edgefit.export.program.capture`.
        metadata: States height, width and the task.

    Returns:
        An ``openvino.Model`` with input ``frames`` ``u8`` [-1, H, W, 3] and the task's outputs,
        ``f32`` [-1, ...]; and ``feature_vector`` ``f32`` [-1, F] where captured.
    """
    block_telemetry()
    import openvino as ov

    model = ov.convert_model(program)
    model.reshape([-1, *metadata.spec.shape_HWC])
    model.inputs[0].get_tensor().set_names({INPUT_NAME})
    for output, name in zip(model.outputs, output_names(program, metadata.task), strict=True):
        output.get_tensor().set_names({name})
    model.get_parameters()[0].set_layout(ov.Layout("NHWC"))
    model.validate_nodes_and_infer_types()
    return model


def save_ir(model: Any, target: Path, metadata: ModelMetadata, *, half: bool = False) -> None:
    """Write an ``openvino.Model``.

    Args:
        model: The model to write; this adds the metadata to it.
        target: The ``.xml`` file; the ``.bin`` is written beside it.
        metadata: What the file says about itself.
        half: Store weights in half precision (OpenVINO still computes in full precision).
    """
    import openvino as ov

    for key, value in metadata.for_openvino().items():
        model.set_rt_info(value, ["model_info", key])
    ov.save_model(model, str(target), compress_to_fp16=half)
