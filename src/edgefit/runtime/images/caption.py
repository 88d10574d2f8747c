"""A strip of text below a frame, which hides no part of the frame."""

from __future__ import annotations

import cv2
import numpy as np

from edgefit.spec import Frame

NEUTRAL = (32, 32, 32)
WARNING = (160, 96, 0)
ALARM = (160, 0, 0)
_WHITE = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LOWEST_PX = 20
_SHARE_OF_HEIGHT = 0.06
_MARGIN = 0.25


def with_caption(frame: Frame, text: str, colour: tuple[int, int, int] = NEUTRAL) -> Frame:
    """Put a strip with one line of text below a frame.

    Args:
        frame: ``uint8`` (H, W, 3) RGB; it is not modified.
        text: The text, shrunk until it fits the width. OpenCV's fonts hold ASCII only, so other
            characters become ``?``.
        colour: RGB of the strip; the text is white.

    Returns:
        ``uint8`` (H + S, W, 3) RGB; the height S of the strip depends on H alone, so all frames of
        a video keep one size.
    """
    height, width = frame.shape[:2]
    strip_height = max(_LOWEST_PX, round(height * _SHARE_OF_HEIGHT))
    strip = np.full((strip_height, width, 3), colour, np.uint8)
    plain = text.encode("ascii", "replace").decode()
    margin = round(strip_height * _MARGIN)
    (text_width, text_height), _ = cv2.getTextSize(plain, _FONT, 1.0, 1)
    room = max(1, width - 2 * margin)
    scale = min((strip_height - 2 * margin) / text_height, room / max(1, text_width))
    thickness = max(1, round(scale * 1.5))
    start = (margin, strip_height - margin)
    cv2.putText(strip, plain, start, _FONT, scale, _WHITE, thickness, cv2.LINE_AA)
    return np.vstack([frame, strip])
