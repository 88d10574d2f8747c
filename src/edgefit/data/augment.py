"""Augmentation by albumentations 2.0.8; no other file uses that library.

Release 2.0.8 is the last one under the MIT licence and is no longer maintained. On import it asks
the package index for a newer version unless an environment variable forbids it. This file sets the
variable for the import only.

Augmentation happens after the input contract: it takes a frame of the network's size and returns
one of the same size.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from edgefit.errors import DataError, missing_extra
from edgefit.spec import Frame, InputSpec

Augmentation = Callable[[Frame, int], Frame]
"""``(frame, seed) -> frame``: the same arguments give the same frame."""

_SWITCH = "NO_ALBUMENTATIONS_UPDATE"
# What albumentations raises for arguments or frames that a transform cannot take.
_REFUSALS = (TypeError, ValueError, KeyError, AttributeError, NotImplementedError, RuntimeError)


def build_augmentation(name_or_path: str, spec: InputSpec) -> Augmentation:
    """Build the augmentation of a preset or of the user's file.

    Args:
        name_or_path: ``none``, ``conveyor`` (no flips: a part may have a handedness, and which
            side a defect is on may matter), ``road-signs`` (no horizontal flip: it turns "left"
            into "right"), or the path of a YAML or JSON file as ``albumentations.save`` writes it.
        spec: The input contract; frames have its size.

    Returns:
        A function of (frame ``uint8`` (H, W, 3) RGB, seed) that returns a new frame of the same
        shape and type and leaves its argument unchanged. Threads must not share it.

    Raises:
        DataError: No such preset or file, or the file does not hold a pipeline of albumentations
            transforms that keeps size and type.
        MissingDependencyError: albumentations is not installed.
    """
    if name_or_path == "none":
        return lambda frame, seed: frame
    if name_or_path in PRESETS:
        pipeline = PRESETS[name_or_path](load_albumentations())
    else:
        pipeline = _load(Path(name_or_path))
    augmentation = _Seeded(pipeline, spec, name_or_path)
    for seed in range(8):
        augmentation(_probe(spec), seed)
    return augmentation


class _Seeded:
    """A pipeline whose every call starts from its own seed."""

    def __init__(self, pipeline: Any, spec: InputSpec, source: str) -> None:
        self.pipeline = pipeline
        self.spec = spec
        self.source = source

    def __call__(self, frame: Frame, seed: int) -> Frame:
        # set_random_seed would give each transform the same stream, so that transforms of equal
        # probability would all happen or all not. One stream for all keeps them independent.
        self.pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
        try:
            result: Frame = self.pipeline(image=frame)["image"]
        except (*_REFUSALS, cv2.error) as error:
            raise DataError(
                "The augmentation cannot be applied to a frame.",
                path=self.source,
                key="train.augment",
                expected=f"transforms for a single uint8 image of {self.spec.shape_HWC}",
                found=f"{type(error).__name__}: {error}",
            ) from error
        kind = (getattr(result, "shape", None), getattr(result, "dtype", None))
        if kind != (self.spec.shape_HWC, np.uint8):
            raise DataError(
                "The augmentation changes the size or type of frames.",
                path=self.source,
                key="train.augment",
                expected=f"uint8 {self.spec.shape_HWC}",
                found=f"{kind[1]} {kind[0]}",
                remedy="crop or resize only to the input size; leave out Normalize and ToTensorV2",
            )
        return result


def _probe(spec: InputSpec) -> Frame:
    """A soft gradient; some transforms refuse or skip plain frames."""
    rows = np.linspace(40, 200, spec.height, dtype=np.float32)[:, None, None]
    columns = np.linspace(0, 40, spec.width, dtype=np.float32)[None, :, None]
    tint = np.array([0, 5, 10], dtype=np.float32)
    return (rows + columns + tint).astype(np.uint8)


def _conveyor(A: Any) -> Any:
    """Small misplacement, light and exposure, belt motion, sensor noise, compression."""
    return A.Compose(
        [
            A.Affine(
                rotate=(-8, 8),
                translate_percent=(-0.05, 0.05),
                scale=(0.93, 1.07),
                border_mode=cv2.BORDER_REFLECT_101,
                p=0.8,
            ),
            A.OneOf(
                [
                    A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.25, p=1),
                    A.RandomGamma(gamma_limit=(65, 150), p=1),
                ],
                p=0.7,
            ),
            A.OneOf(
                [
                    A.GaussianBlur(blur_limit=0, sigma_limit=(0.3, 1.2), p=1),
                    A.MotionBlur(blur_limit=(3, 7), p=1),
                ],
                p=0.25,
            ),
            A.GaussNoise(std_range=(0.005, 0.03), p=0.2),
            A.ImageCompression(quality_range=(50, 95), p=0.2),
        ]
    )


def _road_signs(A: Any) -> Any:
    """Viewpoint, distance, motion, night, glare, weather, and a camera's colours and sharpening.

    Fog is even haze, I = J t + A (1 - t) (Koschmieder 1924; Narasimhan and Nayar, "Vision and the
    Atmosphere", IJCV 2002): contrast falls and brightness rises. ``RandomFog`` draws it in
    patches but takes 6 ms for 96x96 pixels, fifty times the rest.
    """
    return A.Compose(
        [
            A.Perspective(scale=(0.02, 0.08), border_mode=cv2.BORDER_REFLECT_101, p=0.3),
            A.Affine(
                rotate=(-15, 15),
                translate_percent=(-0.08, 0.08),
                scale=(0.85, 1.15),
                border_mode=cv2.BORDER_REFLECT_101,
                p=0.8,
            ),
            A.OneOf(
                [
                    A.RandomBrightnessContrast(
                        brightness_limit=(-0.35, 0.3), contrast_limit=(-0.3, 0.4), p=1
                    ),
                    A.RandomGamma(gamma_limit=(50, 220), p=1),
                    # the sun behind the car: white burns out and every edge is hard
                    A.RandomBrightnessContrast(
                        brightness_limit=(0.1, 0.5), contrast_limit=(0.5, 1.2), p=1
                    ),
                ],
                p=0.7,
            ),
            A.HueSaturationValue(hue_shift_limit=8, sat_shift_limit=40, val_shift_limit=0, p=0.3),
            # wrong white balance: of 564 GTSRB tracks of red-rimmed signs, 42 are rather green
            A.OneOf([A.ChannelShuffle(p=0.8), A.ToGray(p=0.2)], p=0.12),
            A.Sharpen(alpha=(0.3, 0.8), lightness=(0.9, 1.1), p=0.15),
            A.OneOf(
                [
                    A.RandomBrightnessContrast(
                        brightness_limit=(0.15, 0.4), contrast_limit=(-0.6, -0.3), p=1
                    ),
                    A.RandomRain(drop_length=8, blur_value=3, brightness_coefficient=0.8, p=1),
                    A.RandomShadow(
                        num_shadows_limit=(1, 1), shadow_intensity_range=(0.3, 0.6), p=1
                    ),
                ],
                p=0.2,
            ),
            A.OneOf(
                [
                    A.GaussianBlur(blur_limit=0, sigma_limit=(0.4, 1.6), p=1),
                    A.MotionBlur(blur_limit=(3, 7), p=1),
                    A.Downscale(scale_range=(0.35, 0.8), p=1),
                ],
                p=0.3,
            ),
            A.GaussNoise(std_range=(0.01, 0.05), p=0.15),
            A.ImageCompression(quality_range=(45, 95), p=0.15),
        ]
    )


PRESETS: dict[str, Callable[[Any], Any]] = {"conveyor": _conveyor, "road-signs": _road_signs}


def _load(path: Path) -> Any:
    """Build the pipeline that a file describes, from albumentations' own classes only."""
    if path.suffix.lower() not in (".yaml", ".yml", ".json") or not path.is_file():
        raise DataError(
            "No such augmentation.",
            path=path if path.suffix else None,
            key="train.augment",
            expected=f"{', '.join(['none', *PRESETS])}, or an existing .yaml or .json file",
            found=str(path),
        )
    text = path.read_text(encoding="utf-8")
    try:
        facts = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise _bad_file(path, str(error)) from error
    if not isinstance(facts, dict) or not isinstance(facts.get("transform"), dict):
        raise _bad_file(path, "no mapping under the key `transform`")
    A = load_albumentations()
    for name in _class_names(facts["transform"], path):
        _require_transform(name, path)
    if facts["transform"]["__class_fullname__"].rpartition(".")[2] != "Compose":
        raise _bad_file(path, "the outermost transform is not Compose")
    try:
        with warnings.catch_warnings():
            # albumentations only warns about unknown arguments and then ignores them.
            warnings.simplefilter("error", UserWarning)
            return A.from_dict(facts)
    except (*_REFUSALS, UserWarning) as error:
        raise _bad_file(path, f"{type(error).__name__}: {error}") from error


def _class_names(facts: Mapping[str, Any], path: Path) -> Iterator[str]:
    name = facts.get("__class_fullname__")
    if not isinstance(name, str):
        raise _bad_file(path, f"an entry without __class_fullname__: {dict(facts)!r:.120}")
    yield name
    inner = facts.get("transforms", [])
    if not isinstance(inner, list) or not all(isinstance(entry, dict) for entry in inner):
        raise _bad_file(path, f"`transforms` of {name} is not a list of mappings")
    for entry in inner:
        yield from _class_names(entry, path)


def _require_transform(name: str, path: Path) -> None:
    serialization = importlib.import_module("albumentations.core.serialization")
    found = serialization.SERIALIZABLE_REGISTRY.get(serialization.shorten_class_name(name))
    if found is None or not found.__module__.startswith("albumentations."):
        raise _bad_file(path, f"{name!r} is not a transform of albumentations")


def _bad_file(path: Path, found: str) -> DataError:
    return DataError(
        "The augmentation file is not a pipeline of albumentations transforms.",
        path=path,
        key="train.augment",
        expected="what albumentations.save(pipeline, file) writes",
        found=found,
    )


def load_albumentations() -> Any:
    """Import the library without its request to the package index.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        with _update_check_off():
            return importlib.import_module("albumentations")
    except ModuleNotFoundError as error:
        raise missing_extra("albumentations", "workshop") from error


@contextmanager
def _update_check_off() -> Iterator[None]:
    before = os.environ.get(_SWITCH)
    os.environ[_SWITCH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SWITCH]
        else:
            os.environ[_SWITCH] = before
