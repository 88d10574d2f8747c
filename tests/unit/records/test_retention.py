"""``retention.json``: what a backbone still knows."""

from __future__ import annotations

from pathlib import Path

from edgefit.records.retention import RetentionRecord
from tests.unit.records.written import (
    FIGURE,
    LINEAR,
    RETAINED,
    written_again,
)

RETENTION = {
    "general": {
        "root": "/general",
        "classes": 2,
        "replay_images": 4,
        "probe_images": 4,
        "unreadable": {},
        "duplicates": ["d.png"],
        "fingerprint": "ef",
        "passed_over": [{"reason": "hidden", "suffix": "", "files": 1, "example": ".x"}],
    },
    "images": 4,
    "classes": 2,
    "k": 10,
    "confidence": 0.95,
    "neighbours": RETAINED,
    "linear": {**LINEAR, "kept": FIGURE},
    "notes": [],
    "seconds": 1.5,
    "source_fingerprint": None,
}


def test_a_file_is_written_again_as_it_was_read(tmp_path: Path) -> None:
    record = written_again(tmp_path, RetentionRecord, RETENTION)
    assert isinstance(record, RetentionRecord)
    assert record.neighbours.before.value == 0.9
    assert record.linear.after.strength == 0.01
    assert record.general.duplicates == ("d.png",)
