from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np

from edgefit.report.facts import gather
from edgefit.report.thumbnails import (
    MOST_THUMBNAILS,
    answers_of,
    golden_frames,
    mistakes,
    thumbnail,
)
from tests.unit.report.finished_run import MakeRun


def decoded(address: str) -> np.ndarray:
    head, data = address.split(",", 1)
    assert head == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR_RGB)


def test_mistakes_are_real_mistakes_most_confident_first(make_run: MakeRun) -> None:
    finished = make_run(per_class=40)
    facts = gather(finished.run, finished.manifest)
    shots = mistakes(facts)
    assert len(shots) == (~answers_of(facts).right_N).sum()
    assert all(shot.truth != shot.answer for shot in shots)
    confidences = [shot.confidence for shot in shots]
    assert confidences == sorted(confidences, reverse=True)
    assert all(shot.source is not None for shot in shots)


def test_there_are_never_more_than_the_most(make_run: MakeRun) -> None:
    finished = make_run(per_class=80, wrong=0.5)
    assert len(mistakes(gather(finished.run, finished.manifest))) == MOST_THUMBNAILS


def test_mistake_whose_file_is_gone_stays_without_picture(make_run: MakeRun) -> None:
    finished = make_run()
    facts = gather(finished.run, finished.manifest)
    wrong = int(np.flatnonzero(~answers_of(facts).right_N)[0])
    facts.test.absolute(facts.test.samples[wrong]).unlink()
    assert [shot.source for shot in mistakes(facts)].count(None) == 1


def test_thumbnail_is_small_and_keeps_colour_and_shape(tmp_path: Path) -> None:
    picture = np.zeros((300, 600, 3), np.uint8)
    picture[..., 0] = 220  # blue, as OpenCV writes it
    assert cv2.imwrite(str(tmp_path / "wide.png"), picture)
    address = thumbnail(tmp_path / "wide.png")
    assert address is not None
    small = decoded(address)
    assert small.shape == (80, 160, 3)
    red, _, blue = small.reshape(-1, 3).mean(axis=0)
    assert blue > 200
    assert red < 20


def test_broken_file_gives_no_thumbnail(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    assert thumbnail(tmp_path / "broken.jpg") is None


def test_golden_frames_show_the_recommended_variants_answer(make_run: MakeRun) -> None:
    finished = make_run()
    shots = golden_frames(gather(finished.run, finished.manifest))
    assert len(shots) >= 4
    assert all(shot.source is not None and shot.truth is not None for shot in shots)
    first = finished.probabilities_NC[0]
    assert shots[0].answer == finished.table.labels.names[int(first.argmax())]
    assert abs(shots[0].confidence - float(first.max())) < 1e-6
