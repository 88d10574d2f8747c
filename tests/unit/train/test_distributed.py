"""Several training processes: who is first, who waits, and what they tell each other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgefit.errors import InputError
from edgefit.train.distributed import (
    first_process_first,
    is_first_process,
    launched_world,
    mean_over_processes,
    require_one_process,
    rows_of_all,
    same_buffers,
)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCHELASTIC_RUN_ID", "WORLD_SIZE", "RANK"):
        monkeypatch.delenv(name, raising=False)


def launched(monkeypatch: pytest.MonkeyPatch, *, rank: int, world: int) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", str(world))
    monkeypatch.setenv("RANK", str(rank))


def test_without_torchrun_there_is_one_process_and_it_is_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")  # of a cluster's scheduler, and no business of ours
    monkeypatch.setenv("RANK", "3")
    assert launched_world() == 1
    assert is_first_process()
    require_one_process()


@pytest.mark.parametrize(("rank", "first"), [(0, True), (1, False)])
def test_torchrun_says_how_many_and_which(
    monkeypatch: pytest.MonkeyPatch, rank: int, first: bool
) -> None:
    launched(monkeypatch, rank=rank, world=2)
    assert launched_world() == 2
    assert is_first_process() is first


def test_torchrun_is_refused_for_what_is_not_training(monkeypatch: pytest.MonkeyPatch) -> None:
    launched(monkeypatch, rank=0, world=2)
    with pytest.raises(InputError, match="A study must run in one process") as caught:
        require_one_process("A study", "do something else")
    assert caught.value.found == "2 processes of torchrun"
    assert caught.value.remedy == "do something else"


def test_torchrun_with_one_process_is_no_reason_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    launched(monkeypatch, rank=0, world=1)
    require_one_process()


def test_a_process_alone_waits_for_nobody_and_keeps_what_it_has() -> None:
    done = []
    with first_process_first():
        done.append("work")
    assert done == ["work"]
    values = torch.tensor([1.0, 2.0])
    assert mean_over_processes(values) is values
    rows = np.arange(6).reshape(3, 2)
    assert rows_of_all(rows) is rows
    norm = nn.BatchNorm1d(2)
    norm.running_mean += 3
    same_buffers(norm)
    assert norm.running_mean.tolist() == [3, 3]


PROCESS = """
    import os, sys, time
    from datetime import timedelta
    from pathlib import Path
    import numpy as np
    import torch
    from torch import distributed, nn
    from edgefit.train.distributed import (
        first_process_first, mean_over_processes, rows_of_all, same_buffers
    )

    rank, folder = int(os.environ["RANK"]), Path(sys.argv[1])
    if rank == 0:  # torchrun's own store, which stays up for all
        store = distributed.TCPStore("127.0.0.1", int(os.environ["MASTER_PORT"]), is_master=True,
                                     wait_for_workers=False)
    for meeting in ("a", "b"):
        with first_process_first():
            if rank == 0:
                time.sleep(0.3)
                (folder / meeting).touch()
            else:
                assert (folder / meeting).is_file(), "the others wait"
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2,
        timeout=timedelta(seconds=60),
    )
    values = torch.tensor([1.0 + rank, 10.0 * rank])
    assert mean_over_processes(values).tolist() == [1.5, 5.0]
    assert values.tolist() == [1.0 + rank, 10.0 * rank], "the given tensor stays"
    rows = np.arange(10, dtype=np.int64).reshape(5, 2)
    found = rows_of_all(rows[rank::2])
    assert found.dtype == rows.dtype and (found == rows).all()
    norm = nn.BatchNorm1d(2)
    norm.running_mean += rank + 1
    same_buffers(norm)
    assert norm.running_mean.tolist() == [1, 1]
    distributed.barrier()
    distributed.destroy_process_group()
    print("agreed")
"""


@pytest.mark.slow
def test_two_processes_wait_for_the_first_and_agree(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {
        "TORCHELASTIC_RUN_ID": "x",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROCESS), str(tmp_path)],
            env={**os.environ, **shared, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (0, "agreed\n"), err
