"""Numbers with their uncertainty, as every record holds them."""

from __future__ import annotations

from edgefit.records.record import Part


class Figure(Part):
    """A measured value with its interval.

    Attributes:
        value: The value itself; None where it cannot be measured on these images.
        low: Lower end of the interval; None as above.
        high: Upper end of the interval; None as above.
    """

    value: float | None
    low: float | None
    high: float | None
