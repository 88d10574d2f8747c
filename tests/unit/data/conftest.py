"""Small pictures for the tests of the data room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

WriteImage = Callable[..., Path]
WriteClasses = Callable[..., Path]


@pytest.fixture
def write_image() -> WriteImage:
    """Writes a picture of soft random blobs, another for each seed; ``size`` is (H, W)."""

    def write(path: Path, seed: int = 0, *, size: tuple[int, int] = (12, 16)) -> Path:
        coarse = np.random.default_rng(seed).integers(30, 225, (4, 4, 3), dtype=np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), cv2.resize(coarse, size[::-1]))
        return path

    return write


@pytest.fixture
def write_classes(write_image: WriteImage) -> WriteClasses:
    """Writes ``class/0000.png`` and so on, no two pictures alike."""

    def write(root: Path, counts: dict[str, int]) -> Path:
        names = [(name, i) for name, images in counts.items() for i in range(images)]
        for seed, (name, i) in enumerate(names):
            write_image(root / name / f"{i:04d}.png", seed)
        return root

    return write
