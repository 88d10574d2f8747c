"""Memory of this process, from what the operating system says."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_mb() -> float | None:
    """Memory this process occupies now, megabytes (1e6); None where the system does not say."""
    return _status_mb("VmRSS")


def peak_resident_mb() -> float | None:
    """Most memory this process ever occupied, megabytes (1e6); None where unknown.

    On Linux this is ``VmHWM``, not ``getrusage``: ``ru_maxrss`` of a child starts with its
    parent's, so a worker started by a process with torch loaded would report torch.
    """
    most_mb = _status_mb("VmHWM")
    if most_mb is not None:
        return most_mb
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def _status_mb(key: str) -> float | None:
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024 / 1e6
    return None
