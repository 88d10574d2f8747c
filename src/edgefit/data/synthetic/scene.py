"""The belt, the light and the camera.

A part is drawn once and photographed several times: each photograph has its own pose, light and
camera faults, as images of one part on a moving line do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgefit.data.synthetic.surface import Array, Surface
from edgefit.spec import Frame


@dataclass(frozen=True)
class Pose:
    """Where a part lies in an image.

    Attributes:
        x: Column of its centre in pixels.
        y: Row of its centre in pixels.
        angle: Turn in radians, from x towards y.
        scale: Image pixels per canvas pixel.
    """

    x: float
    y: float
    angle: float
    scale: float


@dataclass(frozen=True)
class Light:
    """The lamp over the line.

    Attributes:
        angle: Direction towards the lamp in the image plane, in radians.
        relief: How strongly slopes show; high for a grazing lamp.
        gloss: Strength of the highlight across the tool marks.
        tint: Colour of the light, R G B around 1.
    """

    angle: float
    relief: float
    gloss: float
    tint: tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """What the camera adds.

    Attributes:
        exposure: Gain on linear light.
        falloff: Loss of light from one side of the image to the other, 0 to 1.
        falloff_angle: Direction of that loss, in radians.
        motion: Length of the smear along the belt, in pixels.
        defocus: Standard deviation of the blur, in pixels.
        noise: Standard deviation of the sensor's noise at mid grey, in grey levels of 255.
    """

    exposure: float
    falloff: float
    falloff_angle: float
    motion: float
    defocus: float
    noise: float


def draw_light(rng: np.random.Generator) -> Light:
    """A lamp somewhere at the upper left, warm or cold, high or grazing."""
    warmth = rng.normal(0, 0.035)
    return Light(
        angle=-2.2 + rng.normal(0, 0.3),
        relief=rng.uniform(0.55, 1.1),
        gloss=rng.uniform(0.15, 0.5),
        tint=(1 + float(warmth), 1.0, 1 - float(warmth)),
    )


def draw_camera(rng: np.random.Generator, side: int) -> Camera:
    """A camera whose faults are sized for images of ``side`` pixels."""
    unit = side / 128
    return Camera(
        exposure=float(np.exp(rng.normal(0, 0.15))),
        falloff=rng.uniform(0, 0.4),
        falloff_angle=rng.uniform(0, 2 * np.pi),
        motion=unit * rng.uniform(1, 3.5) if rng.random() < 0.5 else 0.0,
        defocus=unit * rng.uniform(0.3, 0.9) if rng.random() < 0.5 else 0.0,
        noise=rng.uniform(1.5, 5),
    )


def draw_belt(rng: np.random.Generator, height: int, width: int, unit: float) -> Array:
    """A stretch of conveyor belt seen from above.

    Args:
        rng: Source of all randomness.
        height: Height in pixels.
        width: Width in pixels, along the belt.
        unit: Pixels to the smallest detail; larger makes a coarser belt.

    Returns:
        ``float32`` (height, width, 3), RGB reflectance in linear light.
    """
    colours = [(0.035, 0.037, 0.04), (0.03, 0.085, 0.055), (0.11, 0.115, 0.12), (0.03, 0.05, 0.1)]
    colour = np.asarray(colours[int(rng.integers(len(colours)))], np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None] / np.float32(unit)
    columns = np.arange(width, dtype=np.float32)[None] / np.float32(unit)
    pitch = np.float32(2 * np.pi / rng.uniform(3.5, 7))
    if rng.random() < 0.5:  # a weave, or a grip of diamonds
        pattern = np.sin(rows * pitch) * np.sin(columns * pitch)
    else:
        pattern = np.sin((rows + columns) * pitch) + np.sin((rows - columns) * pitch)
    texture = 1 + np.float32(rng.uniform(0.08, 0.22)) * pattern
    texture += 0.12 * rng.standard_normal((height, width)).astype(np.float32)
    wear = rng.standard_normal((max(4, height // 12), 4)).astype(np.float32)
    texture += 0.1 * cv2.resize(wear, (width, height), interpolation=cv2.INTER_CUBIC)
    dust = (rng.random((height, width)) > 0.9995).astype(np.float32)
    texture += cv2.GaussianBlur(dust, (0, 0), max(0.6, unit * 0.6)) * 8
    belt: Array = np.clip(texture, 0.25, 3)[..., None] * colour
    return belt


def place_part(canvas: Array, surface: Surface, pose: Pose, light: Light) -> None:
    """Lay a part and its shadow into an image of the belt, in place.

    Args:
        canvas: ``float32`` (H, W, 3) linear light, already lit; changed in place.
        surface: The part.
        pose: Where it lies; it may extend beyond the image.
        light: The lamp.
    """
    reach = int(np.ceil(surface.cover_HW.shape[0] * pose.scale * 0.62))
    left, top = max(0, int(pose.x) - reach), max(0, int(pose.y) - reach)
    window = canvas[top : int(pose.y) + reach, left : int(pose.x) + reach]
    if int(pose.x) + reach <= 0 or int(pose.y) + reach <= 0 or window.size == 0:
        return
    pose = Pose(pose.x - left, pose.y - top, pose.angle, pose.scale)
    height, width = window.shape[:2]
    albedo, cover, slope_x, slope_y = _warp(surface, pose, (width, height))
    to_lamp = np.float32(np.cos(light.angle)), np.float32(np.sin(light.angle))

    shift = surface.cover_HW.shape[0] * pose.scale * 0.03
    away = np.array([[1, 0, -to_lamp[0] * shift], [0, 1, -to_lamp[1] * shift]])
    shadow = cv2.warpAffine(cv2.blur(cover, (7, 7)), away, (width, height))
    relief = slope_x * to_lamp[0] + slope_y * to_lamp[1]
    gloss = light.gloss * _across_grain(surface, pose, to_lamp, (height, width))
    brightness = np.clip(0.78 - light.relief * relief, 0.05, 2.2) + gloss
    # Merge plane by plane: numpy is slow at broadcasting over the last axis.
    on_belt = (1 - 0.6 * shadow) * (1 - cover)
    on_part = brightness * cover
    window[:] = cv2.multiply(window, cv2.merge([on_belt] * 3))
    window += cv2.multiply(albedo, cv2.merge([on_part * np.float32(t) for t in light.tint]))


def _warp(surface: Surface, pose: Pose, size: tuple[int, int]) -> tuple[Array, Array, Array, Array]:
    """Albedo (H, W, 3), cover (H, W), and the slopes along x and y (H, W) in image axes."""
    middle = (surface.cover_HW.shape[0] - 1) / 2
    cos, sin = np.cos(pose.angle), np.sin(pose.angle)
    turn = pose.scale * np.array([[cos, -sin], [sin, cos]])
    origin = np.array([pose.x, pose.y]) - turn @ [middle, middle]
    matrix = np.column_stack([turn, origin])
    albedo = cv2.warpAffine(surface.albedo_HWC, matrix, size)
    cover = cv2.warpAffine(surface.cover_HW, matrix, size)
    # Heights are warped first and differentiated after that, so slopes need no rotation.
    heights = cv2.warpAffine(surface.height_HW * np.float32(pose.scale), matrix, size)
    slope_x = cv2.Sobel(heights, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    slope_y = cv2.Sobel(heights, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    return (
        np.asarray(albedo, np.float32),
        np.asarray(cover, np.float32),
        np.asarray(slope_x, np.float32),
        np.asarray(slope_y, np.float32),
    )


def _across_grain(
    surface: Surface, pose: Pose, to_lamp: tuple[np.float32, np.float32], shape: tuple[int, int]
) -> Array | np.float32:
    """Highlight of tool marks: bright where they run across the light (after Ward 1992)."""
    if not surface.turned:
        along = np.cos(pose.angle) * to_lamp[0] + np.sin(pose.angle) * to_lamp[1]
        return np.float32(np.exp(-4 * along**2))
    rows = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(pose.y)
    columns = np.arange(shape[1], dtype=np.float32)[None] - np.float32(pose.x)
    radius = np.hypot(rows, columns) + 1
    along_marks = (columns * to_lamp[1] - rows * to_lamp[0]) / radius
    highlight: Array = np.exp(-8 * along_marks**2)
    return highlight


def photograph(
    light_HWC: Array, camera: Camera, rng: np.random.Generator, size: tuple[int, int]
) -> Frame:
    """Turn light into an image: lens, exposure, sensor.

    Args:
        light_HWC: ``float32`` (H, W, 3) linear light, RGB.
        camera: The camera's faults.
        rng: Source of the sensor's noise.
        size: Width and height of the image in pixels, at most those of ``light_HWC``.

    Returns:
        ``uint8`` (height, width, 3), RGB.
    """
    width, height = size
    image = cv2.resize(light_HWC, size, interpolation=cv2.INTER_AREA)
    if camera.motion >= 1:
        image = cv2.blur(image, (round(camera.motion) + 1, 1))
    if camera.defocus > 0:
        image = cv2.GaussianBlur(image, (0, 0), camera.defocus)
    rows = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    columns = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None]
    toward = columns * np.cos(camera.falloff_angle) + rows * np.sin(camera.falloff_angle)
    gain = camera.exposure * (1 - camera.falloff * (toward + 0.5))
    image = np.sqrt(cv2.multiply(image, cv2.merge([gain.astype(np.float32)] * 3)))
    noise = rng.standard_normal((height, width, 1), dtype=np.float32)
    chroma = rng.standard_normal((height, width, 3), dtype=np.float32)
    image = image * 255 + np.float32(camera.noise) * (0.8 * noise + 0.5 * chroma)
    return np.clip(image + 0.5, 0, 255).astype(np.uint8)
