"""``check.json`` and ``labels.json``: each comes back key for key."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.errors import RunError
from edgefit.records.check import CheckRecord, LabelsRecord
from tests.unit.records.written import (
    Facts,
    written_again,
)

CHECK = {
    "images": 3,
    "groups": 2,
    "classes": ["good", "dent"],
    "images_by_split_and_class": {"train": {"good": 1, "dent": 2}},
    "groups_by_split_and_class": {"train": {"good": 1, "dent": 1}},
    "width": {"min": 8, "median": 9.5, "max": 12},
    "height": {"min": 8, "median": 8.0, "max": 8},
    "grey": 1,
    "colour": 2,
    "near_black": 0,
    "near_white": 1,
    "fingerprint": "ab",
    "unreadable": {"a.png": "no such file"},
    "findings": [{"level": "info", "code": "x", "message": "Said.", "paths": ["b.png"]}],
    "root": "/data",
    "dropped_leaks": ["c.png"],
    "source_fingerprint": "cd",
    "passed_over": [{"reason": "hidden", "suffix": ".jpg", "files": 2, "example": "._a.jpg"}],
}


def test_a_file_is_written_again_as_it_was_read(tmp_path: Path) -> None:
    record = written_again(tmp_path, CheckRecord, CHECK)
    assert isinstance(record, CheckRecord)
    assert record.classes == ("good", "dent")
    assert record.findings[0].paths == ("b.png",)
    written_again(tmp_path, LabelsRecord, {"labels": ["good", "dent"], "sha256": "ab"})


def test_a_file_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    """It did not count what is passed over."""
    facts = {key: value for key, value in CHECK.items() if key != "passed_over"}
    assert CheckRecord.model_validate(facts).passed_over == ()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"findings": [{"level": "fatal", "code": "x", "message": "y"}]}, "findings.0.level"),
        ({"width": {"min": 8, "max": 9}}, "width.median"),
        ({"images": "many"}, "images"),
    ],
)
def test_a_damaged_file_names_the_key(tmp_path: Path, changes: Facts, key: str) -> None:
    with pytest.raises(RunError) as caught:
        written_again(tmp_path, CheckRecord, CHECK | changes)
    assert caught.value.key == key
