"""The OpenVINO engine, CPU plugin. The package is optional and imported when a model is opened.

On a CPU with bf16 units (AMX) and on ARM, the plugin computes fp32 graphs in half precision by
default. That is faster, but it is a different model: the answers differ from those that the gate
verified. So this module sets float32 and checks it.
"""

from __future__ import annotations

import functools
import queue
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import BundleError, StageError, missing_extra
from edgefit.runtime.engines import check_images, check_outputs, check_signature
from edgefit.spec import Outputs
from edgefit.telemetry import block_telemetry

_DEVICE = "CPU"


def open_model(
    model_path: Path,
    *,
    threads: int | None = None,
    batch: int | None = None,
    parallel: int = 1,
) -> OpenvinoSession:
    """Open an IR or ONNX file; see :func:`edgefit.runtime.engines.open_session`.

    It caches nothing on disk. One inference uses all threads (one stream), for latency, unless
    several threads call at once (``parallel``): then each has a stream and a request of its own.

    Raises:
        MissingDependencyError: OpenVINO is not installed.
        BundleError: The file is damaged, or its graph lacks edgefit's signature.
        StageError: OpenVINO fell back to another device or precision.
    """
    core = shared_core()
    try:
        model = core.read_model(str(model_path))
    except RuntimeError as error:
        raise _refused("OpenVINO cannot open this graph.", model_path, error) from error
    height, width = _signature(model, model_path)
    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": str(parallel),
        "INFERENCE_PRECISION_HINT": "f32",
        **({} if threads is None else {"INFERENCE_NUM_THREADS": str(threads * parallel)}),
    }
    try:
        if batch is not None:
            model.reshape([batch, height, width, 3])
        compiled = core.compile_model(model, _DEVICE, config)
    except RuntimeError as error:
        raise _refused("OpenVINO cannot compile this graph.", model_path, error) from error
    _check_running(compiled, model_path)
    return OpenvinoSession(compiled, model_path, (height, width), batch, parallel)


@functools.cache
def shared_core() -> Any:
    """The only ``openvino.Core`` of this process, which lives as long as the process.

    Each Core sets a signal stack for its thread. With several Cores, the stack of one that has
    ended may stay in place, and the next Ctrl-C is a segmentation fault
    (:mod:`edgefit.quantize.signal_stack`).

    Raises:
        MissingDependencyError: OpenVINO is not installed.
    """
    return _import().Core()


class OpenvinoSession:
    """An :class:`edgefit.runtime.engines.EngineSession` on OpenVINO."""

    def __init__(
        self,
        compiled: Any,
        model_path: Path,
        size: tuple[int, int],
        batch: int | None,
        parallel: int,
    ) -> None:
        self._tensor = _import().Tensor
        self._compiled = compiled
        # A request holds one input and one answer, and raises when it is asked while it computes.
        # The one that was used last comes first, since its memory is still in the cache.
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(parallel):
            self._free.put(compiled.create_infer_request())
        self._height, self._width = size
        self._batch = batch
        self._path = model_path
        self._every = [output.get_any_name() for output in compiled.outputs]
        self._outputs = {
            name: index
            for index, output in enumerate(compiled.outputs)
            for name in output.get_names()
        }

    def infer(self, images_NHWC: NDArray[np.uint8], names: Sequence[str] | None = None) -> Outputs:
        """Outputs by name; see :class:`edgefit.runtime.engines.EngineSession`.

        Raises:
            InputError: The dtype or the shape does not fit, or ``names`` is empty or a string.
            BundleError: The graph has no output with this name.
        """
        wanted = self._every if names is None else names
        check_outputs(self._path, wanted, list(self._outputs))
        images_NHWC = check_images(images_NHWC, self._height, self._width, self._batch)
        request = self._free.get()
        try:
            request.set_input_tensor(self._tensor(images_NHWC, shared_memory=True))
            request.infer()
            # The request writes its next answer into the same memory.
            return {n: request.get_output_tensor(self._outputs[n]).data.copy() for n in wanted}
        finally:
            self._free.put(request)

    def describe(self) -> dict[str, str]:
        """Engine, version, device really running, threads, inference precision, batch."""
        get = self._compiled.get_property
        return {
            "engine": "openvino",
            "version": str(_import().get_version()),
            "device": ",".join(get("EXECUTION_DEVICES")),
            "threads": str(get("INFERENCE_NUM_THREADS")),
            "inference_precision": _type_name(get("INFERENCE_PRECISION_HINT")),
            "batch": str(self._batch or "any"),
        }


def _import() -> Any:
    try:
        block_telemetry()
        import openvino
    except ImportError as error:
        raise missing_extra("openvino", "openvino") from error
    return openvino


def _signature(model: Any, model_path: Path) -> tuple[int, int]:
    inputs = model.inputs
    shape = inputs[0].partial_shape
    found = f"{len(inputs)} input(s), {_type_name(inputs[0].element_type)} {shape}"
    sizes = (
        [size.get_length() if size.is_static else None for size in shape]
        if shape.rank.is_static
        else []
    )
    fits = len(inputs) == 1 and _type_name(inputs[0].element_type) == "u8"
    return check_signature(model_path, found, dtype_fits=fits, shape=sizes)


def _check_running(compiled: Any, model_path: Path) -> None:
    expected = {"device": [_DEVICE], "inference precision": "f32"}
    found = {
        "device": list(compiled.get_property("EXECUTION_DEVICES")),
        "inference precision": _type_name(compiled.get_property("INFERENCE_PRECISION_HINT")),
    }
    if found != expected:
        raise StageError(
            "OpenVINO fell back to another device or precision.",
            path=model_path,
            expected=expected,
            found=found,
        )


def _type_name(element_type: Any) -> str:
    return str(element_type.get_type_name())


def _refused(message: str, model_path: Path, error: RuntimeError) -> BundleError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return BundleError(
        message,
        path=model_path,
        found=lines[-1] if lines else type(error).__name__,
        remedy="copy the bundle again, or export it with this release of OpenVINO",
    )
