"""Memory of this process, from what the operating system says."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

_STATUS = Path("/proc/self/status")


def resident_mb() -> float:
    """Memory this process occupies now, megabytes (1e6)."""
    return float(psutil.Process().memory_info().rss) / 1e6


def peak_resident_mb() -> float | None:
    """Most memory this process ever occupied, megabytes (1e6); None where unknown.

    On Linux this is ``VmHWM``, which psutil does not give, and not ``getrusage``: ``ru_maxrss`` of
    a child starts with its parent's, so a worker started by a process with torch loaded would
    report torch.
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
