"""One JSON object a frame."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefit.runtime.answers import Answer
from edgefit.runtime.sinks.jsonl import JsonlSink
from tests.unit.runtime.sinks.answers import (
    BAD,
    GOOD,
    LIVE,
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
        sink.write(Answer(dataclasses.replace(GOOD, time_s=time_s), prediction()))
    assert json.loads(path.read_text(encoding="utf-8"))["time_s"] == 2


def test_a_line_holds_what_the_operating_point_adds(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with JsonlSink(path, columns(POINT)) as sink:
        sink.write(Answer(GOOD, decided()))
        sink.write(Answer(BAD, None))
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    added = ("decision", "unsure", "novelty", "novel")
    assert [first[k] for k in added] == ["unsure", True, 0.75, True]
    assert first["label"] == 'scratch, "deep"'
    assert [second[k] for k in added] == [None] * 4


def test_only_a_frame_with_notes_has_the_key(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    noted = dataclasses.replace(GOOD, notes=("page 1 of 2 read", "every pixel is transparent"))
    with JsonlSink(path, columns()) as sink:
        sink.write(Answer(GOOD, prediction()))
        sink.write(Answer(noted, prediction()))
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert second.pop("notes") == ["page 1 of 2 read", "every pixel is transparent"]
    assert first == second


def test_a_name_that_is_not_utf8_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with JsonlSink(path, columns()) as sink:
        sink.write(Answer(dataclasses.replace(GOOD, name="b_\udcfcber.jpg"), prediction()))
    assert json.loads(path.read_text(encoding="utf-8"))["name"] == "b_\\xfcber.jpg"


def test_a_line_says_where_when_and_by_what(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with JsonlSink(path, columns()) as sink:
        sink.write(LIVE)
        sink.write(Answer(GOOD, prediction()))
    live, file = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {name: live[name] for name in live.keys() - file.keys()} == {
        "source": "cam",
        "region": {"name": "left", "x": 0, "y": 5, "width": 6, "height": 7},
        "arrived_at": "2026-01-02T03:04:05.250000+00:00",
        "arrived_monotonic_s": 9.5,
        "age_s": 0.04,
        "dropped": 3,
        "bundle": "0123",
        "variant": "onnxruntime/int8",
    }
