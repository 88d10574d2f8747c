"""The rows of a training, one an epoch, as ``train.json`` and ``log.csv`` hold them."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def size_in_words(row: Row) -> str:
    """The image size of an epoch, e.g. ``64x64``."""
    return f"{row['width']}x{row['height']}"


def is_same_size(one: Row, other: Row) -> bool:
    """Whether two epochs saw images of one size; rows that do not say so did."""
    return all(one.get(side) == other.get(side) for side in ("height", "width"))
