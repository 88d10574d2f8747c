"""Golden frames and the answers expected to them: written, read back, and refused if damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefit.bundle import read_bundle
from edgefit.errors import BundleError, InputError
from edgefit.runtime.golden import GOLDEN_FILE, golden_frames, read_golden, write_golden
from edgefit.spec import Engine, Precision, VariantKey
from tests.tiny_models import LABELS, ORT_FP32, OV_FP32, colour_frame, write_tiny_bundle


def test_golden_frames_come_back_unchanged(tmp_path: Path) -> None:
    frames = golden_frames(read_bundle(write_tiny_bundle(tmp_path / "tiny.bundle")))
    assert len(frames) == 3
    for frame, name in zip(frames, LABELS.names, strict=True):
        np.testing.assert_array_equal(frame, colour_frame(name))


def test_writing_answers_that_do_not_match_is_an_error(tmp_path: Path) -> None:
    frames = [colour_frame("red"), colour_frame("blue")]
    rows = np.zeros((2, 3), np.float32)
    with pytest.raises(InputError, match="do not match"):
        write_golden(tmp_path, frames, ["red"], {ORT_FP32: {"probabilities": rows}})
    with pytest.raises(InputError, match="do not match"):
        write_golden(tmp_path, frames, ["red", "blue"], {ORT_FP32: {"probabilities": rows[:1]}})
    with pytest.raises(InputError, match="do not match"):
        write_golden(tmp_path, [], [], {})
    assert list(tmp_path.iterdir()) == []


FRAMES = [colour_frame("red"), colour_frame("blue")]
ROWS = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]], np.float32)
ANSWERS = {ORT_FP32: {"probabilities": ROWS}, OV_FP32: {"probabilities": ROWS + 1e-6}}


def test_answers_come_back_to_the_last_bit(tmp_path: Path) -> None:
    paths = write_golden(tmp_path, FRAMES, ["a", "b"], ANSWERS, [0, None])
    assert [path.name for path in paths] == ["000.png", "001.png", GOLDEN_FILE]
    golden = read_golden(paths[-1])
    assert [(f.file, f.name, f.target) for f in golden.frames] == [
        ("000.png", "a", 0),
        ("001.png", "b", None),
    ]
    for key, held in ANSWERS.items():
        found = golden.answers(key)
        assert found is not None and list(found) == ["probabilities"]
        assert found["probabilities"].dtype == np.float32
        np.testing.assert_array_equal(found["probabilities"], held["probabilities"])
    assert golden.answers(VariantKey(Engine.OPENVINO, Precision.INT8)) is None


def test_several_outputs_of_any_rank_are_kept_by_name(tmp_path: Path) -> None:
    held = {"score": np.array([0.5, 0.25], np.float32), "map": np.ones((2, 3, 4), np.float32)}
    golden = read_golden(write_golden(tmp_path, FRAMES, ["a", "b"], {ORT_FP32: held})[-1])
    found = golden.answers(ORT_FP32)
    assert found is not None
    assert {name: values.shape for name, values in found.items()} == {
        "score": (2,),
        "map": (2, 3, 4),
    }


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"frames": []}, "frames"),
        ({"extra": 1}, "extra"),
        ({"outputs": {"openvino/fp32": {"probabilities": [[1, 2], [3]]}}}, "outputs"),
        ({"outputs": {"openvino/fp32": {"probabilities": [["much"]]}}}, "outputs"),
        ({"outputs": {"openvino/fp32": 7}}, "outputs"),
        *(
            ({"outputs": {"openvino/fp32": {"score": rows}}}, "outputs.openvino/fp32.score")
            for rows in ([{"a": 1}], [[0.5, {"a": 1}]], [{}, {}], [10**400])
        ),
    ],
)
def test_a_damaged_file_names_the_key(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    path = write_golden(tmp_path, FRAMES, ["a", "b"], ANSWERS)[-1]
    path.write_text(json.dumps(json.loads(path.read_text()) | changes), encoding="utf-8")
    with pytest.raises(BundleError, match="cannot be read") as caught:
        read_golden(path)
    assert caught.value.path == str(path)
    assert str(caught.value.key).startswith(key)


def test_an_older_bundle_holds_rows_without_a_name(tmp_path: Path) -> None:
    path = write_golden(tmp_path, FRAMES, ["a", "b"], ANSWERS)[-1]
    facts = json.loads(path.read_text())
    facts["outputs"] = {key: held["probabilities"] for key, held in facts["outputs"].items()}
    path.write_text(json.dumps(facts))
    found = read_golden(path).answers(ORT_FP32)
    assert found is not None
    np.testing.assert_array_equal(found["probabilities"], ROWS)
