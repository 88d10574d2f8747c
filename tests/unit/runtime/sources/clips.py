"""Small clips for the tests of videos, and the damage that is done to them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.runtime.sources.source import SourceFrame
from edgefit.runtime.sources.video_capture import open_capture

SIZE = (64, 48)


def write_clip(path: Path, codec: str, count: int = 12) -> Path:
    """A clip of numbered frames at 10 per second; skips where OpenCV lacks the encoder."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), 10, SIZE)
    if not writer.isOpened():
        pytest.skip(f"OpenCV here has no encoder for {codec} in {path.suffix}")
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    for index in range(count):
        frame = cv2.resize(np.roll(noise, index, axis=1), SIZE)
        white = (255, 255, 255)
        writer.write(cv2.putText(frame, str(index), (5, 30), 0, 0.8, white, 2))
    writer.release()
    return path


def write_gif(path: Path, count: int = 12) -> Path:
    from PIL import Image

    noise = np.random.default_rng(0)
    frames = [
        Image.fromarray(noise.integers(0, 256, (48, 64, 3), dtype=np.uint8)) for _ in range(count)
    ]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    return path


def packets(path: Path) -> list[bytes]:
    """The coded frames of a clip."""
    capture = open_capture(path)
    capture.set(cv2.CAP_PROP_FORMAT, -1)
    found = []
    while capture.grab():
        found.append(capture.retrieve()[1].tobytes())
    capture.release()
    return found


def damage_frames(path: Path, first: int, count: int = 1) -> Path:
    """Overwrite coded frames with bytes that no decoder reads."""
    coded, data = packets(path), bytearray(path.read_bytes())
    for packet in coded[first : first + count]:
        at = data.find(packet)
        assert at >= 0
        data[at : at + len(packet)] = b"\xff" * len(packet)
    path.write_bytes(data)
    return path


def cut(path: Path, share: float = 0.7) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def index_first(path: Path) -> Path:
    """Move an MP4's index before its frames, as programs do for the web."""
    data = path.read_bytes()
    mdat, moov = data.index(b"mdat") - 4, data.index(b"moov") - 4
    index = bytearray(data[moov:])
    at = index.index(b"stco") + 8
    for place in range(at + 4, at + 4 + 4 * int.from_bytes(index[at : at + 4]), 4):
        offset = int.from_bytes(index[place : place + 4]) + len(index)
        index[place : place + 4] = offset.to_bytes(4)
    path.write_bytes(data[:mdat] + index + data[mdat:moov])
    return path


def errors_in(shots: list[SourceFrame]) -> list[tuple[int, str]]:
    return [(shot.index, shot.error) for shot in shots if shot.error is not None]
