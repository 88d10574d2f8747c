"""Batches from worker processes are those that threads make; errors come through whole."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from edgefit.data import batch_processes
from edgefit.data.augment import build_augmentation
from edgefit.data.batch_processes import room_for
from edgefit.data.formats import read_samples
from edgefit.data.loader import EpochSampler, FrameStore, PerThread, TrainingBatches, TrainingSet
from edgefit.data.table import SampleTable
from edgefit.errors import DataError
from edgefit.recipe import DataConfig
from edgefit.spec import InputSpec

SPEC = InputSpec(24, 20)
Write = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path, write_classes: Write) -> SampleTable:
    return read_samples(write_classes(tmp_path, {"a": 12, "b": 5}), DataConfig())


def dataset_of(table: SampleTable, budget_mb: int = 8) -> TrainingSet:
    store = FrameStore(table.samples, table.root, SPEC, budget_mb=budget_mb)
    augmentation = PerThread(partial(build_augmentation, "conveyor", SPEC))
    return TrainingSet(store, table.targets_N(), augmentation, 0)


def sampler_of(dataset: TrainingSet) -> EpochSampler:
    return EpochSampler(dataset.targets_N, batch_size=4, seed=0)


def test_two_epochs_are_those_made_without_processes(table: SampleTable) -> None:
    alone, helped = dataset_of(table), dataset_of(table)
    samplers = sampler_of(alone), sampler_of(helped)
    plain = TrainingBatches(alone, samplers[0], batch_size=4)
    made = TrainingBatches(helped, samplers[1], batch_size=4, workers=2, processes=True)
    for epoch in (1, 2):
        late = iter(made)  # lightning may ask for it before it sets the epoch
        for sampler in samplers:
            sampler.set_epoch(epoch)
        pairs = list(zip(plain, late, strict=True))
        assert [len(targets) for (_, targets), _ in pairs] == [4, 4, 4, 4]
        for (frames, targets), (others, other_targets) in pairs:
            assert torch.equal(frames, others)
            assert torch.equal(targets, other_targets)


def test_the_processes_end_when_closed(table: SampleTable) -> None:
    dataset = dataset_of(table)
    made = TrainingBatches(dataset, sampler_of(dataset), batch_size=4, workers=2, processes=True)
    before = set(multiprocessing.active_children())
    assert len(list(made)) == 4
    workers = set(multiprocessing.active_children()) - before
    assert len(workers) == 2
    made.close()
    for worker in workers:
        worker.join(timeout=30)
        assert worker.exitcode is not None
    with pytest.raises(RuntimeError, match="were ended"):
        next(iter(made))


def test_an_unreadable_file_is_named_as_without_processes(table: SampleTable) -> None:
    dataset = dataset_of(table, budget_mb=0)
    gone = table.root / table.samples[3].path
    gone.unlink()
    batches = TrainingBatches(dataset, sampler_of(dataset), batch_size=4, workers=1, processes=True)
    with pytest.raises(DataError, match="no longer is") as caught:
        list(batches)
    assert caught.value.path == str(gone)
    assert "restore the file" in str(caught.value)


def test_shared_frames_are_not_copied_when_pickled(table: SampleTable) -> None:
    store = dataset_of(table).store
    before = np.stack([store.frame(i) for i in range(len(store))])
    store.share()
    assert "_frames_NHWC" not in store.__getstate__()
    again = FrameStore.__new__(FrameStore)
    again.__setstate__(store.__getstate__())
    for number, frame in enumerate(before):
        assert np.array_equal(again.frame(number), frame)
    assert np.shares_memory(again.frame(0), store.frame(0))
    assert not again.frame(0).flags.writeable


def test_frames_that_are_not_shared_are_pickled_too(table: SampleTable) -> None:
    store = dataset_of(table).store
    again = pickle.loads(pickle.dumps(store))
    assert np.array_equal(again.frame(2), store.frame(2))


def test_room_in_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (100, 100, 3)
    monkeypatch.setattr(batch_processes, "_SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(
        batch_processes.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 64 * 2**20})
    )
    assert room_for(shape, 1000, batch_size=32, workers=2)
    assert not room_for(shape, 2000, batch_size=32, workers=2)
    assert not room_for(shape, 1000, batch_size=32, workers=2, world=2)
    assert not room_for(shape, 0, batch_size=64, workers=8)
    monkeypatch.setattr(batch_processes, "_SHARED_MEMORY", tmp_path / "elsewhere")
    assert room_for(shape, 10**6, batch_size=32, workers=2)
