"""Write a folder of labelled synthetic images of parts on a belt.

Every image depends only on the seed, its part and its view, not on how many others are drawn.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edgefit.data.synthetic.defects import DEFECTS, draw_severity
from edgefit.data.synthetic.scene import (
    Pose,
    draw_belt,
    draw_camera,
    draw_light,
    photograph,
    place_part,
)
from edgefit.data.synthetic.surface import Array, Surface, draw_part
from edgefit.errors import InputError
from edgefit.spec import Frame

GOOD = "good"
CLASSES = (GOOD, *DEFECTS)
VIEWS = 2
_BELTS = 6
_BELT_STREAM = 2**32 - 1
_DESIGN_STREAM = 2**32 - 2
# Scenes are drawn at this multiple of the image's size, then shrunk: no jagged edges.
_OVERSAMPLING = 2


def generate(
    out: Path,
    *,
    images: int = 400,
    size: int = 128,
    seed: int = 0,
    classes: Sequence[str] = CLASSES,
    one_product: bool = False,
) -> Path:
    """Draw a labelled image folder: ``CLASS/part_00012_view_1.jpg``.

    Each part is photographed twice, each time with another pose, light and camera state. The two
    images are one group (``part_\\d+``) and must stay in one split. Sound parts are twice as
    frequent as parts of each faulty class. The same arguments give the same bytes.

    Args:
        out: Folder to write; it must be absent or empty. It appears complete or not at all.
        images: Number of images, JPEG.
        size: Height and width of an image in pixels.
        seed: Seed of all randomness, 0 or more.
        classes: Which of ``good``, ``scratch``, ``dent``, ``hole``, ``stain`` to draw.
        one_product: Draw one design of part on one belt, as most lines carry, instead of a new
            design for each part; much easier to learn.

    Returns:
        ``out``.

    Raises:
        InputError: ``out`` is not empty, or an argument is out of range.
    """
    _check(images, size, seed, classes)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            "The folder for the generated images is not empty; nothing is written.",
            path=out,
            remedy="choose another folder, or empty this one",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        _write_all(beside, images, size, seed, classes, one_product)
        beside.chmod(0o755)
        if out.exists():
            out.rmdir()  # empty; on Windows a folder cannot replace another
        beside.replace(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return out


def label_of(part: int, classes: Sequence[str]) -> str:
    """Class of a part, by its number: a fixed cycle in which ``good`` comes twice."""
    cycle = [*classes, GOOD] if GOOD in classes else list(classes)
    return cycle[part % len(cycle)]


def draw_surface(
    seed: int, part: int, label: str, side: int, *, one_product: bool = False
) -> Surface:
    """The part of this number, with the fault of its label, on a canvas of ``side`` pixels."""
    rng = np.random.default_rng([seed, part])
    design = np.random.default_rng([seed, _DESIGN_STREAM]) if one_product else rng
    surface = draw_part(design, side)
    if label != GOOD:
        DEFECTS[label](rng, surface, draw_severity(rng))
    return surface


def draw_belts(seed: int, height: int, width: int, unit: float) -> list[Array]:
    """The belts of one data set; see :func:`edgefit.data.synthetic.scene.draw_belt`."""
    return [
        draw_belt(np.random.default_rng([seed, _BELT_STREAM, i]), height, width, unit)
        for i in range(_BELTS)
    ]


def _check(images: int, size: int, seed: int, classes: Sequence[str]) -> None:
    unknown = [name for name in classes if name not in CLASSES]
    if unknown or len(set(classes)) != len(classes) or len(classes) < 2:
        raise InputError(
            "The classes cannot be drawn.",
            key="classes",
            expected=f"two or more of {', '.join(CLASSES)}, each once",
            found=list(classes),
        )
    least = VIEWS * len(classes)
    for key, value, low, high in (
        ("images", images, least, 1_000_000),
        ("size", size, 32, 1024),
        ("seed", seed, 0, 2**32 - 1),
    ):
        if not low <= value <= high:
            raise InputError(
                f"{key} is out of range.", key=key, expected=f"{low} to {high}", found=value
            )


def _write_all(
    root: Path, images: int, size: int, seed: int, classes: Sequence[str], one_product: bool
) -> None:
    for name in classes:
        (root / name).mkdir()
    side = size * _OVERSAMPLING
    belts = draw_belts(seed, 2 * side, 4 * side, side / 256 * 1.6)[: 1 if one_product else None]
    for first in range(0, images, VIEWS):
        part = first // VIEWS
        label = label_of(part, classes)
        surface = draw_surface(seed, part, label, side, one_product=one_product)
        for view in range(1, min(VIEWS, images - first) + 1):
            rng = np.random.default_rng([seed, part, view])
            image = _photograph_part(rng, surface, belts, size)
            quality = int(rng.integers(82, 96))
            _write_jpeg(root / label / f"part_{part:05d}_view_{view}.jpg", image, quality)


def _photograph_part(
    rng: np.random.Generator, surface: Surface, belts: list[Array], size: int
) -> Frame:
    side = size * _OVERSAMPLING
    belt = belts[int(rng.integers(len(belts)))]
    top = int(rng.integers(belt.shape[0] - side))
    left = int(rng.integers(belt.shape[1] - side))
    light = draw_light(rng)
    scene = belt[top : top + side, left : left + side] * np.asarray(light.tint, np.float32)
    pose = Pose(
        x=side * (0.5 + rng.uniform(-0.07, 0.07)),
        y=side * (0.5 + rng.uniform(-0.07, 0.07)),
        angle=rng.uniform(0, 2 * np.pi),
        scale=rng.uniform(0.95, 1.15),
    )
    place_part(scene, surface, pose, light)
    return photograph(scene, draw_camera(rng, size), rng, (size, size))


def _write_jpeg(path: Path, image: Frame, quality: int) -> None:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    path.write_bytes(encoded.tobytes())
