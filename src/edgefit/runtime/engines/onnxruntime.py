"""The onnxruntime engine, CPU execution provider."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from edgefit.errors import BundleError, StageError
from edgefit.runtime.engines import check_images, check_outputs, check_signature
from edgefit.spec import Outputs

_PROVIDER = "CPUExecutionProvider"
_ERRORS_ONLY = 3
_REFUSALS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


def open_model(
    model_path: Path,
    *,
    threads: int | None = None,
    batch: int | None = None,
    parallel: int = 1,
) -> OnnxruntimeSession:
    """Open an ONNX file; see :func:`edgefit.runtime.engines.open_session`.

    Threads wait for the next inference by spinning, which is onnxruntime's default. On MobileNetV2
    at 224 pixels with two threads, a frame takes 3.2 ms instead of 4.6 ms. In return, a core stays
    busy between frames that follow each other closely. The graph keeps its free batch; the session
    only checks ``batch``.

    One session serves any number of threads: it holds the weights once, and each call computes in
    the thread that makes it (with ``threads=1``, in that thread alone, without spinning).

    Raises:
        BundleError: The file is damaged, or its graph lacks edgefit's signature.
        StageError: onnxruntime fell back to another execution provider.
    """
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = ort.InferenceSession(str(model_path), options, providers=[_PROVIDER])
    except _REFUSALS as error:
        raise BundleError(
            "onnxruntime cannot open this graph.",
            path=model_path,
            found=str(error).strip().splitlines()[0],
            remedy="copy the bundle again, or export it with this release of onnxruntime",
        ) from error
    if session.get_providers() != [_PROVIDER]:
        raise StageError(
            "onnxruntime fell back to another execution provider.",
            path=model_path,
            expected=_PROVIDER,
            found=session.get_providers(),
        )
    return OnnxruntimeSession(session, model_path, threads, batch)


class OnnxruntimeSession:
    """An :class:`edgefit.runtime.engines.EngineSession` on onnxruntime."""

    def __init__(
        self, session: Any, model_path: Path, threads: int | None, batch: int | None
    ) -> None:
        inputs, outputs = session.get_inputs(), session.get_outputs()
        first = inputs[0]
        self._height, self._width = check_signature(
            model_path,
            f"{len(inputs)} input(s), {first.type} {first.shape}",
            dtype_fits=len(inputs) == 1 and first.type == "tensor(uint8)",
            shape=[size if isinstance(size, int) else None for size in first.shape],
        )
        self._session = session
        self._input, self._outputs = first.name, [output.name for output in outputs]
        self._path, self._threads, self._batch = model_path, threads, batch

    def infer(self, images_NHWC: NDArray[np.uint8], names: Sequence[str] | None = None) -> Outputs:
        """Outputs by name; see :class:`edgefit.runtime.engines.EngineSession`.

        Raises:
            InputError: The dtype or the shape does not fit, or ``names`` is empty or a string.
            BundleError: The graph has no output with this name.
        """
        wanted = self._outputs if names is None else names
        check_outputs(self._path, wanted, self._outputs)
        images_NHWC = check_images(images_NHWC, self._height, self._width, self._batch)
        values = self._session.run(list(wanted), {self._input: images_NHWC})
        return dict(zip(wanted, values, strict=True))

    def describe(self) -> dict[str, str]:
        """Engine, version, device really running, threads, inference precision, batch."""
        return {
            "engine": "onnxruntime",
            "version": ort.__version__,
            "device": self._session.get_providers()[0],
            "threads": str(self._threads or "engine default"),
            # This provider computes in the types of the graph.
            "inference_precision": "as in the graph",
            "batch": str(self._batch or "any"),
        }
