"""``edgefit learning-curve``: would more pictures help, and what does pretraining give."""

from __future__ import annotations

from typing import Annotated, Any

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
    results = curves.learning_curve(folder, config, reporter(quiet=quiet), recipe=recipe)
    if as_json:
        print_json(results)
        return
    _print_curve(results)
    typer.echo(results["rule"])
    typer.echo(results["conclusion"])
    typer.echo(f"drawing: {folder.root / curves.FOLDER / results['drawings'][0]}")


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


def _print_curve(results: dict[str, Any]) -> None:
    metric = results["metric"]
    advantage = {entry["percent"]: entry for entry in results["advantage"]}
    rows = []
    for point in results["points"]:
        worst = point["worst_class"]
        rows.append(
            [
                point["arm"],
                f"{point['percent']:g} %",
                f"{point['images']}",
                f"{point['epochs']}",
                percent(point["metrics"][metric]),
                f"{worst['label']} {100 * worst['recall']['value']:.1f} %",
                points(advantage.get(point["percent"])) if point["arm"] == "finetune" else "-",
            ]
        )
    print_table(
        f"{results['test_images']} test images in {results['test_groups']} groups; "
        "gains in percentage points",
        [
            "arm",
            "share",
            "images",
            "epochs",
            metric.replace("_", " "),
            "worst class",
            "over scratch",
        ],
        rows,
    )
