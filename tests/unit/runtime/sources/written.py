"""Images and videos for the tests of sources."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgefit.spec import Frame


def flat(level: int, height: int = 32, width: int = 48) -> Frame:
    frame = np.full((height, width, 3), level, np.uint8)
    frame[..., 2] = 255 - level
    return frame


def write_image(path: Path, frame: Frame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(path.suffix, bgr)[1].tobytes())
    return path


def mixed_folder(root: Path) -> Path:
    """Three images, two files that are none in spite of their names, and a text."""
    write_image(root / "b.png", flat(20))
    write_image(root / "a" / "deep" / "2.png", flat(10))
    write_image(root / "a" / "1.JPG", flat(30))
    (root / "c.jpg").write_text("not an image")
    (root / "d.png").touch()
    (root / "notes.txt").write_text("passed over")
    return root
