"""The comparison of remedies: one entry an arm."""

from __future__ import annotations

from pathlib import Path

from edgefit.records.comparison import ComparisonRecord
from tests.unit.records.written import COMPARISON, written_again


def test_a_file_is_written_again_as_it_was_read(tmp_path: Path) -> None:
    record = written_again(tmp_path, ComparisonRecord, COMPARISON)
    assert isinstance(record, ComparisonRecord)
    (arm,) = record.arms
    assert arm.settings == {"train.keep.distill": 1.0, "train.mode": "full", "train.epochs": 3}
    assert arm.metrics["accuracy"].value == 0.9
    assert arm.over_probe is None
