from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from edgefit.report import plots

NASTY = "</svg><script>alert(1)</script>"


def texts(drawing: str) -> list[str]:
    """Every text of a drawing; fails where it is not well-formed."""
    root = ElementTree.fromstring(drawing.replace("xlink:href", "href"))
    return ["".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("text")]


def test_confusion_shows_every_count_and_name() -> None:
    drawing = plots.confusion([[41, 2], [3, 57]], ["good", "dent"])
    assert {"41", "2", "3", "57"} <= set(texts(drawing))
    assert texts(drawing).count("good") == texts(drawing).count("dent") == 2


def test_confusion_of_43_classes_is_drawn_cell_by_cell() -> None:
    counts = np.diag(np.arange(100, 143))
    drawing = plots.confusion(counts.tolist(), [f"sign {i}" for i in range(43)])
    assert {str(n) for n in range(100, 143)} <= set(texts(drawing))
    assert "0" not in texts(drawing)  # empty cells stay empty


def test_confusion_of_very_many_classes_stays_small() -> None:
    drawing = plots.confusion(np.eye(300, dtype=int).tolist(), [str(i) for i in range(300)])
    assert texts(drawing) == ["answer", "truth"]


@pytest.mark.parametrize("name", [NASTY, "a $x_1$ b", "a $ b", "瑕疵", "x" * 300, 'q"&<'])
def test_class_names_are_text_and_nothing_else(name: str) -> None:
    drawing = plots.confusion([[1, 0], [0, 1]], ["good", name])
    shown = [t for t in texts(drawing) if t not in ("good", "1", "answer", "truth")]
    assert len(shown) == 2
    assert "<script" not in drawing
    if len(name) <= 22:
        assert shown == [name, name]


def test_colours_follow_the_page() -> None:
    drawing = plots.sizes([{"name": "a", "bytes": 2_000_000}], "a")
    assert "var(--accent)" in drawing
    assert not re.findall(r"#0a0b0\d", drawing)
    assert "2.00 MB" in texts(drawing)


def test_latency_without_p99_is_drawn_to_p90() -> None:
    entries = [{"name": "a", "p50": 1.0, "p90": 1.2, "p99": None}]
    assert "1.00 ms" in texts(plots.latency(entries, "a"))


def test_latency_with_a_long_tail_still_shows_the_medians() -> None:
    calm = {"name": "a", "p50": 1.0, "p90": 1.1, "p99": 1.2}
    drawing = plots.latency([calm, {"name": "b", "p50": 2.0, "p90": 2.5, "p99": 400.0}], "a")
    shown = texts(drawing)
    assert {"1.00 ms", "2.00 ms, p99 400 ms"} <= set(shown)
    assert "400" not in shown  # no such tick: the axis ends near the bars


def test_a_single_image_can_be_drawn() -> None:
    one = plots.reliability(np.array([1.0], np.float32), np.array([True]))
    assert "Right answers, %" in texts(one)
