"""Several training processes: which one is first, and what they exchange.

``torchrun`` starts every process with the whole command. The first one does everything before the
training itself (checking data, the probe) while the others wait; then they find it done.

torch is imported where processes exchange data, so that a recipe is read, and refused, without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

Number = TypeVar("Number", bound=np.generic)

_PATIENCE = timedelta(hours=12)
_meetings = count()


def launched_world() -> int:
    """How many processes ``torchrun`` started; 1 without it."""
    launched = "TORCHELASTIC_RUN_ID" in os.environ  # what distributed.is_torchelastic_launched asks
    return int(os.environ.get("WORLD_SIZE", "1")) if launched else 1


def is_first_process() -> bool:
    """Whether this is the process that writes files and messages."""
    return launched_world() == 1 or os.environ.get("RANK", "0") == "0"


def require_one_process(
    what: str = "A build",
    remedy: str = "train with `torchrun -m edgefit train RECIPE --out RUN`, then "
    "`edgefit build RUN`",
) -> None:
    """Refuse ``torchrun`` for everything but training.

    Args:
        what: Name of the work in the error.
        remedy: What to do instead.

    Raises:
        InputError: Several processes were started.
    """
    if launched_world() > 1:
        raise InputError(
            f"{what} must run in one process.",
            found=f"{launched_world()} processes of torchrun",
            remedy=remedy,
        )


@contextmanager
def first_process_first() -> Iterator[None]:
    """Let the first process run the block while the others wait; then they run it.

    Without ``torchrun`` the block just runs. Every process must enter such blocks equally often. If
    the first process fails, ``torchrun`` ends the others.
    """
    if launched_world() == 1:
        yield
        return
    from torch import distributed

    # the launcher's own key-value store needs no process group; lightning makes one later
    store = distributed.TCPStore(  # type: ignore[attr-defined]
        os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False
    )
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    key = f"edgefit/{attempt}/{next(_meetings)}"
    if not is_first_process():
        store.wait([key], _PATIENCE)
    yield
    if is_first_process():
        store.set(key, "done")


def mean_over_processes(values: Tensor) -> Tensor:
    """The mean of a tensor over all training processes."""
    if not _are_many():
        return values
    from torch import distributed

    total = values.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()


def rows_of_all(rows: NDArray[Number]) -> NDArray[Number]:
    """Collect all rows of a table; process r holds rows r, r + world, and so on."""
    if not _are_many():
        return rows
    from torch import distributed

    world = distributed.get_world_size()
    shares: list[NDArray[Number]] = [rows] * world
    distributed.all_gather_object(shares, rows)
    whole = np.empty((sum(map(len, shares)), *rows.shape[1:]), rows.dtype)
    for rank, share in enumerate(shares):
        whole[rank::world] = share
    return whole


def same_buffers(network: nn.Module) -> None:
    """Give every process the first one's buffers; those of learning batch norms differ."""
    if _are_many():
        from torch import distributed

        for buffer in network.buffers():
            distributed.broadcast(buffer, 0)


def _are_many() -> bool:
    from torch import distributed

    return distributed.is_available() and distributed.is_initialized()
