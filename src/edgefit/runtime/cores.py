"""How many cores a process may use."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Logical cores that this process may use; all of the machine's where that is unknown."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    return os.cpu_count() or 1
