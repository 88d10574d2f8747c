"""The learning curve: points, steps, and what follows from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.records.learning_curve import LearningCurveRecord
from tests.unit.records.written import CURVE, Facts, written_again


@pytest.mark.parametrize("changes", [{}, {"step": None, "advantage": []}])
def test_a_file_is_written_again_as_it_was_read(tmp_path: Path, changes: Facts) -> None:
    record = written_again(tmp_path, LearningCurveRecord, CURVE | changes)
    assert isinstance(record, LearningCurveRecord)
    assert record.points[0].metrics["accuracy"].value == 0.9
    assert (record.step is None) == bool(changes)
