"""``edgefit.load(bundle)(frame)``: everything that a device does with one frame."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgefit.bundle import Bundle, read_bundle
from edgefit.errors import MissingDependencyError
from edgefit.runtime.answers import Origin
from edgefit.runtime.engines import (
    INSTALL_COMMANDS,
    EngineSession,
    engine_is_installed,
    open_session,
)
from edgefit.runtime.images.geometry import place
from edgefit.runtime.images.preprocess import decode_image, preprocess
from edgefit.runtime.tasks import TASKS, Columns
from edgefit.spec import Frame, InputSpec, LabelMap, Prediction, Rule, VariantKey

_DEFAULT_TARGET = "default"


def load(
    bundle: Path | str,
    *,
    variant: str | None = None,
    threads: int | None = None,
    parallel: int = 1,
) -> Predictor:
    """Read a bundle, check its hashes, and open one variant.

    Args:
        bundle: The bundle's folder.
        variant: ``engine/precision``; by default the variant that the bundle recommends, else its
            first.
        threads: Threads for one inference; None leaves the number to the engine.
        parallel: Threads that may call the predictor at the same time without waiting, e.g. those
            of a server; use it with ``threads=1``.

    Raises:
        BundleError: There is no bundle, it is damaged, or it does not hold this variant.
        IntegrityError: A file's bytes do not match the manifest.
        MissingDependencyError: The requested variant needs an engine that is not installed.

    Warns:
        UserWarning: The recommended variant's engine is not installed, so another variant runs.
    """
    read = read_bundle(bundle)
    key = choose_variant(read, variant)
    session = open_session(read.model_path(key), key, threads=threads, batch=1, parallel=parallel)
    return Predictor(read, key, session)


def choose_variant(bundle: Bundle, variant: str | None = None) -> VariantKey:
    """The requested variant; else the recommended one; else the bundle's first.

    If the engine of the recommended variant is not installed, this warns and chooses the variant
    recommended for an installed engine. It never replaces a requested variant.

    Raises:
        InputError: ``variant`` does not have the form ``engine/precision``.
        BundleError: The bundle does not hold it.
        MissingDependencyError: Its engine is not installed; the error names the variants that can
            run.
    """
    manifest = bundle.manifest
    name = variant or manifest.recommended.get(_DEFAULT_TARGET) or str(manifest.variants[0].key)
    key = bundle.variant(VariantKey.parse(name)).key
    if engine_is_installed(key.engine):
        return key
    runnable = [v.key for v in manifest.variants if engine_is_installed(v.key.engine)]
    if variant is None and runnable:
        best = manifest.recommended.get(runnable[0].engine, str(runnable[0]))
        warnings.warn(
            f"{key} is recommended but {key.engine} is not installed; running {best} "
            f"({INSTALL_COMMANDS[key.engine]} installs it)",
            stacklevel=3,
        )
        return bundle.variant(VariantKey.parse(best)).key
    instead = f", or choose --variant {' or '.join(map(str, runnable))}" if runnable else ""
    raise MissingDependencyError(
        f"The engine of variant {key} is not installed.",
        path=bundle.root,
        expected=str(key.engine),
        remedy=f"{INSTALL_COMMANDS[key.engine]}{instead}",
    )


class Predictor:
    """One open variant of a bundle: call it with a frame.

    Threads may share it. Their answers are those of calls one after the other. OpenVINO computes
    one frame at a time unless it was loaded for more (``parallel``).

    >>> import edgefit, numpy as np
    >>> predictor = edgefit.load("run/bundle", variant="onnxruntime/fp32", threads=1)
    >>> frames = [np.full((48, 64, 3), level, np.uint8) for level in (40, 200)]
    >>> len(predictor.predict_batch(frames))
    2
    >>> predictor.describe()["engine"]
    'onnxruntime'

    Attributes:
        labels: Class names in output order.
        input: The input contract.
        variant: Engine and precision that run.
        origin: Hash of the bundle's manifest, and the variant.
        operating: From outputs to decisions; the task's plain rule where the bundle states none.
    """

    def __init__(self, bundle: Bundle, key: VariantKey, session: EngineSession) -> None:
        self.labels: LabelMap = bundle.labels
        self.input: InputSpec = bundle.input
        self.variant = key
        self.origin = Origin(bundle.manifest.sha256, str(key))
        self.operating: Rule = bundle.operating
        self._task = TASKS[bundle.manifest.task]
        self._wanted = self._task.wanted(bundle.operating)
        self._references = self._task.references(bundle)
        self._session = session

    def __call__(self, frame: NDArray[Any]) -> Prediction:
        """Predict one frame.

        Args:
            frame: ``uint8`` (H, W, 3) RGB of any size; or grey, RGBA, 16-bit, see
                :func:`edgefit.runtime.images.preprocess.preprocess`.

        Returns:
            The prediction of the bundle's task; a classifier returns a
            :class:`edgefit.spec.ClassPrediction`.

        Raises:
            FrameError: The array is not a frame.
        """
        images_NHWC = preprocess(frame, self.input)[None]
        height, width = frame.shape[:2]
        return self._task.decode(
            self._session.infer(images_NHWC, self._wanted),
            place(width, height, self.input),
            (width, height),
            self.labels,
            self.operating,
            self._references,
        )

    def columns(self, *, top: int = 5) -> Columns:
        """What a sink writes for this bundle's predictions.

        Args:
            top: How many answers to list where the task ranks them.

        Raises:
            InputError: ``top`` is below 1.
        """
        return self._task.columns(self.labels, self.operating, top=top)

    def draw(self, frame: Frame, prediction: Prediction) -> Frame:
        """The frame, ``uint8`` (H, W, 3) RGB, with its prediction drawn, as a new array."""
        return self._task.draw(frame, prediction)

    def predict_batch(self, frames: Sequence[NDArray[Any]]) -> list[Prediction]:
        """Predict several frames, in order; the answers are the same as one by one.

        The frames run one by one. On two cores, a batch of 8 through MobileNetV2 took between 0.85
        and 1.35 times as long as eight single frames, and it would need a second compiled graph.

        Raises:
            FrameError: An array is not a frame.
        """
        return [self(frame) for frame in frames]

    def predict_file(self, path: Path | str) -> Prediction:
        """Predict one image file.

        Raises:
            FrameError: The file cannot be decoded; the error carries its path.
        """
        return self(decode_image(Path(path), self.input))

    def describe(self) -> dict[str, str]:
        """What runs: engine, version, device, threads, inference precision."""
        return self._session.describe()
