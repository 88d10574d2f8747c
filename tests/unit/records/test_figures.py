"""A figure knows whether it is lower than another, and whether for certain."""

from __future__ import annotations

import json

import pytest

from edgefit.records.figures import Figure

UNKNOWN = Figure(value=None, low=None, high=None)


def figure(value: float, reach: float = 0.1) -> Figure:
    return Figure(value=value, low=value - reach, high=value + reach)


@pytest.mark.parametrize(
    ("one", "other", "is_below", "lies_below"),
    [
        (figure(0.2), figure(0.9), True, True),
        (figure(0.5), figure(0.6), True, False),
        (figure(0.9), figure(0.2), False, False),
        (figure(0.5), figure(0.5), False, False),
        (UNKNOWN, figure(0.9), False, False),
        (figure(0.2), UNKNOWN, False, False),
        (figure(0.0, 0.0), figure(0.1, 0.0), True, True),
    ],
)
def test_below_in_value_and_below_as_a_whole(
    one: Figure, other: Figure, is_below: bool, lies_below: bool
) -> None:
    assert one.is_below(other) is is_below
    assert one.lies_below(other) is lies_below


def test_a_figure_without_a_value_is_three_nulls() -> None:
    assert json.dumps(UNKNOWN.to_json()) == '{"value": null, "low": null, "high": null}'
