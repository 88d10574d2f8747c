"""``edgefit build``: every stage, from labelled images to a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from edgefit.cli.decisions import decision_rows, worst_rows
from edgefit.cli.output import (
    DataOption,
    JsonOption,
    OutOption,
    QuietOption,
    SetOption,
    SourceArgument,
    WeightsOption,
    print_json,
    print_table,
    reporter,
    say_next,
)
from edgefit.records.build import BuildResult, BuiltVariant
from edgefit.records.figures import Figure
from edgefit.shell import shell_line
from edgefit.wording import counted


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("build")(build)


def build(
    source: SourceArgument,
    data: DataOption = None,
    weights: WeightsOption = None,
    out: OutOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check, train, evaluate, export, verify, benchmark, and write the bundle."""
    from edgefit.stages.opening import open_run
    from edgefit.train.distributed import require_one_process

    require_one_process()
    run = open_run(source, data=data, weights=weights, out=out, overrides=overrides)
    from edgefit.stages.build import run_stages

    result = run_stages(run, reporter(quiet=quiet))
    if result is None:  # another process holds the result and prints it
        return
    if as_json:
        print_json(result.to_json())
    else:
        print_summary(result)


def print_summary(result: BuildResult, *further: Sequence[str | Path]) -> None:
    """Print the tables that end a build, the recommendation, the next commands and further ones."""
    shown = [*result.trained][:2]
    trained = ["trained network", "-", *_figures(result, result.trained, shown), *["-"] * 3]
    print_table(
        counted(result.images, "held-out image"),
        [
            *("variant", "gate", *_titles(shown), "worst class", "worst group"),
            *("p50 ms", "images/s", "MB"),
        ],
        [trained, *(_row(entry, shown) for entry in result.variants)],
    )
    print_table(
        "the trained network at its operating point",
        ["", "value (interval)"],
        [*worst_rows(result.worst_class, result.worst_group), *decision_rows(result.operating)],
    )
    for entry in result.variants:
        for warning in entry.warnings:
            typer.echo(f"warning: {entry.variant}: {warning}")
    recommended, bundle = result.recommended, result.bundle
    if recommended.variant:
        typer.echo(f"recommended: {recommended.variant} ({recommended.reason})")
    typer.echo(f"bundle: {bundle}")
    say_next(
        ["edgefit", "predict", Path(bundle), "IMAGE_OR_FOLDER_OR_VIDEO"],
        ["edgefit", "verify", Path(bundle), "--self-test"],
        ["edgefit", "benchmark", Path(bundle)],
        f"open {shell_line(Path(bundle, 'report.html'))} in a browser",
        *further,
    )


def _titles(metrics: Sequence[str]) -> list[str]:
    """Short column titles; the first metric is in percent and followed by its interval."""
    short = [name.removesuffix("_accuracy").replace("_", " ") for name in metrics]
    return [f"{name} %" if number == 0 else name for number, name in enumerate(short)]


def _row(entry: BuiltVariant, shown: Sequence[str]) -> list[str]:
    if not entry.metrics:  # non-finite outputs have no metrics
        return [entry.variant, "failed", *["-"] * (len(shown) + 5)]
    figures = entry.benchmark
    speed = ["-"] * 3
    if figures is not None:
        speed = [
            f"{figures.latency_ms.p50:.2f}",
            f"{figures.throughput['batch1']:.0f}",
            f"{figures.bytes / 1e6:.1f}",
        ]
    gate = "passed" if entry.passed else "failed"
    return [entry.variant, gate, *_figures(entry, entry.metrics, shown), *speed]


def _figures(
    entry: BuiltVariant | BuildResult, metrics: Mapping[str, Figure], shown: Sequence[str]
) -> list[str]:
    """Cells of the metrics, the first with its interval, the worst class and the worst group."""
    first, *others = shown
    worst_class, worst_group = entry.worst_class, entry.worst_group
    return [
        _with_interval(metrics[first]),
        *(_in_percent(metrics[name]) for name in others),
        "-" if worst_class is None else _in_percent(worst_class.recall),
        "-" if worst_group is None else _in_percent(worst_group.accuracy),
    ]


def _in_percent(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value * 100:.2f}"


def _with_interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return _in_percent(figure)
    return f"{_in_percent(figure)} ({figure.low * 100:.1f}-{figure.high * 100:.1f})"
