"""Measure one variant in a process of its own: ``python -m edgefit.bench.worker``.

The worker reads one JSON job from standard input and writes one JSON answer to standard output. It
is a separate process because engines keep spinning threads, arenas and caches that would change the
figures of the next measurement, and because only then its peak memory is that of one variant.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefit.bench.machine import load_average
from edgefit.bench.memory import peak_resident_mb, resident_mb
from edgefit.bench.timer import TimingSamples, time_callable
from edgefit.bundle import Bundle, read_bundle
from edgefit.errors import UNEXPECTED, EdgefitError, StageError
from edgefit.records.benchmark import Round
from edgefit.runtime.engines import EngineSession, engine_is_installed, open_session
from edgefit.runtime.golden import golden_frames, outputs_of
from edgefit.runtime.images.preprocess import preprocess
from edgefit.shell import shell_line
from edgefit.spec import OUTPUTS, Frame, Outputs, VariantKey

_WARMUP = 10
_MIN_RUNS = 20
_SHARE_PREPROCESS = 0.1
_SHARE_SINGLE = 0.6


@dataclass(frozen=True)
class Job:
    """What a worker measures.

    Attributes:
        bundle: Folder of the bundle; the caller has checked its hashes.
        variant: ``engine/precision``.
        threads: Threads for one inference; None leaves the number to the engine.
        batch_sizes: Batch sizes to measure throughput with, besides 1.
        seconds: Measuring time without warm-up: a tenth for preprocessing, six tenths at batch 1,
            the rest shared by the other batch sizes.
    """

    bundle: str
    variant: str
    threads: int | None
    batch_sizes: list[int]
    seconds: float

    def to_json(self) -> str:
        """The JSON that a worker reads."""
        return json.dumps(asdict(self))


def measure(job: Job) -> Round:
    """Load the variant once and measure it.

    Raises:
        EdgefitError: The bundle, the engine or its answers are not valid.
    """
    bundle = read_bundle(Path(job.bundle), check_hashes=False, allow_draft=True)
    key = VariantKey.parse(job.variant)
    frames = golden_frames(bundle)
    preprocessing = _time_over(
        [partial(preprocess, frame, bundle.input) for frame in frames],
        seconds=job.seconds * _SHARE_PREPROCESS,
    )
    images = [preprocess(frame, bundle.input) for frame in frames]
    # This imports the engine's package, so loading is the model's time and memory alone.
    # open_session reports a missing package with the command that installs it.
    engine_is_installed(key.engine)
    gc.collect()
    before = resident_mb()
    start = time.perf_counter_ns()
    session = _open(bundle, key, job, batch=1)
    load_ns = time.perf_counter_ns() - start
    singles = _batches(images, 1)
    start = time.perf_counter_ns()
    names = outputs_of(bundle)
    answer = session.infer(singles[0], names)
    first_ns = time.perf_counter_ns() - start
    _check(answer, bundle, key, batch=1)
    latency = _time_session(session, singles, names, job.seconds * _SHARE_SINGLE)
    peak = peak_resident_mb()
    engine = session.describe()
    del session
    batches = _time_batches(bundle, key, job, images)
    throughput = {"batch1": _images_per_second(latency, 1)}
    throughput |= {f"batch{n}": _images_per_second(timing, n) for n, timing in batches.items()}
    return Round(
        variant=job.variant,
        engine=engine,
        frames=len(frames),
        load_ms=load_ns / 1e6,
        first_inference_ms=first_ns / 1e6,
        latency=latency.summary(),
        throughput=throughput,
        preprocess=preprocessing.summary(),
        batches={str(size): timing.summary() for size, timing in batches.items()},
        memory_before_load_mb=before,
        peak_memory_mb=peak,
        model_memory_mb=None if peak is None else max(0.0, peak - before),
        load_average=load_average(),
    )


def _time_batches(
    bundle: Bundle, key: VariantKey, job: Job, images: Sequence[Frame]
) -> dict[int, TimingSamples]:
    share = job.seconds * (1 - _SHARE_SINGLE - _SHARE_PREPROCESS) / max(1, len(job.batch_sizes))
    timings = {}
    for size in job.batch_sizes:
        session = _open(bundle, key, job, batch=size)
        batches = _batches(images, size)
        names = outputs_of(bundle)
        _check(session.infer(batches[0], names), bundle, key, batch=size)
        timings[size] = _time_session(session, batches, names, share)
    return timings


def _open(bundle: Bundle, key: VariantKey, job: Job, *, batch: int) -> EngineSession:
    return open_session(bundle.model_path(key), key, threads=job.threads, batch=batch)


def _batches(images: Sequence[Frame], size: int) -> list[NDArray[np.uint8]]:
    """As many batches as there are images, each starting one image later."""
    count = len(images)
    return [np.stack([images[(i + j) % count] for j in range(size)]) for i in range(count)]


def _time_session(
    session: EngineSession,
    batches: Sequence[NDArray[np.uint8]],
    names: Sequence[str],
    seconds: float,
) -> TimingSamples:
    return _time_over([partial(session.infer, batch, names) for batch in batches], seconds)


def _time_over(calls: Sequence[Callable[[], object]], seconds: float) -> TimingSamples:
    """Time calls in turn, so that no single frame dominates the figure."""
    turn = itertools.cycle(calls)

    def call_next() -> None:
        next(turn)()

    return time_callable(call_next, warmup=_WARMUP, min_runs=_MIN_RUNS, seconds=seconds)


def _images_per_second(timing: TimingSamples, batch: int) -> float:
    return float(timing.samples_ns.size * batch / (timing.samples_ns.sum() / 1e9))


def _check(answer: Outputs, bundle: Bundle, key: VariantKey, *, batch: int) -> None:
    # A graph that returns nonsense may be very fast.
    sizes = {"N": batch, "C": len(bundle.labels)}
    for output in OUTPUTS[bundle.manifest.task]:
        values = answer[output.name]
        shape = tuple(dim if isinstance(dim, int) else sizes.get(dim, "any") for dim in output.dims)
        fits = len(shape) == values.ndim and all(
            expected in ("any", found) for expected, found in zip(shape, values.shape, strict=True)
        )
        if not fits or not np.isfinite(values).all():
            raise StageError(
                f"The variant {key} does not return {output.name} as its task requires.",
                expected=f"finite numbers of shape {shape}",
                found=f"shape {values.shape}, finite: {bool(np.isfinite(values).all())}",
                remedy=f"run `{shell_line('edgefit', 'verify', bundle.root, '--self-test')}`",
            )


def main() -> int:
    """Read a job and write the answer; the exit code is 0, that of the error, or 70."""
    job = Job(**json.load(sys.stdin))
    # Engines may print; only the answer may reach standard output.
    answer_file = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        answer = measure(job)
    except EdgefitError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except Exception:  # noqa: BLE001 - a traceback must not have the code of a failed gate
        traceback.print_exc()
        return UNEXPECTED
    with os.fdopen(answer_file, "w", encoding="utf-8") as file:
        json.dump(answer.to_json(), file, allow_nan=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
