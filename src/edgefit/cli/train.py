"""``edgefit train``: fine-tune, or go on with a training that was interrupted."""

from __future__ import annotations

import typer

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
    """Train the head, then all layers; checks the data first where that has not been done."""
    from edgefit.cli.runs import open_run
    from edgefit.data.stage import check
    from edgefit.pipeline.build import tell_findings
    from edgefit.train.assembly import input_spec
    from edgefit.train.stage import train as train_stage

    run = open_run(source, data=data, weights=weights, out=out, overrides=overrides)
    recipe = run.recipe()
    shown = reporter(quiet=quiet)
    tell_findings(check(run, recipe, input_spec(recipe), shown), shown)
    summary = train_stage(run, shown)
    if as_json:
        print_json(summary)
        return
    metric = f"val_{recipe.train.metric}"
    rows = [
        [
            f"{row['epoch']}{' *' if row['epoch'] == summary['best']['epoch'] else ''}",
            row["phase"],
            f"{row['train_loss']:.4f}",
            f"{row['val_loss']:.4f}",
            f"{row[metric]:.4f}",
            f"{row['seconds']:.1f}",
        ]
        for row in summary["history"]
    ]
    print_table(
        "training (* best)", ["epoch", "phase", "train loss", "val loss", metric, "s"], rows
    )
    say_next(f"edgefit evaluate {run.root}")
