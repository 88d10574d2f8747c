"""``edgefit train``: fine-tune, or resume an interrupted training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from edgefit.cli.output import (
    DataOption,
    JsonOption,
    OutOption,
    QuietOption,
    SetOption,
    SourceArgument,
    WeightsOption,
    error_console,
    print_json,
    print_table,
    reporter,
    say_next,
)

if TYPE_CHECKING:
    from edgefit.progress import Reporter
    from edgefit.records.train import TrainRecord
    from edgefit.run import RunFolder


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train")(train)


def train(
    source: SourceArgument,
    data: DataOption = None,
    weights: WeightsOption = None,
    out: OutOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fit a probe, then train all layers; check the data first if that has not been done."""
    from edgefit.stages.opening import open_run
    from edgefit.train.distributed import first_process_first, is_first_process

    shown = reporter(quiet=quiet or not is_first_process())
    with first_process_first():
        run = open_run(source, data=data, weights=weights, out=out, overrides=overrides)
        _check(run, shown)
    from edgefit.stages.train import train as train_stage

    record = train_stage(run, shown)
    if record is None:  # another process holds the result and prints it
        return
    if as_json:
        print_json(record.to_json())
        return
    _print(record, run.recipe().train.metric)
    say_next(["edgefit", "calibrate", run.root], ["edgefit", "evaluate", run.root])


def _check(run: RunFolder, shown: Reporter) -> None:
    from edgefit.stages.build import require_trainable_here, tell_findings
    from edgefit.stages.check import Check
    from edgefit.stages.runner import Runner, always

    runner = Runner(run, shown)
    require_trainable_here(runner)
    tell_findings(always(runner.run(Check)), shown)


def _print(record: TrainRecord, metric: str) -> None:
    title = metric.replace("_", " ")
    if record.probe is not None:
        typer.echo(
            f"phase one, {record.probe.kind} probe: {title} "
            f"{record.probe.validation[metric]:.4f} on validation after "
            f"{record.probe.seconds:.0f} s"
        )
    if record.history:
        _print_history(record, metric, title)
    if record.kept.points is not None:
        chosen = record.kept.alpha
        curve = [
            [f"{p.alpha:g}{' *' if p.alpha == chosen else ''}", f"{p.metrics[metric]:.4f}"]
            for p in record.kept.points
        ]
        print_table("between probe (0) and fine-tuned (1)  (* kept)", ["alpha", title], curve)
    if record.over_fitting:
        error_console().print(f"[yellow]warning:[/] {escape(record.over_fitting)}")


def _print_history(record: TrainRecord, metric: str, title: str) -> None:
    sizes = {row.size_in_words for row in record.history}
    rows = [
        [
            f"{row.epoch}{' *' if row.epoch == record.best.epoch else ''}",
            *([row.size_in_words] if len(sizes) > 1 else []),
            f"{row.train_loss:.4f}",
            f"{row.validation['loss']:.4f}",
            f"{row.validation[metric]:.4f}",
            f"{row.gap:+.4f}",
            f"{row.seconds:.1f}",
        ]
        for row in record.history
    ]
    columns = ["epoch", *(["pixels"] if len(sizes) > 1 else [])]
    columns += ["train loss", "val loss", title, "train - val", "s"]
    print_table("phase two (* kept)", columns, rows)
