"""The summary at the end of ``predict --json``."""

from __future__ import annotations

from edgefit.records.predict import PassedOverFiles, PredictSummary
from edgefit.runtime.walking import PassedOverCount, Reason


def test_counts_of_the_walker_become_json() -> None:
    count = PassedOverCount(Reason.SYSTEM, ".jpg", 2, "@eaDir/\udcfc.jpg")
    part = PassedOverFiles(
        reason=count.reason, suffix=count.suffix, files=count.files, example=count.example
    )
    summary = PredictSummary(
        variant="onnxruntime/fp32", answered=3, unreadable=1, passed_over=(part,)
    )
    assert summary.to_json() == {
        "variant": "onnxruntime/fp32",
        "answered": 3,
        "unreadable": 1,
        "noted": 0,
        "passed_over": [
            {
                "reason": "made by a system",
                "suffix": ".jpg",
                "files": 2,
                "example": "@eaDir/\\xfc.jpg",
            }
        ],
    }
