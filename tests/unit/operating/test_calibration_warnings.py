"""What a user should know of a temperature that was chosen on validation."""

from __future__ import annotations

import pytest

from edgefit.operating.calibration_warnings import price_warnings, temperature_warnings
from edgefit.operating.temperature import HIGHEST, LOWEST
from edgefit.records.evaluate import Reliability
from edgefit.records.figures import Figure


def reliability(error: float, loss: float, spread: float = 0.01) -> Reliability:
    return Reliability(
        expected_calibration_error=Figure(value=error, low=error - spread, high=error + spread),
        negative_log_likelihood=Figure(value=loss, low=loss - spread, high=loss + spread),
    )


BETTER, WORSE = reliability(0.02, 0.3), reliability(0.1, 0.5)


def test_a_temperature_that_helps_is_not_warned_of() -> None:
    assert temperature_warnings(1.7, WORSE, BETTER) == []


@pytest.mark.parametrize("temperature", [LOWEST, HIGHEST])
def test_a_temperature_at_its_bound_says_that_confidence_is_worth_nothing(
    temperature: float,
) -> None:
    (warning,) = temperature_warnings(temperature, WORSE, BETTER)
    assert "bound of its range" in warning


def test_an_error_that_rises_beyond_its_interval_is_warned_of() -> None:
    before, after = reliability(0.02, 0.5), reliability(0.1, 0.3)
    (warning,) = temperature_warnings(1.7, before, after)
    assert "from 2.00% to 10.00%" in warning
    assert "operating.temperature: false" in warning
    within = reliability(0.03, 0.3, spread=0.05)
    assert temperature_warnings(1.7, before, within) == [], "chance may explain it"
    assert temperature_warnings(1.7, before, reliability(0.1, 0.6)) == [], "no mistake was made"


def test_without_a_limit_there_is_no_price() -> None:
    assert price_warnings(None) == []
