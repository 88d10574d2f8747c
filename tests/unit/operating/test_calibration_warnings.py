"""What a user should know of a temperature that was chosen on validation."""

from __future__ import annotations

import pytest

from edgefit.operating.calibration_warnings import price_warnings, temperature_warnings
from edgefit.operating.temperature import HIGHEST, LOWEST


def test_a_temperature_inside_its_range_is_not_warned_of() -> None:
    assert temperature_warnings(1.7) == []


@pytest.mark.parametrize("temperature", [LOWEST, HIGHEST])
def test_a_temperature_at_its_bound_says_that_confidence_is_worth_nothing(
    temperature: float,
) -> None:
    (warning,) = temperature_warnings(temperature)
    assert "bound of its range" in warning


def test_without_a_limit_there_is_no_price() -> None:
    assert price_warnings(None) == []
