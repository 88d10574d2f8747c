"""``benchmark.json``: written and read back, measured and failed variants apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgefit.bench.machine import machine_fingerprint
from edgefit.bench.recommend import recommend
from edgefit.errors import RunError
from edgefit.records.benchmark import BenchmarkRecord, BenchmarkSettings, SkippedVariant
from tests.benchmark_records import failed, measured


def record() -> BenchmarkRecord:
    variants = [measured("onnxruntime/fp32", [2.0, 3.0, 2.5]), failed("onnxruntime/int8")]
    return BenchmarkRecord(
        bundle="tiny",
        measured_at="2026-01-01T00:00:00+00:00",
        machine=machine_fingerprint(),
        settings=BenchmarkSettings(threads=None, seconds=1.0, rounds=3, batch_sizes=[1, 8]),
        skipped=[SkippedVariant(variant="openvino/fp32", reason="openvino is not installed")],
        variants=variants,
        recommendation=recommend(variants),
    )


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = record().write(tmp_path)
    assert path == tmp_path / "benchmark" / "benchmark.json"
    read = BenchmarkRecord.read(tmp_path)
    assert read == record().model_copy(update={"machine": read.machine})
    assert [entry.variant for entry in read.measured] == ["onnxruntime/fp32"]
    assert [entry.variant for entry in read.failed] == ["onnxruntime/int8"]
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert facts["variants"][0]["error"] is None
    assert set(facts["variants"][1]) == {"variant", "bytes", "error"}


def test_a_target_is_left_out_where_none_was_given(tmp_path: Path) -> None:
    assert list(record().to_json())[-1] == "recommendation"
    given = record().model_copy(update={"target": "intel-n100", "differences": []})
    facts = json.loads(given.write(tmp_path).read_text(encoding="utf-8"))
    assert (facts["target"], facts["differences"]) == ("intel-n100", [])
    assert BenchmarkRecord.read(tmp_path).target == "intel-n100"


def test_a_bundle_publishes_medians_and_no_samples() -> None:
    published = record().measured[0].published()
    assert published["latency_ms"] == {"p50": 2.5, "p90": 3.5, "p99": None}
    assert not {"rounds", "engine", "error", "bytes"} & set(published)


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    path = record().write(tmp_path)
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(facts | {"speed": 1}), encoding="utf-8")
    with pytest.raises(RunError) as caught:
        BenchmarkRecord.read(tmp_path)
    assert caught.value.key == "speed"
