"""Training batches: the same with and without threads that make them ahead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from edgefit.data.augment import build_augmentation
from edgefit.data.formats import read_samples
from edgefit.data.frame_store import FrameStore
from edgefit.data.loader import TrainingBatches
from edgefit.data.sampler import EpochSampler
from edgefit.data.table import SampleTable
from edgefit.data.training_set import PerThread, TrainingSet
from edgefit.recipe import DataConfig
from edgefit.spec import InputSpec

SPEC = InputSpec(24, 20)


Write = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path, write_classes: Write) -> SampleTable:
    return read_samples(write_classes(tmp_path, {"a": 12, "b": 5}), DataConfig()).table


def store_of(table: SampleTable, budget_mb: int = 8) -> FrameStore:
    return FrameStore(table.samples, table.root, SPEC, budget_mb=budget_mb)


def test_batches_do_not_depend_on_workers(table: SampleTable) -> None:
    augmentation = PerThread(lambda: build_augmentation("conveyor", SPEC))
    dataset = TrainingSet(store_of(table), table.targets_N(), augmentation, 0)
    runs = []
    for workers in (0, 2):
        sampler = EpochSampler(dataset.targets_N, batch_size=4, seed=0)
        sampler.set_epoch(1)
        loader = TrainingBatches(dataset, sampler, batch_size=4, workers=workers)
        runs.append(list(loader))
    assert [len(targets) for _, targets in runs[0]] == [4, 4, 4, 4], "17 images, one left over"
    for (frames, targets), (others, other_targets) in zip(*runs, strict=True):
        assert torch.equal(frames, others)
        assert torch.equal(targets, other_targets)


def test_the_epoch_may_be_set_after_the_iterator_was_made(table: SampleTable) -> None:
    dataset = TrainingSet(store_of(table), table.targets_N(), lambda frame, seed: frame, 0)
    sampler = EpochSampler(dataset.targets_N, batch_size=4, seed=0)
    batches = iter(TrainingBatches(dataset, sampler, batch_size=4))
    sampler.set_epoch(3)
    found = torch.cat([targets for _, targets in batches]).tolist()
    assert found == [int(dataset.targets_N[index]) for _, index in sampler]
