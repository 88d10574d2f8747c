"""``benchmark.json``: what ``benchmark`` measured, and on which machine."""

from __future__ import annotations

from pydantic import JsonValue

from edgefit.records.record import Part, Record

_PUBLISHED = {
    "latency_ms",
    "latency_spread",
    "throughput",
    "load_ms",
    "first_inference_ms",
    "preprocess_ms",
    "peak_memory_mb",
    "model_memory_mb",
}


class Machine(Part):
    """Hardware, limits and versions of a machine; no names of hosts, users or paths.

    A value is None where the system does not report it.

    Attributes:
        cpu_model: Name of the processor, or of the board.
        architecture: ``x86_64``, ``aarch64`` and so on.
        logical_cores: Of the machine.
        physical_cores: Of the machine.
        available_cores: Cores that this process may run on.
        cpu_quota: Cores' worth of time that a container limit allows.
        flags: Instruction sets that decide how fast int8 and bf16 run.
        memory_mb: 1e6 bytes, to the nearest hundred.
        memory_limit_mb: Of a container, 1e6 bytes.
        governor: How the processor chooses its clock.
        turbo: Whether it may exceed its base clock.
        os: Operating system.
        kernel: Release of its kernel.
        python: Version of Python.
        versions: Package -> version, for the packages that affect a timing.
        fingerprint_id: 16 hexadecimal digits over all of the above.
        load_average: Runnable processes over 1, 5 and 15 minutes; not part of the fingerprint.
    """

    cpu_model: str | None
    architecture: str
    logical_cores: int | None
    physical_cores: int | None
    available_cores: int
    cpu_quota: float | None
    flags: list[str] | None
    memory_mb: int | None
    memory_limit_mb: int | None
    governor: str | None
    turbo: bool | None
    os: str
    kernel: str
    python: str
    versions: dict[str, str | None]
    fingerprint_id: str
    load_average: list[float] | None


class Timing(Part):
    """Durations of single calls.

    Attributes:
        runs: Timed calls.
        warmup: Calls before the first timed one.
        p50_ms: Median, milliseconds.
        p90_ms: 90th percentile, milliseconds.
        p99_ms: 99th percentile, milliseconds; None below 100 runs.
        spread: Interquartile range over the median.
        drift: Change of the median from the first third to the last; None below 30 runs.
        drifts: Whether the drift is more than noise.
        samples_ns: Every duration, nanoseconds, in the order of the calls.
    """

    runs: int
    warmup: int
    p50_ms: float
    p90_ms: float
    p99_ms: float | None
    spread: float
    drift: float | None
    drifts: bool
    samples_ns: list[int]


class Round(Part):
    """What one worker process measured for one variant.

    Attributes:
        variant: ``engine/precision``.
        engine: What really ran: engine, version, device, threads, inference precision, batch.
        frames: Number of golden frames.
        load_ms: Time to load the model, milliseconds; the file is in the system's page cache.
        first_inference_ms: Time of the first inference, milliseconds.
        latency: Of one inference at batch 1.
        throughput: ``batch1``, ``batch8`` ... -> images a second, back to back.
        preprocess: Of resizing one frame to the input size.
        batches: Batch size -> timing.
        memory_before_load_mb: Memory before loading, 1e6 bytes; None where the system does not
            report it.
        peak_memory_mb: Peak memory until the end of the runs at batch 1, 1e6 bytes.
        model_memory_mb: Peak memory minus the memory before loading.
        load_average: Runnable processes over 1, 5 and 15 minutes, at the end.
    """

    variant: str
    engine: dict[str, str]
    frames: int
    load_ms: float
    first_inference_ms: float
    latency: Timing
    throughput: dict[str, float]
    preprocess: Timing
    batches: dict[str, Timing]
    memory_before_load_mb: float | None
    peak_memory_mb: float | None
    model_memory_mb: float | None
    load_average: list[float] | None


class Latency(Part):
    """Percentiles in milliseconds, each the median over rounds.

    Attributes:
        p50: Median.
        p90: 90th percentile.
        p99: 99th percentile; None where a round had fewer than 100 runs.
    """

    p50: float
    p90: float
    p99: float | None


class WorkerError(Part):
    """Why a worker process did not return figures.

    Attributes:
        message: The cause, in one sentence.
        exit_code: Of the process; negative where a signal killed it, None where it timed out.
        stderr: The last lines of its standard error.
        round: The round in which it failed, from 1.
    """

    message: str
    exit_code: int | None
    stderr: str
    round: int


class VariantFigures(Part):
    """Figures of a variant: medians over rounds.

    Attributes:
        variant: ``engine/precision``.
        bytes: Total size of its files.
        error: Always None.
        engine: What really ran.
        latency_ms: Of one inference at batch 1.
        latency_spread: Range of the rounds' medians over their median.
        drifts: Whether the latency drifted in a round.
        throughput: ``batch1``, ``batch8`` ... -> images a second.
        load_ms: Milliseconds.
        first_inference_ms: Milliseconds.
        preprocess_ms: Milliseconds per frame.
        peak_memory_mb: 1e6 bytes; None where the system does not report it.
        model_memory_mb: 1e6 bytes; None as above.
    """

    variant: str
    bytes: int
    error: None = None
    engine: dict[str, str]
    latency_ms: Latency
    latency_spread: float
    drifts: bool
    throughput: dict[str, float]
    load_ms: float
    first_inference_ms: float
    preprocess_ms: float
    peak_memory_mb: float | None
    model_memory_mb: float | None


class MeasuredVariant(VariantFigures):
    """Figures of a variant with the raw figures of every round.

    Attributes:
        rounds: Raw figures.
    """

    rounds: list[Round]

    def figures(self) -> VariantFigures:
        """The medians without the raw samples."""
        return VariantFigures.model_validate(self.model_dump(exclude={"rounds"}))

    def published(self) -> dict[str, JsonValue]:
        """What a bundle's manifest holds; raw samples stay in the run."""
        return {name: value for name, value in self.to_json().items() if name in _PUBLISHED}


class FailedVariant(Part):
    """A variant that could not be measured.

    Attributes:
        variant: ``engine/precision``.
        bytes: Total size of its files.
        error: Why it has no figures.
    """

    variant: str
    bytes: int
    error: WorkerError


class SkippedVariant(Part):
    """A variant that was not tried.

    Attributes:
        variant: ``engine/precision``.
        reason: Why, in words.
    """

    variant: str
    reason: str


class BenchmarkSettings(Part):
    """Settings of the measurement.

    Attributes:
        threads: Threads for one inference; None leaves the number to the engine.
        seconds: Measuring time per variant and round.
        rounds: How often every variant was measured.
        batch_sizes: Batch sizes that throughput was measured with.
    """

    threads: int | None
    seconds: float
    rounds: int
    batch_sizes: list[int]


class Recommendation(Part):
    """The variant to run on this machine.

    Attributes:
        variant: ``engine/precision``; None when no variant could be measured.
        reason: Why, in words.
        tied: Variants as fast as the fastest, itself included.
        within: Largest relative difference that still counts as a tie.
    """

    variant: str | None
    reason: str
    tied: list[str]
    within: float


class BenchmarkRecord(Record):
    """What ``benchmark.json`` holds.

    Attributes:
        bundle: Name of the bundle.
        measured_at: When the measurement ended, ISO 8601.
        machine: The machine that measured.
        settings: Settings of the measurement.
        skipped: Variants whose engine is not installed.
        variants: One entry each, in the order of the bundle.
        recommendation: The variant to run here.
        target: Id of the target whose engines and threads were used; None without one.
        differences: How this machine differs from the target, in sentences; None without one.
    """

    STAGE = "benchmark"
    FILE = "benchmark.json"
    OMITTED = frozenset({"target", "differences"})

    bundle: str
    measured_at: str
    machine: Machine
    settings: BenchmarkSettings
    skipped: list[SkippedVariant]
    variants: list[MeasuredVariant | FailedVariant]
    recommendation: Recommendation
    target: str | None = None
    differences: list[str] | None = None

    @property
    def measured(self) -> list[MeasuredVariant]:
        """The variants that have figures."""
        return [entry for entry in self.variants if isinstance(entry, MeasuredVariant)]

    @property
    def failed(self) -> list[FailedVariant]:
        """The variants that could not be measured."""
        return [entry for entry in self.variants if isinstance(entry, FailedVariant)]
