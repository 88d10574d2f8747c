"""Warnings about a temperature and a threshold that were chosen on validation."""

from __future__ import annotations

from edgefit.operating.temperature import HIGHEST, LOWEST
from edgefit.records.calibrate import ThresholdChoice

HIGH_PRICE = 0.5
"""Largest share of the other class that a threshold may get wrong without a warning."""


def temperature_warnings(temperature: float) -> list[str]:
    """A warning where the applied temperature is at the bound of its range."""
    if LOWEST * 1.01 < temperature < HIGHEST / 1.01:
        return []
    return [
        f"The temperature {temperature:.4g} is at the bound of its range ({LOWEST:g} to "
        f"{HIGHEST:g}): the network's confidence says next to nothing on validation."
    ]


def price_warnings(threshold: ThresholdChoice | None) -> list[str]:
    """A warning where keeping one rate within its limit makes the other rate very high."""
    if threshold is None or threshold.limit is None:
        return []
    escape_is_limited = threshold.chosen_for == "max_escape"
    price = (threshold.overkill_rate if escape_is_limited else threshold.escape_rate).value
    if price is None or price <= HIGH_PRICE:
        return []
    parts = "good parts are rejected" if escape_is_limited else "defects are let through"
    concerned = "defects" if escape_is_limited else "good parts"
    return [
        f"At the threshold for `operating.{threshold.chosen_for}: {threshold.limit:g}` "
        f"{price:.0%} of the {parts} on validation. Look at the {concerned} that the network is "
        "most wrong about (a wrong label?), then label more validation images, train on more, or "
        "ask for a larger rate."
    ]
