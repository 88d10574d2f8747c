from __future__ import annotations

import re
from typing import Any

import pytest

from edgefit.records.comparison import ComparisonRecord
from edgefit.records.learning_curve import LearningCurveRecord
from edgefit.records.train import EpochRow, KeptWeights, LinePoint
from edgefit.report import curves
from tests.unit.report.finished_run import class_figures, entry
from tests.unit.report.test_plots import NASTY, texts


def row(epoch: int, **columns: Any) -> EpochRow:
    facts = {"train_loss": 1.0, "val_loss": 0.9, "val_accuracy": 0.5, "learning_rate": 1e-3}
    return EpochRow.model_validate(facts | columns | {"epoch": epoch, "phase": "full"})


def history(epochs: int, **columns: Any) -> list[EpochRow]:
    return [row(epoch + 1, **columns) for epoch in range(epochs)]


def kept(rule: str = "general", alpha: float = 0.5) -> KeptWeights:
    values = {0.0: 0.8, 0.5: 0.9, 1.0: 0.91}
    points = tuple(
        LinePoint(alpha=a, metrics={"accuracy": v, "loss": 1 - v}) for a, v in values.items()
    )
    return KeptWeights(
        what="interpolated",
        points=points,
        alpha=alpha,
        metric="accuracy",
        rule=rule,
        tolerance=0.02,
    )


def comparison(*names: str) -> ComparisonRecord:
    probe = {when: entry(0.8) for when in ("before", "after", "kept")}
    arms = [
        {
            "name": name,
            "settings": {},
            "metrics": {"accuracy": entry(0.9)},
            "worst_class": class_figures("dent", 0.8),
            "retention": {"neighbours": probe, "linear": probe},
            "kept": dict.fromkeys(("neighbours", "linear"), entry(0.8 + 0.05 * number)),
            "training_seconds": 1.0,
            "over_none": None,
            "over_probe": None,
        }
        for number, name in enumerate(names)
    ]
    return ComparisonRecord.model_validate(
        {
            **{"metric": "accuracy", "data_fingerprint": "ab", "test_images": 1200},
            **{"test_groups": 40, "confidence": 0.95, "general_images": 9, "general_classes": 3},
            **{"k": 10, "arms": arms, "notes": []},
        }
    )


def curve(*arms: str) -> LearningCurveRecord:
    points = [
        {
            **{"arm": arm, "percent": percent, "images": images, "groups": 9, "epochs": 3},
            **{"metrics": {"accuracy": entry(0.9)}, "training_seconds": 1.0},
            "worst_class": class_figures("dent", 0.8),
        }
        for percent, images in ((5.0, 60), (100.0, 1200))
        for arm in arms
    ]
    return LearningCurveRecord.model_validate(
        {
            **{"metric": "accuracy", "data_fingerprint": "ab", "test_images": 800},
            **{"test_groups": 40, "confidence": 0.95, "rule": "", "epochs_scale": 0.5, "seed": 0},
            **{"points": points, "step": None, "advantage": [], "conclusion": ""},
        }
    )


def test_gap_is_shaded_where_training_is_ahead() -> None:
    ahead = curves.training_metric(history(4, train_accuracy=0.9), 2, "accuracy")
    assert {"training", "validation", "gap", "Accuracy, %"} <= set(texts(ahead))
    behind = curves.training_metric(history(4, train_accuracy=0.4), 2, "accuracy")
    # the legend holds one such patch, the drawing itself another where there is a gap
    assert [drawing.count("fill: var(--bad)") for drawing in (ahead, behind)] == [2, 1]


@pytest.mark.parametrize("missing", [{}, {"train_accuracy": None}])
def test_training_metric_that_was_not_measured_is_left_out(missing: dict[str, Any]) -> None:
    shown = texts(curves.training_metric(history(3, **missing), 2, "accuracy"))
    assert "validation" in shown
    assert not {"training", "gap"} & set(shown)


def test_metric_measured_in_some_epochs_only_is_drawn() -> None:
    rows = history(3, train_accuracy=0.9)
    rows[1] = row(2, train_accuracy=None)
    assert "gap" in texts(curves.training_metric(rows, 3, "accuracy"))


def test_epochs_on_smaller_images_are_shaded() -> None:
    rows = [row(n, height=size, width=size) for n, size in enumerate((64, 64, 96), 1)]
    alike = [row(n, height=96, width=96) for n in (1, 2, 3)]
    mixed, plain = (curves.learning_rate(r, 3).count("fill: var(--muted)") for r in (rows, alike))
    assert mixed == plain + 1


def test_identifiers_of_two_drawings_do_not_meet() -> None:
    rows = history(3, train_accuracy=0.9)
    drawings = [
        curves.training_loss(rows, 2),
        curves.training_metric(rows, 2, "accuracy"),
        curves.learning_rate(rows, 2),
        curves.interpolation(kept()),
        curves.knowledge(comparison("none", "distill")),
        curves.learning_curve(curve("finetune", "scratch")),
    ]
    found = [set(re.findall(r' id="([^"]+)"', drawing)) for drawing in drawings]
    assert all(found)
    assert len(set.union(*found)) == sum(len(names) for names in found)


def test_a_single_epoch_can_be_drawn() -> None:
    assert "Loss" in texts(curves.training_loss(history(1), 1))
    assert "0.001" in texts(curves.learning_rate(history(1), 1))


def test_interpolation_names_the_point_that_is_kept() -> None:
    shown = texts(curves.interpolation(kept()))
    assert "kept: alpha 0.5" in shown
    assert "within the tolerance" in shown
    assert "within the tolerance" not in texts(curves.interpolation(kept("best", 1.0)))


def test_remedies_are_named_beside_their_points() -> None:
    drawing = curves.knowledge(comparison("none", NASTY))
    assert {"none", NASTY} <= set(texts(drawing))
    assert "<script" not in drawing
    assert "Accuracy on 1,200 test images, %" in texts(drawing)


def test_remedy_without_knowledge_to_keep_is_left_out() -> None:
    nothing = {"value": None, "low": None, "high": None}
    facts = comparison("none", "distill").to_json()
    facts["arms"][1]["kept"]["linear"] = nothing  # type: ignore[index, call-overload]
    shown = texts(curves.knowledge(ComparisonRecord.model_validate(facts)))
    assert "none" in shown
    assert "distill" not in shown


def test_learning_curve_has_a_line_for_each_arm() -> None:
    shown = texts(curves.learning_curve(curve("finetune", "scratch")))
    assert {"fine-tuned", "from random weights"} <= set(shown)
    assert "from random weights" not in texts(curves.learning_curve(curve("finetune")))
    assert any("1,200" in text for text in shown)
