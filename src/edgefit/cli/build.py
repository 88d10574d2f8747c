"""``edgefit build``: the whole main job."""

from __future__ import annotations

from typing import Any

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
from edgefit.records.evaluate import ClassFigures, GroupFigures, TrainedDecisions


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
    from edgefit.cli.runs import open_run
    from edgefit.train.distributed import require_one_process

    require_one_process()
    run = open_run(source, data=data, weights=weights, out=out, overrides=overrides)
    from edgefit.stages.build import run_stages

    summary = run_stages(run, reporter(quiet=quiet))
    if as_json:
        print_json(summary)
    else:
        print_summary(summary)


def print_summary(summary: dict[str, Any]) -> None:
    """The table at the end of a build, the recommendation and the next commands."""
    rows = [_row(entry) for entry in summary["variants"]]
    trained = summary["trained"]
    rows.insert(
        0,
        [
            "trained network",
            "-",
            _in_percent(trained["accuracy"]),
            f"{trained['balanced_accuracy']['value'] * 100:.2f}",
            _worst(summary, "worst_class", "recall"),
            _worst(summary, "worst_group", "accuracy"),
            *["-"] * 3,
        ],
    )
    print_table(
        f"{summary['images']} held-out images",
        [
            *("variant", "gate", "accuracy %", "balanced", "worst class", "worst group"),
            *("p50 ms", "images/s", "MB"),
        ],
        rows,
    )
    print_table(
        "the trained network at its operating point",
        ["", "value (interval)"],
        [*_worst_rows(summary), *decision_rows(_operating(summary))],
    )
    for entry in summary["variants"]:
        for warning in entry["warnings"]:
            typer.echo(f"warning: {entry['variant']}: {warning}")
    recommended = summary["recommended"]
    if recommended.get("variant"):
        typer.echo(f"recommended: {recommended['variant']} ({recommended['reason']})")
    typer.echo(f"bundle: {summary['bundle']}")
    bundle = summary["bundle"]
    say_next(
        f"edgefit predict {bundle} IMAGE_OR_FOLDER_OR_VIDEO",
        f"edgefit verify {bundle} --self-test",
        f"edgefit benchmark {bundle}",
        f"open {bundle}/report.html in a browser",
    )


def _worst_rows(summary: dict[str, Any]) -> list[list[str]]:
    worst_class, worst_group = summary["worst_class"], summary["worst_group"]
    return worst_rows(
        worst_class and ClassFigures.model_validate(worst_class),
        worst_group and GroupFigures.model_validate(worst_group),
    )


def _operating(summary: dict[str, Any]) -> TrainedDecisions:
    return TrainedDecisions.model_validate(summary["operating"])


def _row(entry: dict[str, Any]) -> list[str]:
    metrics = entry["metrics"]
    if not metrics:  # outputs that are not finite have none
        return [entry["variant"], "failed", *["-"] * 7]
    figures = entry["benchmark"]
    latency = ["-"] * 3
    if figures:
        latency = [
            f"{figures['latency_ms']['p50']:.2f}",
            f"{figures['throughput']['batch1']:.0f}",
            f"{figures['bytes'] / 1e6:.1f}",
        ]
    return [
        entry["variant"],
        "passed" if entry["passed"] else "failed",
        _in_percent(metrics["accuracy"]),
        f"{metrics['balanced_accuracy']['value'] * 100:.2f}",
        _worst(entry, "worst_class", "recall"),
        _worst(entry, "worst_group", "accuracy"),
        *latency,
    ]


def _worst(facts: dict[str, Any], which: str, figure: str) -> str:
    entry = facts[which]
    return "-" if entry is None else f"{entry[figure]['value'] * 100:.2f}"


def _in_percent(entry: dict[str, Any]) -> str:
    return f"{entry['value'] * 100:.2f} ({entry['low'] * 100:.1f}-{entry['high'] * 100:.1f})"
