"""Benchmark the variants of a bundle: each in its own process, rounds interleaved.

A machine changes while it is measured: it heats, throttles, and others use it. With the rounds
interleaved (A B C A B C ...) every variant sees the same changes; the median over rounds is
reported, and the spread between rounds says how far to trust it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgefit.bench.machine import machine_fingerprint
from edgefit.bench.worker import Job
from edgefit.bundle import Bundle, read_bundle
from edgefit.errors import InputError, MissingDependencyError
from edgefit.progress import QUIET, Reporter
from edgefit.runtime.engines import INSTALL_COMMANDS, engine_is_installed
from edgefit.spec import VariantKey

BATCH_SIZES = (8,)
_STDERR_LINES = 12
_SPREAD_WORTH_A_WARNING = 0.2
_SECONDS_TO_START = 300


def benchmark(
    bundle_dir: Path,
    *,
    variants: Sequence[VariantKey] | None = None,
    threads: int | None = None,
    seconds: float = 2.0,
    rounds: int = 3,
    reporter: Reporter = QUIET,
) -> dict[str, Any]:
    """Measure variants on this machine, with the bundle's golden frames.

    Args:
        bundle_dir: A bundle, verified or draft.
        variants: Which ones; default is all whose engine is installed here.
        threads: Threads for one inference; None leaves the number to the engine.
        seconds: Time to measure a variant in one round, warm-up and loading apart.
        rounds: How often every variant is measured.
        reporter: Where progress goes.

    Returns:
        JSON-ready: ``bundle`` (name), ``measured_at``, ``machine``, ``settings``, ``skipped``
        (variants whose engine is not installed) and ``variants``: each with ``error`` or medians
        over rounds (``latency_ms``, ``throughput``, ``load_ms``, ``first_inference_ms``,
        ``preprocess_ms``, ``peak_memory_mb``, ``model_memory_mb``), ``latency_spread`` (range of
        the rounds' medians over their median), ``drifts``, ``bytes``, and every round's raw
        figures. A variant that fails in a round has an error and no figures; the others go on.

    Raises:
        InputError: Seconds or rounds out of range.
        MissingDependencyError: No engine of the bundle is installed.
        BundleError: No bundle, a damaged one, or one without a variant asked for.
    """
    if seconds <= 0 or rounds < 1:
        raise InputError(
            "A benchmark needs time.",
            expected="seconds > 0 and rounds >= 1",
            found=f"{seconds} seconds, {rounds} rounds",
        )
    bundle = read_bundle(bundle_dir, allow_draft=True)
    keys, skipped = _choose(bundle, variants, reporter)
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
    return {
        "bundle": bundle.manifest.name,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "settings": {
            "threads": threads,
            "seconds": seconds,
            "rounds": rounds,
            "batch_sizes": [1, *BATCH_SIZES],
        },
        "skipped": [{"variant": str(k), "reason": f"{k.engine} is not installed"} for k in skipped],
        "variants": entries,
    }


def _choose(
    bundle: Bundle, variants: Sequence[VariantKey] | None, reporter: Reporter
) -> tuple[list[VariantKey], list[VariantKey]]:
    if variants is not None:
        return [bundle.variant(key).key for key in variants], []
    held = [variant.key for variant in bundle.manifest.variants]
    skipped = [key for key in held if not engine_is_installed(key.engine)]
    chosen = [key for key in held if key not in skipped]
    for key in skipped:
        reporter.warn(f"{key} is not measured: {key.engine} is not installed")
    if not chosen:
        engines = sorted({key.engine for key in held})
        raise MissingDependencyError(
            "No engine of this bundle is installed.",
            path=bundle.root,
            expected=" or ".join(engines),
            remedy=" or ".join(INSTALL_COMMANDS[engine] for engine in engines),
        )
    return chosen, skipped


def _measure_interleaved(
    jobs: dict[VariantKey, Job], rounds: int, reporter: Reporter
) -> tuple[dict[VariantKey, list[dict[str, Any]]], dict[VariantKey, dict[str, Any]]]:
    measured: dict[VariantKey, list[dict[str, Any]]] = {key: [] for key in jobs}
    errors: dict[VariantKey, dict[str, Any]] = {}
    with reporter.bar("benchmark", rounds * len(jobs)) as advance:
        for number in range(rounds):
            for key, job in jobs.items():
                if key not in errors:
                    advance(0, f"{key}, round {number + 1}")
                    answer, error = run_worker(job)
                    if error is not None:
                        errors[key] = error | {"round": number + 1}
                    else:
                        measured[key].append(answer)
                advance()
    for key, error in errors.items():
        reporter.warn(f"{key} could not be measured: {error['message']}")
    return measured, errors


def run_worker(job: Job) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Run one worker process to its end.

    Returns:
        Its answer and None, or an empty answer and what went wrong: ``message``, ``exit_code``
        (negative: killed by that signal; None: out of time) and ``stderr``, its last lines.
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
        return {}, _error(f"it did not end within {limit:.0f} s", None, "")
    if done.returncode < 0:
        message = f"its process was killed by signal {-done.returncode}"
        return {}, _error(message, done.returncode, done.stderr)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["its process failed"]
        # A traceback ends with its cause, an error of edgefit's begins with it.
        message = lines[-1] if lines[0].startswith("Traceback") else lines[0]
        return {}, _error(message, done.returncode, done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer, None


def _error(message: str, exit_code: int | None, stderr: str) -> dict[str, Any]:
    tail = "\n".join(stderr.strip().splitlines()[-_STDERR_LINES:])
    return {"message": message, "exit_code": exit_code, "stderr": tail}


def _failed(bundle: Bundle, key: VariantKey, error: dict[str, Any]) -> dict[str, Any]:
    return {"variant": str(key), "bytes": bundle.variant(key).size, "error": error}


def _entry(bundle: Bundle, key: VariantKey, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    medians_ms = [r["latency"]["p50_ms"] for r in rounds]
    middle = statistics.median(medians_ms)
    return {
        "variant": str(key),
        "bytes": bundle.variant(key).size,
        "error": None,
        "engine": rounds[0]["engine"],
        "latency_ms": {
            name: _median(r["latency"][f"{name}_ms"] for r in rounds)
            for name in ("p50", "p90", "p99")
        },
        "latency_spread": (max(medians_ms) - min(medians_ms)) / middle,
        "drifts": any(r["latency"]["drifts"] for r in rounds),
        "throughput": {
            name: _median(r["throughput"][name] for r in rounds) for name in rounds[0]["throughput"]
        },
        "load_ms": _median(r["load_ms"] for r in rounds),
        "first_inference_ms": _median(r["first_inference_ms"] for r in rounds),
        "preprocess_ms": _median(r["preprocess"]["p50_ms"] for r in rounds),
        "peak_memory_mb": _median(r["peak_memory_mb"] for r in rounds),
        "model_memory_mb": _median(r["model_memory_mb"] for r in rounds),
        "rounds": rounds,
    }


def _median(values: Iterable[float | None]) -> float | None:
    """Median over rounds; None when a round could not give the figure."""
    known = list(values)
    return None if None in known else statistics.median(v for v in known if v is not None)


def _warn_of_noise(entries: list[dict[str, Any]], reporter: Reporter) -> None:
    for entry in entries:
        if entry["error"] is None and entry["latency_spread"] > _SPREAD_WORTH_A_WARNING:
            reporter.warn(
                f"{entry['variant']}: rounds differ by {entry['latency_spread']:.0%}; "
                "the machine was not quiet"
            )
