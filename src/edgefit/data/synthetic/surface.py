"""Machined parts as surfaces: where there is metal, how high it is and what colour it has.

Shapes are signed distance fields (negative inside), so that unions, bores and chamfers of any
outline are a few array operations. Light comes later, in :mod:`edgefit.data.synthetic.scene`: a
dent looks different in each view of a part, as it does on a real line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# Reflectance in linear light, R G B.
_METALS = {
    "steel": (0.50, 0.51, 0.53),
    "aluminium": (0.66, 0.66, 0.65),
    "brass": (0.66, 0.54, 0.29),
    "cast": (0.36, 0.36, 0.37),
}


@dataclass
class Surface:
    """A part lying flat on a square canvas of side S pixels, not yet lit.

    Attributes:
        albedo_HWC: ``float32`` (S, S, 3), RGB reflectance, 0 to 1.
        height_HW: ``float32`` (S, S), height above the face in canvas pixels; 0 on the face.
        cover_HW: ``float32`` (S, S), 1 where there is metal, 0 on the belt and in bores.
        turned: Whether tool marks run in circles (a lathe) or straight along x (a belt grinder).
    """

    albedo_HWC: Array
    height_HW: Array
    cover_HW: Array
    turned: bool


def draw_part(rng: np.random.Generator, side: int) -> Surface:
    """Draw one sound part: a flange, a gear or a bracket, of random proportions and metal.

    Args:
        rng: Source of all randomness.
        side: Canvas side S in pixels.
    """
    kind = rng.choice(["flange", "gear", "bracket"], p=[0.6, 0.12, 0.28])
    distance = _bracket(rng, side) if kind == "bracket" else _round(rng, side, gear=kind == "gear")
    turned = kind != "bracket"
    chamfer = side * rng.uniform(0.012, 0.022)
    height = -chamfer * 0.7 * np.clip(distance / chamfer + 1, 0, 1) ** 2
    if turned and rng.random() < 0.7:
        height += _turned_step(rng, side)
    surface = Surface(
        albedo_HWC=_metal(rng, side, turned),
        height_HW=height.astype(np.float32),
        cover_HW=np.clip(0.5 - distance, 0, 1).astype(np.float32),
        turned=turned,
    )
    if rng.random() < 0.35:
        _engrave(rng, surface)
    return surface


@lru_cache(maxsize=4)
def centred_grid(side: int) -> tuple[Array, Array]:
    """Coordinates x, y of every pixel, ``float32`` (side, side), with the origin in the middle."""
    line = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)
    x, y = np.meshgrid(line, line)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def smooth_noise(rng: np.random.Generator, side: int, cells: int) -> Array:
    """Noise of about unit variance whose blobs are ``side / cells`` pixels wide, (side, side)."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _round(rng: np.random.Generator, side: int, *, gear: bool) -> Array:
    x, y = centred_grid(side)
    from_centre = np.hypot(x, y)
    radius = side * rng.uniform(0.34, 0.43)
    outline = from_centre - radius
    if gear:
        teeth = int(rng.integers(14, 26))
        wave = np.sin(np.arctan2(y, x) * teeth)
        outline = from_centre - radius * (0.96 + 0.045 * np.tanh(3 * wave))
    bore = radius * rng.uniform(0.16, 0.34)
    distance = np.maximum(outline, bore - from_centre)
    bolts = int(rng.choice([0, 4, 6], p=[0.45, 0.3, 0.25]))
    bolt_radius = radius * rng.uniform(0.055, 0.09)
    on_circle = bore + (radius - bore) * rng.uniform(0.5, 0.62)
    for angle in np.linspace(0, 2 * np.pi, bolts, endpoint=False):
        dx, dy = x - on_circle * np.cos(angle), y - on_circle * np.sin(angle)
        distance = np.maximum(distance, bolt_radius - np.hypot(dx, dy))
    return distance


def _bracket(rng: np.random.Generator, side: int) -> Array:
    half_x, half_y = side * rng.uniform(0.33, 0.42), side * rng.uniform(0.17, 0.28)
    corner = half_y * rng.uniform(0.15, 0.45)
    distance = _rounded_box(side, (0, 0), (half_x, half_y), corner)
    if rng.random() < 0.4:  # a foot makes the plate an L
        foot = (half_y * 0.7, side * 0.31)
        centre = (-half_x + foot[0], side * 0.06)
        distance = np.minimum(distance, _rounded_box(side, centre, foot, corner))
    bolt_radius = half_y * rng.uniform(0.16, 0.24)
    x, y = centred_grid(side)
    for sign in (-1, 1):
        dx = np.maximum(np.abs(x - sign * half_x * 0.62) - bolt_radius * 0.5, 0)
        distance = np.maximum(distance, bolt_radius - np.hypot(dx, y))
    return distance


def _rounded_box(
    side: int, centre: tuple[float, float], half: tuple[float, float], corner: float
) -> Array:
    x, y = centred_grid(side)
    qx = np.abs(x - np.float32(centre[0])) - np.float32(half[0] - corner)
    qy = np.abs(y - np.float32(centre[1])) - np.float32(half[1] - corner)
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0))
    distance: Array = outside + np.minimum(np.maximum(qx, qy), 0) - np.float32(corner)
    return distance


def _turned_step(rng: np.random.Generator, side: int) -> Array:
    from_centre = np.hypot(*centred_grid(side))
    edge = side * rng.uniform(0.2, 0.3)
    step = side * rng.uniform(0.004, 0.01) * rng.choice([-1, 1])
    profile: Array = np.tanh((from_centre - np.float32(edge)) / np.float32(side * 0.008))
    return profile * np.float32(step)


def _metal(rng: np.random.Generator, side: int, turned: bool) -> Array:
    name = rng.choice(list(_METALS), p=[0.45, 0.33, 0.1, 0.12])
    tone = np.asarray(_METALS[str(name)], np.float32) * np.float32(rng.uniform(0.88, 1.1))
    marks = cv2.GaussianBlur(rng.standard_normal((1, 2 * side)).astype(np.float32), (5, 1), 0.8)
    x, y = centred_grid(side)
    along = np.hypot(x, y) if turned else y + np.float32(side / 2) + x * np.float32(0.02)
    grain = marks[0][along.astype(np.int32)]
    if not turned:  # a ground finish is streaky along its marks too
        coarse = rng.standard_normal((side // 2, 8)).astype(np.float32)
        grain = 0.6 * grain + 0.6 * cv2.resize(coarse, (side, side))
    pattern = 1 + 0.055 * grain + 0.03 * smooth_noise(rng, side, 6)
    albedo: Array = np.clip(pattern[..., None] * tone, 0.02, 1).astype(np.float32)
    return albedo


def _engrave(rng: np.random.Generator, surface: Surface) -> None:
    """Stamp a lot number: a mark that sound and faulty parts share."""
    side = surface.height_HW.shape[0]
    text = f"{'ABCDEF'[int(rng.integers(6))]}{int(rng.integers(10, 99))}"
    stamp = np.zeros((side, side), np.uint8)
    scale = side / 256 * rng.uniform(0.42, 0.55)
    at = (int(side * rng.uniform(0.4, 0.46)), int(side * rng.uniform(0.66, 0.72)))
    cv2.putText(stamp, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
    surface.height_HW -= stamp * np.float32(side / 256 * 0.8 / 255)
