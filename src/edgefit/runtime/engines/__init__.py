"""What executes a graph on the device. Each engine is one file behind :class:`EngineSession`.

An engine knows no task: it gives a graph's outputs by name, and :mod:`edgefit.runtime.tasks` reads
them. A session answers what it was asked for or raises: the device, the inference precision and the
graph's signature are checked after opening, since engines fall back silently.
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
    """A graph, loaded and ready. Not to be shared by threads: open one for each."""

    def infer(self, images_NHWC: NDArray[np.uint8], names: Sequence[str] | None = None) -> Outputs:
        """Run the graph.

        Args:
            images_NHWC: ``uint8`` (N, H, W, 3) RGB, of the graph's H and W; N is free unless the
                session was opened with a ``batch``.
            names: The outputs to give, in their order; None is every output of the graph. An
                output that is not asked for costs as little as the engine allows.

        Returns:
            Name -> ``float32`` (N, ...); the caller's own arrays.

        Raises:
            InputError: Another dtype or shape.
            BundleError: The graph has no output of this name.
        """
        ...

    def describe(self) -> dict[str, str]:
        """Engine, version, device really running, threads, inference precision, batch."""
        ...


def open_session(
    model_path: Path, key: VariantKey, *, threads: int | None = None, batch: int | None = None
) -> EngineSession:
    """Open a variant's graph on the CPU.

    Args:
        model_path: ``.onnx`` for onnxruntime, ``.xml`` (with its ``.bin``) for OpenVINO.
        key: Engine and precision asked for.
        threads: Threads for one inference; None leaves the number to the engine.
        batch: Fix N. OpenVINO then compiles for that shape (measured on MobileNetV2: a fixed
            batch of 1 is 15 to 20 % faster than a free one); None accepts any N.

    Raises:
        MissingDependencyError: The engine is not installed.
        InputError: ``threads`` or ``batch`` is below 1.
        BundleError: The file is absent, damaged, or no graph with edgefit's signature.
        StageError: The engine fell back to another device or precision.
    """
    for name, value in (("threads", threads), ("batch", batch)):
        if value is not None and value < 1:
            raise InputError(
                f"{name} is out of range.", key=name, expected="1 or more", found=value
            )
    if not model_path.is_file():
        raise BundleError(
            "The graph file is absent.", path=model_path, remedy="copy the bundle again"
        )
    opener: Callable[..., EngineSession] = import_module(_OPENERS[key.engine]).open_model
    return opener(model_path, threads=threads, batch=batch)


def engine_is_installed(engine: Engine) -> bool:
    """Whether the engine's package can be imported here."""
    # Asking the import system is not enough: it finds packages whose libraries do not load.
    try:
        import_module(str(engine))
    except ImportError:
        return False
    return True


def check_signature(
    model_path: Path, found: str, *, dtype_fits: bool, shape: list[int | None]
) -> tuple[int, int]:
    """Check a graph's input against ``uint8`` (N, H, W, 3); give H and W.

    Raises:
        BundleError: The graph takes something else.
    """
    height, width = (shape[1], shape[2]) if len(shape) == 4 else (None, None)
    if not dtype_fits or height is None or width is None or shape[3] != 3:
        raise BundleError(
            "The graph does not have edgefit's input.",
            path=model_path,
            expected="one input, uint8 (N, H, W, 3) with fixed H and W",
            found=found,
            remedy="export it with `edgefit export`",
        )
    return height, width


def check_outputs(model_path: Path, asked: Sequence[str], held: Sequence[str]) -> None:
    """Check the names asked for against a graph's outputs.

    Raises:
        BundleError: The graph lacks one.
    """
    for name in asked:
        if name in held:
            continue
        if name == FEATURE_VECTOR.name:
            raise BundleError(
                "The graph gives no features, which the novelty score is made from.",
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
            remedy="export it with `edgefit export`",
        )


def check_images(
    images_NHWC: NDArray[Any], height: int, width: int, batch: int | None
) -> NDArray[np.uint8]:
    """Check a batch against a session's signature and make it C-contiguous.

    Raises:
        InputError: Another dtype or shape, or no image.
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
