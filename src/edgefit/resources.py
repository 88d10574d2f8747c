"""Finds the files that ship with edgefit: recipes, backbone cards, targets, device kit.

``models/`` and ``export/`` are at the top of the repository because people read them there. A wheel
carries a copy inside the package, so that an installed edgefit works outside a checkout.
"""

from __future__ import annotations

from pathlib import Path

from edgefit.errors import InputError

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_share"
_CHECKOUT = _PACKAGE.parent.parent


def resource(*parts: str) -> Path:
    """Find a file or folder that ships with edgefit.

    Args:
        *parts: Names below the root, such as ``"models", "backbones"``.

    Returns:
        An absolute path that exists: the wheel's copy if there is one, else the checkout's.

    Raises:
        InputError: Nothing of this name ships with edgefit.
    """
    for root in (_INSTALLED, _CHECKOUT):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise InputError(
        "A file that ships with edgefit is missing.",
        path="/".join(parts),
        expected=f"under {_INSTALLED} or {_CHECKOUT}",
        remedy="install edgefit again, or run it from a complete checkout",
    )
