"""The stack on which this thread handles signals, which OpenVINO exchanges.

A Core of OpenVINO sets a signal stack for the thread that makes it and unmaps that when it goes.
Where two of them go in the order in which they came, the second puts back the stack of the first,
which is no more: the next signal that Python handles (Ctrl-C, or an ended subprocess) ends the
program with a segmentation fault. edgefit itself has one Core for good
(:func:`edgefit.runtime.engines.openvino.shared_core`); nncf makes its own.
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
    """Give this thread the signal stack back that it had before the block; only on Linux."""
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
