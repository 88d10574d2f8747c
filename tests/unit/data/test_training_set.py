"""Augmented frames with their targets, and how they become a batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from edgefit.data.augment import build_augmentation
from edgefit.data.formats import read_samples
from edgefit.data.frame_store import FrameStore
from edgefit.data.table import SampleTable
from edgefit.data.training_set import TrainingSet, collate
from edgefit.errors import DataError
from edgefit.recipe import DataConfig
from edgefit.spec import Frame, InputSpec

SPEC = InputSpec(24, 20)


Write = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path, write_classes: Write) -> SampleTable:
    return read_samples(write_classes(tmp_path, {"a": 12, "b": 5}), DataConfig()).table


def store_of(table: SampleTable, budget_mb: int = 8) -> FrameStore:
    return FrameStore(table.samples, table.root, SPEC, budget_mb=budget_mb)


def same(frame: Frame, seed: int) -> Frame:
    return frame


def test_item_depends_on_seed_epoch_and_index_alone(table: SampleTable) -> None:
    def set_of(seed: int) -> TrainingSet:
        augmentation = build_augmentation("conveyor", SPEC)
        return TrainingSet(store_of(table), table.targets_N(), augmentation, seed)

    dataset = set_of(1)
    first = dataset[3, 4][0]
    for item in ((0, 0), (3, 5), (4, 4)):
        assert not np.array_equal(dataset[item][0], first)
    np.testing.assert_array_equal(set_of(1)[3, 4][0], first)
    assert any(not np.array_equal(set_of(2)[3, i][0], dataset[3, i][0]) for i in range(6))
    assert dataset[0, 16][1] == 1


def test_frames_and_targets_must_agree(table: SampleTable) -> None:
    with pytest.raises(DataError, match="differ in number"):
        TrainingSet(store_of(table), np.zeros(3, np.int64), same, 0)


def test_collate_gives_uint8_and_int64() -> None:
    frames, targets = collate([(np.zeros(SPEC.shape_HWC, np.uint8), 3)] * 2)
    assert (frames.shape, frames.dtype) == ((2, *SPEC.shape_HWC), torch.uint8)
    assert (targets.tolist(), targets.dtype) == ([3, 3], torch.int64)
