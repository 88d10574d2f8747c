"""What may go wrong with one frame and must not end the run."""

from __future__ import annotations

import functools

from edgefit.names import printable

_LONGEST = 500


@functools.cache
def faults_of_a_frame() -> tuple[type[BaseException], ...]:
    """What decoders and engines raise for one frame; the next frame may well work."""
    import cv2
    from onnxruntime.capi import onnxruntime_pybind11_state as ort

    named = ("Fail", "RuntimeException", "InvalidArgument", "EPFail")
    found = [getattr(ort, name) for name in named if hasattr(ort, name)]
    return (RuntimeError, ValueError, ArithmeticError, LookupError, MemoryError, cv2.error, *found)


def in_words(fault: BaseException) -> str:
    """A fault as the error of its frame."""
    first = str(fault).strip().partition("\n")[0][:_LONGEST]
    return f"The frame cannot be computed ({type(fault).__name__}): {printable(first)}"
