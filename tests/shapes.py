"""Images of shapes that a network learns in a few steps, for tests that train; and of noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

CLASSES = {"circle": 22, "plain": 14, "square": 10}


def draw_shapes(root: Path, counts: dict[str, int] | None = None, side: int = 40) -> Path:
    """A folder a class of PNG pictures, by default unevenly many; gives ``root``."""
    rng = np.random.default_rng(0)
    for name, count in (counts or CLASSES).items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            picture = rng.integers(60, 110, (side, side, 3), dtype=np.uint8)
            x, y = (int(v) for v in rng.integers(12, side - 12, 2))
            if name == "circle":
                cv2.circle(picture, (x, y), 9, (230, 220, 60), -1)
            elif name == "square":
                cv2.rectangle(picture, (x - 8, y - 8), (x + 8, y + 8), (40, 60, 230), -1)
            assert cv2.imwrite(str(root / name / f"{number}.png"), picture)
    return root


def draw_noise(root: Path, classes: tuple[str, ...], count: int, side: int) -> Path:
    """A folder a class, each of ``count`` PNG images of noise; gives ``root``."""
    rng = np.random.default_rng(0)
    for name in classes:
        (root / name).mkdir(parents=True)
        for number in range(count):
            noise = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
            assert cv2.imwrite(str(root / name / f"{number}.png"), noise)
    return root
