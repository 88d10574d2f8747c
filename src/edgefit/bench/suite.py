"""Benchmark the variants of a bundle: each in its own process, rounds interleaved.

A machine changes during a measurement: it heats, throttles, and runs other programs. With
interleaved rounds (A B C A B C ...) every variant sees the same changes. The benchmark reports the
median over rounds, and the spread between rounds says how far to trust it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from edgefit.bench.machine import machine_fingerprint
from edgefit.bench.recommend import recommend
from edgefit.bench.worker import Job
from edgefit.bundle import Bundle, read_bundle
from edgefit.errors import BundleError, InputError, MissingDependencyError
from edgefit.progress import QUIET, Reporter
from edgefit.records.benchmark import (
    BenchmarkRecord,
    BenchmarkSettings,
    FailedVariant,
    Latency,
    MeasuredVariant,
    Round,
    SkippedVariant,
    WorkerError,
)
from edgefit.runtime.engines import INSTALL_COMMANDS, engine_is_installed
from edgefit.spec import Engine, VariantKey

BATCH_SIZES = (8,)
_STDERR_LINES = 12
_SPREAD_WORTH_A_WARNING = 0.2
_SECONDS_TO_START = 300


def benchmark(
    bundle_dir: Path,
    *,
    variants: Sequence[VariantKey] | None = None,
    engines: Sequence[Engine] | None = None,
    threads: int | None = None,
    seconds: float = 2.0,
    rounds: int = 3,
    reporter: Reporter = QUIET,
) -> BenchmarkRecord:
    """Measure variants on this machine, with the bundle's golden frames; recommend one.

    Args:
        bundle_dir: A bundle, verified or draft.
        variants: Variants to measure; by default all whose engine is installed.
        engines: Limits the default to the variants of these engines.
        threads: Threads for one inference; None leaves the number to the engine.
        seconds: Measuring time per variant and round, without warm-up and loading.
        rounds: How often every variant is measured.
        reporter: Where progress goes.

    Returns:
        Medians over rounds and every round's raw figures. A variant that fails in a round has an
        error instead of figures; the other variants go on.

    Raises:
        InputError: Seconds or rounds are out of range.
        MissingDependencyError: No engine of the bundle is installed.
        BundleError: There is no bundle, it is damaged, or it lacks a requested variant or any
            variant of the requested engines.
    """
    if seconds <= 0 or rounds < 1:
        raise InputError(
            "The seconds or the rounds are out of range.",
            expected="seconds > 0 and rounds >= 1",
            found=f"{seconds} seconds, {rounds} rounds",
        )
    bundle = read_bundle(bundle_dir, allow_draft=True)
    keys, skipped = _choose(bundle, variants, engines or list(Engine), reporter)
    jobs = {
        key: Job(str(bundle.root), str(key), threads, list(BATCH_SIZES), seconds) for key in keys
    }
    machine = machine_fingerprint()
    measured, errors = _measure_interleaved(jobs, rounds, reporter)
    entries = [
        _failed(bundle, key, errors[key]) if key in errors else _entry(bundle, key, measured[key])
        for key in keys
    ]
    _warn_of_noise(entries, reporter)
    return BenchmarkRecord(
        bundle=bundle.manifest.name,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine,
        settings=BenchmarkSettings(
            threads=threads, seconds=seconds, rounds=rounds, batch_sizes=[1, *BATCH_SIZES]
        ),
        skipped=[
            SkippedVariant(variant=str(key), reason=f"{key.engine} is not installed")
            for key in skipped
        ],
        variants=entries,
        recommendation=recommend(entries),
    )


def _choose(
    bundle: Bundle,
    variants: Sequence[VariantKey] | None,
    engines: Sequence[Engine],
    reporter: Reporter,
) -> tuple[list[VariantKey], list[VariantKey]]:
    if variants is not None:
        return [bundle.variant(key).key for key in variants], []
    held = [v.key for v in bundle.manifest.variants if v.key.engine in engines]
    if not held:
        raise BundleError(
            "The bundle holds no variant for these engines.",
            path=bundle.root,
            expected=" or ".join(sorted({v.key.engine for v in bundle.manifest.variants})),
            found=", ".join(engines),
            remedy="choose an engine that it holds, or export the model for one of these engines",
        )
    skipped = [key for key in held if not engine_is_installed(key.engine)]
    chosen = [key for key in held if key not in skipped]
    for key in skipped:
        reporter.warn(f"{key} is not measured: {key.engine} is not installed")
    if not chosen:
        missing = sorted({key.engine for key in held})
        raise MissingDependencyError(
            "No engine of this bundle is installed.",
            path=bundle.root,
            expected=" or ".join(missing),
            remedy=" or ".join(INSTALL_COMMANDS[engine] for engine in missing),
        )
    return chosen, skipped


def _measure_interleaved(
    jobs: dict[VariantKey, Job], rounds: int, reporter: Reporter
) -> tuple[dict[VariantKey, list[Round]], dict[VariantKey, WorkerError]]:
    measured: dict[VariantKey, list[Round]] = {key: [] for key in jobs}
    errors: dict[VariantKey, WorkerError] = {}
    with reporter.bar("benchmark", rounds * len(jobs)) as advance:
        for number in range(1, rounds + 1):
            for key, job in jobs.items():
                if key not in errors:
                    advance(0, f"{key}, round {number}")
                    answer = run_worker(job, number)
                    if isinstance(answer, WorkerError):
                        errors[key] = answer
                    else:
                        measured[key].append(answer)
                advance()
    for key, error in errors.items():
        reporter.warn(f"{key} could not be measured: {error.message}")
    return measured, errors


def run_worker(job: Job, number: int = 1) -> Round | WorkerError:
    """Run one worker process to its end.

    Args:
        job: What to measure.
        number: The round, from 1.

    Returns:
        What it measured, or why it failed.
    """
    # -P: a file in the working folder must not shadow a module.
    command = [sys.executable, "-P", "-m", "edgefit.bench.worker"]
    limit = _SECONDS_TO_START + 20 * job.seconds
    try:
        done = subprocess.run(
            command,
            input=job.to_json(),
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # engines may print in the system's own encoding
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _error(f"it did not finish within {limit:.0f} s", None, "", number)
    if done.returncode < 0:
        message = f"its process was killed by signal {-done.returncode}"
        return _error(message, done.returncode, done.stderr, number)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["its process failed"]
        # A traceback ends with its cause; an error of edgefit begins with it.
        message = lines[-1] if lines[0].startswith("Traceback") else lines[0]
        return _error(message, done.returncode, done.stderr, number)
    return Round.model_validate_json(done.stdout)


def _error(message: str, exit_code: int | None, stderr: str, number: int) -> WorkerError:
    tail = "\n".join(stderr.strip().splitlines()[-_STDERR_LINES:])
    return WorkerError(message=message, exit_code=exit_code, stderr=tail, round=number)


def _failed(bundle: Bundle, key: VariantKey, error: WorkerError) -> FailedVariant:
    return FailedVariant(variant=str(key), bytes=bundle.variant(key).size, error=error)


def _entry(bundle: Bundle, key: VariantKey, rounds: list[Round]) -> MeasuredVariant:
    medians_ms = [one.latency.p50_ms for one in rounds]
    middle = statistics.median(medians_ms)
    return MeasuredVariant(
        variant=str(key),
        bytes=bundle.variant(key).size,
        engine=rounds[0].engine,
        latency_ms=Latency(
            p50=middle,
            p90=statistics.median(one.latency.p90_ms for one in rounds),
            p99=_median_if_known(one.latency.p99_ms for one in rounds),
        ),
        latency_spread=(max(medians_ms) - min(medians_ms)) / middle,
        drifts=any(one.latency.drifts for one in rounds),
        throughput={
            name: statistics.median(one.throughput[name] for one in rounds)
            for name in rounds[0].throughput
        },
        load_ms=statistics.median(one.load_ms for one in rounds),
        first_inference_ms=statistics.median(one.first_inference_ms for one in rounds),
        preprocess_ms=statistics.median(one.preprocess.p50_ms for one in rounds),
        peak_memory_mb=_median_if_known(one.peak_memory_mb for one in rounds),
        model_memory_mb=_median_if_known(one.model_memory_mb for one in rounds),
        rounds=rounds,
    )


def _median_if_known(values: Iterable[float | None]) -> float | None:
    """Median over rounds; None when a round lacks the figure."""
    known = list(values)
    return None if None in known else statistics.median(v for v in known if v is not None)


def _warn_of_noise(entries: Sequence[MeasuredVariant | FailedVariant], reporter: Reporter) -> None:
    for entry in entries:
        if isinstance(entry, MeasuredVariant) and entry.latency_spread > _SPREAD_WORTH_A_WARNING:
            reporter.warn(
                f"{entry.variant}: rounds differ by {entry.latency_spread:.0%}; "
                "the machine was not idle"
            )
