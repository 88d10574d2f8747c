"""Invented figures of a benchmark, as records."""

from __future__ import annotations

from collections.abc import Sequence

from edgefit.records.benchmark import (
    FailedVariant,
    Latency,
    MeasuredVariant,
    Round,
    Timing,
    WorkerError,
)


def timing(p50_ms: float, p99_ms: float | None = None) -> Timing:
    """A timing of this median."""
    return Timing(
        runs=1,
        warmup=0,
        p50_ms=p50_ms,
        p90_ms=p50_ms + 1,
        p99_ms=p99_ms,
        spread=0.0,
        drift=None,
        drifts=False,
        samples_ns=[int(p50_ms * 1e6)],
    )


def one_round(p50_ms: float, p99_ms: float | None = 9.0) -> Round:
    """What a worker measures in one round."""
    return Round(
        variant="onnxruntime/fp32",
        engine={"engine": "onnxruntime"},
        frames=2,
        load_ms=20.0,
        first_inference_ms=7.0,
        latency=timing(p50_ms, p99_ms),
        throughput={"batch1": 1000 / p50_ms, "batch8": 1500 / p50_ms},
        preprocess=timing(0.1),
        batches={},
        memory_before_load_mb=70.0,
        peak_memory_mb=80.0,
        model_memory_mb=10.0,
        load_average=None,
    )


def measured(variant: str, rounds_ms: Sequence[float], size: int = 1_000_000) -> MeasuredVariant:
    """A variant with these medians, one a round."""
    middle = sorted(rounds_ms)[len(rounds_ms) // 2]
    return MeasuredVariant(
        variant=variant,
        bytes=size,
        engine={"engine": variant.partition("/")[0]},
        latency_ms=Latency(p50=middle, p90=middle + 1, p99=None),
        latency_spread=0.0,
        drifts=False,
        throughput={"batch1": 1000 / middle},
        load_ms=20.0,
        first_inference_ms=7.0,
        preprocess_ms=0.1,
        peak_memory_mb=80.0,
        model_memory_mb=10.0,
        rounds=[one_round(value) for value in rounds_ms],
    )


def failed(variant: str, message: str = "boom") -> FailedVariant:
    """A variant that could not be measured."""
    error = WorkerError(message=message, exit_code=1, stderr=message, round=1)
    return FailedVariant(variant=variant, bytes=1, error=error)
