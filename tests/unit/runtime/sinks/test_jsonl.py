"""One JSON object a frame."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefit.runtime.sinks.jsonl import JsonlSink
from tests.unit.runtime.sinks.answers import (
    BAD,
    GOOD,
    POINT,
    columns,
    decided,
    fill,
    prediction,
)


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    fill(JsonlSink(path, columns(top=2)))
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert first == {
        "index": 0,
        "name": "a\nb, c.png",
        "time_s": 0.1,
        "label": 'scratch, "deep"',
        "confidence": 0.65,
        "top": [['scratch, "deep"', 0.65], ["good", 0.25]],
        "error": None,
    }
    assert second == {
        "index": 1,
        "name": "ü.png",
        "time_s": None,
        "label": None,
        "confidence": None,
        "top": [],
        "error": "The image file is empty.",
    }


@pytest.mark.parametrize("time_s", [np.float32(2), np.float64(2), np.int64(2)])
def test_a_time_may_be_a_numpy_number(tmp_path: Path, time_s: Any) -> None:
    path = tmp_path / "out.jsonl"
    with JsonlSink(path, columns(top=2)) as sink:
        sink.write(dataclasses.replace(GOOD, time_s=time_s), prediction())
    assert json.loads(path.read_text(encoding="utf-8"))["time_s"] == 2


def test_a_line_holds_what_the_operating_point_adds(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with JsonlSink(path, columns(POINT)) as sink:
        sink.write(GOOD, decided())
        sink.write(BAD, None)
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    added = ("decision", "unsure", "novelty", "novel")
    assert [first[k] for k in added] == ["unsure", True, 0.75, True]
    assert first["label"] == 'scratch, "deep"'
    assert [second[k] for k in added] == [None] * 4


def test_only_a_frame_with_notes_has_the_key(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    noted = dataclasses.replace(GOOD, notes=("page 1 of 2 read", "every pixel is transparent"))
    with JsonlSink(path, columns()) as sink:
        sink.write(GOOD, prediction())
        sink.write(noted, prediction())
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert second.pop("notes") == ["page 1 of 2 read", "every pixel is transparent"]
    assert first == second


def test_a_name_that_is_not_utf8_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with JsonlSink(path, columns()) as sink:
        sink.write(dataclasses.replace(GOOD, name="b_\udcfcber.jpg"), prediction())
    assert json.loads(path.read_text(encoding="utf-8"))["name"] == "b_\\xfcber.jpg"
