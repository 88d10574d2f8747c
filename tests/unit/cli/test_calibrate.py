"""The table of ``edgefit calibrate``: what the temperature did, or why there is none."""

from __future__ import annotations

from typing import Any

import pytest

from edgefit.cli.calibrate import _temperature
from edgefit.records.calibrate import BeforeAfter, CalibrateRecord, TemperatureChoice
from edgefit.records.evaluate import Reliability
from edgefit.records.figures import Figure

REASON = "Temperature scaling is not applied: it would raise the error."


def record(temperature: float, after: float, **choice: Any) -> CalibrateRecord:
    def reliability(error: float) -> Reliability:
        figure = Figure(value=error, low=error, high=error)
        return Reliability(expected_calibration_error=figure, negative_log_likelihood=figure)

    scaling = None
    if choice:
        scaling = TemperatureChoice(error_unscaled=0.0743, error_fitted=0.1139, **choice)
    return CalibrateRecord(
        images=9,
        groups=9,
        temperature=temperature,
        scaling=scaling,
        calibration=BeforeAfter(before=reliability(0.0743), after=reliability(after)),
    )


@pytest.mark.parametrize(
    ("shown", "holds", "lacks"),
    [
        (record(1.0, 0.0743, fitted=1.6, applied=False, reason=REASON), "not applied", "after"),
        (record(1.6, 0.02, fitted=1.6, error_left_out=0.03), "left out of the fit", "not applied"),
        (record(1.0, 0.0743), "no temperature scaling", "after"),
        (record(1.6, 0.02), "after, on the images of the fit", "left out"),
    ],
    ids=["refused", "applied", "off", "earlier release"],
)
def test_the_rows_say_what_was_done(shown: CalibrateRecord, holds: str, lacks: str) -> None:
    text = "\n".join(" ".join(row) for row in _temperature(shown))
    assert "7.43 %" in text
    assert holds in text
    assert lacks not in text
