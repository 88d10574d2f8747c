"""int8 for onnxruntime: its own static quantization, per channel, QDQ format.

Weights use 7 of 8 bits (``reduce_range``): processors without VNNI add products of unsigned and
signed bytes in pairs in 16 bits, which may saturate
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html). The workstation
that builds a bundle does not know the processors of the devices, so the file must work on all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from pydantic import JsonValue

_QUANTIZED_OPERATORS = [
    "Conv",
    "Gemm",
    "MatMul",
    "Add",
    "Mul",
    "Clip",
    "Relu",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "Concat",
    "Split",
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "HardSigmoid",
    "HardSwish",
    "Sigmoid",
]
_BATCH = 8


def quantize_onnxruntime(
    source: Path, frames_NHWC: NDArray[np.uint8]
) -> tuple[onnx.ModelProto, dict[str, JsonValue]]:
    """Quantize an fp32 ONNX file.

    Args:
        source: The fp32 file; input ``uint8`` (N, H, W, 3).
        frames_NHWC: Calibration frames, preprocessed.

    Returns:
        The int8 model and how it was made.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="edgefit-quantize-") as temporary:
        prepared = Path(temporary) / "prepared.onnx"
        quantized = Path(temporary) / "int8.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        input_name = onnx.load(prepared).graph.input[0].name
        quantize_static(
            str(prepared),
            str(quantized),
            _reader(input_name, frames_NHWC),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTIZED_OPERATORS,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        model = onnx.load(quantized)
    return model, {
        "method": "onnxruntime quantize_static, QDQ, per channel, U8S8, reduce_range",
        "calibration_images": len(frames_NHWC),
        "onnxruntime": onnxruntime.__version__,
    }


def _reader(input_name: str, frames_NHWC: NDArray[np.uint8]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class FrameReader(CalibrationDataReader):  # type: ignore[misc]
        """Yields the calibration frames in small batches."""

        def __init__(self) -> None:
            self.batches: Iterator[NDArray[np.uint8]] = (
                frames_NHWC[i : i + _BATCH] for i in range(0, len(frames_NHWC), _BATCH)
            )

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(self.batches, None)
            return None if batch is None else {input_name: batch}

    return FrameReader()
