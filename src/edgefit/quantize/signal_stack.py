"""Protect this thread's signal stack, which OpenVINO replaces.

An OpenVINO Core sets a signal stack for the thread that creates it, and unmaps the stack when it is
destroyed. If two Cores are destroyed in the order of their creation, the second one restores the
stack of the first, which no longer exists. The next signal that Python handles (Ctrl-C, or a
finished subprocess) then ends the program with a segmentation fault. edgefit itself creates one
Core per process (:func:`edgefit.runtime.engines.openvino.shared_core`); nncf creates its own.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar


class _Stack(ctypes.Structure):
    """``stack_t`` of Linux."""

    _fields_: ClassVar[list[Any]] = [
        ("ss_sp", ctypes.c_void_p),
        ("ss_flags", ctypes.c_int),
        ("ss_size", ctypes.c_size_t),
    ]


@contextmanager
def keeping_signal_stack() -> Iterator[None]:
    """Restore this thread's signal stack after the block; does nothing outside Linux."""
    if sys.platform != "linux":
        yield
        return
    system = ctypes.CDLL(None)
    before = _Stack()
    system.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        system.sigaltstack(ctypes.byref(before), None)
