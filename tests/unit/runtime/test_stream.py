"""The loop from a source into sinks: order, counts, and a bad frame that ends nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.errors import FrameError, StageError
from edgefit.runtime.answers import Answer, Origin
from edgefit.runtime.predictor import load
from edgefit.runtime.sinks import CsvSink, JsonlSink, Sink
from edgefit.runtime.sources import SourceFrame
from edgefit.runtime.stream import Stream, StreamCounts, stream
from edgefit.spec import Frame, Prediction
from tests.tiny_models import LABELS, ORT_FP32, colour_frame, write_tiny_bundle
from tests.unit.runtime.sources.given import Given, Ticking


class Kept(Sink):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[tuple[SourceFrame, Prediction | None]] = []
        self.closed = False

    def write(self, answer: Answer) -> None:
        self.records.append((answer.frame, answer.prediction))

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


def grey(level: int) -> Frame:
    return np.full((2, 2, 3), level, np.uint8)


def level_of(frame: Frame) -> Prediction:
    return Prediction(decision=str(frame[0, 0, 0]))


def test_answers_come_in_order_whatever_worker_is_first() -> None:
    def slow_when_even(frame: Frame) -> Prediction:
        time.sleep(0.01 if frame[0, 0, 0] % 2 == 0 else 0)
        return level_of(frame)

    answers = list(Stream(slow_when_even, [Given(*map(grey, range(40)))], workers=4))
    assert [a.prediction.decision for a in answers if a.prediction] == [str(n) for n in range(40)]


def test_workers_predict_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)

    def meet(frame: Frame) -> Prediction:
        together.wait()
        return level_of(frame)

    assert len(list(Stream(meet, [Given(*map(grey, range(9)))], workers=3))) == 9


def test_memory_is_bounded_while_nobody_reads() -> None:
    given = Given(*map(grey, range(200)))
    taken = []

    class Counted(Given):
        def pending(self):  # type: ignore[no-untyped-def]
            for decode in given.pending():
                taken.append(decode)
                yield decode

    running = Stream(level_of, [Counted()], workers=2)
    next(running)
    time.sleep(0.1)
    assert len(taken) < 20
    assert sum(1 for _ in running) == 199


@pytest.mark.parametrize("fault", [ValueError("odd"), RuntimeError("busy"), MemoryError()])
def test_an_engine_that_fails_on_one_frame_answers_the_others(fault: Exception) -> None:
    def fails_on_one(frame: Frame) -> Prediction:
        if frame[0, 0, 0] == 1:
            raise fault
        return level_of(frame)

    answers = list(Stream(fails_on_one, [Given(*map(grey, range(3)))]))
    assert [a.prediction is not None for a in answers] == [True, False, True]
    assert type(fault).__name__ in str(answers[1].frame.error)


def test_a_bug_is_no_frame_error() -> None:
    def broken(frame: Frame) -> Prediction:
        raise AssertionError("a bug")

    with pytest.raises(AssertionError, match="a bug"):
        list(Stream(broken, [Given(grey(0))]))


def test_a_slow_model_drops_stale_frames_and_stays_fresh() -> None:
    def slow(frame: Frame) -> Prediction:
        time.sleep(0.03)
        return level_of(frame)

    running = Stream(slow, [Ticking(100, 0.005)])
    answers = list(running)
    assert len(answers) < 60
    assert len(answers) + running.counts.dropped == 100
    assert answers[-1].frame.dropped == running.counts.dropped
    assert [a.frame.index for a in answers] == sorted(a.frame.index for a in answers)
    ages = [a.age_s for a in answers]
    assert max(ages[-10:]) < 0.03 + 0.2, "the age does not grow with the number of frames"


def test_a_file_source_beside_a_camera_loses_nothing() -> None:
    files, camera = Given(*map(grey, range(30)), name="files"), Ticking(20, 0.002)
    answers = list(Stream(level_of, [files, camera], workers=2))
    from_files = [a.frame.index for a in answers if a.frame.source == "files"]
    assert from_files == list(range(30))
    assert any(a.frame.name.startswith("camera") for a in answers)


def test_a_lost_camera_ends_with_its_error_after_the_others_ended() -> None:
    answers = []
    running = Stream(level_of, [Ticking(3, 0.001, lost=True), Given(*map(grey, range(30)))])
    with pytest.raises(StageError, match="lost"):
        for answer in running:
            answers.append(answer)
    assert sum(a.frame.source == "given" for a in answers) == 30


def test_stopping_ends_after_the_answers_under_way() -> None:
    running = Stream(level_of, [Ticking(10_000, 0.002)])
    answers = []
    for answer in running:
        answers.append(answer)
        if len(answers) == 3:
            running.stop()
    assert 3 <= len(answers) < 10


def test_leaving_the_loop_ends_the_threads() -> None:
    before = threading.active_count()
    running = Stream(level_of, [Ticking(10_000, 0.002)], workers=2)
    next(running)
    running.close()
    assert threading.active_count() == before


def test_opencv_has_its_threads_back() -> None:
    before = cv2.getNumThreads()
    running = Stream(level_of, [Given(*map(grey, range(3)))], workers=2)
    list(running)
    assert cv2.getNumThreads() == before


def test_frames_with_notes_are_counted() -> None:
    class Noted(Given):
        def __iter__(self) -> Iterator[SourceFrame]:
            for shot in super().__iter__():
                yield replace(shot, notes=("page 1 of 2 read",) if shot.index == 1 else ())

    grey = np.full((4, 4, 3), 9, np.uint8)
    counts = stream(lambda frame: Prediction(decision="fine"), Noted(grey, grey, grey), [Kept()])
    assert counts == StreamCounts(answered=3, unreadable=0, noted=1)


def test_another_predictor_takes_over_between_two_frames() -> None:
    def answering(name: str) -> Callable[[Frame], Prediction]:
        def predict(frame: Frame) -> Prediction:
            time.sleep(0.001 * (frame[0, 0, 0] % 3))
            return Prediction(decision=name)

        predict.origin = Origin(name, "x/fp32")  # type: ignore[attr-defined]
        return predict

    running = Stream(answering("old"), [Given(*map(grey, range(200)))], workers=4)
    answers = []
    for answer in running:
        answers.append(answer)
        if len(answers) == 50:
            running.swap(answering("new"))
    assert [one.frame.index for one in answers] == list(range(200))
    said = [one.prediction.decision for one in answers if one.prediction]
    assert said == [one.origin.bundle for one in answers if one.origin]
    swapped = said.index("new")
    assert 50 <= swapped < 75 and set(said[swapped:]) == {"new"}
    assert running.under_way == 0
