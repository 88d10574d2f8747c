"""What may go wrong with one frame and must not end the run."""

from __future__ import annotations

import cv2
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as ort

from edgefit.errors import StageError
from edgefit.runtime.faults import faults_of_a_frame, in_words


@pytest.mark.parametrize(
    "fault", [ValueError, RuntimeError, MemoryError, ZeroDivisionError, cv2.error, ort.Fail]
)
def test_what_decoders_and_engines_raise_is_a_fault_of_the_frame(fault: type[Exception]) -> None:
    assert issubclass(fault, faults_of_a_frame())


@pytest.mark.parametrize("other", [StageError, AssertionError, KeyboardInterrupt, OSError])
def test_what_concerns_every_frame_is_not(other: type[BaseException]) -> None:
    assert not issubclass(other, faults_of_a_frame())


def test_a_fault_in_words_is_one_short_line() -> None:
    words = in_words(ValueError("no memory\nfor \udcfc" + "x" * 9999))
    assert words == "The frame cannot be computed (ValueError): no memory"
    assert len(in_words(ValueError("x" * 9999))) < 600
