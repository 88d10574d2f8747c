"""Drawings of comparisons: written twice, with every arm, and the same at each call."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import pytest

from edgefit.records.comparison import ComparisonRecord
from edgefit.records.learning_curve import LearningCurveRecord
from edgefit.studies.drawings import draw_comparison, draw_learning_curve
from tests.unit.records.written import COMPARISON, CURVE, FIGURE, Facts

UNKNOWN = {"value": None, "low": None, "high": None}


def comparison(*arms: Facts) -> ComparisonRecord:
    base = COMPARISON["arms"][0]
    return ComparisonRecord.model_validate(COMPARISON | {"arms": [base | arm for arm in arms]})


def curve(*points: Facts) -> LearningCurveRecord:
    base = CURVE["points"][0]
    return LearningCurveRecord.model_validate(CURVE | {"points": [base | p for p in points]})


def texts(path: Path) -> list[str]:
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    return ["".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("text")]


TWO_ARMS = comparison({"name": "none"}, {"name": "l2-sp"})
THREE_POINTS = curve(
    {"percent": 10.0, "images": 30},
    {"percent": 100.0, "images": 300},
    {"arm": "scratch", "percent": 100.0, "images": 300},
)


@pytest.mark.parametrize(
    ("draw", "record", "name"),
    [
        (draw_comparison, TWO_ARMS, "comparison"),
        (draw_learning_curve, THREE_POINTS, "learning-curve"),
    ],
)
def test_each_is_written_as_svg_and_png_and_the_same_again(
    draw: Any, record: Any, name: str, tmp_path: Path
) -> None:
    written = draw(tmp_path, record)
    assert written == [f"{name}.svg", f"{name}.png"]
    image = cv2.imread(str(tmp_path / f"{name}.png"))
    assert image is not None and image.std() > 5
    before = [(tmp_path / file).read_bytes() for file in written]
    draw(tmp_path, record)
    assert [(tmp_path / file).read_bytes() for file in written] == before


def test_every_arm_is_named_and_the_axes_say_what_they_are(tmp_path: Path) -> None:
    svg, _ = draw_comparison(tmp_path, TWO_ARMS)
    found = texts(tmp_path / svg)
    assert {"none", "l2-sp", "Accuracy on 9 test images, %"} <= set(found)


@pytest.mark.parametrize(
    "changes",
    [{"kept": {"neighbours": FIGURE, "linear": UNKNOWN}}, {"metrics": {"accuracy": UNKNOWN}}],
)
def test_an_arm_without_a_figure_has_no_point(changes: Facts, tmp_path: Path) -> None:
    svg, _ = draw_comparison(tmp_path, comparison({"name": "none"}, {"name": "l2-sp", **changes}))
    found = texts(tmp_path / svg)
    assert "none" in found and "l2-sp" not in found


def test_more_arms_than_colours_are_drawn_all(tmp_path: Path) -> None:
    names = [f"arm {i}" for i in range(12)]
    svg, _ = draw_comparison(tmp_path, comparison(*({"name": name} for name in names)))
    assert set(names) <= set(texts(tmp_path / svg))


def test_the_curve_has_a_tick_a_fraction_and_a_line_an_arm(tmp_path: Path) -> None:
    svg, _ = draw_learning_curve(tmp_path, THREE_POINTS)
    found = set(texts(tmp_path / svg))
    assert {"fine-tuned", "from random weights", "30", "10 %", "300", "100 %"} <= found
