"""``edgefit benchmark``: latency, throughput and memory on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgefit.cli.output import (
    JsonOption,
    QuietOption,
    SetOption,
    ThreadsOption,
    print_json,
    print_table,
    reporter,
    say_next,
)
from edgefit.errors import InputError
from edgefit.records.benchmark import BenchmarkRecord, FailedVariant, MeasuredVariant


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("benchmark")(benchmark)


def benchmark(
    target: Annotated[Path, typer.Argument(metavar="RUN|BUNDLE", help="A run or a bundle.")],
    variant: Annotated[
        list[str] | None,
        typer.Option("--variant", help="engine/precision; may be repeated. Default: all."),
    ] = None,
    threads: ThreadsOption = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="TARGET",
            help="Use the engines and threads of a kind of device, e.g. raspberry-pi-5.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.05, help="Seconds per variant and round.")] = 2.0,
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds.")] = 3,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the JSON here.")] = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Time each variant in its own process, in interleaved rounds; recommend the fastest."""
    from edgefit.stages.opening import is_bundle

    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise InputError(
            "The file for the results cannot be written.",
            path=out,
            key="--out",
            remedy="create the folder, or name a file in an existing folder",
        )
    if is_bundle(target):
        results = _benchmark_bundle(target, variant, threads, device, seconds, rounds, quiet=quiet)
        following: list[str | Path] = ["edgefit", "predict", target, "IMAGE_OR_FOLDER_OR_VIDEO"]
    else:
        from edgefit.stages.opening import reopen_run

        if variant or threads or device:
            raise InputError(
                "--variant, --threads and --target apply to a bundle; a run follows its recipe.",
                path=target,
                remedy="--set benchmark.threads=N",
            )
        run = reopen_run(target, overrides)
        from edgefit.stages.benchmark import benchmark_run

        results = benchmark_run(run, reporter(quiet=quiet))
        following = ["edgefit", "bundle", run.root]
    if out is not None:
        from edgefit.records.record import write_json

        write_json(out, results.to_json())
    if as_json:
        print_json(results.to_json())
    else:
        _print(results)
        say_next(following)
    return 1 if results.failed else 0


def _benchmark_bundle(
    target: Path,
    variants: list[str] | None,
    threads: int | None,
    device: str | None,
    seconds: float,
    rounds: int,
    *,
    quiet: bool,
) -> BenchmarkRecord:
    from edgefit.bench.suite import benchmark as measure
    from edgefit.bundle import read_bundle
    from edgefit.runtime.predictor import choose_variant
    from edgefit.targets import load_target

    profile = None if device is None else load_target(device)
    bundle = read_bundle(target, allow_draft=True)
    results = measure(
        target,
        # this machine must be able to run a variant requested by name
        variants=[choose_variant(bundle, name) for name in variants] if variants else None,
        engines=None if profile is None else profile.engines,
        threads=threads or (None if profile is None else profile.threads),
        seconds=seconds,
        rounds=rounds,
        reporter=reporter(quiet=quiet),
    )
    if profile is None:
        return results
    differences = profile.differences(results.machine)
    for difference in differences:
        reporter(quiet=quiet).warn(difference)
    for note in profile.notes:
        reporter(quiet=quiet).say(note)
    return results.model_copy(update={"target": profile.id, "differences": differences})


def _print(results: BenchmarkRecord) -> None:
    print_table(
        results.machine.cpu_model or "this machine",
        ["variant", "p50 ms", "p90", "p99", "images/s", "first ms", "load ms", "RAM MB", "MB"],
        [_row(entry) for entry in results.variants],
    )
    recommended = results.recommendation
    if recommended.variant:
        typer.echo(f"recommended: {recommended.variant} ({recommended.reason})")


def _row(entry: MeasuredVariant | FailedVariant) -> list[str]:
    if isinstance(entry, FailedVariant):
        return [entry.variant, entry.error.message, *["-"] * 7]
    latency, peak_mb = entry.latency_ms, entry.peak_memory_mb
    return [
        entry.variant,
        f"{latency.p50:.2f}",
        f"{latency.p90:.2f}",
        "-" if latency.p99 is None else f"{latency.p99:.2f}",
        f"{entry.throughput['batch1']:.0f}",
        f"{entry.first_inference_ms:.0f}",
        f"{entry.load_ms:.0f}",
        "-" if peak_mb is None else f"{peak_mb:.0f}",
        f"{entry.bytes / 1e6:.1f}",
    ]
