"""The loop from a source into sinks: order, counts, and a bad frame that ends nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgefit.errors import FrameError
from edgefit.runtime.predictor import load
from edgefit.runtime.sinks import CsvSink, JsonlSink, Sink
from edgefit.runtime.sources import FrameSource, SourceFrame
from edgefit.runtime.stream import StreamCounts, stream
from edgefit.spec import Frame, Prediction
from tests.tiny_models import LABELS, ORT_FP32, colour_frame, write_tiny_bundle


class Given(FrameSource):
    """Frames given by hand; None is one that cannot be read."""

    def __init__(self, *frames: Frame | None) -> None:
        self.frames = frames

    @property
    def len_hint(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[SourceFrame]:
        for index, frame in enumerate(self.frames):
            error = "It is damaged." if frame is None else None
            yield SourceFrame(index, f"{index}.png", None, frame, error, None)


class Kept(Sink):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[tuple[SourceFrame, Prediction | None]] = []
        self.closed = False

    def write(self, frame: SourceFrame, prediction: Prediction | None) -> None:
        self.records.append((frame, prediction))

    def close(self) -> None:
        self.closed = True


def test_every_frame_reaches_every_sink_in_order(tmp_path: Path) -> None:
    predictor = load(write_tiny_bundle(tmp_path / "tiny.bundle", [ORT_FP32]))
    frames = [colour_frame("blue"), None, colour_frame("red")]
    columns = predictor.columns(top=1)
    jsonl, table = tmp_path / "out.jsonl", tmp_path / "out.csv"
    with JsonlSink(jsonl, columns) as lines, CsvSink(table, columns) as rows, Kept() as kept:
        counts = stream(predictor, Given(*frames), [lines, rows, kept])
        assert not kept.closed
    assert kept.closed
    assert counts == StreamCounts(answered=2, unreadable=1)
    records = [json.loads(line) for line in jsonl.read_text().splitlines()]
    assert [r["label"] for r in records] == ["blue", None, "red"]
    assert [r["error"] for r in records] == [None, "It is damaged.", None]
    assert len(table.read_text().splitlines()) == 4
    assert [shot.index for shot, _ in kept.records] == [0, 1, 2]


def test_a_frame_that_cannot_be_answered_is_a_record_with_an_error() -> None:
    def refuse(frame: Frame) -> Prediction:
        if frame.mean() == 0:
            raise FrameError("The frame is black.")
        return Prediction(decision="fine")

    black, grey = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 9, np.uint8)
    kept = Kept()
    counts = stream(refuse, Given(black, grey), [kept])
    assert counts == StreamCounts(answered=1, unreadable=1)
    (first, nothing), (second, answer) = kept.records
    assert (first.error, first.frame, nothing) == ("The frame is black.", None, None)
    assert second.error is None and answer is not None and answer.decision == "fine"


def test_a_source_without_frames_gives_nothing() -> None:
    assert stream(lambda frame: Prediction(), Given(), [Kept()]) == StreamCounts(0, 0)


def test_the_predictor_draws_below_the_frame(tmp_path: Path) -> None:
    predictor = load(write_tiny_bundle(tmp_path / "tiny.bundle", [ORT_FP32]))
    frame = colour_frame(LABELS.names[0], 120, 160)
    before = frame.copy()
    drawn = predictor.draw(frame, predictor(frame))
    assert drawn.shape[0] > 120 and drawn.shape[1:] == (160, 3)
    np.testing.assert_array_equal(drawn[:120], before)
    np.testing.assert_array_equal(frame, before)
    assert (drawn[120:] > 200).any(), "white text in the strip"


def test_frames_with_notes_are_counted() -> None:
    class Noted(Given):
        def __iter__(self) -> Iterator[SourceFrame]:
            for shot in super().__iter__():
                yield replace(shot, notes=("page 1 of 2 read",) if shot.index == 1 else ())

    grey = np.full((4, 4, 3), 9, np.uint8)
    counts = stream(lambda frame: Prediction(decision="fine"), Noted(grey, grey, grey), [Kept()])
    assert counts == StreamCounts(answered=3, unreadable=0, noted=1)
