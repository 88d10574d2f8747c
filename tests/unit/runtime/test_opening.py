"""From the texts of sources to a running stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgefit
from edgefit.errors import InputError
from edgefit.runtime.cores import available_cores
from edgefit.runtime.opening import open_sources, pace_for
from edgefit.runtime.sources import IterableSource, SourceOptions
from tests.tiny_models import LABELS, ORT_FP32, OV_FP32, colour_frame, write_tiny_bundle
from tests.unit.runtime.sources.given import Given, Ticking
from tests.unit.runtime.sources.written import write_image

OPTIONS = SourceOptions()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(LABELS.names * 4):
        write_image(tmp_path / "in" / f"{number:02d}.png", colour_frame(name))
    return tmp_path / "in"


@pytest.mark.parametrize("key", [ORT_FP32, OV_FP32], ids=str)
def test_answers_are_those_of_one_frame_after_the_other(
    tmp_path: Path, folder: Path, key: edgefit.spec.VariantKey
) -> None:
    bundle = write_tiny_bundle(tmp_path / "tiny.bundle", [key])
    one_by_one = edgefit.load(bundle)
    expected = [one_by_one.predict_file(path) for path in sorted(folder.iterdir())]
    answers = list(edgefit.stream(bundle, folder, workers=3))
    for answer, alone in zip(answers, expected, strict=True):
        assert isinstance(answer.prediction, edgefit.ClassPrediction)
        assert isinstance(alone, edgefit.ClassPrediction)
        np.testing.assert_array_equal(answer.prediction.probabilities, alone.probabilities)
        assert answer.prediction.decision == alone.decision
    assert [answer.frame.name for answer in answers] == sorted(p.name for p in folder.iterdir())
    assert {answer.origin for answer in answers} == {one_by_one.origin}
    assert {answer.frame.source for answer in answers} == {""}


def test_several_sources_are_named_in_every_record(tmp_path: Path, folder: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "tiny.bundle", [ORT_FP32])
    texts = [f"left={folder}", str(folder / "00.png")]
    answers = list(edgefit.stream(bundle, texts, workers=1))
    assert [a.frame.source for a in answers].count("left") == 12
    assert [a.frame.source for a in answers].count(texts[1]) == 1


def test_an_iterable_of_arrays_is_a_source(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "tiny.bundle", [ORT_FP32])
    frames = (colour_frame(name) for name in LABELS.names)
    answers = list(edgefit.stream(bundle, frames))
    assert [a.prediction.decision for a in answers if a.prediction] == list(LABELS.names)


def test_an_open_predictor_is_used_as_it_is(tmp_path: Path, folder: Path) -> None:
    predictor = edgefit.load(write_tiny_bundle(tmp_path / "tiny.bundle", [ORT_FP32]), threads=1)
    running = edgefit.stream(predictor, folder)
    assert sum(1 for _ in running) == running.counts.answered == 12


def test_a_file_whose_name_has_an_equals_sign_is_no_name(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a=b.png", colour_frame("red"))
    (source,) = open_sources(path, OPTIONS)
    assert [shot.name for shot in source] == ["a=b.png"]


def test_names_that_repeat_and_no_source_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="same name"):
        open_sources([folder, folder], OPTIONS)
    with pytest.raises(InputError, match="No source"):
        open_sources([], OPTIONS)


def test_what_is_neither_text_nor_source_is_an_iterable() -> None:
    (source,) = open_sources([np.zeros((2, 2, 3), np.uint8)], OPTIONS)
    assert isinstance(source, IterableSource)


def test_files_take_a_worker_for_each_core_and_a_camera_all_threads() -> None:
    cores = available_cores()
    files, camera = Given(), Ticking(1, 0)
    assert pace_for([files]).workers == cores
    assert pace_for([files]).threads == (1 if cores > 1 else None)
    assert pace_for([camera]).workers == 1
    assert pace_for([camera]).threads is None
    assert pace_for([files, camera]).workers == cores
    assert pace_for([files], workers=7, threads=2) == type(pace_for([files]))(7, 2)
    assert pace_for([files], threads=cores).workers == 1
