"""The summary at the end of ``predict --json``."""

from __future__ import annotations

from edgefit.records.predict import PredictSummary
from edgefit.runtime.walking import PassedOver, Reason, counts_of


def test_counts_of_the_walker_become_json() -> None:
    counts = counts_of([PassedOver("@eaDir/\udcfc.jpg", Reason.SYSTEM)] * 2)
    summary = PredictSummary(
        variant="onnxruntime/fp32", answered=3, unreadable=1, passed_over=counts
    )
    assert summary.to_json() == {
        "variant": "onnxruntime/fp32",
        "answered": 3,
        "unreadable": 1,
        "noted": 0,
        "dropped": 0,
        "passed_over": [
            {
                "reason": "system file",
                "suffix": ".jpg",
                "files": 2,
                "example": "@eaDir/\\xfc.jpg",
            }
        ],
    }
