from __future__ import annotations

import json
import os
from typing import Any

import cv2
import pytest

from edgefit.errors import FrameError, StageError
from edgefit.spec import Frame
from tests.unit.runtime.watch.line import Line, clip, png


def facts_of(line: Line, path: str, skip: int = 0) -> list[dict[str, Any]]:
    return [json.loads(each.text) for each in line.answerer().lines(path, skip=skip)]


def test_a_line_is_the_record_of_predict_with_time_bundle_and_variant(line: Line) -> None:
    line.put("sub/a.png", png(40))
    (facts,) = facts_of(line, "sub/a.png")
    assert list(facts) == [
        *("index", "name", "time_s", "label", "error", "bundle", "variant", "answered_at")
    ]
    assert (facts["index"], facts["name"], facts["label"]) == (0, "sub/a.png", 40)
    assert (facts["bundle"], facts["variant"]) == ("0123", "fake/fp32")
    assert facts["answered_at"].endswith("+00:00")


def test_a_name_that_is_not_utf_8_is_written_so_that_json_holds_it(line: Line) -> None:
    name = os.fsdecode(b"b_\xfc.png")
    line.put(name, png(40))
    (facts,) = facts_of(line, name)
    assert (facts["name"], facts["label"]) == ("b_\\xfc.png", 40)


@pytest.mark.parametrize("name", ["clip.avi", os.fsdecode(b"cl\xffip.avi")])
def test_a_video_has_a_line_per_frame_and_skips_those_it_has(line: Line, name: str) -> None:
    made = clip(line.places.inbox / "x.avi", [0, 60, 120])
    made.rename(line.places.inbox / name)
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    facts = facts_of(line, name)
    assert [f["name"] for f in facts] == [f"{shown}#{i}" for i in range(3)]
    assert [f["label"] for f in facts] == [0, 60, 120]
    assert [f["index"] for f in facts_of(line, name, skip=2)] == [2]
    assert facts_of(line, name, skip=3) == []


def test_a_file_that_cannot_be_opened_is_one_line_with_the_error(line: Line) -> None:
    for name in ("a.png", "a.avi"):
        line.put(name, b"nothing of the kind")
        (facts,) = facts_of(line, name)
        assert facts["label"] is None and facts["error"]
        assert facts_of(line, name, skip=1) == []


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Infer failed\nat line 3"),
        ValueError("shape"),
        MemoryError(),
        cv2.error("resize"),
        FrameError("The frame is too large."),
    ],
)
def test_an_engine_that_fails_fails_for_this_frame_only(line: Line, error: Exception) -> None:
    def fail_once(frame: Frame) -> Any:
        if frame.mean() < 30:
            raise error
        return 1

    line.predictor = fail_once
    clip(line.places.inbox / "a.avi", [100, 0, 100])
    found = [f["error"] for f in facts_of(line, "a.avi")]
    assert found[0] is None and found[2] is None
    assert "\n" not in found[1]
    assert (getattr(error, "message", None) or type(error).__name__) in found[1]


def test_an_answer_that_json_cannot_hold_is_an_error_of_its_frame(line: Line) -> None:
    line.put("a.png", png(40))
    line.predictor = lambda frame: float("nan")
    (facts,) = facts_of(line, "a.png")
    assert facts["label"] is None and "ValueError" in facts["error"]


def test_a_bundle_that_does_not_fit_ends_the_run(line: Line) -> None:
    def refuse(frame: Frame) -> Any:
        raise StageError("The outputs do not fit the bundle.")

    line.put("a.png", png(40))
    line.predictor = refuse
    with pytest.raises(StageError):
        facts_of(line, "a.png")
