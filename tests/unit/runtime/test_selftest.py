"""The golden self-test passes where answers agree, and fails where anything was changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.bundle import Bundle, read_bundle
from edgefit.errors import BundleError
from edgefit.records.selftest import NotInstalled, Replayed
from edgefit.runtime import golden
from edgefit.runtime.golden import golden_frames
from edgefit.runtime.selftest import self_test
from edgefit.runtime.tolerance import SELF_TEST_TOLERANCE, may_flip, self_test_tolerance
from edgefit.spec import Engine, Outputs, Precision, VariantKey
from tests.tiny_models import ORT_FP32, OV_FP32, write_tiny_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "tiny.bundle")


def edited(folder: Path, edit: Callable[[dict[str, Any]], None]) -> Bundle:
    """The bundle after a change to ``golden.json`` that the hashes do not see."""
    path = folder / "golden" / "golden.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    edit(facts)
    bundle = read_bundle(folder)
    path.write_text(json.dumps(facts), encoding="utf-8")
    return bundle


def test_passes_where_it_was_written(folder: Path) -> None:
    result = self_test(read_bundle(folder), threads=1)
    assert result.passed is True
    assert result.frames == 3
    assert set(result.variants) == {"onnxruntime/fp32", "openvino/fp32"}
    for entry in result.variants.values():
        assert isinstance(entry, Replayed)
        assert entry.status == "passed"
        assert entry.max_abs_difference < 1e-5
        assert entry.tolerance == 1e-3
        assert entry.flips == []
    json.dumps(result.to_json(), allow_nan=False)


def test_an_answer_beyond_the_tolerance_fails(folder: Path) -> None:
    def shift(facts: dict[str, Any]) -> None:
        facts["outputs"]["openvino/fp32"]["probabilities"][1][1] -= 0.002

    result = self_test(edited(folder, shift))
    assert result.passed is False
    assert result.variants["onnxruntime/fp32"].status == "passed"
    failed = result.variants["openvino/fp32"]
    assert failed.status == "failed"
    assert failed.max_abs_difference == pytest.approx(0.002, abs=1e-4)
    assert failed.flips == []


def test_another_class_fails_and_is_named(folder: Path) -> None:
    def swap(facts: dict[str, Any]) -> None:
        rows = facts["outputs"]["onnxruntime/fp32"]["probabilities"]
        rows[0], rows[2] = rows[2], rows[0]

    entry = self_test(edited(folder, swap), variants=[ORT_FP32]).variants["onnxruntime/fp32"]
    assert isinstance(entry, Replayed)
    assert entry.status == "failed"
    flips = [(f.frame, f.expected, f.found, f.allowed) for f in entry.flips]
    assert flips == [("red", "blue", "red", False), ("blue", "red", "blue", False)]


def test_an_expected_nan_is_refused(folder: Path) -> None:
    def spoil(facts: dict[str, Any]) -> None:
        facts["outputs"]["onnxruntime/fp32"]["probabilities"][0][0] = float("nan")

    with pytest.raises(BundleError, match="cannot be read"):
        self_test(edited(folder, spoil))


def test_answers_of_an_older_bundle_are_rows_of_probabilities(folder: Path) -> None:
    def as_before(facts: dict[str, Any]) -> None:
        facts["outputs"] = {k: held["probabilities"] for k, held in facts["outputs"].items()}

    expected = self_test(read_bundle(folder)).to_json()
    assert self_test(edited(folder, as_before)).to_json() == expected


def test_a_nan_in_an_answer_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def infer(self, images_NHWC: NDArray[np.uint8], names: Sequence[str]) -> Outputs:
            return {name: np.full((len(images_NHWC), 3), np.nan, np.float32) for name in names}

        def describe(self) -> dict[str, str]:
            return {}

    def open_broken(*_: object, **__: object) -> Broken:
        return Broken()

    monkeypatch.setattr("edgefit.runtime.selftest.open_session", open_broken)
    result = self_test(read_bundle(folder))
    assert result.passed is False
    assert {v.status for v in result.variants.values()} == {"failed"}
    json.dumps(result.to_json(), allow_nan=False)


def test_the_golden_answers_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, paths = golden.read_golden, []

    def remember(path: Path) -> golden.Golden:
        paths.append(path)
        return read(path)

    monkeypatch.setattr(golden, "read_golden", remember)
    assert self_test(read_bundle(folder), variants=[ORT_FP32]).passed
    assert paths == [folder / "golden" / "golden.json"]


def test_a_missing_engine_is_reported_not_passed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = read_bundle(folder)
    monkeypatch.setitem(sys.modules, "openvino", None)
    result = self_test(bundle)
    assert result.passed is True
    missing = NotInstalled(remedy='pip install "edgefit[openvino]"')
    assert result.variants["openvino/fp32"] == missing
    assert missing.to_json() == {"status": "not installed", "remedy": missing.remedy}
    assert self_test(bundle, variants=[OV_FP32]).passed is False


def test_a_variant_or_answers_that_are_absent_are_errors(folder: Path) -> None:
    with pytest.raises(BundleError, match="does not hold"):
        self_test(read_bundle(folder), variants=[VariantKey(Engine.OPENVINO, Precision.INT8)])
    bundle = edited(folder, lambda facts: facts["outputs"].pop("onnxruntime/fp32"))
    with pytest.raises(BundleError, match="do not fit"):
        self_test(bundle, variants=[ORT_FP32])
    (folder / "golden" / "golden.json").write_text("{}")
    with pytest.raises(BundleError, match="cannot be read"):
        golden_frames(bundle)


def test_the_tolerance_table_is_whole() -> None:
    assert set(SELF_TEST_TOLERANCE) == {(p, e) for p in Precision for e in Engine}
    int8 = VariantKey(Engine.OPENVINO, Precision.INT8)
    assert self_test_tolerance(OV_FP32) == 1e-3
    assert may_flip(0.05, int8)
    assert not may_flip(0.15, int8)
    assert not may_flip(0.05, OV_FP32)
