"""``edgefit learning-curve``: would more images help, and how much does pretraining help?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgefit.cli.output import (
    JsonOption,
    QuietOption,
    RunArgument,
    SetOption,
    percent,
    points,
    print_json,
    print_table,
    reporter,
)
from edgefit.errors import InputError
from edgefit.wording import counted

if TYPE_CHECKING:
    from edgefit.records.learning_curve import LearningCurveRecord


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("learning-curve")(learning_curve)


def learning_curve(
    run: RunArgument,
    fractions: Annotated[
        str,
        typer.Option("--fractions", metavar="PERCENT,...", help="Shares of the training images."),
    ] = "5,10,25,50,100",
    against_scratch: Annotated[
        bool,
        typer.Option("--against-scratch", help="Also train each point from random weights."),
    ] = False,
    epochs_scale: Annotated[
        float,
        typer.Option(
            "--epochs-scale",
            help="A training on the fraction f takes epochs x min(1/f, 4)^SCALE epochs. 0: the "
            "same number of epochs everywhere; 1: the same number of steps.",
        ),
    ] = 0.5,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Seed that draws the smaller sets.")
    ] = 0,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure test accuracy by the number of training images; run `check` on RUN first.

    This does not train the run itself again: --set applies to the points alone.
    """
    from edgefit.recipe.resolving import resolve
    from edgefit.stages.opening import reopen_run

    percents = _percents(fractions)
    folder = reopen_run(run)
    recipe = resolve(folder.recipe(), overrides=overrides or ())
    from edgefit.studies import learning_curve as curves

    config = curves.CurveConfig(
        percents=percents,
        against_scratch=against_scratch,
        epochs_scale=epochs_scale,
        seed=seed,
    )
    curve = curves.learning_curve(folder, config, reporter(quiet=quiet), recipe=recipe)
    if as_json:
        print_json(curve.to_json())
        return
    _print_curve(curve)
    typer.echo(curve.rule)
    typer.echo(curve.conclusion)
    typer.echo(f"drawing: {folder.root / curve.STAGE / curve.drawings[0]}")


def _percents(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise InputError(
            "The fractions of a learning curve must be numbers.",
            key="--fractions",
            expected="comma-separated percentages, e.g. 5,10,25,50,100",
            found=text,
        ) from error


def _print_curve(curve: LearningCurveRecord) -> None:
    advantage = {entry.percent: entry for entry in curve.advantage}
    rows = [
        [
            point.arm,
            f"{point.percent:g} %",
            f"{point.images}",
            f"{point.epochs}",
            percent(point.metrics[curve.metric]),
            point.worst_class.recall_in_words,
            points(advantage.get(point.percent)) if point.arm == "finetune" else "-",
        ]
        for point in curve.points
    ]
    print_table(
        f"{counted(curve.test_images, 'test image')} in {counted(curve.test_groups, 'group')}; "
        "gains in percentage points",
        [
            "arm",
            "share",
            "images",
            "epochs",
            curve.metric.replace("_", " "),
            "worst class",
            "over scratch",
        ],
        rows,
    )
