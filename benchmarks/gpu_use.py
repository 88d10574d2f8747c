"""How busy an NVIDIA GPU is while something runs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import torch

INTERVAL_MS = 200


@contextmanager
def watched_gpu() -> Iterator[list[float]]:
    """Fill the list with shares of time, in percent, in which a kernel ran, as nvidia-smi sees.

    A value each ``INTERVAL_MS``, of torch's present GPU; the list is complete after the block.
    """
    chosen = f"GPU-{torch.cuda.get_device_properties(torch.cuda.current_device()).uuid}"
    asked = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    watch = subprocess.Popen(
        ["nvidia-smi", "-i", chosen, "-lms", str(INTERVAL_MS), *asked],
        stdout=subprocess.PIPE,
        text=True,
    )
    busy: list[float] = []
    try:
        yield busy
    finally:
        watch.terminate()
        said, _ = watch.communicate()
        # the last line may be cut off where it was stopped
        busy += [float(line) for line in said.split("\n")[:-1] if line.strip().isdigit()]
