"""Film parts as they pass on the belt: a source for the frame pipeline."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np

from edgefit.data.synthetic.dataset import CLASSES, draw_belts, draw_surface, label_of
from edgefit.data.synthetic.scene import (
    Camera,
    Light,
    Pose,
    draw_light,
    photograph,
    place_part,
)
from edgefit.data.synthetic.surface import Array, Surface
from edgefit.errors import InputError, StageError

_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}


def generate_clip(
    out: Path,
    *,
    frames: int = 60,
    width: int = 640,
    height: int = 360,
    fps: float = 30.0,
    seed: int = 0,
    one_product: bool = False,
) -> Path:
    """Film parts, sound and faulty, that pass from left to right on a moving belt.

    Args:
        out: Video file to write, ``.mp4`` or ``.avi``; it must not exist yet.
        frames: Number of frames.
        width: Width in pixels, even.
        height: Height in pixels, even.
        fps: Frames per second.
        seed: Seed of all randomness, 0 or more.
        one_product: Whether all parts have one design; see :func:`.generate`.

    Returns:
        ``out``.

    Raises:
        InputError: ``out`` exists or has another suffix, or an argument is out of range.
        StageError: This build of OpenCV cannot encode the format.
    """
    _check(out, frames, (width, height), fps, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{out.stem}-", suffix=out.suffix, dir=out.parent)
    os.close(handle)
    beside = Path(name)
    try:
        _film(beside, frames, (width, height), fps, seed, one_product)
        beside.chmod(0o644)
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    return out


def _check(out: Path, frames: int, size: tuple[int, int], fps: float, seed: int) -> None:
    if out.suffix not in _CODECS:
        raise InputError(
            "A clip cannot be written in this format.",
            path=out,
            expected=" or ".join(_CODECS),
            found=out.suffix or "no suffix",
        )
    if out.exists():
        raise InputError("The clip already exists and is not overwritten.", path=out)
    wrong = {
        "frames": not 1 <= frames <= 100_000,
        "width, height": any(side % 2 or not 64 <= side <= 4096 for side in size),
        "fps": not 1 <= fps <= 240,
        "seed": seed < 0,
    }
    if any(wrong.values()):
        raise InputError(
            "An argument of the clip is out of range.",
            key=", ".join(key for key, bad in wrong.items() if bad),
            expected="1 or more frames, even sides of 64 to 4096 pixels, 1 to 240 fps, seed from 0",
        )


def _film(
    path: Path, frames: int, size: tuple[int, int], fps: float, seed: int, one_product: bool
) -> None:
    width, height = size
    rng = np.random.default_rng([seed, 0])
    light = draw_light(rng)
    speed = width * 0.32 / fps  # a third of the frame passes in a second
    spacing = height * 0.62
    travel = int(np.ceil(speed * frames))
    belt = draw_belts(seed, height, width + travel + 1, height / 256)[int(rng.integers(3))]
    belt = belt * np.asarray(light.tint, np.float32)
    count = int((width + travel) / spacing) + 2
    parts = _line_up(rng, seed, height, count, one_product)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*_CODECS[path.suffix]), fps, size)
    if not writer.isOpened():
        raise StageError("This build of OpenCV cannot encode the clip.", found=path.suffix)
    try:
        for number in range(frames):
            moved = speed * number
            left = travel - int(moved)
            scene = belt[:, left : left + width].copy()
            _place_parts(scene, parts, moved, spacing, light)
            camera = Camera(
                exposure=1.0 + 0.01 * float(rng.standard_normal()),  # lamps flicker a little
                falloff=0.2,
                falloff_angle=0.6,
                motion=speed * 0.3,
                defocus=0.6,
                noise=2.5,
            )
            frame = photograph(scene, camera, rng, size)
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()


def _line_up(
    rng: np.random.Generator, seed: int, height: int, count: int, one_product: bool
) -> list[tuple[Surface, float, float]]:
    """Parts with their angle (radians) and row (pixels), in the order of their arrival."""
    side = int(height * 0.6)
    return [
        (
            draw_surface(seed, part, label_of(part, CLASSES), side, one_product=one_product),
            float(rng.uniform(0, 2 * np.pi)),
            float(height * rng.uniform(0.44, 0.56)),
        )
        for part in range(count)
    ]


def _place_parts(
    scene: Array,
    parts: list[tuple[Surface, float, float]],
    moved: float,
    spacing: float,
    light: Light,
) -> None:
    width = scene.shape[1]
    for order, (surface, angle, y) in enumerate(parts):
        x = width * 0.8 + moved - order * spacing
        if -spacing < x < width + spacing:
            place_part(scene, surface, Pose(x=x, y=y, angle=angle, scale=0.9), light)
