from __future__ import annotations

import re
from typing import Any

import pytest

from edgefit.report import curves
from tests.unit.report.finished_run import entry
from tests.unit.report.test_plots import NASTY, texts


def history(epochs: int, **columns: Any) -> list[dict[str, Any]]:
    row = {"train_loss": 1.0, "val_loss": 0.9, "val_accuracy": 0.5, "learning_rate": 1e-3}
    return [row | columns | {"epoch": epoch + 1} for epoch in range(epochs)]


def kept(rule: str = "general", alpha: float = 0.5) -> dict[str, Any]:
    values = {0.0: 0.8, 0.5: 0.9, 1.0: 0.91}
    points = [{"alpha": a, "accuracy": v, "loss": 1 - v} for a, v in values.items()]
    return {
        "points": points, "alpha": alpha, "metric": "accuracy", "rule": rule, "tolerance": 0.02,
    }  # fmt: skip


def comparison(*names: str) -> dict[str, Any]:
    arms = [
        {"name": n, "metrics": {"accuracy": entry(0.9)},
         "kept": {"linear": entry(0.8 + 0.05 * i)}}
        for i, n in enumerate(names)
    ]  # fmt: skip
    return {"metric": "accuracy", "test_images": 1200, "arms": arms}


def curve(*arms: str) -> dict[str, Any]:
    points = [
        {"arm": arm, "percent": percent, "images": images, "metrics": {"accuracy": entry(0.9)}}
        for percent, images in ((5.0, 60), (100.0, 1200))
        for arm in arms
    ]
    return {"metric": "accuracy", "test_images": 800, "points": points}


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
    rows[1]["train_accuracy"] = None
    assert "gap" in texts(curves.training_metric(rows, 3, "accuracy"))


def test_epochs_on_smaller_images_are_shaded() -> None:
    rows = [
        history(1)[0] | {"epoch": n, "height": h, "width": h} for n, h in enumerate((64, 64, 96), 1)
    ]
    alike = [row | {"height": 96, "width": 96} for row in rows]
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
    facts = comparison("none", "distill")
    facts["arms"][1]["kept"]["linear"] = {"value": None, "low": None, "high": None}
    shown = texts(curves.knowledge(facts))
    assert "none" in shown
    assert "distill" not in shown


def test_learning_curve_has_a_line_for_each_arm() -> None:
    shown = texts(curves.learning_curve(curve("finetune", "scratch")))
    assert {"fine-tuned", "from random weights"} <= set(shown)
    assert "from random weights" not in texts(curves.learning_curve(curve("finetune")))
    assert any("1,200" in text for text in shown)
