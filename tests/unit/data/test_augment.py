from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgefit.data.augment import PRESETS, build_augmentation
from edgefit.errors import DataError
from edgefit.spec import Frame, InputSpec

SPEC = InputSpec(40, 32)


def picture() -> Frame:
    coarse = np.random.default_rng(0).integers(30, 225, (6, 6, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (SPEC.width, SPEC.height)), dtype=np.uint8)


@pytest.mark.parametrize("preset", ["none", *PRESETS])
def test_same_seed_same_picture_and_the_argument_is_kept(preset: str) -> None:
    augmentation = build_augmentation(preset, SPEC)
    frame = picture()
    before = frame.copy()
    frame.flags.writeable = False
    first = {seed: augmentation(frame, seed) for seed in range(60)}
    for seed in reversed(range(60)):
        again = build_augmentation(preset, SPEC) if seed % 20 == 0 else augmentation
        np.testing.assert_array_equal(again(frame, seed), first[seed])
        assert (first[seed].shape, first[seed].dtype) == (SPEC.shape_HWC, np.uint8)
    np.testing.assert_array_equal(frame, before)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_presets_vary_but_keep_the_picture_recognisable(preset: str) -> None:
    augmentation = build_augmentation(preset, SPEC)
    frame = picture()
    different = {augmentation(frame, seed).tobytes() for seed in range(100)}
    assert len(different) > 80
    likeness = [
        np.corrcoef(augmentation(frame, seed).ravel(), frame.ravel())[0, 1] for seed in range(100)
    ]
    assert np.mean(likeness) > 0.5


@pytest.mark.parametrize("preset", list(PRESETS))
def test_presets_never_flip(preset: str) -> None:
    """A bright left half stays left and a bright top half stays up."""
    augmentation = build_augmentation(preset, InputSpec(64, 64))
    frame = np.full((64, 64, 3), 30, np.uint8)  # dark enough for glare to leave a difference
    frame[:, :32] += 40
    frame[:32] += 40
    for seed in range(200):
        out = augmentation(frame, seed).astype(float)
        assert out[:, :24].mean() > out[:, 40:].mean()
        assert out[:24].mean() > out[40:].mean()


def test_global_random_state_plays_no_part() -> None:
    augmentation = build_augmentation("road-signs", SPEC)
    np.random.seed(1)
    first = augmentation(picture(), 5)
    np.random.seed(2)
    np.testing.assert_array_equal(augmentation(picture(), 5), first)


def pipeline(*transforms: dict[str, Any], **further: Any) -> dict[str, Any]:
    top = {"__class_fullname__": "Compose", "p": 1.0, "transforms": list(transforms)}
    return {"__version__": "2.0.8", "transform": top | further}


def test_own_file_as_albumentations_saves_it(tmp_path: Path) -> None:
    build_augmentation("conveyor", SPEC)
    import albumentations as A

    own = A.Compose([A.HorizontalFlip(p=1), A.OneOf([A.Blur(p=1), A.NoOp(p=1)], p=0.5)])
    for suffix in ("yaml", "json"):
        A.save(own, tmp_path / f"own.{suffix}", data_format=suffix)
        augmentation = build_augmentation(str(tmp_path / f"own.{suffix}"), SPEC)
        results = [augmentation(picture(), seed) for seed in range(20)]
        flipped = picture()[:, ::-1]
        assert any(np.array_equal(result, flipped) for result in results)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, "no mapping"),
        ([1], "no mapping"),
        ({"transform": {"transforms": []}}, "without __class_fullname__"),
        (pipeline({"__class_fullname__": "os.system", "p": 1}), "'os.system' is not a transform"),
        (pipeline({"__class_fullname__": "HorizontalFlop", "p": 1}), "HorizontalFlop"),
        (pipeline({"__class_fullname__": "Blur", "p": 1, "strength": 3}), "strength"),
        (pipeline({"__class_fullname__": "Blur", "p": 7}), "less than or equal to 1"),
        (pipeline({"__class_fullname__": "Lambda", "p": 1}), "'Lambda' is not a transform"),
        ({"transform": {"__class_fullname__": "Blur", "p": 1}}, "outermost"),
        (pipeline(transforms="Blur"), "not a list"),
    ],
)
def test_file_that_is_no_pipeline_is_named(tmp_path: Path, facts: Any, found: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps(facts))
    with pytest.raises(DataError) as error:
        build_augmentation(str(path), SPEC)
    assert error.value.path == str(path)
    assert found in str(error.value.found)


@pytest.mark.parametrize("text", ["a: [", "transform: !!python/object/apply:os.system ['true']"])
def test_yaml_runs_no_code(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(DataError, match="not a pipeline"):
        build_augmentation(str(tmp_path / "own.yaml"), SPEC)


@pytest.mark.parametrize(
    "entry",
    [
        {"__class_fullname__": "RandomCrop", "height": 8, "width": 8, "p": 1.0},
        {"__class_fullname__": "Normalize", "p": 1.0},
        {"__class_fullname__": "ToTensorV2", "p": 1.0},
        {"__class_fullname__": "OverlayElements", "p": 1.0},
    ],
)
def test_pipeline_that_does_not_keep_the_frame_is_refused(
    tmp_path: Path, entry: dict[str, Any]
) -> None:
    (tmp_path / "own.json").write_text(json.dumps(pipeline(entry)))
    with pytest.raises(DataError):
        build_augmentation(str(tmp_path / "own.json"), SPEC)


def test_unknown_preset_lists_the_known() -> None:
    with pytest.raises(DataError, match="No such augmentation") as error:
        build_augmentation("conveyer", SPEC)
    assert "conveyor" in str(error.value.expected)


@pytest.mark.slow
def test_import_opens_no_connection_and_leaves_the_environment() -> None:
    program = """
import os, socket
def refuse(*args, **kwargs): raise SystemExit("network access")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from edgefit.data.augment import build_augmentation
from edgefit.spec import InputSpec
import sys
assert "albumentations" not in sys.modules, "imported before it is needed"
build_augmentation("none", InputSpec(32, 32))
assert "albumentations" not in sys.modules, "imported for nothing"
build_augmentation("conveyor", InputSpec(32, 32))
assert "NO_ALBUMENTATIONS_UPDATE" not in os.environ
"""
    environment = {k: v for k, v in os.environ.items() if k != "NO_ALBUMENTATIONS_UPDATE"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
