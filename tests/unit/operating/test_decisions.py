"""What an operating point does, against counting by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgefit.metrics import worst_group
from edgefit.operating.decisions import measure_decisions
from edgefit.records.evaluate import Decisions, Share
from edgefit.records.record import Part
from edgefit.spec import (
    ClassificationRule,
    ConformalRule,
    DefectThreshold,
    LabelMap,
    NoveltyRule,
)

LABELS = LabelMap(("good", "hole"))
POINT = ClassificationRule(
    DefectThreshold("good", "hole", 0.3), ConformalRule(0.9, 0.4), NoveltyRule(0.5, "p.npy")
)
HOLE = np.array([0.1, 0.2, 0.35, 0.9, 0.95, 0.65, 0.1, 0.45])
TRUTH = np.array([0, 0, 0, 1, 1, 1, 1, 1])
ROWS = np.stack([1 - HOLE, HOLE], axis=1)


def measure(**changes: Any) -> Decisions:
    options: dict[str, Any] = {"novelty_N": np.linspace(0, 0.8, 8), "resamples": 200}
    return measure_decisions(ROWS, TRUTH, LABELS, changes.pop("point", POINT), **options | changes)


def counts(section: Part | None) -> dict[str, tuple[int, int]]:
    assert section is not None
    return {name: (e.count, e.images) for name, e in section if isinstance(e, Share)}


def test_rates_are_those_one_counts() -> None:
    found = measure()
    # escape: only the hole at 0.1; overkill: the good part at 0.35
    assert counts(found.threshold) == {"escape_rate": (1, 5), "overkill_rate": (1, 3)}
    # sets: classes of at least 0.6. In doubt: 0.35 (good by its set, hole by the threshold), 0.45
    assert counts(found.conformal) == {
        "coverage": (6, 8),
        "unsure": (2, 8),
        "accuracy_when_sure": (5, 6),
        "escape_rate": (1, 5),
        "overkill_rate": (0, 3),
    }
    assert counts(found.novelty) == {"flagged": (3, 8)}
    for section in (found.threshold, found.conformal, found.novelty):
        for _, share in section or ():
            if share is not None:
                assert share.value == share.count / share.images
                assert share.low <= share.value <= share.high
                assert share.low < share.high


def test_what_is_not_asked_for_is_none() -> None:
    found = measure(point=ClassificationRule(), novelty_N=None)
    assert (found.threshold, found.conformal, found.novelty) == (None, None, None)
    assert found.calibration is not None


def test_a_rate_of_nothing_is_none() -> None:
    found = measure_decisions(ROWS[:3], TRUTH[:3], LABELS, POINT, resamples=100)
    escape = found.threshold.escape_rate
    assert (escape.value, escape.low, escape.high, escape.images) == (None,) * 3 + (0,)


def test_no_error_among_few_leaves_room() -> None:
    rows = np.repeat([[0.99, 0.01], [0.01, 0.99]], 20, axis=0)
    found = measure_decisions(rows, np.repeat([0, 1], 20), LABELS, POINT, resamples=100)
    escape = found.threshold.escape_rate
    assert escape.value == 0 and escape.high > 0.1


def test_out_of_domain_images_are_told_apart() -> None:
    found = measure(out_of_domain_M=np.linspace(0.6, 1.2, 40)).novelty
    assert found.flagged_out_of_domain.value == 1
    by_hand = np.mean(np.linspace(0.6, 1.2, 40)[:, None] > np.linspace(0, 0.8, 8)[None])
    assert found.roc_auc.value == pytest.approx(by_hand)
    assert found.roc_auc.low < by_hand < found.roc_auc.high


def test_images_of_one_part_count_once() -> None:
    alone = measure().threshold.escape_rate
    grouped = measure(groups_N=np.array([0, 0, 0, 1, 1, 1, 1, 1])).threshold.escape_rate
    assert grouped.high - grouped.low > alone.high - alone.low


def test_the_worst_group_is_found_and_small_ones_are_not_named() -> None:
    truth_N = np.zeros(40, dtype=np.int64)
    rows = np.tile([0.9, 0.1], (40, 1))
    rows[:3], rows[39] = [0.1, 0.9], [0.1, 0.9]
    camera = np.array(["left"] * 10 + ["right"] * 29 + ["loose"])
    found = worst_group(rows, truth_N, {"camera": camera, "shift": np.repeat(["a", "b"], 20)})
    assert found is not None
    assert (found.column, found.value, found.images) == ("camera", "left", 10)
    assert found.accuracy.value == pytest.approx(0.7)
    assert found.accuracy.low < 0.7 < found.accuracy.high
    assert worst_group(rows, truth_N, {"group": np.arange(40).astype(str)}) is None
    assert worst_group(rows, truth_N, {"group": np.full(40, "one")}) is None
