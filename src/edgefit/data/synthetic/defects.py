"""Faults of machined parts, cut into or laid onto a :class:`Surface`.

Severity runs from 0 (a trained eye just sees it) to 1 (obvious). Size and contrast depend on
severity and on chance, so that large faint faults and small sharp ones both occur.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from edgefit.data.synthetic.surface import Array, Surface, centred_grid, smooth_noise

Defect = Callable[[np.random.Generator, Surface, float], None]


def add_scratch(rng: np.random.Generator, surface: Surface, severity: float) -> None:
    """Two to five long, slightly bent cuts, bright with bare metal or dark with dirt."""
    side = surface.height_HW.shape[0]
    cut = np.zeros((side, side), np.uint8)
    direction = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(2, 6))):
        x, y = _spot(rng, surface)
        length = side * (0.22 + 0.38 * severity) * rng.uniform(0.7, 1.3)
        angle = direction + rng.normal(0, 0.25)
        along = np.linspace(-0.5, 0.5, 12) * length
        bend = rng.normal(0, 0.08) * length * ((along / length) ** 2 - 0.1)
        points = np.stack(
            [
                x + along * np.cos(angle) - bend * np.sin(angle),
                y + along * np.sin(angle) + bend * np.cos(angle),
            ],
            axis=1,
        )
        width = max(1, round(side / 256 * (1.5 + 2.5 * severity * rng.random())))
        fixed_point = np.round(points * 16).astype(np.int32)
        cv2.polylines(cut, [fixed_point], False, 255, width, cv2.LINE_AA, 4)
    depth = cut * np.float32(1 / 255) * surface.cover_HW
    contrast = np.float32(0.3 + 0.6 * severity)
    bare = depth * contrast * np.float32(rng.choice([1.0, -0.9]))
    surface.albedo_HWC *= (1 + bare)[..., None]
    surface.height_HW -= depth * np.float32(side / 256 * (0.5 + severity))


def add_dent(rng: np.random.Generator, surface: Surface, severity: float) -> None:
    """One to three knocks: a hollow with a steep wall and a dirty floor, in a pushed-up rim."""
    side = surface.height_HW.shape[0]
    for _ in range(int(rng.integers(1, 4))):
        spread = side * (0.035 + 0.03 * severity) * rng.uniform(0.85, 1.2)
        radius = _radius_from(rng, surface, spread, squeeze=rng.uniform(1, 1.5))
        depth = np.float32(spread * (0.25 + 0.4 * severity))
        hollow = 1 / (1 + np.exp(np.minimum(7 * (radius - 1), 30)))
        rim = np.exp(-6 * (radius - 1.3) ** 2)
        surface.height_HW -= depth * (hollow - 0.25 * rim)
        surface.albedo_HWC *= (1 - np.float32(0.3 * severity) * hollow)[..., None]


def add_hole(rng: np.random.Generator, surface: Surface, severity: float) -> None:
    """Two to five ragged pores of a bad casting: dark inside, with a raised bright lip."""
    side = surface.height_HW.shape[0]
    ragged = smooth_noise(rng, side, 24)
    for _ in range(int(rng.integers(2, 6))):
        size = side * (0.02 + 0.028 * severity) * rng.uniform(0.8, 1.25)
        radius = _radius_from(rng, surface, size, squeeze=rng.uniform(1, 1.4)) + 0.22 * ragged
        inside = np.clip((1 - radius) * np.float32(size * 0.7) + 0.5, 0, 1)
        lip = np.exp(-((radius - 1.25) ** 2) * 12)
        surface.albedo_HWC *= (1 - inside * np.float32(0.7 + 0.25 * severity))[..., None]
        surface.height_HW += lip * np.float32(side / 256 * 0.8) - inside * np.float32(side / 128)


def add_stain(rng: np.random.Generator, surface: Surface, severity: float) -> None:
    """A patch of oil or rust with a ragged edge; it colours the metal and leaves its shape."""
    side = surface.height_HW.shape[0]
    size = side * (0.12 + 0.11 * severity) * rng.uniform(0.8, 1.2)
    radius = _radius_from(rng, surface, size, squeeze=rng.uniform(1, 1.6))
    edge = radius + 0.35 * smooth_noise(rng, side, 10) + 0.1 * smooth_noise(rng, side, 40)
    patch = np.clip((1.05 - edge) * np.float32(rng.uniform(2.5, 6)), 0, 1)
    rust, oil = (0.85, 0.5, 0.28), (0.5, 0.46, 0.36)
    colour = np.asarray(rust if rng.random() < 0.5 else oil, np.float32)
    strength = np.float32(0.5 + 0.5 * severity)
    surface.albedo_HWC *= 1 - (patch * strength)[..., None] * (1 - colour)


DEFECTS: dict[str, Defect] = {
    "scratch": add_scratch,
    "dent": add_dent,
    "hole": add_hole,
    "stain": add_stain,
}


def draw_severity(rng: np.random.Generator) -> float:
    """Severity of one fault; about one in eight is subtle (below 0.25)."""
    return float(rng.uniform(0.05, 0.25) if rng.random() < 0.12 else rng.uniform(0.3, 1.0))


def _spot(rng: np.random.Generator, surface: Surface) -> tuple[float, float]:
    """A random place x, y on the metal, away from edges and bores."""
    side = surface.cover_HW.shape[0]
    reach = max(3, int(side * 0.1)) | 1
    inner = cv2.erode(surface.cover_HW, np.ones((reach, reach), np.uint8))
    places = np.flatnonzero(inner > 0.9)
    if places.size == 0:
        places = np.flatnonzero(surface.cover_HW > 0.9)
    row, column = divmod(int(rng.choice(places)), side)
    return float(column), float(row)


def _radius_from(rng: np.random.Generator, surface: Surface, unit: float, squeeze: float) -> Array:
    """Distance to a random spot in units of ``unit`` pixels; equal distances form an ellipse."""
    side = surface.cover_HW.shape[0]
    x, y = centred_grid(side)
    spot_x, spot_y = _spot(rng, surface)
    middle = (side - 1) / 2
    dx, dy = x - np.float32(spot_x - middle), y - np.float32(spot_y - middle)
    angle = rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(angle) / unit), np.float32(np.sin(angle) / unit)
    return np.hypot(dx * cos + dy * sin, (dy * cos - dx * sin) * np.float32(squeeze))
