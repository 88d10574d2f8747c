"""``edgefit learning-curve``: would more pictures help, and what does pretraining give."""

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

if TYPE_CHECKING:
    from edgefit.records.learning_curve import LearningCurveRecord


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("learning-curve")(learning_curve)


def learning_curve(
    run: RunArgument,
    fractions: Annotated[
        str,
        typer.Option("--fractions", metavar="PERCENT,...", help="Of the training images."),
    ] = "5,10,25,50,100",
    against_scratch: Annotated[
        bool,
        typer.Option("--against-scratch", help="Train each point from random weights too."),
    ] = False,
    epochs_scale: Annotated[
        float,
        typer.Option(
            "--epochs-scale",
            help="At a fraction f a training takes epochs x min(1/f, 4)^SCALE epochs; 0: as many "
            "epochs everywhere, 1: as many steps.",
        ),
    ] = 0.5,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Which images the smaller sets hold.")
    ] = 0,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Accuracy on the test images by the number of training images; RUN must be checked.

    The run itself is not trained again: --set holds for the points alone.
    """
    from edgefit.cli.runs import reopen_run
    from edgefit.recipe.resolving import resolve

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
            "The fractions of a learning curve are no numbers.",
            key="--fractions",
            expected="percentages with commas between them, e.g. 5,10,25,50,100",
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
        f"{curve.test_images} test images in {curve.test_groups} groups; "
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
