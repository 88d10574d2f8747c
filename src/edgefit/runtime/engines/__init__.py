"""Engines execute a graph on the device. Each engine is one file behind :class:`EngineSession`.

An engine does not depend on the task: it returns a graph's outputs by name, and
:mod:`edgefit.runtime.tasks` reads them. A session runs exactly what was requested, or raises: it
checks the device, the inference precision and the graph's signature after opening, since engines
fall back silently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import BundleError, InputError
from edgefit.spec import FEATURE_VECTOR, Engine, Outputs, VariantKey

_OPENERS = {
    Engine.ONNXRUNTIME: "edgefit.runtime.engines.onnxruntime",
    Engine.OPENVINO: "edgefit.runtime.engines.openvino",
}
"""Engine -> the module whose ``open_model`` opens it; the package has the engine's name."""

INSTALL_COMMANDS = {
    Engine.ONNXRUNTIME: "pip install onnxruntime",
    Engine.OPENVINO: 'pip install "edgefit[openvino]"',
}
"""Engine -> the command that installs it."""


class EngineSession(Protocol):
    """A graph, loaded and ready. Threads may share it; each gets the answer to its own images.

    onnxruntime computes for any number of threads at once, OpenVINO for as many as it was opened
    for (``parallel``); further threads wait.
    """

    def infer(self, images_NHWC: NDArray[np.uint8], names: Sequence[str] | None = None) -> Outputs:
        """Run the graph.

        Args:
            images_NHWC: ``uint8`` (N, H, W, 3) RGB, with the graph's H and W; N is free unless the
                session was opened with a ``batch``.
            names: The outputs to return, in this order; None returns all. An output that is not
                requested costs as little as the engine allows.

        Returns:
            Name -> ``float32`` (N, ...); later calls do not overwrite these arrays.

        Raises:
            InputError: The dtype or the shape does not fit, or ``names`` is empty or a string.
            BundleError: The graph has no output with this name.
        """
        ...

    def describe(self) -> dict[str, str]:
        """Engine, version, device really running, threads, inference precision, batch."""
        ...


def open_session(
    model_path: Path,
    key: VariantKey,
    *,
    threads: int | None = None,
    batch: int | None = None,
    parallel: int = 1,
) -> EngineSession:
    """Open a variant's graph on the CPU.

    Args:
        model_path: ``.onnx`` for onnxruntime, ``.xml`` (with its ``.bin``) for OpenVINO.
        key: Engine and precision.
        threads: Threads for one inference; None leaves the number to the engine.
        batch: Fixes N, and OpenVINO compiles for that shape (measured on MobileNetV2: a fixed
            batch of 1 is 15 to 20 % faster than a free one); None accepts any N.
        parallel: How many threads may call ``infer`` at the same time without waiting.

    Raises:
        MissingDependencyError: The engine is not installed.
        InputError: ``threads``, ``batch`` or ``parallel`` is below 1.
        BundleError: The file is missing or damaged, or its graph lacks edgefit's signature.
        StageError: The engine fell back to another device or precision.
    """
    for name, value in (("threads", threads), ("batch", batch), ("parallel", parallel)):
        if value is not None and value < 1:
            raise InputError(
                f"{name} is out of range.", key=name, expected="1 or more", found=value
            )
    if not model_path.is_file():
        raise BundleError(
            "The graph file is missing.", path=model_path, remedy="copy the bundle again"
        )
    opener: Callable[..., EngineSession] = import_module(_OPENERS[key.engine]).open_model
    return opener(model_path, threads=threads, batch=batch, parallel=parallel)


def engine_is_installed(engine: Engine) -> bool:
    """Whether the engine's package can be imported here."""
    # Asking importlib is not enough: it finds packages whose libraries do not load.
    try:
        import_module(str(engine))
    except ImportError:
        return False
    return True


def check_signature(
    model_path: Path, found: str, *, dtype_fits: bool, shape: list[int | None]
) -> tuple[int, int]:
    """Check a graph's input against ``uint8`` (N, H, W, 3); return H and W.

    Raises:
        BundleError: The graph has another input.
    """
    height, width = (shape[1], shape[2]) if len(shape) == 4 else (None, None)
    if not dtype_fits or height is None or width is None or shape[3] != 3:
        raise BundleError(
            "The graph does not have edgefit's input.",
            path=model_path,
            expected="one input, uint8 (N, H, W, 3) with fixed H and W",
            found=found,
            remedy="export it with `edgefit export RUN`",
        )
    return height, width


def check_outputs(model_path: Path, asked: Sequence[str], held: Sequence[str]) -> None:
    """Check the requested names against a graph's outputs.

    Raises:
        InputError: ``asked`` is empty or a string.
        BundleError: The graph lacks a requested output.
    """
    if isinstance(asked, str) or len(asked) == 0:
        raise InputError(
            "The names of the wanted outputs are not a list of names.",
            key="names",
            expected=f"a list of names from {', '.join(held)}, or None for all",
            found=repr(asked),
        )
    for name in asked:
        if name in held:
            continue
        if name == FEATURE_VECTOR.name:
            raise BundleError(
                "The graph does not output the features that the novelty score needs.",
                path=model_path,
                expected=f"an output named {name}",
                found=", ".join(held),
                remedy="export it again with operating.novelty: true",
            )
        raise BundleError(
            "The graph lacks an output of its task.",
            path=model_path,
            expected=f"an output named {name}",
            found=", ".join(held),
            remedy="export it with `edgefit export RUN`",
        )


def check_images(
    images_NHWC: NDArray[Any], height: int, width: int, batch: int | None
) -> NDArray[np.uint8]:
    """Check a batch against a session's signature and make it C-contiguous.

    Raises:
        InputError: The dtype or the shape does not fit, or there is no image.
    """
    fits = (
        isinstance(images_NHWC, np.ndarray)
        and images_NHWC.dtype == np.uint8
        and images_NHWC.ndim == 4
        and images_NHWC.shape[1:] == (height, width, 3)
        and (images_NHWC.shape[0] == batch if batch else images_NHWC.shape[0] > 0)
    )
    if not fits:
        found = (
            f"{images_NHWC.dtype} {images_NHWC.shape}"
            if isinstance(images_NHWC, np.ndarray)
            else type(images_NHWC).__name__
        )
        raise InputError(
            "The images do not fit the graph's input.",
            expected=f"uint8 ({batch or 'N'}, {height}, {width}, 3)",
            found=found,
            remedy="preprocess each frame: edgefit.runtime.images.preprocess.preprocess",
        )
    return np.ascontiguousarray(images_NHWC)
