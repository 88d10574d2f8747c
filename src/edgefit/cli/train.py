"""``edgefit train``: fine-tune, or go on with a training that was interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    """Fit a probe, then train all layers; checks the data first where that has not been done."""
    from edgefit.cli.runs import open_run
    from edgefit.train.distributed import first_process_first, is_first_process

    shown = reporter(quiet=quiet or not is_first_process())
    with first_process_first():
        run = open_run(source, data=data, weights=weights, out=out, overrides=overrides)
        _check(run, shown)
    from edgefit.stages.train import train as train_stage

    summary = train_stage(run, shown)
    if summary is None:  # another process has the result and tells it
        return
    if as_json:
        print_json(summary)
        return
    _print(summary, run.recipe().train.metric)
    say_next(f"edgefit calibrate {run.root}", f"edgefit evaluate {run.root}")


def _check(run: RunFolder, shown: Reporter) -> None:
    from edgefit.stages.build import require_trainable_here, tell_findings
    from edgefit.stages.check import Check
    from edgefit.stages.runner import Runner, always

    runner = Runner(run, shown)
    require_trainable_here(runner)
    tell_findings(always(runner.run(Check)), shown)


def _print(summary: dict[str, Any], metric: str) -> None:
    from edgefit.train.loop.history import size_in_words

    title = metric.replace("_", " ")
    if "probe" in summary:
        probe = summary["probe"]
        typer.echo(
            f"phase one, {probe['kind']} probe: {title} {probe['validation'][metric]:.4f} "
            f"on validation after {probe['seconds']:.0f} s"
        )
    history = summary["history"]
    sizes = {size_in_words(row) for row in history}
    rows = [
        [
            f"{row['epoch']}{' *' if row['epoch'] == summary['best']['epoch'] else ''}",
            *([size_in_words(row)] if len(sizes) > 1 else []),
            f"{row['train_loss']:.4f}",
            f"{row['val_loss']:.4f}",
            f"{row[f'val_{metric}']:.4f}",
            f"{row['gap']:+.4f}",
            f"{row['seconds']:.1f}",
        ]
        for row in history
    ]
    if rows:
        columns = ["epoch", *(["pixels"] if len(sizes) > 1 else [])]
        columns += ["train loss", "val loss", title, "train - val", "s"]
        print_table("phase two (* kept)", columns, rows)
    if "alpha" in summary["kept"]:
        kept = summary["kept"]
        curve = [
            [f"{p['alpha']:g}{' *' if p['alpha'] == kept['alpha'] else ''}", f"{p[metric]:.4f}"]
            for p in kept["points"]
        ]
        print_table("between probe (0) and fine-tuned (1)  (* kept)", ["alpha", title], curve)
    if summary["over_fitting"]:
        error_console().print(f"[yellow]warning:[/] {escape(summary['over_fitting'])}")
