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

    def is_below(self, other: Figure) -> bool:
        """Whether the value is below the other's; False where one is not measured."""
        return self.value is not None and other.value is not None and self.value < other.value

    def lies_below(self, other: Figure) -> bool:
        """Whether the whole interval is below the other's; False where one is not measured."""
        return self.high is not None and other.low is not None and self.high < other.low
