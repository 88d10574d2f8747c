"""Batches from worker processes are those that threads make; errors come through whole."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgefit.data import worker_processes as batch_processes
from edgefit.data.augment import build_augmentation
from edgefit.data.formats import read_samples
from edgefit.data.frame_store import FrameStore
from edgefit.data.loader import TrainingBatches
from edgefit.data.sampler import EpochSampler
from edgefit.data.table import SampleTable
from edgefit.data.training_set import PerThread, TrainingSet
from edgefit.data.worker_processes import room_for
from edgefit.errors import DataError, StageError
from edgefit.recipe import DataConfig
from edgefit.spec import InputSpec

pytestmark = pytest.mark.slow
SPEC = InputSpec(24, 20)
Write = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path, write_classes: Write) -> SampleTable:
    return read_samples(write_classes(tmp_path, {"a": 12, "b": 5}), DataConfig()).table


def dataset_of(table: SampleTable, budget_mb: int = 8) -> TrainingSet:
    store = FrameStore(table.samples, table.root, SPEC, budget_mb=budget_mb)
    augmentation = PerThread(partial(build_augmentation, "conveyor", SPEC))
    return TrainingSet(store, table.targets_N(), augmentation, 0)


def sampler_of(dataset: TrainingSet) -> EpochSampler:
    return EpochSampler(dataset.targets_N, batch_size=4, seed=0)


@pytest.fixture
def children() -> Callable[[], set[Any]]:
    """The processes that were started since the test began."""
    before = set(multiprocessing.active_children())
    return lambda: set(multiprocessing.active_children()) - before


def test_two_epochs_are_those_made_without_processes(
    table: SampleTable, children: Callable[[], set[Any]]
) -> None:
    alone, helped = dataset_of(table), dataset_of(table)
    samplers = sampler_of(alone), sampler_of(helped)
    plain = TrainingBatches(alone, samplers[0], batch_size=4)
    made = TrainingBatches(helped, samplers[1], batch_size=4, workers=2, processes=True)
    for epoch in (1, 2):
        late = iter(made)  # lightning may ask for it before it sets the epoch
        for sampler in samplers:
            sampler.set_epoch(epoch)
        pairs = list(zip(plain, late, strict=True))
        assert len(children()) == 2
        assert [len(targets) for (_, targets), _ in pairs] == [4, 4, 4, 4]
        for (frames, targets), (others, other_targets) in pairs:
            assert torch.equal(frames, others)
            assert torch.equal(targets, other_targets)


def test_the_same_where_no_process_can_be_forked(
    table: SampleTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    batch_processes.start_importing()
    plain = TrainingBatches(dataset_of(table), sampler_of(dataset_of(table)), batch_size=4)
    dataset = dataset_of(table)
    made = TrainingBatches(dataset, sampler_of(dataset), batch_size=4, workers=1, processes=True)
    pairs = list(zip(plain, made, strict=True))
    started = {type(child).__name__ for child in multiprocessing.active_children()}
    assert "SpawnProcess" in started
    made.close()
    for (frames, targets), (others, other_targets) in pairs:
        assert torch.equal(frames, others)
        assert torch.equal(targets, other_targets)


@pytest.mark.parametrize("taken", [1, 4])
def test_the_processes_end_when_closed(
    table: SampleTable, children: Callable[[], set[Any]], taken: int
) -> None:
    dataset = dataset_of(table)
    made = TrainingBatches(dataset, sampler_of(dataset), batch_size=4, workers=2, processes=True)
    batches = iter(made)
    for _ in range(taken):
        next(batches)
    workers = children()
    assert len(workers) == 2
    made.close()
    for worker in workers:
        worker.join(timeout=30)
        assert worker.exitcode is not None
    assert list(batches) == []


def test_a_process_that_dies_is_an_error_that_says_what_to_do(
    table: SampleTable, children: Callable[[], set[Any]]
) -> None:
    dataset = dataset_of(table)
    made = TrainingBatches(dataset, sampler_of(dataset), batch_size=1, workers=1, processes=True)
    batches = iter(made)
    next(batches)
    with pytest.raises(StageError, match="has died") as caught:
        children().pop().kill()
        for _ in batches:
            time.sleep(0.1)
    assert caught.value.key == "train.workers"
    assert "--set train.workers=0" in str(caught.value)
    made.close()


class Ends:
    """Stands for torch's iterator when its processes are gone."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __next__(self) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (RuntimeError("DataLoader worker (pid 7) is killed."), StageError, "pid 7"),
        (RuntimeError("Pin memory thread exited unexpectedly"), StageError, "Pin memory"),
        (EOFError(), StageError, "EOFError"),
        (ConnectionResetError(104, "reset by peer"), StageError, "reset by peer"),
        (RuntimeError("CUDA out of memory"), RuntimeError, "CUDA"),
        (EOFError("Caught EOFError in DataLoader worker process 0."), EOFError, "Caught"),
        (BrokenPipeError("Caught BrokenPipeError in a worker"), BrokenPipeError, "Caught"),
        (MemoryError("full"), MemoryError, "full"),
    ],
)
def test_only_what_tells_of_a_death_is_taken_for_one(
    table: SampleTable,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    expected: type[Exception],
    words: str,
) -> None:
    dataset = dataset_of(table)
    made = TrainingBatches(dataset, sampler_of(dataset), batch_size=4, workers=1, processes=True)
    monkeypatch.setattr(batch_processes.DataLoader, "__iter__", lambda _: Ends(error))
    with pytest.raises(expected, match=words):
        next(iter(made))


def test_ctrl_c_is_no_matter_of_the_workers(
    table: SampleTable, children: Callable[[], set[Any]]
) -> None:
    dataset = dataset_of(table)
    made = TrainingBatches(dataset, sampler_of(dataset), batch_size=1, workers=2, processes=True)
    batches = iter(made)
    next(batches), next(batches)  # one of each worker: both have begun
    for worker in children():
        status = Path(f"/proc/{worker.pid}/status").read_text().split()
        for mask in ("SigBlk:", "SigIgn:"):
            assert int(status[status.index(mask) + 1], 16) & 1 << (signal.SIGINT - 1), mask
        os.kill(worker.pid, signal.SIGINT)
    assert len(list(batches)) == 14, "two were taken"
    made.close()


def test_signals_are_handled_as_before(table: SampleTable) -> None:
    def handle(number: int, frame: object) -> None: ...

    dataset = dataset_of(table)
    made = TrainingBatches(dataset, sampler_of(dataset), batch_size=4, workers=1, processes=True)
    before = signal.signal(signal.SIGCHLD, handle)
    try:
        next(iter(made))
        assert signal.getsignal(signal.SIGCHLD) is handle
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        made.close()
        signal.signal(signal.SIGCHLD, before)


SCRIPT = """
import sys
from pathlib import Path
from edgefit.data.formats import read_samples
from edgefit.data.loader import TrainingBatches
from edgefit.recipe import DataConfig
from tests.unit.data.test_worker_processes import dataset_of, sampler_of

print("started")
dataset = dataset_of(read_samples(Path(sys.argv[1]), DataConfig()).table)
made = TrainingBatches(dataset, sampler_of(dataset), batch_size=4, workers=2, processes=True)
print(sum(len(targets) for _, targets in made), "images")
made.close()
"""


def run_script(folder: Path, text: str, data: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that imports these tests, on a folder of images."""
    script = folder / "script.py"
    script.write_text(text, encoding="utf-8")
    root = Path(__file__).parents[3]
    return subprocess.run(
        [sys.executable, script, data],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])},
        timeout=120,
        check=False,
    )


def test_a_script_without_a_guard_is_not_run_again_in_each_process(
    table: SampleTable, tmp_path: Path
) -> None:
    done = run_script(tmp_path, SCRIPT, table.root)
    assert done.stdout.split("\n") == ["started", "16 images", ""], done.stderr


KILLED = """
import multiprocessing, os, signal, sys
from multiprocessing import forkserver
from pathlib import Path
from edgefit.data.formats import read_samples
from edgefit.data.loader import TrainingBatches
from edgefit.recipe import DataConfig
from tests.unit.data.test_worker_processes import dataset_of, sampler_of

dataset = dataset_of(read_samples(Path(sys.argv[1]), DataConfig()).table)
made = TrainingBatches(dataset, sampler_of(dataset), batch_size=4, workers=2, processes=True)
next(iter(made))
pids = [worker.pid for worker in multiprocessing.active_children()]
print(*pids, forkserver._forkserver._forkserver_pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_training_leaves_no_process(table: SampleTable, tmp_path: Path) -> None:
    done = run_script(tmp_path, KILLED, table.root)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 3
    end = time.monotonic() + 30
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < end, "a process is left"
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_unreadable_file_is_named_as_without_processes(table: SampleTable) -> None:
    dataset = dataset_of(table, budget_mb=0)
    gone = table.root / table.samples[3].path
    gone.unlink()
    batches = TrainingBatches(dataset, sampler_of(dataset), batch_size=4, workers=1, processes=True)
    with pytest.raises(DataError, match="can no longer be read") as caught:
        list(batches)
    assert caught.value.path == str(gone)
    assert "restore the file" in str(caught.value)


def test_shared_frames_are_not_copied_when_pickled(table: SampleTable) -> None:
    store = dataset_of(table).store
    before = np.stack([store.frame(i) for i in range(len(store))])
    store.share()
    store.share()
    assert len(bytes(ForkingPickler.dumps(store))) < before.nbytes
    again = pickle.loads(ForkingPickler.dumps(store))
    for number, frame in enumerate(before):
        assert np.array_equal(again.frame(number), frame)
    assert not again.frame(0).flags.writeable
    seen = again._shared.numpy()
    seen[0] = 7
    assert (store.frame(0) == 7).all(), "both see the same memory"


def test_frames_that_are_not_shared_are_pickled_too(table: SampleTable) -> None:
    store = dataset_of(table).store
    again = pickle.loads(pickle.dumps(store))
    assert np.array_equal(again.frame(2), store.frame(2))
    assert not again.frame(2).flags.writeable


def test_room_in_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = (100, 100, 3)
    monkeypatch.setattr(batch_processes, "_SHARED_MEMORY", tmp_path)
    usage = type("Usage", (), {"free": 64 * 2**20, "total": 96 * 2**20})
    monkeypatch.setattr(batch_processes.shutil, "disk_usage", lambda path: usage)
    assert room_for(shape, 1000, batch_size=32, workers=2)
    assert not room_for(shape, 2000, batch_size=32, workers=2)
    assert room_for(shape, 1000, batch_size=32, workers=2, ranks=2), "by the size of the whole"
    assert not room_for(shape, 1000, batch_size=32, workers=2, ranks=3)
    assert not room_for(shape, 0, batch_size=64, workers=8)
    monkeypatch.setattr(batch_processes, "_SHARED_MEMORY", tmp_path / "elsewhere")
    assert room_for(shape, 10**6, batch_size=32, workers=2)
