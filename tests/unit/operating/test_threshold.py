"""Thresholds: the limit holds with confidence, at the least cost, or the request is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgefit.errors import GateError, InputError
from edgefit.operating.threshold import (
    UNDECIDED,
    choose_threshold,
    decide,
    operating_labels,
    trials_needed,
    upper_bound,
)
from edgefit.spec import ClassificationRule, ConformalRule, DefectThreshold, LabelMap

LABELS = LabelMap(("bad", "good"))


def binomial(events: int, trials: int, share: float) -> float:
    return sum(
        math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(events + 1)
    )


@pytest.mark.parametrize(("events", "trials"), [(0, 10), (1, 59), (3, 200), (40, 400)])
def test_at_the_bound_so_few_events_are_just_improbable(events: int, trials: int) -> None:
    bound = upper_bound(events, trials)
    assert bound > events / trials
    assert binomial(events, trials, bound) == pytest.approx(0.05, rel=1e-6)


def test_bounds_at_the_ends() -> None:
    assert upper_bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert upper_bound(7, 7) == 1.0


@pytest.mark.parametrize("limit", [0.5, 0.1, 0.05, 0.01, 0.002])
def test_one_trial_less_would_not_do(limit: float) -> None:
    needed = trials_needed(limit)
    assert upper_bound(0, needed) <= limit < upper_bound(0, needed - 1)


def scores(defects: int, good: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score_N = np.concatenate([rng.beta(6, 2, defects), rng.beta(2, 6, good)])
    return score_N, np.arange(defects + good) < defects


@pytest.mark.parametrize("limited", ["escape", "overkill"])
def test_the_limit_holds_and_the_next_threshold_would_break_it(limited: str) -> None:
    score_N, is_defect_N = scores(300, 300)
    chosen = choose_threshold(score_N, is_defect_N, 0.05, limited)  # type: ignore[arg-type]
    concerned_N = is_defect_N if limited == "escape" else ~is_defect_N
    wrong_N = (score_N >= chosen.value) != is_defect_N
    errors = int((wrong_N & concerned_N).sum())
    assert chosen.rate == errors / 300
    assert chosen.upper_bound == upper_bound(errors, 300) <= 0.05 < upper_bound(errors + 1, 300)
    assert errors > 0  # all that the limit allows is used, so that the other rate is least
    assert (chosen.images, chosen.groups) == (300, 300)


def test_an_easy_set_is_cut_far_from_both_classes() -> None:
    score_N = np.repeat([0.001, 0.999], 100)
    chosen = choose_threshold(score_N, score_N > 0.5, 0.05, "escape")
    assert chosen.value == pytest.approx(0.5)
    mirrored = choose_threshold(score_N, score_N > 0.5, 0.05, "overkill")
    assert mirrored.value == pytest.approx(0.5)


def test_saturated_scores_are_no_trouble() -> None:
    score_N = np.repeat([0.0, 1.0], 100)
    for limited in ("escape", "overkill"):
        chosen = choose_threshold(score_N, score_N > 0.5, 0.05, limited)  # type: ignore[arg-type]
        assert 0 < chosen.value < 1
        assert chosen.rate == 0


def test_too_few_defects_are_refused_with_the_number_that_would_do() -> None:
    score_N, is_defect_N = scores(40, 500)
    with pytest.raises(GateError, match="too few defects") as caught:
        choose_threshold(score_N, is_defect_N, 0.01, "escape")
    assert caught.value.key == "operating.max_escape"
    assert "299" in str(caught.value.expected)
    assert "40 groups" in str(caught.value.found)
    limit = float(str(caught.value.remedy).rsplit(" ", 2)[1])
    assert choose_threshold(score_N, is_defect_N, limit, "escape").upper_bound <= limit
    with pytest.raises(GateError, match="too few good parts"):
        choose_threshold(score_N, ~is_defect_N, 0.01, "overkill")


def test_no_defect_at_all_is_refused() -> None:
    with pytest.raises(GateError, match="too few defects"):
        choose_threshold(np.full(50, 0.3), np.zeros(50, dtype=bool), 0.1, "escape")


def test_groups_are_counted_not_images() -> None:
    score_N, is_defect_N = scores(400, 400)
    views_of_20_parts = np.arange(800) // 20
    with pytest.raises(GateError, match="20 groups"):
        choose_threshold(score_N, is_defect_N, 0.05, "escape", groups_N=views_of_20_parts)
    chosen = choose_threshold(score_N, is_defect_N, 0.2, "escape", groups_N=views_of_20_parts)
    alone = choose_threshold(score_N, is_defect_N, 0.2, "escape")
    assert chosen.groups == 20
    assert chosen.value < alone.value  # fewer draws, so more caution


def test_the_true_rate_keeps_the_limit_as_often_as_promised() -> None:
    kept = 0
    far = scores(20000, 10, seed=999)[0][:20000]
    for seed in range(200):
        score_N, is_defect_N = scores(120, 120, seed)
        chosen = choose_threshold(score_N, is_defect_N, 0.06, "escape")
        kept += bool((far < chosen.value).mean() <= 0.06)
    assert kept / 200 > 0.93


def test_decisions_follow_threshold_and_reject() -> None:
    rows_NC = np.array([[0.9, 0.1], [0.4, 0.6], [0.1, 0.9], [0.02, 0.98]], np.float32)
    assert decide(rows_NC, ClassificationRule(), LABELS).tolist() == [0, 1, 1, 1]
    threshold = DefectThreshold("good", "bad", 0.08)
    assert decide(rows_NC, ClassificationRule(threshold), LABELS).tolist() == [0, 0, 0, 1]
    reject = ConformalRule(0.9, 0.2)
    both = ClassificationRule(threshold, reject)
    alone = ClassificationRule(conformal=reject)
    assert decide(rows_NC, alone, LABELS).tolist() == [0, UNDECIDED, 1, 1]
    # the third: the set says good, the threshold says bad; a person decides
    assert decide(rows_NC, both, LABELS).tolist() == [0, UNDECIDED, UNDECIDED, 1]


def test_a_threshold_needs_two_classes_and_one_of_them_good() -> None:
    assert operating_labels(LABELS, "good") == "bad"
    with pytest.raises(InputError, match="two classes") as caught:
        operating_labels(LabelMap(("a", "b", "c")), "a")
    assert caught.value.key == "operating.good"
    with pytest.raises(InputError, match="not in the class list"):
        operating_labels(LABELS, "fine")


@pytest.mark.parametrize("limited", ["escape", "overkill"])
def test_the_limit_holds_or_is_refused_where_scores_are_saturated(limited: str) -> None:
    defects, good = np.full(400, 0.99), np.full(400, 0.01)
    defects[0], good[0] = 1e-10, 1 - 1e-10  # sure and wrong
    scores = np.concatenate([defects, good])
    is_defect = np.arange(800) < 400
    chosen = choose_threshold(scores, is_defect, 0.008, limited)  # type: ignore[arg-type]
    assert chosen.upper_bound <= 0.008
    with pytest.raises(GateError, match="No threshold keeps"):
        extreme = np.where(is_defect, 0.0, 1.0)  # beyond any threshold
        choose_threshold(extreme, is_defect, 0.008, limited)  # type: ignore[arg-type]
