"""The suite: order, medians and errors with invented workers, then with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefit.bench import suite
from edgefit.bench.suite import benchmark
from edgefit.bench.worker import Job
from edgefit.errors import BundleError, InputError, IntegrityError, MissingDependencyError
from edgefit.records.benchmark import (
    FailedVariant,
    Latency,
    MeasuredVariant,
    Round,
    WorkerError,
)
from edgefit.spec import Engine, Precision, VariantKey
from tests.benchmark_records import one_round

FP32 = VariantKey(Engine.ONNXRUNTIME, Precision.FP32)
INT8 = VariantKey(Engine.ONNXRUNTIME, Precision.INT8)


class FakeWorkers:
    """Gives each variant its answers round by round; an exception stands for a crash."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = {name: iter(values) for name, values in answers.items()}
        self.order: list[str] = []

    def __call__(self, job: Job, number: int) -> Round | WorkerError:
        name = job.variant.partition("/")[2]
        self.order.append(name)
        answer = next(self.answers[name])
        if isinstance(answer, str):
            return WorkerError(message=answer, exit_code=1, stderr=answer, round=number)
        assert isinstance(answer, Round)
        return answer


def test_rounds_are_interleaved_and_medians_taken(
    bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = FakeWorkers(
        fp32=[one_round(4.0), one_round(9.0), one_round(5.0)],
        int8=[one_round(2.0), one_round(2.0, None), one_round(2.0)],
    )
    monkeypatch.setattr(suite, "run_worker", workers)
    results = benchmark(bundle_dir, rounds=3)
    assert workers.order == ["fp32", "int8"] * 3
    fp32, int8 = results.variants
    assert fp32.latency_ms == Latency(p50=5.0, p90=6.0, p99=9.0)
    assert fp32.latency_spread == pytest.approx(1.0)
    assert fp32.throughput == {"batch1": 200.0, "batch8": 300.0}
    assert [r.latency.p50_ms for r in fp32.rounds] == [4.0, 9.0, 5.0]
    assert int8.latency_ms.p99 is None
    assert int8.latency_spread == 0.0
    json.dumps(results.to_json(), allow_nan=False)


def test_a_crash_is_an_error_of_its_variant_only(
    bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = FakeWorkers(fp32=[one_round(4.0)] * 3, int8=[one_round(2.0), "boom"])
    monkeypatch.setattr(suite, "run_worker", workers)
    fp32, int8 = benchmark(bundle_dir, rounds=3).variants
    assert workers.order == ["fp32", "int8", "fp32", "int8", "fp32"]
    assert isinstance(fp32, MeasuredVariant) and isinstance(int8, FailedVariant)
    assert int8.error == WorkerError(message="boom", exit_code=1, stderr="boom", round=2)
    assert "latency_ms" not in int8.to_json()


def test_variants_of_absent_engines_are_left_out_and_named(
    bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "engine_is_installed", lambda engine: False)
    with pytest.raises(MissingDependencyError, match="No engine") as caught:
        benchmark(bundle_dir)
    assert "onnxruntime" in str(caught.value.remedy)


def test_engines_without_a_variant_are_named_beside_those_held(bundle_dir: Path) -> None:
    with pytest.raises(BundleError, match="no variant for these engines") as caught:
        benchmark(bundle_dir, engines=[Engine.OPENVINO])
    assert (caught.value.expected, caught.value.found) == ("onnxruntime", "openvino")
    assert caught.value.path == str(bundle_dir)


@pytest.mark.parametrize("options", [{"seconds": 0.0}, {"rounds": 0}])
def test_a_benchmark_needs_time(bundle_dir: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="seconds or the rounds"):
        benchmark(bundle_dir, **options)


def test_unknown_variant_and_changed_file_are_refused_before_measuring(bundle_dir: Path) -> None:
    with pytest.raises(BundleError, match="does not hold"):
        benchmark(bundle_dir, variants=[VariantKey(Engine.OPENVINO, Precision.FP32)])
    graph = bundle_dir / "whole.onnx"
    data = bytearray(graph.read_bytes())
    data[-1] ^= 1
    graph.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match="changed"):
        benchmark(bundle_dir)


def test_real_processes_measure_one_variant_and_report_the_other(bundle_dir: Path) -> None:
    results = benchmark(bundle_dir, seconds=0.05, rounds=1, threads=1)
    fp32, int8 = results.variants
    assert isinstance(fp32, MeasuredVariant) and isinstance(int8, FailedVariant)
    assert 0 < fp32.latency_ms.p50 < 100
    assert set(fp32.throughput) == {"batch1", "batch8"}
    assert fp32.engine["threads"] == "1"
    assert fp32.bytes == (bundle_dir / "whole.onnx").stat().st_size
    assert len(fp32.rounds[0].latency.samples_ns) >= 20
    assert 10 < fp32.peak_memory_mb < 2000
    assert fp32.model_memory_mb < fp32.peak_memory_mb
    assert int8.error.exit_code == 2
    assert "damaged.onnx" in int8.error.stderr
    assert "Traceback" not in int8.error.stderr
    assert str(bundle_dir) not in json.dumps(
        {k: v for k, v in results.to_json().items() if k != "variants"}
    )


def test_a_killed_process_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job("nowhere", str(FP32), None, [], 0.1)
    real = subprocess.run
    monkeypatch.setattr(
        suite.subprocess, "run",
        lambda command, **_: real(
            [sys.executable, "-c", f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"],
            text=True, capture_output=True, check=False,
        ),
    )  # fmt: skip
    error = suite.run_worker(job)
    assert isinstance(error, WorkerError)
    assert error.exit_code == -signal.SIGKILL
    assert "signal 9" in error.message


def test_a_traceback_is_summed_up_by_its_last_line() -> None:
    error = suite.run_worker(Job("nowhere", "no/variant", None, [], 0.1), 3)
    assert isinstance(error, WorkerError)
    assert (error.exit_code, error.message, error.round) == (2, "No bundle is here.", 3)


@pytest.mark.skipif(sys.platform != "linux", reason="VmHWM is Linux's")
def test_peak_memory_of_a_child_is_its_own() -> None:
    ballast = np.ones(300_000_000 // 8)
    script = "from edgefit.bench.memory import peak_resident_mb; print(peak_resident_mb())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    )
    assert ballast.nbytes / 1e6 == 300
    assert float(done.stdout) < 150
