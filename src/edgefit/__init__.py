"""Fine-tune a compact vision backbone, and prove, measure and run it on a small device.

::

    result = edgefit.build("recipe.yaml", data="images")     # the workstation
    predictor = edgefit.load(result.bundle)                  # the device; needs no torch
    prediction = predictor.predict_file("part.jpg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from edgefit.errors import EdgefitError
from edgefit.spec import ClassPrediction, InputSpec, LabelMap, Prediction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgefit.bundle import Bundle
    from edgefit.progress import Reporter
    from edgefit.recipe import Recipe
    from edgefit.records.build import BuildResult
    from edgefit.runtime.predictor import Predictor
    from edgefit.runtime.sinks import Sink
    from edgefit.runtime.sources import SourceOptions
    from edgefit.runtime.stream import Stream

__version__ = "0.1.0"
__all__ = [
    "BuildResult",
    "Bundle",
    "ClassPrediction",
    "EdgefitError",
    "InputSpec",
    "LabelMap",
    "Prediction",
    "Predictor",
    "Recipe",
    "__version__",
    "build",
    "load",
    "load_recipe",
    "read_bundle",
    "stream",
]

_PLACES = {
    "BuildResult": "edgefit.records.build",
    "Bundle": "edgefit.bundle",
    "Predictor": "edgefit.runtime.predictor",
    "Recipe": "edgefit.recipe",
}
"""Types imported on first use, so that the program starts faster."""


def __getattr__(name: str) -> type:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: type = getattr(import_module(_PLACES[name]), name)
    return found


def build(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | None = None,
    weights: str | None = None,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> BuildResult:
    """From a folder of labelled images to a verified, quantized, benchmarked bundle.

    Needs the packages of the role ``workshop`` (``pip install "edgefit[workshop]"``).

    >>> import edgefit
    >>> result = edgefit.build("recipe.yaml", data="images", out="run")
    >>> result.recommended.variant in [v.variant for v in result.variants if v.passed]
    True
    >>> 0 <= result.trained["accuracy"].value <= 1
    True

    Args:
        recipe: A recipe, or the path of one.
        data: Folder or CSV of labelled images; replaces ``data.root``.
        weights: ``imagenet``, ``none`` or a file; replaces ``model.weights``.
        out: The run folder; ``runs/NAME`` by default. Stages that finished there with the
            same inputs do not run again.
        overrides: ``key=value`` strings, as for ``--set``.
        reporter: Where progress goes; None is silent.

    Returns:
        Where the bundle is, the recommended variant, and the figures of every variant.

    Raises:
        EdgefitError: A stage failed; the message names the file and a remedy.
        GateError: Required variants did not pass the gate.
    """
    from edgefit.progress import QUIET
    from edgefit.stages.build import build as build_bundle

    return build_bundle(
        recipe,
        data=data,
        weights=weights,
        out=out,
        overrides=overrides,
        reporter=reporter or QUIET,
    )


def load(
    bundle: str | Path,
    *,
    variant: str | None = None,
    threads: int | None = None,
    parallel: int = 1,
) -> Predictor:
    """Open a bundle: ``predictor(frame)`` returns a :class:`Prediction`. Needs no torch.

    >>> import edgefit, numpy as np
    >>> predictor = edgefit.load("run/bundle", threads=1)
    >>> prediction = predictor(np.zeros((480, 640, 3), np.uint8))  # RGB
    >>> prediction.label in predictor.labels.names
    True

    Args:
        bundle: The bundle's folder.
        variant: ``engine/precision``; default is the one the bundle recommends, else its first.
        threads: Threads for one inference; None lets the engine decide.
        parallel: Threads that may call the predictor at the same time without waiting.

    Raises:
        BundleError: The bundle is absent or not valid.
        IntegrityError: A file was changed.
        MissingDependencyError: The requested variant needs an engine that is not installed.
    """
    from edgefit.runtime.predictor import load as load_predictor

    return load_predictor(bundle, variant=variant, threads=threads, parallel=parallel)


def stream(
    bundle: str | Path | Predictor,
    source: object,
    sinks: Sequence[Sink] = (),
    *,
    variant: str | None = None,
    policy: str | None = None,
    workers: int | None = None,
    threads: int | None = None,
    options: SourceOptions | None = None,
) -> Stream:
    """Answer the frames of cameras, streams, videos, folders or arrays as fast as the machine can.

    >>> import edgefit, numpy as np
    >>> frames = [np.full((48, 64, 3), level, np.uint8) for level in (40, 200)]
    >>> answers = edgefit.stream("run/bundle", frames)
    >>> [answer.frame.index for answer in answers if answer.prediction is not None]
    [0, 1]
    >>> answers.counts.answered
    2

    Iterate it to get an :class:`edgefit.runtime.answers.Answer` for each frame, in order. A frame
    that cannot be read has an error instead of a prediction; nothing but the end of all sources
    ends the loop. ``stop()`` ends it after the answers under way.

    Args:
        bundle: A bundle's folder, or an open predictor.
        source: A source's text (``images/``, ``"in/*.png"``, ``clip.mp4``, ``parts.zip``,
            ``camera:0``, ``rtsp://HOST/PATH``, ``http://HOST/PATH``, ``-``), a list of texts
            (``"left=camera:0"`` names one), a :class:`edgefit.runtime.sources.FrameSource`, or an
            iterable of arrays ``uint8`` (H, W, 3) RGB or of (name, array).
        sinks: Open sinks that each answer is written to; see :mod:`edgefit.runtime.sinks`.
        variant: ``engine/precision``; by default the one the bundle recommends.
        policy: ``every`` loses no frame; ``latest`` drops stale ones. By default what suits each
            source.
        workers: Frames that are worked on at the same time; by default one for each core, and for
            live sources alone one for each source.
        threads: Threads for one inference; by default the cores divided by the workers.
        options: How the sources are opened: camera, timeouts, links.

    Raises:
        InputError: A source cannot be opened.
        BundleError: The bundle is absent or not valid.
    """
    from edgefit.runtime.opening import open_stream

    return open_stream(
        bundle,
        source,  # type: ignore[arg-type]
        sinks,
        variant=variant,
        policy=policy,
        workers=workers,
        threads=threads,
        options=options,
    )


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, or raise an error that lists every problem in it.

    >>> import edgefit
    >>> recipe = edgefit.load_recipe("recipe.yaml", ["train.epochs=5"])
    >>> recipe.train.epochs
    5

    Args:
        path: The YAML file.
        overrides: ``key=value`` strings, as for ``--set``.

    Raises:
        RecipeError: The file is absent or not valid; ``problems`` lists what is wrong.
    """
    from edgefit.recipe import load_recipe as load_from

    return load_from(path, overrides)


def read_bundle(path: str | Path) -> Bundle:
    """Read a bundle's manifest and check the hash of every file. Starts no engine.

    >>> import edgefit
    >>> bundle = edgefit.read_bundle("run/bundle")
    >>> [str(variant.key) for variant in bundle.manifest.variants][0]
    'onnxruntime/fp32'

    Args:
        path: The bundle's folder.

    Raises:
        BundleError: The bundle is absent or not valid.
        IntegrityError: A file was changed.
    """
    from edgefit.bundle import read_bundle as read_from

    return read_from(path)
