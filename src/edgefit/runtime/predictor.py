"""``edgefit.load(bundle)(frame)``: the device's whole job for one frame."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit.bundle import Bundle, read_bundle
from edgefit.errors import BundleError, MissingDependencyError
from edgefit.operating.novelty import novelty_scores
from edgefit.runtime.engines import (
    INSTALL_COMMANDS,
    EngineSession,
    engine_is_installed,
    open_session,
)
from edgefit.runtime.images.preprocess import decode_image, preprocess
from edgefit.runtime.tasks import DECODERS
from edgefit.spec import ClassPrediction, InputSpec, LabelMap, OperatingPoint, VariantKey

_DEFAULT_TARGET = "default"


def load(
    bundle: Path | str, *, variant: str | None = None, threads: int | None = None
) -> Predictor:
    """Read a bundle, check its hashes, and open one variant.

    Args:
        bundle: The bundle's folder.
        variant: ``engine/precision``; default is the one the bundle recommends, else its first.
        threads: Threads for one inference; None leaves the number to the engine.

    Raises:
        BundleError: No bundle, a damaged one, or one without this variant.
        IntegrityError: A file's bytes are not those the manifest states.
        MissingDependencyError: The variant asked for needs an engine that is not installed.

    Warns:
        UserWarning: The recommended variant's engine is not installed, so another one runs.
    """
    read = read_bundle(bundle)
    key = choose_variant(read, variant)
    session = open_session(read.model_path(key), key, threads=threads, batch=1)
    return Predictor(read, key, session)


def choose_variant(bundle: Bundle, variant: str | None = None) -> VariantKey:
    """The variant asked for; else the recommended one whose engine is installed; else the first.

    Where the recommended one cannot run for want of its engine, the one recommended for an engine
    that is installed runs, and a warning says so. A variant that was asked for is never replaced.

    Raises:
        InputError: ``variant`` is not written ``engine/precision``.
        BundleError: The bundle does not hold it.
        MissingDependencyError: Its engine is not installed; names the variants that would run.
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


def read_prototypes(bundle: Bundle) -> NDArray[np.float32] | None:
    """The class prototypes ``float32`` (C, F) of a bundle that scores novelty, else None.

    Raises:
        BundleError: The file is not listed, or holds something else.
    """
    if bundle.operating.novelty is None:
        return None
    path = bundle.file(bundle.operating.novelty.prototypes)
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BundleError(
            "The novelty prototypes cannot be read.",
            path=path,
            found=str(error).splitlines()[0],
            remedy="build the bundle again",
        ) from error
    fits = isinstance(found, np.ndarray) and found.ndim == 2 and found.dtype == np.float32
    if not fits or len(found) != len(bundle.labels):
        raise BundleError(
            "The novelty prototypes do not fit the bundle.",
            path=path,
            expected=f"float32 ({len(bundle.labels)}, F)",
            found=f"{getattr(found, 'dtype', type(found).__name__)} {getattr(found, 'shape', '')}",
            remedy="build the bundle again",
        )
    prototypes_CF: NDArray[np.float32] = found
    return prototypes_CF


class Predictor:
    """One open variant of a bundle: call it with a frame. Not to be shared by threads.

    Attributes:
        labels: Class names in output order.
        input: The input contract.
        variant: Engine and precision that run.
        operating: From probabilities to decisions; arg-max where the bundle states nothing.
    """

    def __init__(self, bundle: Bundle, key: VariantKey, session: EngineSession) -> None:
        self.labels: LabelMap = bundle.labels
        self.input: InputSpec = bundle.input
        self.variant = key
        self.operating: OperatingPoint = bundle.operating
        self._prototypes_CF = read_prototypes(bundle)
        self._session = session
        self._decode = DECODERS[bundle.manifest.task]

    def __call__(self, frame: NDArray[Any]) -> ClassPrediction:
        """Answer for one frame.

        Args:
            frame: ``uint8`` (H, W, 3) RGB of any size; or grey, RGBA, 16-bit, see
                :func:`edgefit.runtime.images.preprocess.preprocess`.

        Raises:
            FrameError: The array is no frame.
        """
        images_NHWC = preprocess(frame, self.input)[None]
        if self._prototypes_CF is None:
            probabilities_NC = self._session.infer(images_NHWC)
            return self._decode(probabilities_NC[0], self.labels, self.operating, None)
        probabilities_NC, features_NF = self._session.infer_with_features(images_NHWC)
        novelty = float(novelty_scores(features_NF, self._prototypes_CF)[0])
        return self._decode(probabilities_NC[0], self.labels, self.operating, novelty)

    def predict_batch(self, frames: Sequence[NDArray[Any]]) -> list[ClassPrediction]:
        """Answer for several frames, in their order: the same answers as one by one.

        They are run one by one: on two cores a batch of 8 through MobileNetV2 took between 0.85
        and 1.35 times as long as eight single frames, and would need a second compiled graph.

        Raises:
            FrameError: An array is no frame.
        """
        return [self(frame) for frame in frames]

    def predict_file(self, path: Path | str) -> ClassPrediction:
        """Answer for one image file.

        Raises:
            FrameError: The file cannot be decoded; carries its path.
        """
        return self(decode_image(Path(path), self.input))

    def describe(self) -> dict[str, str]:
        """What runs: engine, version, device, threads, inference precision."""
        return self._session.describe()
