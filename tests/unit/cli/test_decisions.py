"""Tables of what an operating point does."""

from __future__ import annotations

from edgefit.cli.decisions import decision_rows, worst_rows
from edgefit.records.evaluate import (
    ClassFigures,
    ConformalRates,
    Decisions,
    GroupFigures,
    NoveltyRates,
    Share,
    ThresholdRates,
)
from edgefit.records.figures import Figure

RATES = ThresholdRates(
    escape_rate=Share(value=0.01, low=0.0, high=0.03, count=1, images=100),
    overkill_rate=Share(value=0.05, low=0.02, high=0.09, count=5, images=100),
)
UNSURE = Share(value=0.1, low=0.05, high=0.2, count=10, images=100)


def test_without_an_operating_point_there_is_no_row() -> None:
    assert decision_rows(None) == []
    assert decision_rows(Decisions()) == []


def test_rates_of_the_threshold_and_those_after_the_reject_option_are_told_apart() -> None:
    conformal = ConformalRates(
        coverage=UNSURE, unsure=UNSURE, accuracy_when_sure=UNSURE, escape_rate=RATES.escape_rate
    )
    rows = decision_rows(Decisions(threshold=RATES, conformal=conformal))
    names = [name for name, _ in rows]
    assert len(set(names)) == len(names) == 6
    assert rows[0] == ["escape rate (defects let through)", "1.00 % (0.0-3.0)"]
    after = "escape rate (defects let through), unsure answers left to a person"
    assert rows[-1] == [after, "1.00 % (0.0-3.0)"]
    assert ["left to a person (unsure)", "10.00 % (5.0-20.0)"] in rows


def test_what_was_not_measured_has_no_row() -> None:
    rows = decision_rows(Decisions(novelty=NoveltyRates(flagged=UNSURE)))
    assert rows == [["flagged as novel", "10.00 % (5.0-20.0)"]]


def test_the_worst_class_and_group_are_named() -> None:
    low = Figure(value=0.5, low=0.4, high=0.6)
    worst = ClassFigures(label="hole", support=9, precision=low, recall=low, f1=low)
    group = GroupFigures(column="camera", value="left", images=12, accuracy=low)
    assert worst_rows(worst, group) == [
        ["worst class: hole (recall)", "50.00 % (40.0-60.0)"],
        ["worst camera: left (accuracy, 12 images)", "50.00 % (40.0-60.0)"],
    ]
    assert worst_rows(None, None) == []
