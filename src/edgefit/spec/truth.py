"""What the data set says about one image: one type for each kind of label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClassTruth:
    """The image shows one class.

    Attributes:
        index: Position of the class in the label map.
    """

    index: int


@dataclass(frozen=True, eq=False)
class GoodTruth:
    """The image shows a good part, or one with a defect of any kind.

    Attributes:
        is_good: Whether the part is good.
        defect_HW: ``bool`` (H, W) of the image, true where the defect is; None where the data set
            does not say, and for a good part.
    """

    is_good: bool
    defect_HW: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class BoxTruth:
    """The image shows K objects, each in a box; K may be 0.

    Attributes:
        boxes_K4: ``float32`` (K, 4): left, top, right, bottom, in pixels of the image; right and
            bottom are exclusive.
        classes_K: ``int64`` (K,), position of each box's class in the label map.
    """

    boxes_K4: NDArray[np.float32]
    classes_K: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MaskTruth:
    """Every pixel of the image has a class.

    Attributes:
        classes_HW: ``int64`` (H, W) of the image, position of the class in the label map; -1 where
            the data set does not say.
    """

    classes_HW: NDArray[np.int64]


Truth = ClassTruth | GoodTruth | BoxTruth | MaskTruth
"""What the data set says about one image."""
