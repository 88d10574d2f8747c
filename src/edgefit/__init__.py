"""Fine-tune a compact vision backbone, and prove, measure and run it on a small device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgefit.errors import EdgefitError
from edgefit.spec import InputSpec, LabelMap, Prediction

if TYPE_CHECKING:
    from pathlib import Path

    from edgefit.runtime.predictor import Predictor

__version__ = "0.1.0"
__all__ = [
    "EdgefitError",
    "InputSpec",
    "LabelMap",
    "Prediction",
    "__version__",
    "build",
    "load",
]


def build(recipe: str | Path | Any, **options: Any) -> dict[str, Any]:
    """From a folder of labelled images to a bundle; see :func:`edgefit.stages.build.build`.

    Needs the workshop's packages (``pip install "edgefit[workshop]"``).

    Raises:
        EdgefitError: A stage could not do its work.
    """
    from edgefit.stages.build import build as build_bundle

    return build_bundle(recipe, **options)


def load(
    bundle: str | Path, *, variant: str | None = None, threads: int | None = None
) -> Predictor:
    """Open a bundle; the result answers ``predictor(frame) -> Prediction``. Needs no torch.

    See :func:`edgefit.runtime.predictor.load`.

    Raises:
        BundleError: No bundle, or one that is not valid.
        IntegrityError: A file was changed.
    """
    from edgefit.runtime.predictor import load as load_predictor

    return load_predictor(bundle, variant=variant, threads=threads)
