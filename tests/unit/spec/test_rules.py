"""From a graph's outputs to a decision: what a rule holds, decides and refuses."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from edgefit.errors import InputError
from edgefit.spec import (
    OUTPUTS,
    RULES,
    ClassificationRule,
    ConformalRule,
    DefectThreshold,
    LabelMap,
    NoveltyRule,
    Rule,
)

LABELS = LabelMap(("good", "hole"))


def test_every_task_has_a_rule_of_its_kind_and_a_plain_one() -> None:
    assert set(RULES) == set(OUTPUTS)
    for task, make in RULES.items():
        rule = make.plain()
        assert rule.kind == task
        assert not rule.decides
        rule.check(LABELS)


def test_what_a_rule_holds_says_whether_it_decides() -> None:
    assert ClassificationRule(DefectThreshold("good", "hole", 0.2)).decides
    assert ClassificationRule(conformal=ConformalRule(0.9, 0.1)).decides


def test_a_rule_that_only_scores_novelty_decides_nothing_and_names_its_file() -> None:
    rule = ClassificationRule(novelty=NoveltyRule(0.4, "operating/prototypes.npy"))
    assert not rule.decides
    assert rule.files == {"prototypes": "operating/prototypes.npy"}
    assert ClassificationRule.plain().files == {}


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (ClassificationRule(DefectThreshold("good", "scratch", 0.5)), "operating.threshold"),
        (ClassificationRule(DefectThreshold("good", "good", 0.5)), "operating.threshold"),
        (ClassificationRule(DefectThreshold("good", "hole", 1.5)), "operating.threshold.value"),
        (ClassificationRule(conformal=ConformalRule(0.9, -0.1)), "operating.conformal.quantile"),
        (ClassificationRule(conformal=ConformalRule(2.0, 0.1)), "operating.conformal.coverage"),
        (
            ClassificationRule(conformal=ConformalRule(float("nan"), 0.1)),
            "operating.conformal.coverage",
        ),
    ],
)
def test_what_cannot_be_is_refused(rule: ClassificationRule, key: str) -> None:
    with pytest.raises(InputError) as caught:
        rule.check(LABELS)
    assert caught.value.key == key


def test_a_rule_that_fits_is_let_through() -> None:
    for good, defect in (("good", "hole"), ("hole", "good")):
        rule = ClassificationRule(DefectThreshold(good, defect, 1.0), ConformalRule(0.0, 1.0))
        rule.check(LABELS)
        with pytest.raises(InputError, match="two or more classes"):
            rule.check(LabelMap(("good",)))


def test_a_rule_of_another_task_is_refused() -> None:
    @dataclass(frozen=True)
    class Other(Rule):
        kind: str = field(default="other", kw_only=True)

        @classmethod
        def plain(cls) -> Other:
            return cls()

        @property
        def decides(self) -> bool:
            return False

        def check(self, labels: LabelMap) -> None:
            return

    with pytest.raises(InputError, match="belongs to another task") as caught:
        ClassificationRule.of(Other())
    assert (caught.value.expected, caught.value.found) == ("classification", "other")
    plain = ClassificationRule.plain()
    assert ClassificationRule.of(plain) is plain


def test_a_threshold_names_the_good_parts() -> None:
    assert ClassificationRule.plain().good is None
    assert ClassificationRule(threshold=DefectThreshold("fine", "hole", 0.5)).good == "fine"
