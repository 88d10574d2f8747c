"""The class prototypes in a bundle, against which novelty is scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit.bundle import Bundle
from edgefit.errors import BundleError


def read_prototypes(bundle: Bundle, relative: str) -> NDArray[np.float32]:
    """Read class prototypes, ``float32`` (C, F).

    Args:
        bundle: The bundle.
        relative: The file's path inside it, as its rule states it.

    Raises:
        BundleError: The manifest does not list the file, or its content does not fit.
    """
    path = bundle.file(relative)
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
