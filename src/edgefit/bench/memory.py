"""Memory of this process, as the operating system reports it."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

_STATUS = Path("/proc/self/status")


def resident_mb() -> float:
    """Memory that this process occupies now, megabytes (1e6)."""
    return float(psutil.Process().memory_info().rss) / 1e6


def peak_resident_mb() -> float | None:
    """Peak memory of this process, megabytes (1e6); None where unknown.

    On Linux this reads ``VmHWM``, which psutil does not provide. It does not use ``getrusage``:
    ``ru_maxrss`` of a child starts with the value of its parent, so a worker started by a process
    with torch loaded would report torch.
    """
    most_mb = _high_water_mark_mb()
    if most_mb is not None:
        return most_mb
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 1e6
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def _high_water_mark_mb() -> float | None:
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * 1024 / 1e6
    return None
