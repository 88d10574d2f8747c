"""The frames of a training: how they are enlarged, and that they share one budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.data.formats import read_samples
from edgefit.data.table import SampleTable
from edgefit.recipe import DataConfig, Recipe
from edgefit.runtime.images.preprocess import decode_image, preprocess
from edgefit.spec import Enlarge, InputSpec
from edgefit.train.split_frames import decode_splits

SPEC = InputSpec(400, 400, enlarge=Enlarge.LANCZOS)  # 480,000 bytes: two in a MiB


@pytest.fixture
def table(tmp_path: Path) -> SampleTable:
    for index in range(6):
        path = tmp_path / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        cv2.imwrite(str(path), pixels)
    table = read_samples(tmp_path, DataConfig()).table
    splits = ["train", "train", "train", "val", "train", "val"]
    samples = (replace(s, split=name) for s, name in zip(table.samples, splits, strict=True))
    return replace(table, samples=tuple(samples))


def recipe_with(**train: object) -> Recipe:
    facts = {"name": "frames", "input": {"enlarge": str(SPEC.enlarge)}, "train": train}
    return Recipe.model_validate(facts)


def test_frames_are_those_of_the_input_contract(table: SampleTable) -> None:
    frames = decode_splits(recipe_with(), table, SPEC)
    for name, store in (("train", frames.train), ("val", frames.val)):
        split = table.of(name)
        assert len(store) == len(split) > 0
        for index, sample in enumerate(split.samples):
            expected = preprocess(decode_image(table.absolute(sample), SPEC), SPEC)
            np.testing.assert_array_equal(store.frame(index), expected)


def test_only_training_frames_are_enlarged_as_the_training_says(table: SampleTable) -> None:
    frames = decode_splits(recipe_with(enlarge="bilinear"), table, SPEC)
    assert frames.val.spec == SPEC
    assert frames.train.spec == replace(SPEC, enlarge=Enlarge.BILINEAR)
    as_in_use = decode_splits(recipe_with(), table, SPEC)
    np.testing.assert_array_equal(frames.val.frame(0), as_in_use.val.frame(0))
    assert not np.array_equal(frames.train.frame(0), as_in_use.train.frame(0))
    same = decode_splits(recipe_with(enlarge="lanczos"), table, SPEC)
    np.testing.assert_array_equal(same.train.frame(0), as_in_use.train.frame(0))


def test_both_splits_share_one_budget(table: SampleTable) -> None:
    frames = decode_splits(recipe_with(cache_mb=2), table, SPEC)
    assert (frames.train.cached, frames.val.cached) == (2, 0)
